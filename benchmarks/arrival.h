// Arrival is when a handler was entered, told to the thread that waits for it.
//
// Thread-safety: one thread tells, one takes.
#ifndef OUTLIVE_BENCHMARKS_ARRIVAL_H_
#define OUTLIVE_BENCHMARKS_ARRIVAL_H_

#include <chrono>
#include <cstdint>
#include <utility>

#include "benchmarks/support.h"
#include "outlive/core/mutex.h"

namespace outlive::bench {

class Arrival {
 public:
  void Tell() {
    const std::int64_t now = SteadyNanoseconds();
    MutexLock lock(mutex_);
    at_ = now;
    changed_.NotifyAll();
  }

  // Waits for it; SteadyNanoseconds() of then. BenchError: it does not come.
  std::int64_t Take() {
    MutexLock lock(mutex_);
    while (at_ == 0) {
      if (!changed_.WaitFor(mutex_, std::chrono::minutes(1)) && at_ == 0) {
        throw BenchError("the job was not run");
      }
    }
    return std::exchange(at_, 0);
  }

 private:
  Mutex mutex_;
  CondVar changed_;
  std::int64_t at_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace outlive::bench

#endif  // OUTLIVE_BENCHMARKS_ARRIVAL_H_
