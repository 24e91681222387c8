// The one place that asks the machine for the time.
#include <absl/time/clock.h>
#include <time.h>

#include <chrono>

#include "outlive/core/clock.h"

namespace outlive {

absl::Time SystemClock::Now() const { return absl::Now(); }

absl::Duration SystemClock::SinceBoot() const {
#if defined(OUTLIVE_BOOTTIME) && defined(CLOCK_BOOTTIME)
  timespec now{};
  if (clock_gettime(CLOCK_BOOTTIME, &now) == 0) return absl::DurationFromTimespec(now);
#endif
  return absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

const Clock& SystemClockInstance() {
  static const SystemClock clock;
  return clock;
}

}  // namespace outlive
