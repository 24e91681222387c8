// What every part of the benchmark needs: errors that end it, time, threads.
#ifndef OUTLIVE_BENCHMARKS_SUPPORT_H_
#define OUTLIVE_BENCHMARKS_SUPPORT_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <utility>

namespace outlive::bench {

// A figure that something went wrong with is none: the first error ends the benchmark.
class BenchError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

inline void Must(const absl::Status& status) {
  if (!status.ok()) throw BenchError(status.ToString());
}

template <class Value>
Value Must(absl::StatusOr<Value> result) {
  Must(result.status());
  return *std::move(result);
}

using SteadyClock = std::chrono::steady_clock;

inline double SecondsSince(SteadyClock::time_point start) {
  return std::chrono::duration<double>(SteadyClock::now() - start).count();
}

// Nanoseconds of a clock that all processes of the machine share.
inline std::int64_t SteadyNanoseconds() {
  return std::chrono::nanoseconds(SteadyClock::now().time_since_epoch()).count();
}

// Lets the system come to rest between two samples of a measure that is about an idle one.
void Rest(std::chrono::milliseconds pause);

// Runs `work` on as many threads, which get the numbers from 0; returns when all have ended. One:
// on that of the caller.
// Throws what one of them has thrown.
void RunThreads(int thread_count, const std::function<void(int)>& work);

// Of `job_count` jobs that are dealt out to threads: how many are for this one.
inline int ShareOf(int job_count, int thread_count, int thread) {
  return job_count / thread_count + (thread < job_count % thread_count ? 1 : 0);
}

}  // namespace outlive::bench

#endif  // OUTLIVE_BENCHMARKS_SUPPORT_H_
