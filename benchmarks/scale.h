// How much each measure does. It all follows from --jobs and --backlog, so that one number makes a
// quick look of a benchmark that takes minutes.
#ifndef OUTLIVE_BENCHMARKS_SCALE_H_
#define OUTLIVE_BENCHMARKS_SCALE_H_

#include <algorithm>
#include <chrono>

#include "benchmarks/options.h"

namespace outlive::bench {

struct Scale {
  // In brackets: by default.
  explicit Scale(const Options& options)
      : drain(options.jobs),
        warm_up(options.warm_up.value_or(Part(options, 2))),
        backlog(options.backlog),
        enqueue(Part(options, 2)),
        enqueue_one(Part(options, 1'000) * 10),
        keyed(Part(options, 4)),
        end_to_end(Part(options, 2)),
        beside_backlog(Part(options, 4)),
        standing(Part(options, 20)),
        latency(Part(options, 400)),
        sleepers(Part(options, 20)),
        idle(std::max(options.jobs / 20, 200)) {}

  int drain;           // [200,000]
  int warm_up;         // [100,000] before anything is timed: until SQLite writes over its WAL.
  int backlog;         // [1,000,000]
  int enqueue;         // [100,000] by many threads, and by EnqueueMany.
  int enqueue_one;     // [2,000] by one thread, each a commit of its own.
  int keyed;           // [50,000] with keys, beside twice as many that are there already.
  int end_to_end;      // [100,000]
  int beside_backlog;  // [50,000] drained while a backlog lies behind.
  int standing;        // [10,000] that wait all the time while others are added and run.
  int latency;         // [500] samples.
  int sleepers;        // [10,000] coroutines that wait.
  std::chrono::milliseconds idle;  // [10 s] of doing nothing.

 private:
  static int Part(const Options& options, int divisor) {
    return std::max(options.jobs / divisor, 10);
  }
};

}  // namespace outlive::bench

#endif  // OUTLIVE_BENCHMARKS_SCALE_H_
