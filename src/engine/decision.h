// What becomes of an attempt, from what its worker returned: pure, so that the whole policy can be
// tested as a table.
#ifndef OUTLIVE_SRC_ENGINE_DECISION_H_
#define OUTLIVE_SRC_ENGINE_DECISION_H_

#include <absl/status/status.h>
#include <absl/time/time.h>

#include "outlive/core/job_store.h"
#include "outlive/core/limits.h"
#include "outlive/core/outcome.h"
#include "outlive/core/retry_policy.h"
#include "outlive/core/worker.h"

namespace outlive::internal {

// What becomes of a job whose process was lost.
struct CrashPolicy {
  int crash_count_max = limits::kCrashCountMaxDefault;
  absl::Duration delay = absl::Seconds(1);
};

// `unit` is a random number in [0, 1), for jitter.
Finished Decide(const Outcome& outcome, StopReason stop, const ClaimedJob& job,
                const RetryPolicy& worker_policy, const CrashPolicy& crash_policy, double unit);

// The end of a job whose result the store has refused for good, because of `why`.
Finished DecideRefused(const ClaimedJob& job, const absl::Status& why);

}  // namespace outlive::internal

#endif  // OUTLIVE_SRC_ENGINE_DECISION_H_
