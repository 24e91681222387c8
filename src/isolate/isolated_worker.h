// IsolatedWorker is a Worker whose jobs run in children.
#ifndef OUTLIVE_SRC_ISOLATE_ISOLATED_WORKER_H_
#define OUTLIVE_SRC_ISOLATE_ISOLATED_WORKER_H_

#include <absl/status/status.h>

#include <memory>
#include <string>
#include <string_view>

#include "isolate/child_pool.h"
#include "outlive/core/worker.h"
#include "outlive/isolate/isolated_worker.h"

namespace outlive::isolate {

class IsolatedWorker final : public Worker {
 public:
  // `inner` is what a child runs; null: another program has it.
  IsolatedWorker(std::string_view kind, std::unique_ptr<Worker> inner, IsolateOptions options);

  // For a child.
  Worker* inner() const { return inner_.get(); }

  Outcome Run(JobContext& job, std::string_view args) override;
  void OnRunnerStopped() noexcept override { children_.EndAll(); }

 private:
  const std::unique_ptr<Worker> inner_;
  const IsolateOptions options_;
  ChildPool children_;
};

// OK, or kInvalidArgument that names every fault. `is_here`: this program has the worker.
absl::Status ValidateIsolation(const IsolateOptions& options, bool is_here);

}  // namespace outlive::isolate

#endif  // OUTLIVE_SRC_ISOLATE_ISOLATED_WORKER_H_
