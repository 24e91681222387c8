// PayloadCipher keeps what jobs carry unreadable where it is kept: a store that was given one seals
// every payload before it writes it, and opens it where somebody reads it. Everybody else (clients,
// workers, the engine) sees the payloads as they are.
//
//   Insert(args) ──► Seal(place, args) ──► a row ──► Open(place, row) ──► worker
//
// A payload is sealed for its place: the store, the job and the field. What was sealed for one
// place does not open at another, so nobody can swap two rows.
//
// Payloads are a job's arguments, checkpoint, output and follow-ups. Not sealed is what a store
// works with or people look for: kind, queue, tags, keys, progress notes and the messages of
// errors. docs/guides/encryption.md says more; outlive::AesGcmCipher is an implementation.
//
// Thread-safety: may be used from many threads at once.
// Lifetime:      outlives the stores it was given to.
// Errors:        Open(): kFailedPrecondition: it cannot be opened here (the key is missing, it was
//                never sealed), and could be elsewhere or later. kDataLoss: it is not what was
//                sealed for this place, and never will be. The texts show no payload and no key.
#ifndef OUTLIVE_CORE_PAYLOAD_CIPHER_H_
#define OUTLIVE_CORE_PAYLOAD_CIPHER_H_

#include <absl/status/statusor.h>

#include <optional>
#include <string>
#include <string_view>

#include "outlive/core/idempotency.h"
#include "outlive/core/job.h"

namespace outlive {

// Part of what is sealed: never renumber, never reuse a number.
enum class PayloadField : int {
  kArgs = 1,
  kCheckpoint = 2,
  kOutput = 3,
  kFollowUps = 4,
};

// "arguments", "checkpoint", …
std::string_view PayloadFieldName(PayloadField field);

struct PayloadPlace {
  std::string_view store_id = {};  // StoreInfo::store_id.
  JobId job = 0;
  PayloadField field = PayloadField::kArgs;
};

class PayloadCipher {
 public:
  virtual ~PayloadCipher() = default;

  // The id of the key that Seal() uses: `[A-Za-z0-9._-]{1,64}`.
  virtual const std::string& key_id() const = 0;

  // `plain` as it is to be kept at `place`: SealedHead(key_id()), and then whatever Open() needs.
  // Sealing twice gives different bytes.
  virtual absl::StatusOr<std::string> Seal(const PayloadPlace& place,
                                           std::string_view plain) const = 0;

  // What Seal() has made `sealed` of, for this very place, under this key or an older one.
  virtual absl::StatusOr<std::string> Open(const PayloadPlace& place,
                                           std::string_view sealed) const = 0;

  // True: payloads that were never sealed are read as they are. False: they are refused like
  // others that cannot be opened, because they may have been put there by somebody else.
  virtual bool accepts_plain() const = 0;

  // What the idempotency key of this name (KeyFingerprint()) remembers of its arguments. Made with
  // a key, because those who guess at the arguments could else try their guesses.
  virtual absl::StatusOr<Fingerprint> ArgsFingerprint(const Fingerprint& key,
                                                      std::string_view args) const = 0;

  // True where ArgsFingerprint() has made `kept` of the same, under this key or an older one.
  virtual bool IsArgsFingerprint(const Fingerprint& kept, const Fingerprint& key,
                                 std::string_view args) const = 0;
};

// How everything that is sealed begins: a mark of 16 bytes, then the length of the key's id and the
// id itself, which has 1 to 64 bytes.
std::string SealedHead(std::string_view key_id);

// What a sealed payload is made of. Both views are into the bytes it was read from.
struct SealedPayload {
  std::string_view key_id = {};  // Empty: it is cut off, or not what SealedHead() writes.
  std::string_view body = {};    // What follows the head.
};

// Nothing where `bytes` do not begin with the mark: a payload that was never sealed.
std::optional<SealedPayload> ReadSealed(std::string_view bytes);

}  // namespace outlive

#endif  // OUTLIVE_CORE_PAYLOAD_CIPHER_H_
