#include "outlive/artifact/signed_link.h"

#include <absl/strings/escaping.h>
#include <absl/strings/numbers.h>
#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "core/faults.h"

namespace outlive {
namespace {

constexpr std::string_view kVersion = "outlive-link-v1";
constexpr std::size_t kSecretBytesMin = 32;
constexpr std::size_t kKeyCountMax = 16;
constexpr std::size_t kKeyIdBytesMax = 64;
constexpr std::size_t kMacBytes = 32;
constexpr std::size_t kQueryBytesMax = 256;

bool IsKeyId(std::string_view id) {
  return !id.empty() && id.size() <= kKeyIdBytesMax &&
         std::all_of(id.begin(), id.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '_' || c == '-';
         });
}

// A key for this purpose alone, so that the host's secret itself signs nothing (RFC 5869).
std::optional<Secret> DeriveKey(const Secret& secret, std::string_view purpose) {
  const std::unique_ptr<EVP_KDF, void (*)(EVP_KDF*)> kdf(EVP_KDF_fetch(nullptr, "HKDF", nullptr),
                                                         &EVP_KDF_free);
  const std::unique_ptr<EVP_KDF_CTX, void (*)(EVP_KDF_CTX*)> context(EVP_KDF_CTX_new(kdf.get()),
                                                                     &EVP_KDF_CTX_free);
  if (context == nullptr) return std::nullopt;
  std::string digest = "SHA256";
  std::string info = fmt::format("{} {}", kVersion, purpose);
  const std::array<OSSL_PARAM, 4> params = {
      OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY,
                                        const_cast<char*>(secret.Reveal().data()), secret.size()),
      OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info.data(), info.size()),
      OSSL_PARAM_construct_end()};
  std::array<unsigned char, kMacBytes> key = {};
  const bool derived = EVP_KDF_derive(context.get(), key.data(), key.size(), params.data()) == 1;
  std::optional<Secret> result;
  if (derived) result.emplace(std::string_view(reinterpret_cast<char*>(key.data()), key.size()));
  OPENSSL_cleanse(key.data(), key.size());
  return result;
}

// Each field with its length in front, so that no two lists of fields give the same bytes.
void AppendField(std::string& text, std::string_view field) {
  for (int shift = 56; shift >= 0; shift -= 8) {
    text.push_back(static_cast<char>((static_cast<std::uint64_t>(field.size()) >> shift) & 0xFF));
  }
  text.append(field);
}

struct Query {
  std::string_view exp;
  std::string_view kid;
  std::string_view sig;
};

// What stands in `query` after `name` and before the next parameter; nothing where it is not there.
std::optional<std::string_view> TakeParameter(std::string_view& query, std::string_view name) {
  if (query.substr(0, name.size()) != name) return std::nullopt;
  query.remove_prefix(name.size());
  const std::string_view value = query.substr(0, query.find('&'));
  query.remove_prefix(value.size());
  return value;
}

// Cuts the three parameters apart: each once, in this order, no others. Nothing is decoded.
std::optional<Query> SplitQuery(std::string_view query) {
  if (query.size() > kQueryBytesMax) return std::nullopt;
  const std::optional<std::string_view> exp = TakeParameter(query, "exp=");
  const std::optional<std::string_view> kid = TakeParameter(query, "&kid=");
  const std::optional<std::string_view> sig = TakeParameter(query, "&sig=");
  if (!exp || !kid || !sig || !query.empty()) return std::nullopt;
  return Query{*exp, *kid, *sig};
}

}  // namespace

absl::StatusOr<LinkSigner> LinkSigner::Create(const LinkSignerOptions& options) {
  internal::Faults faults("link signer");
  faults.Require(!options.keys.empty() && options.keys.size() <= kKeyCountMax,
                 "there must be 1 to 16 keys");
  faults.Require(!options.purpose.empty() && options.purpose.size() <= 64,
                 "purpose must have 1 to 64 bytes");
  std::vector<LinkKey> derived;
  for (std::size_t i = 0; i < options.keys.size(); ++i) {
    const LinkKey& key = options.keys[i];
    if (!IsKeyId(key.id)) {
      faults.Add(fmt::format("the id of key {} must be 1 to 64 of [A-Za-z0-9._-]", i));
    }
    if (key.secret.size() < kSecretBytesMin) {
      faults.Add(fmt::format("the secret of key {} must have at least 32 bytes", i));
    }
    if (std::any_of(derived.begin(), derived.end(),
                    [&](const LinkKey& other) { return other.id == key.id; })) {
      faults.Add(fmt::format("the id of key {} is used twice", i));
    }
    derived.push_back(key);
  }
  if (absl::Status valid = faults.ToStatus(); !valid.ok()) return valid;
  for (LinkKey& key : derived) {
    std::optional<Secret> secret = DeriveKey(key.secret, options.purpose);
    if (!secret) return absl::InternalError("OpenSSL cannot derive a key");
    key.secret = *std::move(secret);
  }
  return LinkSigner(std::move(derived), options.purpose);
}

// Unpadded base64url has one spelling here: texts are compared, so there is nothing to decode that
// could be spelt in two ways.
std::string LinkSigner::Signature(const LinkKey& key, std::string_view artifact_id,
                                  std::string_view expiry, std::string_view audience) const {
  std::string text;
  for (const std::string_view field : {kVersion, std::string_view(purpose_), artifact_id, expiry,
                                       std::string_view(key.id), audience}) {
    AppendField(text, field);
  }
  std::array<unsigned char, kMacBytes> mac = {};
  unsigned int size = 0;
  const unsigned char* made =
      HMAC(EVP_sha256(), key.secret.Reveal().data(), static_cast<int>(key.secret.size()),
           reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac.data(), &size);
  if (made == nullptr || size != mac.size()) return {};
  return absl::WebSafeBase64Escape({reinterpret_cast<const char*>(mac.data()), mac.size()});
}

absl::StatusOr<std::string> LinkSigner::Sign(std::string_view artifact_id, absl::Time expires_at,
                                             absl::Time now, std::string_view audience) const {
  internal::Faults faults("link");
  faults.Require(!artifact_id.empty(), "the artifact's id is empty");
  const std::int64_t expiry_seconds = absl::ToUnixSeconds(expires_at);
  faults.Require(absl::FromUnixSeconds(expiry_seconds) > now, "it would have expired already");
  faults.Require(expires_at - now <= kTtlMax, "it would live for more than 7 days");
  if (absl::Status valid = faults.ToStatus(); !valid.ok()) return valid;

  const LinkKey& key = keys_.front();
  const std::string expiry = fmt::format("{}", expiry_seconds);
  const std::string signature = Signature(key, artifact_id, expiry, audience);
  if (signature.empty()) return absl::InternalError("OpenSSL cannot compute an HMAC");
  return fmt::format("exp={}&kid={}&sig={}", expiry, key.id, signature);
}

absl::Status LinkSigner::Verify(std::string_view artifact_id, std::string_view query,
                                absl::Time now, std::string_view audience) const {
  const absl::Status refused = absl::PermissionDeniedError("the link is not valid, or has expired");
  const std::optional<Query> parts = SplitQuery(query);
  if (!parts || artifact_id.empty()) return refused;
  const auto known = std::find_if(keys_.begin(), keys_.end(),
                                  [&](const LinkKey& key) { return key.id == parts->kid; });
  // An unknown key costs as much time as a wrong signature.
  const LinkKey& key = known != keys_.end() ? *known : keys_.front();
  const std::string expected = Signature(key, artifact_id, parts->exp, audience);
  if (expected.empty() || parts->sig.size() != expected.size() ||
      CRYPTO_memcmp(parts->sig.data(), expected.data(), expected.size()) != 0 ||
      known == keys_.end()) {
    return refused;
  }
  // From here on the text is our own.
  std::int64_t expiry = 0;
  if (!absl::SimpleAtoi(absl::string_view(parts->exp.data(), parts->exp.size()), &expiry) ||
      now >= absl::FromUnixSeconds(expiry)) {
    return refused;
  }
  return absl::OkStatus();
}

}  // namespace outlive
