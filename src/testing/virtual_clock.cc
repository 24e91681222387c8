#include "outlive/testing/virtual_clock.h"

#include <cstdio>
#include <cstdlib>

namespace outlive::testing {

absl::Time VirtualClock::Start() { return absl::FromUnixSeconds(1'735'689'600); }

absl::Time VirtualClock::Now() const {
  MutexLock lock(mutex_);
  return now_;
}

absl::Duration VirtualClock::SinceBoot() const {
  MutexLock lock(mutex_);
  return since_boot_;
}

void VirtualClock::Advance(absl::Duration by) {
  if (by < absl::ZeroDuration() || by == absl::InfiniteDuration()) {
    std::fputs("VirtualClock::Advance: time passes forward, and not for ever\n", stderr);
    std::abort();
  }
  MutexLock lock(mutex_);
  now_ += by;
  since_boot_ += by;
}

void VirtualClock::SetNow(absl::Time now) {
  MutexLock lock(mutex_);
  now_ = now;
}

}  // namespace outlive::testing
