// Outcome is what a worker's run came to. A value, not control flow: workers return one.
//
//   return outlive::Done();                             completed
//   return outlive::Done("artifact-id");                completed, with output for whoever waits
//   return outlive::Retry(status);                      failed; again after the policy's delay
//   return outlive::Retry(status, absl::Minutes(5));    failed; again after five minutes
//   return outlive::Snooze(absl::Seconds(30));          not now; burns no attempt
//   return outlive::Cancelled("stopped by the user");   ended, neither well nor badly
//   return outlive::Dead("no such customer");           cannot succeed: to the dead letters
//   return outlive::Crashed(status);                    its own process has died (outlive/isolate)
//   return status;                                      ok is Done(), else it is Retry(status)
//
// Thread-safety: a value, like a std::string.
#ifndef OUTLIVE_CORE_OUTCOME_H_
#define OUTLIVE_CORE_OUTCOME_H_

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <optional>
#include <string>
#include <string_view>

namespace outlive {

class [[nodiscard]] Outcome {
 public:
  enum class Kind { kDone, kRetry, kSnooze, kCancelled, kDead, kCrashed };

  // Done without output. (co_spawn needs a default.)
  Outcome() = default;

  // OK is Done, anything else is Retry by the job's policy. Implicit, so that workers can return
  // what they were given.
  Outcome(absl::Status status);  // NOLINT(google-explicit-constructor)

  Kind kind() const { return kind_; }

  // Done: the job's output, bytes; at most limits::kPayloadBytesMax.
  const std::string& output() const { return output_; }

  // Retry and Crashed: why. Cancelled and Dead: the reason, as kCancelled and kFailedPrecondition.
  // Else OK.
  const absl::Status& status() const { return status_; }

  // Snooze: how long. Retry: how long, or nothing for the job's policy.
  const std::optional<absl::Duration>& after() const { return after_; }

 private:
  friend Outcome Done(std::string output);
  friend Outcome Retry(absl::Status status, std::optional<absl::Duration> after);
  friend Outcome Snooze(absl::Duration after);
  friend Outcome Cancelled(std::string_view reason);
  friend Outcome Dead(std::string_view reason);
  friend Outcome Crashed(absl::Status why);

  Kind kind_ = Kind::kDone;
  std::string output_;
  absl::Status status_;
  std::optional<absl::Duration> after_;
};

Outcome Done(std::string output = {});

// An OK status is made kUnknown: a retry has a reason. A negative or infinite `after` counts as
// none given, and more than 366 days as 366 days, the longest that a store takes.
Outcome Retry(absl::Status status, std::optional<absl::Duration> after = std::nullopt);

// A negative duration counts as zero, and more than 366 days as 366 days.
Outcome Snooze(absl::Duration after);

Outcome Cancelled(std::string_view reason);
Outcome Dead(std::string_view reason);

// For workers that run a job in a process of its own: that process has died. It counts against the
// crash budget, not as a failure; the job waits as one whose runner was lost. An OK status is made
// kUnknown.
Outcome Crashed(absl::Status why);

}  // namespace outlive

#endif  // OUTLIVE_CORE_OUTCOME_H_
