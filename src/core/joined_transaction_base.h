// What a transaction inside a host's own refuses, whatever the database: all but Insert and Finish,
// which a store adds.
#ifndef OUTLIVE_SRC_CORE_JOINED_TRANSACTION_BASE_H_
#define OUTLIVE_SRC_CORE_JOINED_TRANSACTION_BASE_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <absl/types/span.h>

#include <string>
#include <vector>

#include "outlive/core/job_store.h"

namespace outlive::internal {

class JoinedTransactionBase : public StoreTransaction {
 public:
  // kUnimplemented.
  absl::StatusOr<ClaimResult> Claim(const ClaimRequest&) final { return NotHere(); }
  absl::StatusOr<std::vector<absl::Status>> Write(absl::Span<const WorkerWrite>) final {
    return NotHere();
  }
  absl::StatusOr<std::vector<absl::StatusOr<JobState>>> Apply(absl::Span<const Change>) final {
    return NotHere();
  }
  absl::Status OpenSession(const std::string&, absl::Duration) final { return NotHere(); }
  absl::Status RenewSession(const std::string&, absl::Duration) final { return NotHere(); }
  absl::Status CloseSession(const std::string&) final { return NotHere(); }
  absl::StatusOr<std::vector<Rescued>> Rescue(const RescueRequest&) final { return NotHere(); }
  absl::StatusOr<PruneResult> Prune(const PruneRequest&) final { return NotHere(); }
  absl::StatusOr<ReencryptResult> Reencrypt(const ReencryptRequest&) final { return NotHere(); }
  absl::Status SetQueue(const QueueSettings&) final { return NotHere(); }

  // kFailedPrecondition.
  absl::Status Commit() final {
    return absl::FailedPreconditionError(
        "the transaction is the host's: its COMMIT also commits the jobs");
  }

 private:
  static absl::Status NotHere() {
    return absl::UnimplementedError("inside a host's transaction there are only Insert and Finish");
  }
};

}  // namespace outlive::internal

#endif  // OUTLIVE_SRC_CORE_JOINED_TRANSACTION_BASE_H_
