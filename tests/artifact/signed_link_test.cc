#include "outlive/artifact/signed_link.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <ostream>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

namespace {

using outlive::LinkKey;
using outlive::LinkSigner;
using outlive::Secret;

const absl::Time kNow = absl::FromUnixSeconds(1'767'222'000);
const absl::Time kExpiry = absl::FromUnixSeconds(1'767'225'600);  // An hour later.
constexpr std::string_view kId = "00112233445566778899aabbccddeeff";
constexpr std::string_view kOtherId = "ffeeddccbbaa99887766554433221100";

Secret SecretFrom(char first) {
  std::string bytes;
  for (int i = 0; i < 32; ++i) bytes.push_back(static_cast<char>(first + i));
  return Secret(bytes);
}

LinkSigner MakeSigner(std::vector<LinkKey> keys, std::string purpose = "artifact") {
  return LinkSigner::Create({.keys = std::move(keys), .purpose = std::move(purpose)}).value();
}

LinkSigner MakeSigner() { return MakeSigner({{"2026-01", SecretFrom(0)}}); }

// Refused, with the text that every refusal has.
void CheckRefused(const absl::Status& status) {
  CHECK(status == absl::PermissionDeniedError("the link is not valid, or has expired"));
}

}  // namespace

TEST_CASE("a signed link is good for its artifact until it expires") {
  const LinkSigner signer = MakeSigner();
  const std::string query = signer.Sign(kId, kExpiry, kNow).value();
  CHECK(signer.Verify(kId, query, kNow).ok());
  CHECK(signer.Verify(kId, query, kExpiry - absl::Nanoseconds(1)).ok());
  CheckRefused(signer.Verify(kId, query, kExpiry));
  CheckRefused(signer.Verify(kId, query, kExpiry + absl::Hours(1)));
  CheckRefused(signer.Verify(kId, query, absl::InfiniteFuture()));
  CheckRefused(signer.Verify(kOtherId, query, kNow));
  CheckRefused(signer.Verify("", query, kNow));
}

TEST_CASE("a signature is what an independent implementation computes") {
  // HKDF-SHA256 and HMAC-SHA256 of Python's hmac module over the fields as the header lists them.
  CHECK(MakeSigner().Sign(kId, kExpiry, kNow, "ann").value() ==
        "exp=1767225600&kid=2026-01&sig=abHKXUtrcUUKgRyLnQ7wniUvWjSAT5OhXiRlra-TZ58");
}

TEST_CASE("a part of a second does not make a link live longer") {
  const LinkSigner signer = MakeSigner();
  const std::string query = signer.Sign(kId, kExpiry + absl::Milliseconds(999), kNow).value();
  CHECK(query == signer.Sign(kId, kExpiry, kNow).value());
}

TEST_CASE("changing any bit of a link, or its length, is refused alike (X07)") {
  const LinkSigner signer = MakeSigner();
  const std::string query = signer.Sign(kId, kExpiry, kNow).value();
  for (std::size_t i = 0; i < query.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = query;
      changed[i] = static_cast<char>(changed[i] ^ (1 << bit));
      CheckRefused(signer.Verify(kId, changed, kNow));
    }
    CheckRefused(signer.Verify(kId, query.substr(0, i), kNow));
    CheckRefused(signer.Verify(kId, query.substr(i + 1), kNow));
    CheckRefused(signer.Verify(kId, query.substr(0, i) + query.substr(i + 1), kNow));
    CheckRefused(signer.Verify(kId, query.substr(0, i) + 'A' + query.substr(i), kNow));
  }
  CheckRefused(signer.Verify(kId, query + "A", kNow));
  CheckRefused(signer.Verify(kId, query + std::string(1'000'000, 'A'), kNow));
}

TEST_CASE("the same link in another spelling is refused (X07)") {
  const LinkSigner signer = MakeSigner();
  const std::string query = signer.Sign(kId, kExpiry, kNow).value();
  const std::string exp = "exp=1767225600", kid = "kid=2026-01";
  const std::string sig = query.substr(query.find("sig="));
  REQUIRE(query == exp + "&" + kid + "&" + sig);

  // The last of 43 digits has two bits that decoding drops: its three other spellings.
  const std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  const std::size_t last = digits.find(query.back());
  REQUIRE(last % 4 == 0);
  for (std::size_t low = 1; low < 4; ++low) {
    std::string changed = query;
    changed.back() = digits[last + low];
    CheckRefused(signer.Verify(kId, changed, kNow));
  }
  for (const std::string& other : {
           query + "=",
           query + "&",
           "&" + query,
           "?" + query,
           query + "&alg=none",
           "alg=HS256&" + query,
           query + "&" + exp,
           query + "&" + sig,
           exp + "&" + exp + "&" + kid + "&" + sig,
           kid + "&" + exp + "&" + sig,
           sig + "&" + kid + "&" + exp,
           exp + ";" + kid + ";" + sig,
           exp + "&" + kid,
           exp + "&" + sig,
           kid + "&" + sig,
           exp + "&kid=&" + sig,
           "exp=&" + kid + "&" + sig,
           exp + "&" + kid + "&sig=",
           "exp=+1767225600&" + kid + "&" + sig,
           "exp= 1767225600&" + kid + "&" + sig,
           "exp=01767225600&" + kid + "&" + sig,
           "exp=1767225600.0&" + kid + "&" + sig,
           "exp=99999999999999999999999&" + kid + "&" + sig,
           "exp=-1&" + kid + "&" + sig,
           "exp=%31767225600&" + kid + "&" + sig,
           "EXP=1767225600&" + kid + "&" + sig,
           exp + "&" + kid + "&sig=%" + sig.substr(4),
           std::string(exp + "&" + kid + "&" + sig + '\0'),
           query + "\n",
           std::string(),
       }) {
    CAPTURE(other);
    CheckRefused(signer.Verify(kId, other, kNow));
  }
}

TEST_CASE("parts of two good links do not make a third (X07)") {
  const LinkSigner signer = MakeSigner({{"k1", SecretFrom(0)}, {"k2", SecretFrom(1)}});
  const LinkSigner other = MakeSigner({{"k2", SecretFrom(1)}, {"k1", SecretFrom(0)}});
  const auto part = [](const std::string& query, std::string_view name) {
    const std::size_t start = query.find(std::string(name) + "=");
    return query.substr(start, query.find('&', start) - start);
  };
  std::set<std::string> good;
  const std::vector<std::string> links = {signer.Sign(kId, kExpiry, kNow).value(),
                                          signer.Sign(kId, kExpiry + absl::Hours(1), kNow).value(),
                                          other.Sign(kId, kExpiry, kNow).value(),
                                          signer.Sign(kOtherId, kExpiry, kNow).value(),
                                          signer.Sign(kId, kExpiry, kNow, "ann").value()};
  int accepted = 0;
  for (const std::string& a : links) {
    for (const std::string& b : links) {
      for (const std::string& c : links) {
        const std::string mixed = part(a, "exp") + "&" + part(b, "kid") + "&" + part(c, "sig");
        const bool whole = mixed == links[0] || mixed == links[1] || mixed == links[2];
        const bool ok = signer.Verify(kId, mixed, kNow).ok();
        CHECK(ok == whole);
        accepted += ok ? 1 : 0;
      }
    }
  }
  CHECK(accepted > 0);
}

TEST_CASE("a link is for its audience only") {
  const LinkSigner signer = MakeSigner();
  const std::string query = signer.Sign(kId, kExpiry, kNow, "ann").value();
  CHECK(signer.Verify(kId, query, kNow, "ann").ok());
  CheckRefused(signer.Verify(kId, query, kNow));
  CheckRefused(signer.Verify(kId, query, kNow, "bob"));
  CheckRefused(signer.Verify(kId, signer.Sign(kId, kExpiry, kNow).value(), kNow, "ann"));
  // Fields do not run into one another.
  const std::string moved = signer.Sign("ab", kExpiry, kNow, "c").value();
  CheckRefused(signer.Verify("a", moved, kNow, "bc"));
}

TEST_CASE("a link is for its purpose only") {
  const LinkSigner artifacts = MakeSigner();
  const LinkSigner exports = MakeSigner({{"2026-01", SecretFrom(0)}}, "export");
  CheckRefused(exports.Verify(kId, artifacts.Sign(kId, kExpiry, kNow).value(), kNow));
}

TEST_CASE("keys rotate, and a key that is gone takes its links with it (X10)") {
  const LinkSigner before = MakeSigner({{"k1", SecretFrom(0)}});
  const LinkSigner between = MakeSigner({{"k2", SecretFrom(1)}, {"k1", SecretFrom(0)}});
  const LinkSigner after = MakeSigner({{"k2", SecretFrom(1)}});
  const std::string old_link = before.Sign(kId, kExpiry, kNow).value();
  const std::string new_link = between.Sign(kId, kExpiry, kNow).value();
  CHECK(new_link.find("&kid=k2&") != std::string::npos);
  CHECK(between.Verify(kId, old_link, kNow).ok());
  CHECK(between.Verify(kId, new_link, kNow).ok());
  CHECK(after.Verify(kId, new_link, kNow).ok());
  CheckRefused(after.Verify(kId, old_link, kNow));
  CheckRefused(before.Verify(kId, new_link, kNow));
  // The same id with another secret is another key.
  CheckRefused(MakeSigner({{"k1", SecretFrom(2)}}).Verify(kId, old_link, kNow));
}

TEST_CASE("a link that would be no good, or good for too long, is not made") {
  const LinkSigner signer = MakeSigner();
  CHECK(signer.Sign(kId, kNow + LinkSigner::kTtlMax, kNow).ok());
  for (const absl::Time expiry :
       {kNow + LinkSigner::kTtlMax + absl::Seconds(1), kNow, kNow + absl::Milliseconds(1),
        kNow - absl::Hours(1), absl::InfiniteFuture(), absl::InfinitePast()}) {
    CHECK(absl::IsInvalidArgument(signer.Sign(kId, expiry, kNow).status()));
  }
  CHECK(absl::IsInvalidArgument(signer.Sign("", kExpiry, kNow).status()));
}

TEST_CASE("a signer says everything that is wrong with its keys, but not the keys (Z01)") {
  const auto message = [](std::vector<LinkKey> keys, std::string purpose = "artifact") {
    const absl::Status status =
        LinkSigner::Create({.keys = std::move(keys), .purpose = std::move(purpose)}).status();
    CHECK(absl::IsInvalidArgument(status));
    return std::string(status.message());
  };
  CHECK(message({}) == "link signer: there must be 1 to 16 keys");
  CHECK(message(std::vector<LinkKey>(17, {"k", SecretFrom(0)})).find("1 to 16") !=
        std::string::npos);
  const std::string text =
      message({{"a b", Secret("canary-secret")}, {"k", SecretFrom(0)}, {"k", SecretFrom(1)}}, "");
  CHECK(text ==
        "link signer: purpose must have 1 to 64 bytes; the id of key 0 must be 1 to 64 of "
        "[A-Za-z0-9._-]; the secret of key 0 must have at least 32 bytes; the id of key 2 is used "
        "twice");
  CHECK(text.find("canary") == std::string::npos);
}

template <class T>
concept Printable = requires(std::ostream& out, const T& value) { out << value; };
template <class T>
concept Comparable = requires(const T& value) { value == value; };

TEST_CASE("a secret cannot be printed or compared, and is wiped") {
  static_assert(!Printable<Secret> && !fmt::is_formattable<Secret>::value);
  static_assert(!Comparable<Secret>);
  static_assert(!std::is_convertible_v<std::string, Secret>);
  static_assert(!std::is_convertible_v<Secret, std::string_view>);

  Secret one("some key");
  Secret two = one;
  Secret three = std::move(one);
  CHECK(one.empty());
  CHECK(two.Reveal() == "some key");
  CHECK(three.Reveal() == "some key");
  two = Secret();
  CHECK(two.Reveal().empty());
  std::string bytes = "some key";
  Secret::Wipe(bytes.data(), bytes.size());
  CHECK(bytes == std::string(8, '\0'));
}
