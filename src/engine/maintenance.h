// Maintenance takes over the jobs of lost processes and deletes what has been kept long enough. It
// touches only the store.
//
// Thread-safety: Loop(), Poll(), Sweep() and Prune() by one thread; Finish() by any.
#ifndef OUTLIVE_SRC_ENGINE_MAINTENANCE_H_
#define OUTLIVE_SRC_ENGINE_MAINTENANCE_H_

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <algorithm>
#include <utility>

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
  // Where the store gives up in the middle of it, it goes on with half as many jobs in one
  // transaction: what takes longer than the store lets it would take as long each time.
  absl::Status Sweep();

  // Deletes until nothing is left to delete, in the same way.
  absl::Status Prune();

 private:
  // How many jobs go into one transaction: few, because others wait for it.
  class Batch {
   public:
    int size() const { return size_; }

    // Whether it could.
    bool Halve() {
      const int before = std::exchange(size_, std::max(size_ / 2, kMin));
      return size_ < before;
    }
    void Double() { size_ = std::min(size_ * 2, kMax); }

   private:
    // Of fewer, many would take for ever where something else was the reason.
    static constexpr int kMin = 25;
    static constexpr int kMax = 500;

    int size_ = kMax;
  };

  absl::Status RescueAll();
  absl::Status PruneAll();
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

  Batch rescue_batch_;
  Batch prune_batch_;

  // What the clocks said last, and until when rescue rests, by SinceBoot().
  absl::Time wall_;
  absl::Duration boot_;
  absl::Duration suspect_until_ = -absl::InfiniteDuration();
};

}  // namespace outlive::internal

#endif  // OUTLIVE_SRC_ENGINE_MAINTENANCE_H_
