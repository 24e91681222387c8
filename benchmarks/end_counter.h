// EndCounter counts jobs as their ends become durable, and tells when there are enough.
//
// Thread-safety: may be used from many threads; Expect() while nothing is running.
#ifndef OUTLIVE_BENCHMARKS_END_COUNTER_H_
#define OUTLIVE_BENCHMARKS_END_COUNTER_H_

#include <atomic>

#include "outlive/core/mutex.h"
#include "outlive/core/observer.h"

namespace outlive::bench {

class EndCounter final : public Observer {
 public:
  // Counts anew, up to `job_count`.
  void Expect(int job_count);

  // Returns once that many have completed. BenchError: one has ended otherwise, or nothing has
  // ended for a minute.
  void Wait();

  void OnEnqueued(JobLabel, int) override {}
  void OnStarted(JobLabel, absl::Duration) override {}
  void OnEnded(JobLabel, Transition end, absl::Duration) override;
  void OnLeaseLost(JobLabel) override { Fail(); }
  void OnRescued(JobLabel, JobState) override { Fail(); }

 private:
  void Fail();

  std::atomic<int> ended_{0};
  std::atomic<int> expected_{0};
  Mutex mutex_;
  CondVar changed_;
  bool reached_ ABSL_GUARDED_BY(mutex_) = false;
  bool failed_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace outlive::bench

#endif  // OUTLIVE_BENCHMARKS_END_COUNTER_H_
