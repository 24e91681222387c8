#include "engine/decision.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "outlive/core/limits.h"
#include "outlive/core/log.h"
#include "outlive/core/store_rules.h"

namespace outlive::internal {
namespace {

AttemptError ErrorOf(const absl::Status& status) {
  AttemptError error;
  error.code = status.code();
  error.message = EscapeForLog({status.message().data(), status.message().size()});
  return error;
}

Finished Ended(const ClaimedJob& job, Transition transition, const absl::Status& why) {
  Finished finished;
  finished.lease = job.lease;
  finished.transition = transition;
  if (!why.ok()) finished.error = ErrorOf(why);
  return finished;
}

// Attempts that were lost with their process have a budget of their own.
bool OutOfAttempts(const ClaimedJob& job) {
  return job.attempt - job.crashes >= job.attempt_count_max;
}

Finished Failed(const absl::Status& why, const std::optional<absl::Duration>& after,
                const ClaimedJob& job, const RetryPolicy& worker_policy, double unit) {
  if (OutOfAttempts(job)) return Ended(job, Transition::kDie, why);
  Finished finished = Ended(job, Transition::kRetry, why);
  if (after) {
    finished.delay = std::min(*after, kDelayMax);
    return finished;
  }
  // The store has only policies that were checked; one it cannot read back is as good as none.
  absl::StatusOr<RetryPolicy> own = absl::NotFoundError("");
  if (!job.retry_policy.empty()) own = DecodeRetryPolicy(job.retry_policy);
  finished.delay = RetryDelay(own.ok() ? *own : worker_policy, job.attempt - job.crashes, unit);
  return finished;
}

// The store ends the job where its crash budget is used up.
Finished CrashedWith(const absl::Status& why, const ClaimedJob& job, const CrashPolicy& policy) {
  Finished finished = Ended(job, Transition::kCrash, why);
  finished.delay = policy.delay;
  finished.crash_count_max = policy.crash_count_max;
  return finished;
}

// A worker that had to be killed for it says more than we know.
absl::Status TimedOut(const Outcome& outcome) {
  if (absl::IsDeadlineExceeded(outcome.status())) return outcome.status();
  return absl::DeadlineExceededError("the attempt took longer than its time limit");
}

Finished Completed(const Outcome& outcome, const ClaimedJob& job) {
  if (outcome.output().size() > limits::kPayloadBytesMax) {
    return Ended(
        job, Transition::kDie,
        absl::InvalidArgumentError(fmt::format("the output must have at most {} bytes, and has {}",
                                               limits::kPayloadBytesMax, outcome.output().size())));
  }
  Finished finished = Ended(job, Transition::kComplete, absl::OkStatus());
  finished.output = outcome.output();
  return finished;
}

}  // namespace

Finished Decide(const Outcome& outcome, StopReason stop, const ClaimedJob& job,
                const RetryPolicy& worker_policy, const CrashPolicy& crash_policy, double unit) {
  // What ended well or cannot succeed did so, whoever asked for a stop meanwhile.
  if (outcome.kind() == Outcome::Kind::kDone) return Completed(outcome, job);
  if (outcome.kind() == Outcome::Kind::kDead) {
    return Ended(job, Transition::kDie, outcome.status());
  }
  switch (stop) {
    case StopReason::kCancelled:
      return Ended(job, Transition::kCancel,
                   outcome.status().ok() ? absl::CancelledError("cancelled") : outcome.status());
    case StopReason::kTimeout:
      return Failed(TimedOut(outcome), std::nullopt, job, worker_policy, unit);
    case StopReason::kShutdown:
    case StopReason::kLeaseLost:
      return Ended(job, Transition::kRelease, absl::OkStatus());
    case StopReason::kNone:
      break;
  }
  if (outcome.kind() == Outcome::Kind::kCancelled) {
    return Ended(job, Transition::kCancel, outcome.status());
  }
  if (outcome.kind() == Outcome::Kind::kSnooze) {
    Finished finished = Ended(job, Transition::kSnooze, absl::OkStatus());
    finished.delay = std::min(*outcome.after(), kDelayMax);
    return finished;
  }
  if (outcome.kind() == Outcome::Kind::kCrashed) {
    return CrashedWith(outcome.status(), job, crash_policy);
  }
  return Failed(outcome.status(), outcome.after(), job, worker_policy, unit);
}

Finished DecideRefused(const ClaimedJob& job, const absl::Status& why) {
  return Ended(job, Transition::kDie,
               absl::InvalidArgumentError(
                   fmt::format("the store has refused the result: {}",
                               std::string_view(why.message().data(), why.message().size()))));
}

}  // namespace outlive::internal
