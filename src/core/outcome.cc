#include "outlive/core/outcome.h"

#include <utility>

namespace outlive {

Outcome::Outcome(absl::Status status) {
  if (status.ok()) return;
  kind_ = Kind::kRetry;
  status_ = std::move(status);
}

Outcome Done(std::string output) {
  Outcome outcome;
  outcome.output_ = std::move(output);
  return outcome;
}

Outcome Retry(absl::Status status, std::optional<absl::Duration> after) {
  if (status.ok()) status = absl::UnknownError("the worker asked for a retry");
  Outcome outcome(std::move(status));
  if (after && *after >= absl::ZeroDuration() && *after != absl::InfiniteDuration()) {
    outcome.after_ = after;
  }
  return outcome;
}

Outcome Snooze(absl::Duration after) {
  Outcome outcome;
  outcome.kind_ = Outcome::Kind::kSnooze;
  outcome.after_ = after < absl::ZeroDuration() ? absl::ZeroDuration() : after;
  return outcome;
}

Outcome Cancelled(std::string_view reason) {
  Outcome outcome;
  outcome.kind_ = Outcome::Kind::kCancelled;
  outcome.status_ = absl::CancelledError(std::string(reason));
  return outcome;
}

Outcome Dead(std::string_view reason) {
  Outcome outcome;
  outcome.kind_ = Outcome::Kind::kDead;
  outcome.status_ = absl::FailedPreconditionError(std::string(reason));
  return outcome;
}

Outcome Crashed(absl::Status why) {
  Outcome outcome;
  outcome.kind_ = Outcome::Kind::kCrashed;
  outcome.status_ = why.ok() ? absl::UnknownError("the process that ran it has died") : why;
  return outcome;
}

}  // namespace outlive
