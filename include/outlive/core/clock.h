// Clock is where time comes from. Whoever needs the time is given one; nothing in the library asks
// the system on its own, so tests and simulations own the time.
//
// Thread-safety: a Clock may be used from many threads at once.
// Lifetime:      a Clock outlives everything it was given to.
#ifndef OUTLIVE_CORE_CLOCK_H_
#define OUTLIVE_CORE_CLOCK_H_

#include <absl/time/time.h>

namespace outlive {

class Clock {
 public:
  virtual ~Clock() = default;

  // Civil time. May jump in both directions.
  virtual absl::Time Now() const = 0;

  // Time since an arbitrary point. Never goes back, and goes on while the machine is suspended, so
  // that a lease is not trusted longer than its store grants it.
  virtual absl::Duration SinceBoot() const = 0;
};

// The clocks of the machine. SinceBoot() is CLOCK_BOOTTIME on Linux, else the steady clock.
class SystemClock final : public Clock {
 public:
  absl::Time Now() const override;
  absl::Duration SinceBoot() const override;
};

// What an options struct means by a null clock: one SystemClock, which has no state.
const Clock& SystemClockInstance();

}  // namespace outlive

#endif  // OUTLIVE_CORE_CLOCK_H_
