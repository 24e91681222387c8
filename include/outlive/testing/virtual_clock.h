// VirtualClock is a Clock that moves only when it is told to, so that tests own the time.
//
//   outlive::testing::VirtualClock clock;
//   auto store = outlive::MemoryStore::Create({.clock = &clock});
//   clock.Advance(absl::Minutes(5));
//
// Thread-safety: may be used from many threads at once.
// Lifetime:      outlives everything it was given to.
#ifndef OUTLIVE_TESTING_VIRTUAL_CLOCK_H_
#define OUTLIVE_TESTING_VIRTUAL_CLOCK_H_

#include <absl/time/time.h>

#include "outlive/core/clock.h"
#include "outlive/core/mutex.h"

namespace outlive::testing {

class VirtualClock final : public Clock {
 public:
  // What Now() says at first: 2025-01-01T00:00:00Z.
  static absl::Time Start();

  VirtualClock() : VirtualClock(Start()) {}
  explicit VirtualClock(absl::Time now) : now_(now) {}

  // Starts at Start(), or where the constructor was told.
  absl::Time Now() const override;

  // Starts at one hour.
  absl::Duration SinceBoot() const override;

  // Lets time pass for both. Zero or more, and finite: anything else is a fault of the test, and
  // ends it.
  void Advance(absl::Duration by);

  // Sets the civil time, as an administrator or NTP does: forward or back. SinceBoot() stands.
  void SetNow(absl::Time now);

 private:
  mutable Mutex mutex_;
  absl::Time now_ ABSL_GUARDED_BY(mutex_);
  absl::Duration since_boot_ ABSL_GUARDED_BY(mutex_) = absl::Hours(1);
};

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTING_VIRTUAL_CLOCK_H_
