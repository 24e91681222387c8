// Checks and completes a runner's options.
#ifndef OUTLIVE_SRC_ENGINE_RUNNER_OPTIONS_H_
#define OUTLIVE_SRC_ENGINE_RUNNER_OPTIONS_H_

#include "outlive/engine/runner.h"

namespace outlive::internal {

// OK, or one kInvalidArgument with every fault of the options and of the workers.
// `starts`: coroutine workers will run on the host's executor, so that there has to be one.
absl::Status ValidateRunner(const RunnerOptions& options, const WorkerSet& workers, bool starts);

// An observer that looks away: what a null one means.
Observer& NullObserver();

}  // namespace outlive::internal

#endif  // OUTLIVE_SRC_ENGINE_RUNNER_OPTIONS_H_
