#include "outlive/encrypt/aes_gcm_cipher.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>

#include "core/faults.h"
#include "outlive/core/log.h"

namespace outlive {
namespace {

// Persisted, as is everything that is made with it: a change needs another version.
constexpr std::string_view kVersion = "outlive-seal-v1";

constexpr std::size_t kKeyCountMax = 16;
constexpr std::size_t kKeyIdBytesMax = 64;
constexpr std::size_t kSecretBytesMin = 32;
constexpr std::size_t kNonceBytes = 12;
constexpr std::size_t kTagBytes = 16;

// OpenSSL counts in int, and we grow a payload by less than this.
constexpr std::size_t kPayloadBytesMax = std::numeric_limits<int>::max() - 1'024;

const unsigned char* Bytes(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* Bytes(std::string& bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

bool IsKeyId(std::string_view id) {
  return !id.empty() && id.size() <= kKeyIdBytesMax &&
         std::all_of(id.begin(), id.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '_' || c == '-';
         });
}

std::string BigEndian(std::uint64_t number) {
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8) {
    bytes.push_back(static_cast<char>((number >> shift) & 0xFF));
  }
  return bytes;
}

// Each field with its length in front, so that no two lists of fields give the same bytes.
std::string Fields(std::initializer_list<std::string_view> fields) {
  std::string text;
  for (const std::string_view field : fields) text.append(BigEndian(field.size())).append(field);
  return text;
}

// 32 bytes that overwrite themselves.
struct Digest {
  std::array<unsigned char, 32> bytes = {};

  Digest() = default;
  Digest(const Digest&) = default;
  Digest& operator=(const Digest&) = default;
  ~Digest() { OPENSSL_cleanse(bytes.data(), bytes.size()); }

  std::string_view view() const {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
};

// HMAC-SHA256. Nothing: OpenSSL has failed.
std::optional<Digest> Mac(std::string_view key, std::string_view text) {
  Digest digest;
  unsigned int size = 0;
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), Bytes(text), text.size(),
           digest.bytes.data(), &size) == nullptr ||
      size != digest.bytes.size()) {
    return std::nullopt;
  }
  return digest;
}

// The first block of HKDF-Expand (RFC 5869, 2.3), which is all that is needed of it.
std::optional<Digest> Expand(const Secret& root, std::string info) {
  info.push_back('\x01');
  return Mac(root.Reveal(), info);
}

std::string JobBytes(const PayloadPlace& place) {
  return BigEndian(static_cast<std::uint64_t>(place.job));
}

std::optional<Digest> JobKey(const Secret& root, const PayloadPlace& place) {
  return Expand(root, Fields({"job", place.store_id, JobBytes(place)}));
}

// What is authenticated beside the payload.
std::string Surroundings(const PayloadPlace& place, std::string_view key_id) {
  const char field = static_cast<char>(place.field);
  return Fields({kVersion, place.store_id, JobBytes(place), {&field, 1}, key_id});
}

using Context = std::unique_ptr<EVP_CIPHER_CTX, void (*)(EVP_CIPHER_CTX*)>;

Context NewContext() { return {EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free}; }

// Puts ciphertext and tag behind what is in `out`. False: OpenSSL has failed.
bool Encrypt(const Digest& key, std::string_view nonce, std::string_view surroundings,
             std::string_view plain, std::string& out) {
  const Context context = NewContext();
  const std::size_t start = out.size();
  out.resize(start + plain.size() + kTagBytes);
  unsigned char* const to = Bytes(out) + start;
  int size = 0;
  int rest = 0;
  return context != nullptr &&
         EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, key.bytes.data(),
                            Bytes(nonce)) == 1 &&
         EVP_EncryptUpdate(context.get(), nullptr, &size, Bytes(surroundings),
                           static_cast<int>(surroundings.size())) == 1 &&
         EVP_EncryptUpdate(context.get(), to, &size, Bytes(plain),
                           static_cast<int>(plain.size())) == 1 &&
         EVP_EncryptFinal_ex(context.get(), to + size, &rest) == 1 &&
         EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, static_cast<int>(kTagBytes),
                             to + plain.size()) == 1;
}

// `body` is what Encrypt() has made, behind its nonce. Nothing: it does not authenticate.
std::optional<std::string> Decrypt(const Digest& key, std::string_view body,
                                   std::string_view surroundings) {
  const std::string_view nonce = body.substr(0, kNonceBytes);
  body.remove_prefix(kNonceBytes);
  std::string tag(body.substr(body.size() - kTagBytes));
  body.remove_suffix(kTagBytes);
  const Context context = NewContext();
  std::string plain(body.size(), '\0');
  int size = 0;
  int rest = 0;
  const bool authentic = context != nullptr &&
                         EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr,
                                            key.bytes.data(), Bytes(nonce)) == 1 &&
                         EVP_DecryptUpdate(context.get(), nullptr, &size, Bytes(surroundings),
                                           static_cast<int>(surroundings.size())) == 1 &&
                         EVP_DecryptUpdate(context.get(), Bytes(plain), &size, Bytes(body),
                                           static_cast<int>(body.size())) == 1 &&
                         EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG,
                                             static_cast<int>(kTagBytes), tag.data()) == 1 &&
                         EVP_DecryptFinal_ex(context.get(), Bytes(plain) + size, &rest) == 1;
  if (authentic) return plain;
  OPENSSL_cleanse(plain.data(), plain.size());  // It may hold what was not authenticated.
  return std::nullopt;
}

absl::Status OpenSslFailed() { return absl::InternalError("OpenSSL has failed"); }

}  // namespace

absl::StatusOr<std::unique_ptr<AesGcmCipher>> AesGcmCipher::Create(
    const AesGcmCipherOptions& options) {
  internal::Faults faults("cipher");
  faults.Require(!options.keys.empty() && options.keys.size() <= kKeyCountMax,
                 "there must be 1 to 16 keys");
  std::vector<Key> keys;
  bool derived = true;
  for (std::size_t i = 0; i < options.keys.size(); ++i) {
    const CipherKey& key = options.keys[i];
    if (!IsKeyId(key.id)) {
      faults.Add(fmt::format("the id of key {} must be 1 to 64 of [A-Za-z0-9._-]", i));
    }
    if (key.secret.size() < kSecretBytesMin) {
      faults.Add(fmt::format("the secret of key {} must have at least 32 bytes", i));
    }
    if (std::any_of(keys.begin(), keys.end(),
                    [&](const Key& other) { return other.id == key.id; })) {
      faults.Add(fmt::format("the id of key {} is used twice", i));
    }
    // HKDF-Extract (RFC 5869, 2.2): the host's secret itself seals nothing.
    const std::optional<Digest> root = Mac(kVersion, key.secret.Reveal());
    if (!root) return OpenSslFailed();
    Key own{key.id, Secret(root->view()), Secret()};
    const std::optional<Digest> fingerprint = Expand(own.root, Fields({"fingerprint"}));
    derived = derived && fingerprint.has_value();
    if (fingerprint) own.fingerprint = Secret(fingerprint->view());
    keys.push_back(std::move(own));
  }
  if (absl::Status valid = faults.ToStatus(); !valid.ok()) return valid;
  if (!derived) return OpenSslFailed();
  RandomSource& random = options.random != nullptr ? *options.random : SystemRandomInstance();
  return std::unique_ptr<AesGcmCipher>(
      new AesGcmCipher(std::move(keys), options.accept_plain, random));
}

absl::StatusOr<std::string> AesGcmCipher::Seal(const PayloadPlace& place,
                                               std::string_view plain) const {
  if (plain.size() > kPayloadBytesMax) {
    return absl::InvalidArgumentError("the payload is too large to be sealed");
  }
  const Key& key = keys_.front();
  const std::optional<Digest> job_key = JobKey(key.root, place);
  if (!job_key) return OpenSslFailed();
  std::string sealed = SealedHead(key.id);
  std::string nonce(kNonceBytes, '\0');
  random_.Fill(nonce.data(), nonce.size());
  sealed.reserve(sealed.size() + kNonceBytes + plain.size() + kTagBytes);
  sealed.append(nonce);
  if (!Encrypt(*job_key, nonce, Surroundings(place, key.id), plain, sealed)) {
    return OpenSslFailed();
  }
  return sealed;
}

absl::StatusOr<std::string> AesGcmCipher::Open(const PayloadPlace& place,
                                               std::string_view sealed) const {
  const std::optional<SealedPayload> parts = ReadSealed(sealed);
  if (!parts) return absl::FailedPreconditionError("it was never sealed");
  if (parts->key_id.empty() || parts->body.size() < kNonceBytes + kTagBytes ||
      parts->body.size() > kPayloadBytesMax) {
    return absl::DataLossError("it is not a whole sealed payload");
  }
  const auto key = std::find_if(keys_.begin(), keys_.end(),
                                [&](const Key& each) { return each.id == parts->key_id; });
  if (key == keys_.end()) {
    return absl::FailedPreconditionError(fmt::format(
        "it is sealed with key \"{}\", which is not here", EscapeForLog(parts->key_id)));
  }
  const std::optional<Digest> job_key = JobKey(key->root, place);
  if (!job_key) return absl::FailedPreconditionError("OpenSSL has failed");
  std::optional<std::string> plain = Decrypt(*job_key, parts->body, Surroundings(place, key->id));
  if (plain) return *std::move(plain);
  return absl::DataLossError(fmt::format("it is not what key \"{}\" sealed for this job", key->id));
}

absl::StatusOr<Fingerprint> AesGcmCipher::ArgsFingerprint(const Fingerprint& key,
                                                          std::string_view args) const {
  const std::optional<Digest> mac =
      Mac(keys_.front().fingerprint.Reveal(),
          Fields({{reinterpret_cast<const char*>(key.data()), key.size()}, args}));
  if (!mac) return OpenSslFailed();
  Fingerprint fingerprint;
  std::copy_n(mac->bytes.begin(), fingerprint.size(), fingerprint.begin());
  return fingerprint;
}

bool AesGcmCipher::IsArgsFingerprint(const Fingerprint& kept, const Fingerprint& key,
                                     std::string_view args) const {
  const std::string text = Fields({{reinterpret_cast<const char*>(key.data()), key.size()}, args});
  return std::any_of(keys_.begin(), keys_.end(), [&](const Key& each) {
    const std::optional<Digest> mac = Mac(each.fingerprint.Reveal(), text);
    return mac && CRYPTO_memcmp(mac->bytes.data(), kept.data(), kept.size()) == 0;
  });
}

}  // namespace outlive
