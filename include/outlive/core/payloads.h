// Payloads is how every store keeps what jobs carry, with a cipher or without one, so that two
// stores cannot differ in it. For those who write a store.
//
//   a payload ──► Keep() ──► (a row) ──► Open() ──► the payload
//                              ▲
//                          Renew(), once there is a newer key
//
// Without a cipher payloads are kept as they are. What was sealed all the same, by a process that
// has one, is recognised (by how it begins: ReadSealed()) and not handed out.
//
// Thread-safety: may be used from many threads at once.
// Lifetime:      the cipher outlives it.
// Errors:        Keep(), KeepFollowUps(), ArgsFingerprint(): those of the cipher. They are for the
//                whole call of the transaction. Open(), OpenFollowUps(): kFailedPrecondition and
//                kDataLoss, as PayloadCipher says. They end in ClaimedJob::payload_status and
//                Job::payload_status.
#ifndef OUTLIVE_CORE_PAYLOADS_H_
#define OUTLIVE_CORE_PAYLOADS_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "outlive/core/follow_up.h"
#include "outlive/core/idempotency.h"
#include "outlive/core/job.h"
#include "outlive/core/limits.h"
#include "outlive/core/payload_cipher.h"

namespace outlive {

// What a store writes for a payload: the payload itself, which is borrowed, or a sealed copy.
class KeptPayload {
 public:
  explicit KeptPayload(std::string_view plain) : plain_(plain) {}
  explicit KeptPayload(std::string sealed) : sealed_(std::move(sealed)) {}

  std::string_view bytes() const { return sealed_ ? std::string_view(*sealed_) : plain_; }

 private:
  std::string_view plain_;
  std::optional<std::string> sealed_;
};

class Payloads {
 public:
  // Null: no cipher.
  Payloads(const PayloadCipher* cipher, std::string store_id)
      : cipher_(cipher), store_id_(std::move(store_id)) {}

  bool sealing() const { return cipher_ != nullptr; }

  // What to write for `plain`, which outlives the result.
  absl::StatusOr<KeptPayload> Keep(JobId job, PayloadField field, std::string_view plain) const;

  // Puts in the place of what was kept the payload itself; after an error `bytes` is empty.
  absl::Status Open(JobId job, PayloadField field, std::string& bytes) const;

  // Follow-ups as text (JSON, or base64 where they are sealed), for columns of text.
  absl::StatusOr<std::string> KeepFollowUps(JobId job,
                                            const std::vector<FollowUp>& follow_ups) const;
  absl::StatusOr<std::vector<FollowUp>> OpenFollowUps(JobId job, std::string_view kept) const;

  // What to keep instead, so that it is sealed with the newest key. Nothing where it is so already.
  // kFailedPrecondition and kDataLoss: it cannot be opened, and stays as it is. There is a cipher.
  absl::StatusOr<std::optional<std::string>> Renew(JobId job, PayloadField field,
                                                   std::string_view kept) const;
  absl::StatusOr<std::optional<std::string>> RenewFollowUps(JobId job, std::string_view kept) const;

  // What an idempotency key, named by KeyFingerprint(), remembers of its arguments; and whether
  // that is what was remembered.
  absl::StatusOr<Fingerprint> ArgsFingerprint(const Fingerprint& key, std::string_view args) const;
  bool IsArgsFingerprint(const Fingerprint& kept, const Fingerprint& key,
                         std::string_view args) const;

 private:
  PayloadPlace PlaceOf(JobId job, PayloadField field) const { return {store_id_, job, field}; }

  const PayloadCipher* cipher_;
  std::string store_id_;
};

// Whether that is what Open() and Renew() say of a payload that cannot be opened. Anything else is
// the cipher's trouble.
bool IsUnreadable(const absl::Status& status);

// Bytes that one Reencrypt() looks at before it stops: others wait for its transaction.
inline constexpr std::size_t kReencryptBytesMax = 8 * limits::kPayloadBytesMax;

// What the history says of an end whose follow-ups could not be read, so that none was inserted.
// They stay with the job, and are tried again if somebody requeues it.
AttemptError FollowUpsLost(int attempt, absl::Time at, const absl::Status& why);

}  // namespace outlive

#endif  // OUTLIVE_CORE_PAYLOADS_H_
