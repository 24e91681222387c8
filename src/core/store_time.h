// StoreTime is the clock of a store: the wall clock, but never earlier than any time the store has
// been seen at. Whole microseconds.
//
// Thread-safety: may be used from many threads at once.
#ifndef OUTLIVE_SRC_CORE_STORE_TIME_H_
#define OUTLIVE_SRC_CORE_STORE_TIME_H_

#include <absl/time/time.h>

#include <atomic>
#include <cstdint>

#include "outlive/core/clock.h"

namespace outlive::internal {

class StoreTime {
 public:
  // The clock outlives it.
  explicit StoreTime(const Clock& clock) : clock_(clock) {}

  absl::Time Now() {
    See(absl::ToUnixMicros(clock_.Now()));
    return absl::FromUnixMicros(last());
  }

  // The store has been at this time, in microseconds since 1970.
  void See(std::int64_t at) {
    std::int64_t last = last_.load(std::memory_order_relaxed);
    while (at > last && !last_.compare_exchange_weak(last, at, std::memory_order_relaxed)) {
    }
  }

  // The latest time that the store has been seen at; INT64_MIN: none yet.
  std::int64_t last() const { return last_.load(std::memory_order_relaxed); }

  const Clock& clock() const { return clock_; }

 private:
  const Clock& clock_;
  std::atomic<std::int64_t> last_{INT64_MIN};
};

}  // namespace outlive::internal

#endif  // OUTLIVE_SRC_CORE_STORE_TIME_H_
