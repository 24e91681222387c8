// AesGcmCipher seals what jobs carry with AES-256-GCM, by OpenSSL.
//
//   auto cipher = outlive::AesGcmCipher::Create(
//       {.keys = {{"2026-07", outlive::Secret(bytes)}, {"2026-01", outlive::Secret(older)}}});
//   auto store = outlive::SqliteStore::Open("app.db", {.cipher = cipher->get()});
//
// The first key seals, every key opens. To rotate without a job that finds its key missing: add the
// new key behind the old one, in every process; then move it to the front, in every process; then
// Client::Reencrypt() until there is no more; then take the old one out, once the windows of
// idempotency keys from before have ended too.
//
// Each job is sealed under a key of its own, made by HKDF-SHA256 of yours, the store's id and the
// job's, with a random nonce of 96 bits for each payload. So there is no number of jobs after which
// a key has to be changed; one job may have 2^32 payloads sealed under one key (checkpoints, say).
// Store, job, field and key id are authenticated with each payload. Idempotency keys remember an
// HMAC of the arguments. docs/adr/0016-payloads-sealed-by-the-store.md has the format and why.
//
// Thread-safety: may be used from many threads at once, and on both sides of a fork().
// Lifetime:      outlives the stores it was given to. Keys are overwritten when it goes away.
// Errors:        as PayloadCipher. Seal() and ArgsFingerprint() are kInternal where OpenSSL fails.
#ifndef OUTLIVE_ENCRYPT_AES_GCM_CIPHER_H_
#define OUTLIVE_ENCRYPT_AES_GCM_CIPHER_H_

#include <absl/status/statusor.h>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "outlive/core/payload_cipher.h"
#include "outlive/core/random.h"
#include "outlive/core/secret.h"

namespace outlive {

struct CipherKey {
  std::string id = {};  // Kept in plain beside what it seals: `[A-Za-z0-9._-]{1,64}`.
  Secret secret = {};   // At least 32 random bytes, used for nothing else.
};

struct AesGcmCipherOptions {
  // One to sixteen, with distinct ids. The first seals.
  std::vector<CipherKey> keys = {};

  // Reads payloads that were never sealed as they are: for the time in which a store is taken over
  // that was not encrypted before. While it is on, somebody who can write to the store can put
  // payloads of his own there. Reencrypt() seals the rest; then switch it off.
  bool accept_plain = false;

  // Where nonces come from; borrowed. Null: the kernel. Only a test may give another: two payloads
  // of one job with the same nonce give away what they have in common, and forgeries with it.
  RandomSource* random = nullptr;
};

class AesGcmCipher final : public PayloadCipher {
 public:
  // Errors: kInvalidArgument, naming every fault.
  static absl::StatusOr<std::unique_ptr<AesGcmCipher>> Create(const AesGcmCipherOptions& options);

  const std::string& key_id() const override { return keys_.front().id; }
  absl::StatusOr<std::string> Seal(const PayloadPlace& place,
                                   std::string_view plain) const override;
  absl::StatusOr<std::string> Open(const PayloadPlace& place,
                                   std::string_view sealed) const override;
  bool accepts_plain() const override { return accept_plain_; }
  absl::StatusOr<Fingerprint> ArgsFingerprint(const Fingerprint& key,
                                              std::string_view args) const override;
  bool IsArgsFingerprint(const Fingerprint& kept, const Fingerprint& key,
                         std::string_view args) const override;

 private:
  struct Key {
    std::string id;
    Secret root;         // Of which the keys of jobs are made.
    Secret fingerprint;  // For ArgsFingerprint().
  };

  AesGcmCipher(std::vector<Key> keys, bool accept_plain, RandomSource& random)
      : keys_(std::move(keys)), accept_plain_(accept_plain), random_(random) {}

  const std::vector<Key> keys_;
  const bool accept_plain_;
  RandomSource& random_;
};

}  // namespace outlive

#endif  // OUTLIVE_ENCRYPT_AES_GCM_CIPHER_H_
