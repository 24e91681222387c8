// ChildPool keeps children of one kind between their jobs.
//
// Thread-safety: may be used from many threads at once.
// Lifetime:      the destructor ends every child that is here.
#ifndef OUTLIVE_SRC_ISOLATE_CHILD_POOL_H_
#define OUTLIVE_SRC_ISOLATE_CHILD_POOL_H_

#include <absl/status/statusor.h>

#include <memory>
#include <string>
#include <vector>

#include "isolate/child.h"
#include "outlive/core/mutex.h"
#include "outlive/isolate/isolated_worker.h"

namespace outlive::isolate {

class ChildPool {
 public:
  // `options` are borrowed and have their nulls filled in, but for the observer.
  ChildPool(std::string kind, const IsolateOptions& options)
      : kind_(std::move(kind)), options_(options) {}
  ~ChildPool() { EndAll(); }

  // A child that is ready for a job: one that was given back, or a new one.
  //
  // Errors: kUnavailable: none could be started.
  absl::StatusOr<std::unique_ptr<Child>> Take();

  // A child that can do another job. It is kept, or let go.
  void Give(std::unique_ptr<Child> child);

  // A child is gone.
  void Report(const Child& child, const ChildEnd& end);

  // Lets go of all that are here, and returns when they are gone.
  void EndAll();

 private:
  using Children = std::vector<std::unique_ptr<Child>>;

  std::unique_ptr<Child> TakeIdle();
  void LookAfterLeaving();
  void ReportRetired(const Child& child);

  const std::string kind_;
  const IsolateOptions& options_;

  Mutex mutex_;
  Children idle_ ABSL_GUARDED_BY(mutex_);     // The last one is the warmest.
  Children leaving_ ABSL_GUARDED_BY(mutex_);  // Let go, and not known to be gone.
};

}  // namespace outlive::isolate

#endif  // OUTLIVE_SRC_ISOLATE_CHILD_POOL_H_
