// Deadline is a moment by the store's clock that also ends when as much real time was slept: a
// virtual clock that stands still must not make anybody wait for ever.
#ifndef OUTLIVE_SRC_STORE_SQLITE_DEADLINE_H_
#define OUTLIVE_SRC_STORE_SQLITE_DEADLINE_H_

#include <absl/time/time.h>

#include <algorithm>

#include "outlive/core/clock.h"

namespace outlive::sqlite {

class Deadline {
 public:
  // Passes `timeout` from now. The clock outlives it.
  Deadline(const Clock& clock, absl::Duration timeout)
      : clock_(&clock), at_(clock.SinceBoot() + timeout), sleep_left_(timeout) {}

  bool passed() const { return left() <= absl::ZeroDuration(); }

  absl::Duration left() const { return std::min(at_ - clock_->SinceBoot(), sleep_left_); }

  // Says that the caller has slept, or is going to.
  void AddSleep(absl::Duration slept) { sleep_left_ -= slept; }

 private:
  const Clock* clock_;
  absl::Duration at_;
  absl::Duration sleep_left_;
};

}  // namespace outlive::sqlite

#endif  // OUTLIVE_SRC_STORE_SQLITE_DEADLINE_H_
