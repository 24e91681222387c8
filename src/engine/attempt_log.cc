#include "engine/attempt_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "outlive/core/store_rules.h"

namespace outlive::internal {
namespace {

void LogAttempt(const Services& services, const Attempt& attempt, LogLevel level,
                std::string_view message) {
  LogRecord record;
  record.level = level;
  record.message = message;
  record.job_id = attempt.id();
  record.attempt = attempt.attempt();
  record.kind = attempt.kind();
  record.queue = attempt.queue();
  record.traceparent = attempt.traceparent();
  services.log.Log(record);
}

// The job was completed in the host's transaction, and what its worker returned after that came too
// late to count. Such an attempt has not lost its lease.
bool WasCompletedInHost(const Services& services, const Attempt& attempt) {
  if (!attempt.completed_in_host) return false;
  const absl::StatusOr<Job> job = services.store.Get(attempt.id());
  return job.ok() && job->state == JobState::kCompleted && job->fence == attempt.fence();
}

// A crash that used up the crash budget is the job's death.
Transition EndOf(const Attempt& attempt, const Finished& finished) {
  if (finished.transition != Transition::kCrash) return finished.transition;
  return LossTransition(Transition::kCrash, attempt.job().crashes + 1, finished.crash_count_max,
                        false);
}

std::string_view ErrorText(const Finished& finished) {
  return finished.error ? std::string_view(finished.error->message) : std::string_view("no reason");
}

}  // namespace

void ReportStart(const Services& services, const Attempt& attempt) {
  const ClaimedJob& job = attempt.job();
  services.observer.OnStarted(attempt.label(),
                              std::max(job.started_at - job.run_at, absl::ZeroDuration()));
}

void ReportEnd(const Services& services, const Attempt& attempt, const Finished& finished,
               const absl::Status& stored) {
  const absl::Duration run = services.clock.SinceBoot() - attempt.begun_at;
  if (absl::IsAborted(stored) && WasCompletedInHost(services, attempt)) {
    services.observer.OnEnded(attempt.label(), Transition::kComplete, run);
    return;
  }
  if (absl::IsAborted(stored) || absl::IsNotFound(stored)) {
    services.observer.OnLeaseLost(attempt.label());
    LogAttempt(services, attempt, LogLevel::kWarning,
               "the lease is lost, the attempt's result is dropped");
    return;
  }
  if (!stored.ok()) {
    LogAttempt(services, attempt, LogLevel::kError,
               fmt::format("the store refuses the attempt's result, the job stays running until "
                           "this runner stops: {}",
                           stored.ToString()));
    return;
  }
  const Transition end = EndOf(attempt, finished);
  services.observer.OnEnded(attempt.label(), end, run);
  if (end == Transition::kRetry || end == Transition::kCrash) {
    LogAttempt(
        services, attempt, LogLevel::kWarning,
        fmt::format("attempt {}, again in {}: {}", end == Transition::kCrash ? "crashed" : "failed",
                    absl::FormatDuration(absl::Trunc(finished.delay, absl::Milliseconds(1))),
                    ErrorText(finished)));
  } else if (end == Transition::kDie) {
    LogAttempt(services, attempt, LogLevel::kError,
               fmt::format("job is dead: {}", ErrorText(finished)));
  }
}

void ReportRescue(const Services& services, const Rescued& rescued) {
  services.observer.OnRescued({rescued.queue, rescued.kind}, rescued.state);
  const bool dead = rescued.state == JobState::kDead;
  LogRecord record;
  record.level = dead ? LogLevel::kError : LogLevel::kWarning;
  record.message = dead ? "job is dead: its processes were lost too often"
                        : "job is taken over from a lost process";
  record.job_id = rescued.id;
  record.attempt = rescued.attempt;
  record.kind = rescued.kind;
  record.queue = rescued.queue;
  services.log.Log(record);
}

void LogLine(const Services& services, LogLevel level, std::string_view message) {
  LogRecord record;
  record.level = level;
  record.message = message;
  services.log.Log(record);
}

void LogHandBack(const Services& services, std::size_t job_count, const absl::Status& stored) {
  if (stored.ok()) {
    LogLine(services, LogLevel::kInfo, fmt::format("{} jobs are handed back", job_count));
  } else {
    LogLine(services, LogLevel::kError,
            fmt::format("{} jobs could not be handed back and will be rescued: {}", job_count,
                        stored.ToString()));
  }
}

}  // namespace outlive::internal
