// Cookies from browsers: what verifies is what was signed, and no header can be split. A line with
// the name, and the signed value.
#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "outlive/http/message.h"
#include "outlive/http/signed_cookie.h"
#include "tests/fuzz/target.h"

namespace outlive::fuzz {
namespace {

http::CookieSigner MakeSigner(char first, char second) {
  std::vector<Secret> keys;
  for (const char key : {first, second}) keys.emplace_back(std::string(32, key));
  return http::CookieSigner::Create(std::move(keys)).value();
}

}  // namespace

void SignedCookie(std::string_view input) {
  static const http::CookieSigner signer = MakeSigner('n', 'o');
  static const http::CookieSigner old_signer = MakeSigner('o', 'n');
  Input in(input);
  const std::string_view name = in.Line();
  const std::string_view value = in.Rest();
  const absl::StatusOr<std::string> verified = signer.Verify(name, value);
  if (verified.ok()) {
    Require(signer.Sign(name, *verified).value() == value ||
                old_signer.Sign(name, *verified).value() == value,
            "what verifies was signed");
  } else {
    Require(verified.status() == absl::PermissionDeniedError("the cookie is not valid"),
            "every refusal is the same");
  }

  const absl::StatusOr<std::string> header = http::SetCookieHeader(name, value);
  const bool is_line = !header.ok() || std::none_of(header->begin(), header->end(), [](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
  });
  Require(is_line, "a cookie is one line");

  // The same bytes as a browser sends them: several cookies in one header, or several headers.
  http::Request request;
  if (!request.headers.Add("Cookie", value).ok()) return;
  request.headers.Add("Cookie", name).IgnoreError();
  for (const std::string_view wanted : {name, std::string_view("sid"), std::string_view()}) {
    const auto found = request.Cookie(wanted);
    Require(!found || found->size() <= std::max(value.size(), name.size()),
            "a cookie's value is part of the header");
  }
}

}  // namespace outlive::fuzz
