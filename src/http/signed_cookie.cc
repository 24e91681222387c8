#include "outlive/http/signed_cookie.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <utility>

#include "http/text.h"
#include "outlive/http/headers.h"

namespace outlive::http {
namespace {

constexpr std::size_t kKeyCountMax = 16;
constexpr std::size_t kKeyBytesMin = 32;
constexpr std::size_t kKeyBytesMax = 1024;
constexpr std::size_t kValueBytesMax = 1024;

bool IsSignable(std::string_view value) {
  return !value.empty() && value.size() <= kValueBytesMax &&
         std::all_of(value.begin(), value.end(), [](char c) {
           return IsAlpha(c) || IsDigit(c) || c == '_' || c == '.' || c == '-';
         });
}

std::string Base64Url(const unsigned char* bytes, std::size_t size) {
  static constexpr std::string_view kAlphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string encoded;
  unsigned int bits = 0;
  int bit_count = 0;
  for (std::size_t i = 0; i < size; ++i) {
    bits = (bits << 8) | bytes[i];
    bit_count += 8;
    for (; bit_count >= 6; bit_count -= 6) {
      encoded.push_back(kAlphabet[(bits >> (bit_count - 6)) & 63]);
    }
  }
  if (bit_count > 0) encoded.push_back(kAlphabet[(bits << (6 - bit_count)) & 63]);
  return encoded;
}

// The name is a token, so it has no '=' and the pair is unambiguous. The prefix keeps a key that is
// used for something else as well from signing a cookie by accident.
absl::StatusOr<std::string> Signature(const Secret& key, std::string_view name,
                                      std::string_view value) {
  const std::string text = fmt::format("outlive-cookie-v1:{}={}", name, value);
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int size = 0;
  if (HMAC(EVP_sha256(), key.Reveal().data(), static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(),
           &size) == nullptr) {
    return absl::InternalError("HMAC-SHA256 failed");
  }
  return Base64Url(digest.data(), size);
}

bool EqualsInConstantTime(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

absl::Status Refused() { return absl::PermissionDeniedError("the cookie is not valid"); }

bool IsCookieValue(std::string_view value) {
  return std::all_of(value.begin(), value.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte > 0x20 && byte < 0x7f && c != '"' && c != ',' && c != ';' && c != '\\';
  });
}

}  // namespace

absl::StatusOr<CookieSigner> CookieSigner::Create(std::vector<Secret> keys) {
  if (keys.empty() || keys.size() > kKeyCountMax) {
    return absl::InvalidArgumentError(
        fmt::format("cookies need 1 to {} keys, not {}", kKeyCountMax, keys.size()));
  }
  for (const Secret& key : keys) {
    if (key.size() < kKeyBytesMin || key.size() > kKeyBytesMax) {
      return absl::InvalidArgumentError(fmt::format("a key for cookies has {} bytes, not {} to {}",
                                                    key.size(), kKeyBytesMin, kKeyBytesMax));
    }
  }
  return CookieSigner(std::move(keys));
}

absl::StatusOr<std::string> CookieSigner::Sign(std::string_view name,
                                               std::string_view value) const {
  if (!IsToken(name)) return absl::InvalidArgumentError("the cookie's name is not a token");
  if (!IsSignable(value)) {
    return absl::InvalidArgumentError(fmt::format(
        "a signed cookie's value has 1 to {} characters of [A-Za-z0-9_.-]", kValueBytesMax));
  }
  absl::StatusOr<std::string> signature = Signature(keys_.front(), name, value);
  if (!signature.ok()) return signature.status();
  return fmt::format("{}.{}", value, *signature);
}

absl::StatusOr<std::string> CookieSigner::Verify(std::string_view name,
                                                 std::string_view signed_value) const {
  const std::size_t dot = signed_value.rfind('.');
  if (dot == std::string_view::npos) return Refused();
  const std::string_view value = signed_value.substr(0, dot);
  const std::string_view given = signed_value.substr(dot + 1);
  if (!IsToken(name) || !IsSignable(value)) return Refused();
  bool valid = false;
  for (const Secret& key : keys_) {
    absl::StatusOr<std::string> expected = Signature(key, name, value);
    if (!expected.ok()) return expected.status();
    valid |= EqualsInConstantTime(*expected, given);
  }
  if (!valid) return Refused();
  return std::string(value);
}

absl::StatusOr<std::string> SetCookieHeader(std::string_view name, std::string_view value,
                                            const CookieOptions& options) {
  if (!IsToken(name)) return absl::InvalidArgumentError("the cookie's name is not a token");
  if (!IsCookieValue(value)) {
    return absl::InvalidArgumentError(
        fmt::format("the value of the cookie {} has characters that no cookie may have", name));
  }
  const bool needs_secure = name.starts_with("__Host-") || name.starts_with("__Secure-");
  if (needs_secure && !options.secure) {
    return absl::InvalidArgumentError(fmt::format("the cookie {} has to be secure", name));
  }
  if (options.max_age < absl::ZeroDuration()) {
    return absl::InvalidArgumentError(fmt::format("the cookie {} has a negative age", name));
  }
  std::string header = fmt::format("{}={}; HttpOnly; SameSite=Strict; Path=/", name, value);
  if (options.secure) header += "; Secure";
  if (options.max_age != absl::InfiniteDuration()) {
    header += fmt::format("; Max-Age={}", absl::ToInt64Seconds(options.max_age));
  }
  return header;
}

}  // namespace outlive::http
