#include "outlive/http/signed_cookie.h"

#include <absl/status/status.h>
#include <doctest/doctest.h>

#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace {

using outlive::Secret;
using outlive::http::CookieSigner;
using outlive::http::SetCookieHeader;

Secret Key(char first) {
  std::string bytes;
  for (int i = 0; i < 32; ++i) bytes.push_back(static_cast<char>(first + i));
  return Secret(bytes);
}

CookieSigner Signer(std::vector<Secret> keys) { return CookieSigner::Create(keys).value(); }

void CheckRefused(const absl::StatusOr<std::string>& verified) {
  CHECK(verified.status() == absl::PermissionDeniedError("the cookie is not valid"));
}

}  // namespace

TEST_CASE("a signed cookie gives its value back, under its own name only") {
  const CookieSigner signer = Signer({Key(0)});
  const std::string cookie = signer.Sign("user", "ann-42").value();
  CHECK(signer.Verify("user", cookie).value() == "ann-42");
  CheckRefused(signer.Verify("admin", cookie));
  CheckRefused(signer.Verify("", cookie));
  CheckRefused(Signer({Key(1)}).Verify("user", cookie));
}

TEST_CASE("the signature is what an independent implementation computes") {
  // HMAC-SHA256 of Python's hmac module over "outlive-cookie-v1:user=ann-42", key bytes 0 to 31.
  CHECK(Signer({Key(0)}).Sign("user", "ann-42").value() ==
        "ann-42.JOilKw6PAFD9B9CN1WocNHas3VCUzqQwGuPS8I0vW_E");
}

TEST_CASE("a value may have dots of its own") {
  const CookieSigner signer = Signer({Key(0)});
  const std::string cookie = signer.Sign("user", "a.b.c").value();
  CHECK(signer.Verify("user", cookie).value() == "a.b.c");
}

TEST_CASE("a cookie with any one character changed, added or taken away is refused") {
  const CookieSigner signer = Signer({Key(0)});
  const std::string cookie = signer.Sign("user", "ann").value();
  for (std::size_t i = 0; i < cookie.size(); ++i) {
    for (const char c : {'A', 'b', '.', '-', '\0', '\x80'}) {
      if (cookie[i] == c) continue;
      std::string changed = cookie;
      changed[i] = c;
      CheckRefused(signer.Verify("user", changed));
    }
    CheckRefused(signer.Verify("user", cookie.substr(0, i)));
    CheckRefused(signer.Verify("user", cookie.substr(i + 1)));
  }
  CheckRefused(signer.Verify("user", cookie + "="));
  CheckRefused(signer.Verify("user", cookie + "A"));
  CheckRefused(signer.Verify("user", " " + cookie));
  CheckRefused(signer.Verify("user", std::string(100'000, 'a')));
}

TEST_CASE("keys are rotated: the first signs, each verifies") {
  const std::string old_cookie = Signer({Key(0)}).Sign("user", "ann").value();
  const CookieSigner rotated = Signer({Key(50), Key(0)});
  CHECK(rotated.Verify("user", old_cookie).value() == "ann");
  const std::string new_cookie = rotated.Sign("user", "ann").value();
  CHECK(new_cookie == Signer({Key(50)}).Sign("user", "ann").value());
  CheckRefused(Signer({Key(50)}).Verify("user", old_cookie));
}

TEST_CASE("keys and values that are not fit are refused") {
  CHECK(absl::IsInvalidArgument(CookieSigner::Create({}).status()));
  CHECK(absl::IsInvalidArgument(CookieSigner::Create({Secret(std::string(31, 'k'))}).status()));
  CHECK(absl::IsInvalidArgument(CookieSigner::Create({Key(0), Secret()}).status()));
  CHECK(absl::IsInvalidArgument(CookieSigner::Create(std::vector<Secret>(17, Key(0))).status()));
  const CookieSigner signer = Signer({Key(0)});
  CHECK(signer.Sign("user", std::string(1024, 'a')).ok());
  for (const std::string& value : {std::string(), std::string("a b"), std::string("a;b"),
                                   std::string("a\r\nb"), std::string(1025, 'a')}) {
    CHECK(absl::IsInvalidArgument(signer.Sign("user", value).status()));
  }
  CHECK(absl::IsInvalidArgument(signer.Sign("a=b", "v").status()));
  CHECK(absl::IsInvalidArgument(signer.Sign("", "v").status()));
}

TEST_CASE("a Set-Cookie header is strict by default") {
  CHECK(SetCookieHeader("user", "v").value() == "user=v; HttpOnly; SameSite=Strict; Path=/");
  CHECK(SetCookieHeader("__Host-user", "v", {.secure = true, .max_age = absl::Hours(1)}).value() ==
        "__Host-user=v; HttpOnly; SameSite=Strict; Path=/; Secure; Max-Age=3600");
  CHECK(SetCookieHeader("user", "", {.max_age = absl::ZeroDuration()}).value() ==
        "user=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0");
}

TEST_CASE("a Set-Cookie header cannot be split or extended by its parts") {
  for (const std::string_view value :
       {std::string_view("a; Domain=evil"), std::string_view("a\r\nX: y"), std::string_view("a b"),
        std::string_view("a,b"), std::string_view("\"a\""), std::string_view("a\\b"),
        std::string_view("\0", 1), std::string_view("\xc3\xa4")}) {
    CAPTURE(value);
    CHECK(absl::IsInvalidArgument(SetCookieHeader("user", value).status()));
  }
  CHECK(absl::IsInvalidArgument(SetCookieHeader("us er", "v").status()));
  CHECK(absl::IsInvalidArgument(SetCookieHeader("__Host-user", "v").status()));
  CHECK(absl::IsInvalidArgument(SetCookieHeader("__Secure-user", "v").status()));
  CHECK(absl::IsInvalidArgument(
      SetCookieHeader("user", "v", {.max_age = -absl::Seconds(1)}).status()));
}
