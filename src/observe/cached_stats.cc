#include "observe/cached_stats.h"

#include <utility>

namespace outlive::internal {

std::shared_ptr<const absl::StatusOr<JobStats>> CachedStats::Get() {
  {
    MutexLock lock(mutex_);
    if (asking_) {
      while (asking_) changed_.Wait(mutex_);
      return stats_;  // Younger than this call.
    }
    if (stats_ != nullptr && clock_.SinceBoot() - asked_at_ < interval_min_) return stats_;
    asking_ = true;
    asked_at_ = clock_.SinceBoot();
  }
  auto fresh = std::make_shared<const absl::StatusOr<JobStats>>(store_.Stats());
  MutexLock lock(mutex_);
  stats_ = std::move(fresh);
  asking_ = false;
  changed_.NotifyAll();
  return stats_;
}

}  // namespace outlive::internal
