// Host is a program that uses outlive: one store, one client, and a runner with thread workers
// while there is something to run. Everything that is measured of ours goes through it.
//
// Thread-safety: none; one caller at a time.
// Errors:        BenchError.
#ifndef OUTLIVE_BENCHMARKS_HOST_H_
#define OUTLIVE_BENCHMARKS_HOST_H_

#include <cstdint>
#include <functional>
#include <memory>

#include "benchmarks/bench_job.h"
#include "benchmarks/end_counter.h"
#include "benchmarks/limit.h"
#include "outlive/engine/client.h"
#include "outlive/engine/runner.h"

namespace outlive::bench {

class Host {
 public:
  Host(std::unique_ptr<JobStore> store, int payload);

  Client& client() { return client_; }
  const BenchJob& job() const { return job_; }

  // Enqueues jobs that a measure needs to be there. `change` may make each of them different.
  void Preload(int job_count, const std::function<void(int, NewJob&)>& change = {});

  // Enqueues 10,000 jobs in each call of EnqueueMany().
  void EnqueueMany(int job_count);

  // Enqueues jobs from many threads, each of which waits for every acknowledgement.
  void EnqueueFromThreads(int job_count, int thread_count, Keys keys);

  // Runs jobs that do nothing. Returns the seconds from the start of the runner until the ends of
  // `job_count` of them were durable.
  double Drain(int job_count, int concurrency);

  // EnqueueFromThreads() while a runner is running. The seconds until the last end was durable.
  double EndToEnd(int job_count, int thread_count, int concurrency);

  std::int64_t PendingCount();

 private:
  RunnerOptions OptionsOf(int concurrency);

  const std::unique_ptr<JobStore> store_;
  Client client_;
  const BenchJob job_;
  EndCounter ends_;
};

}  // namespace outlive::bench

#endif  // OUTLIVE_BENCHMARKS_HOST_H_
