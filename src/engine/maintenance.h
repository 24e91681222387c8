// Maintenance takes over the jobs of lost processes and deletes what has been kept long enough. It
// touches only the store.
//
// Thread-safety: Loop(), Poll(), Sweep() and Prune() by one thread; Finish() by any.
#ifndef OUTLIVE_SRC_ENGINE_MAINTENANCE_H_
#define OUTLIVE_SRC_ENGINE_MAINTENANCE_H_

#include <absl/status/status.h>
#include <absl/time/time.h>

#include "engine/services.h"
#include "outlive/core/mutex.h"

namespace outlive::internal {

class Maintenance {
 public:
  explicit Maintenance(const Services& services);

  // Works until Finish() is called.
  void Loop();

  // Does what is due.
  void Poll();

  // How long it is until the next round.
  absl::Duration TimeLeft() const;

  void Finish();
  void Reset();

  // Rescues until nothing is left to rescue. Does nothing for one lease after the machine's time
  // has jumped, so that live processes can renew their sessions first.
  //
  // Where a transaction fails the next call puts half as many jobs into one: what takes longer than
  // the store lets it would take as long each time.
  absl::Status Sweep();

  // Deletes until nothing is left to delete, in the same way.
  absl::Status Prune();

 private:
  // Jobs in one transaction: small, because others wait for it.
  static constexpr int kBatch = 500;

  absl::Status RescueAll(int batch);
  absl::Status PruneAll(int batch);

  // The size after a call that has ended so: half of it, or twice as much up to the usual.
  static int NextBatch(int batch, const absl::Status& status);

  bool Finishing();
  void DoRound();
  bool ClockIsSuspect();
  bool WaitUntil(absl::Duration when);

  const Services& services_;

  Mutex mutex_;
  CondVar changed_;
  bool finishing_ ABSL_GUARDED_BY(mutex_) = false;

  // When the next rounds are due, by SinceBoot(), and how many in a row have failed.
  absl::Duration sweep_at_ = absl::ZeroDuration();
  absl::Duration prune_at_ = absl::ZeroDuration();
  int failures_ = 0;

  int rescue_batch_ = kBatch;
  int prune_batch_ = kBatch;

  // What the clocks said last, and until when rescue rests, by SinceBoot().
  absl::Time wall_;
  absl::Duration boot_;
  absl::Duration suspect_until_ = -absl::InfiniteDuration();
};

}  // namespace outlive::internal

#endif  // OUTLIVE_SRC_ENGINE_MAINTENANCE_H_
