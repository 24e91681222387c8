// ClaimTimer is a store that notes how long each claim takes that goes through it to another one.
// What a transaction has to write before its claim may go along in the same round trip, and counts.
//
// Thread-safety: as that of the store behind it.
// Lifetime:      as ForwardingJobStore.
#ifndef OUTLIVE_BENCHMARKS_CLAIM_TIMER_H_
#define OUTLIVE_BENCHMARKS_CLAIM_TIMER_H_

#include <absl/status/statusor.h>

#include <memory>
#include <vector>

#include "outlive/core/forwarding_job_store.h"
#include "outlive/core/mutex.h"

namespace outlive::bench {

class ClaimTimer final : public ForwardingJobStore {
 public:
  using ForwardingJobStore::ForwardingJobStore;

  absl::StatusOr<std::unique_ptr<StoreTransaction>> Begin() override;

  // The seconds of each claim since the last call, whether or not it has found a job. A claim that
  // was refused is none.
  std::vector<double> Take();

 private:
  class Transaction;

  void Add(double seconds);

  Mutex mutex_;
  std::vector<double> seconds_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace outlive::bench

#endif  // OUTLIVE_BENCHMARKS_CLAIM_TIMER_H_
