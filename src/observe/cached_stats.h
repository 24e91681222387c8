// What the store said of its jobs, asked at most so often: scraping cannot load it.
#ifndef OUTLIVE_SRC_OBSERVE_CACHED_STATS_H_
#define OUTLIVE_SRC_OBSERVE_CACHED_STATS_H_

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <memory>

#include "outlive/core/clock.h"
#include "outlive/core/job_store.h"
#include "outlive/core/mutex.h"

namespace outlive::internal {

// Thread-safety: may be used from many threads at once; one of them asks, the others wait for it.
class CachedStats {
 public:
  CachedStats(JobStore& store, const Clock& clock, absl::Duration interval_min)
      : store_(store), clock_(clock), interval_min_(interval_min) {}

  // Never null. Errors are kept as long as answers are.
  std::shared_ptr<const absl::StatusOr<JobStats>> Get();

 private:
  JobStore& store_;
  const Clock& clock_;
  const absl::Duration interval_min_;

  Mutex mutex_;
  CondVar changed_;
  std::shared_ptr<const absl::StatusOr<JobStats>> stats_ ABSL_GUARDED_BY(mutex_);
  absl::Duration asked_at_ ABSL_GUARDED_BY(mutex_);
  bool asking_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace outlive::internal

#endif  // OUTLIVE_SRC_OBSERVE_CACHED_STATS_H_
