// One health check with its thread and its latest result.
#ifndef OUTLIVE_SRC_OBSERVE_PROBE_H_
#define OUTLIVE_SRC_OBSERVE_PROBE_H_

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <chrono>
#include <thread>

#include "outlive/core/clock.h"
#include "outlive/core/mutex.h"
#include "outlive/observe/health.h"

namespace outlive::internal {

// Thread-safety: may be used from many threads at once. The destructor waits for the check.
class Probe {
 public:
  Probe(HealthCheck check, const Clock& clock, absl::Duration keep_results)
      : check_(std::move(check)), clock_(clock), keep_results_(keep_results) {}
  ~Probe();
  Probe(const Probe&) = delete;
  Probe& operator=(const Probe&) = delete;

  // Begins a run, unless the result is young enough or a run is under way.
  void Start();

  // The result, once there is one or the deadline of the run under way has passed.
  CheckReport Await();

  const HealthCheck& check() const { return check_; }

 private:
  using RealTime = std::chrono::steady_clock;

  void Loop();
  absl::Status RunCheck() const;
  absl::Status EnsureThread() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Finish(absl::Status status, absl::Duration took) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Duration Took() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status TooLate() const;

  const HealthCheck check_;
  const Clock& clock_;
  const absl::Duration keep_results_;

  Mutex mutex_;
  CondVar changed_;
  std::thread thread_ ABSL_GUARDED_BY(mutex_);
  bool running_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool has_result_ ABSL_GUARDED_BY(mutex_) = false;
  RealTime::time_point started_at_ ABSL_GUARDED_BY(mutex_);
  absl::Duration ended_at_ ABSL_GUARDED_BY(mutex_);  // By clock_.
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  absl::Duration took_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace outlive::internal

#endif  // OUTLIVE_SRC_OBSERVE_PROBE_H_
