// SteadyLoad is a system at full load that neither runs dry nor falls behind: threads enqueue and a
// runner runs, and the number of jobs that wait stays about the same, because a producer waits
// while there are too many.
//
// Thread-safety: none; one caller at a time.
// Lifetime:      what it is given outlives it.
// Errors:        BenchError.
#ifndef OUTLIVE_BENCHMARKS_STEADY_LOAD_H_
#define OUTLIVE_BENCHMARKS_STEADY_LOAD_H_

#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

#include "benchmarks/bench_job.h"
#include "outlive/core/mutex.h"
#include "outlive/core/observer.h"
#include "outlive/engine/client.h"
#include "outlive/engine/runner.h"

namespace outlive::bench {

struct SteadyLoadOptions {
  int producers = 64;
  int concurrency = 64;

  // Jobs that are there already, and about as many as there are from then on.
  int standing = 10'000;
};

class SteadyLoad {
 public:
  // Begins at once. `standing` jobs are there.
  SteadyLoad(Client& client, const BenchJob& job, const SteadyLoadOptions& options);

  // Ends it; the jobs that wait are left.
  ~SteadyLoad();
  SteadyLoad(const SteadyLoad&) = delete;
  SteadyLoad& operator=(const SteadyLoad&) = delete;

  // Lets it work for so long. The jobs a second whose ends became durable meanwhile. BenchError: a
  // job has not completed at its first attempt.
  double RateOver(std::chrono::duration<double> window);

 private:
  class Meter final : public Observer {
   public:
    explicit Meter(SteadyLoad& load) : load_(load) {}
    void OnEnqueued(JobLabel, int) override {}
    void OnStarted(JobLabel, absl::Duration) override {}
    void OnEnded(JobLabel, Transition end, absl::Duration) override;
    void OnLeaseLost(JobLabel) override { load_.Fail("a lease was lost"); }
    void OnRescued(JobLabel, JobState) override { load_.Fail("a job was taken over"); }

   private:
    SteadyLoad& load_;
  };

  void Produce();
  void Fail(const char* why);

  Client& client_;
  const BenchJob& job_;
  const int standing_;
  Meter meter_{*this};
  WorkerSet workers_;
  Runner runner_;

  Mutex mutex_;
  CondVar room_;  // For another job.
  CondVar failed_;
  int waiting_ ABSL_GUARDED_BY(mutex_);
  std::int64_t ended_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  const char* failure_ ABSL_GUARDED_BY(mutex_) = nullptr;

  std::vector<std::jthread> producers_;
};

}  // namespace outlive::bench

#endif  // OUTLIVE_BENCHMARKS_STEADY_LOAD_H_
