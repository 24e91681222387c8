#include "outlive/notify/webhook_signature.h"

#include <absl/strings/escaping.h>
#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <optional>

#include "core/faults.h"

namespace outlive {
namespace {

constexpr std::string_view kPrefix = "whsec_";
constexpr std::size_t kSecretBytesMin = 24;
constexpr std::size_t kSecretBytesMax = 64;
constexpr std::size_t kSecretCountMax = 8;

// std::string's memory is not wiped on its own.
void Wipe(std::string& text) { OPENSSL_cleanse(text.data(), text.size()); }

// The key of `whsec_…`, in the one spelling that its base64 has.
std::optional<Secret> DecodeSecret(const Secret& secret) {
  std::string_view text = secret.Reveal();
  if (text.substr(0, kPrefix.size()) != kPrefix) return std::nullopt;
  text.remove_prefix(kPrefix.size());
  std::string key;
  std::optional<Secret> decoded;
  if (text.size() <= 2 * kSecretBytesMax &&
      absl::Base64Unescape({text.data(), text.size()}, &key)) {
    std::string again = absl::Base64Escape(key);
    if (again == text && key.size() >= kSecretBytesMin && key.size() <= kSecretBytesMax) {
      decoded.emplace(key);
    }
    Wipe(again);
  }
  Wipe(key);
  return decoded;
}

bool IsId(std::string_view id) {
  return !id.empty() && id.size() <= 128 && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-';
  });
}

}  // namespace

absl::StatusOr<WebhookSigner> WebhookSigner::Create(const std::vector<Secret>& secrets) {
  internal::Faults faults("webhook secrets");
  faults.Require(!secrets.empty() && secrets.size() <= kSecretCountMax, "there must be 1 to 8");
  std::vector<Secret> keys;
  for (std::size_t i = 0; i < secrets.size(); ++i) {
    if (std::optional<Secret> key = DecodeSecret(secrets[i])) {
      keys.push_back(*std::move(key));
    } else {
      faults.Add(fmt::format("number {} must be whsec_ and the base64 of 24 to 64 bytes", i));
    }
  }
  if (absl::Status valid = faults.ToStatus(); !valid.ok()) return valid;
  return WebhookSigner(std::move(keys));
}

absl::StatusOr<std::string> WebhookSigner::Sign(std::string_view id, std::int64_t timestamp,
                                                std::string_view body) const {
  if (!IsId(id)) {
    return absl::InvalidArgumentError("a notification's id must be 1 to 128 of [A-Za-z0-9_-]");
  }
  const std::string text = fmt::format("{}.{}.{}", id, timestamp, body);
  std::string signatures;
  for (const Secret& key : keys_) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> mac = {};
    unsigned int size = 0;
    if (HMAC(EVP_sha256(), key.Reveal().data(), static_cast<int>(key.size()),
             reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac.data(),
             &size) == nullptr) {
      return absl::InternalError("OpenSSL cannot compute an HMAC");
    }
    const absl::string_view bytes(reinterpret_cast<const char*>(mac.data()), size);
    signatures += fmt::format("{}v1,{}", signatures.empty() ? "" : " ", absl::Base64Escape(bytes));
  }
  return signatures;
}

Secret NewWebhookSecret(RandomSource& random) {
  std::string key(32, '\0');
  random.Fill(key.data(), key.size());
  std::string text = std::string(kPrefix) + absl::Base64Escape(key);
  Secret secret(text);
  Wipe(key);
  Wipe(text);
  return secret;
}

}  // namespace outlive
