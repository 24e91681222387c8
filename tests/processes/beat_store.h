// BeatStore lets a test decide when a runner looks at its clock: after it was moved, not when a
// timer of the machine has run out.
//
// Thread-safety: as JobStore; one thread at a time in Beat().
#ifndef OUTLIVE_TESTS_PROCESSES_BEAT_STORE_H_
#define OUTLIVE_TESTS_PROCESSES_BEAT_STORE_H_

#include <absl/time/time.h>

#include <functional>
#include <memory>

#include "outlive/core/forwarding_job_store.h"
#include "outlive/core/mutex.h"

namespace outlive::testing {

class BeatStore final : public ForwardingJobStore {
 public:
  using ForwardingJobStore::ForwardingJobStore;

  // Tells the subscribed runner to look, and returns when it has renewed its session since the
  // clock was moved by kStep or more. It must have been started, and a renewal be due since then.
  void Beat();
  static constexpr absl::Duration kStep = absl::Seconds(16);

  absl::StatusOr<std::unique_ptr<StoreTransaction>> Begin() override;
  absl::StatusOr<std::unique_ptr<StoreTransaction>> BeginUpkeep(Upkeep upkeep) override;
  std::unique_ptr<Subscription> Subscribe(std::function<void(WakeHint)> on_wake) override;

 private:
  class Transaction;
  class BeatSubscription;
  void OnRenewal();

  Mutex mutex_;
  CondVar changed_;
  std::function<void(WakeHint)> on_wake_ ABSL_GUARDED_BY(mutex_);
  absl::Duration renewed_at_ ABSL_GUARDED_BY(mutex_) = -absl::InfiniteDuration();
};

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTS_PROCESSES_BEAT_STORE_H_
