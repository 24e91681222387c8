#include "outlive/core/store_rules.h"

#include <absl/container/flat_hash_set.h>
#include <absl/strings/cord.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/faults.h"
#include "outlive/core/idempotency.h"
#include "outlive/core/limits.h"
#include "outlive/core/log.h"

namespace outlive {
namespace {

constexpr absl::string_view kConflictMark = "outlive.conflict";

bool IsDelay(absl::Duration delay) { return delay >= absl::ZeroDuration() && delay <= kDelayMax; }

bool IsLowerHex(std::string_view text, std::size_t digit_count) {
  return text.size() == digit_count && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

bool IsArtifactText(std::string_view text) {
  return !text.empty() && text.size() <= limits::kMessageBytesMax &&
         text.find('\0') == std::string_view::npos;
}

void CheckPayload(std::string_view name, std::string_view bytes, internal::Faults& faults) {
  if (bytes.size() <= limits::kPayloadBytesMax) return;
  faults.Add(fmt::format("{} must have at most {} bytes, and has {}", name,
                         limits::kPayloadBytesMax, bytes.size()));
}

void CheckLease(const Lease& lease, internal::Faults& faults) {
  faults.Require(lease.job > 0, "the lease has no job");
  faults.Require(lease.fence > 0, "the lease has no fence");
}

void CheckArtifact(const Artifact& artifact, internal::Faults& faults) {
  faults.Require(IsLowerHex(artifact.id, 32), "artifact.id must be 32 hexadecimal digits");
  faults.Require(IsLowerHex(artifact.sha256, 64), "artifact.sha256 must be 64 hexadecimal digits");
  faults.Require(artifact.size >= 0, "artifact.size must not be negative");
  faults.Require(IsArtifactText(artifact.name),
                 "artifact.name must have 1 to 4096 bytes and no NUL");
  faults.Require(IsArtifactText(artifact.media_type),
                 "artifact.media_type must have 1 to 4096 bytes and no NUL");
  faults.Require(
      artifact.created_at > absl::InfinitePast() && artifact.created_at < absl::InfiniteFuture(),
      "artifact.created_at must be finite");
}

bool EndsAttempt(Transition transition) {
  switch (transition) {
    case Transition::kComplete:
    case Transition::kRetry:
    case Transition::kSnooze:
    case Transition::kRelease:
    case Transition::kCancel:
    case Transition::kDie:
    case Transition::kCrash:
      return true;
    case Transition::kClaim:
    case Transition::kRescue:
    case Transition::kRequeue:
    case Transition::kUnblock:
      return false;
  }
  return false;
}

// "row 17 of 40" and "row 3 of 9" are the same complaint.
std::string WithoutNumbers(std::string_view message) {
  std::string text;
  text.reserve(message.size());
  for (const char c : message) {
    const bool digit = c >= '0' && c <= '9';
    if (!digit) {
      text.push_back(c);
    } else if (text.empty() || text.back() != '#') {
      text.push_back('#');
    }
  }
  return text;
}

}  // namespace

absl::Status ValidateBatch(std::size_t element_count) {
  if (element_count <= limits::kInsertJobCountMax) return absl::OkStatus();
  return absl::InvalidArgumentError(fmt::format("a batch has at most {} elements, and this one {}",
                                                limits::kInsertJobCountMax, element_count));
}

absl::Status ValidateSession(std::string_view session, absl::Duration lease) {
  internal::Faults faults("session");
  faults.AddIfError(ValidateName("session", session));
  faults.Require(lease > absl::ZeroDuration() && lease <= kDelayMax,
                 "lease must be more than 0 and at most 366 days");
  return faults.ToStatus();
}

absl::Status ValidateClaimRequest(const ClaimRequest& request) {
  internal::Faults faults("claim");
  absl::flat_hash_set<std::string_view> seen;
  for (const QueueClaim& queue : request.queues) {
    faults.AddIfError(ValidateName("queue", queue.queue));
    if (!seen.insert(queue.queue).second)
      faults.Add(fmt::format("queue {} is there twice", queue.queue));
    faults.Require(queue.job_count_max >= 0, "job_count_max must not be negative");
  }
  seen.clear();
  for (const std::string& kind : request.kinds) {
    faults.AddIfError(ValidateName("kind", kind));
    if (!seen.insert(kind).second) faults.Add(fmt::format("kind {} is there twice", kind));
  }
  return faults.ToStatus();
}

absl::Status ValidateRescueRequest(const RescueRequest& request) {
  internal::Faults faults("rescue");
  faults.Require(request.job_count_max >= 1, "job_count_max must be 1 or more");
  faults.Require(request.crash_count_max >= 1, "crash_count_max must be 1 or more");
  faults.Require(IsDelay(request.delay), "delay must be from 0 to 366 days");
  return faults.ToStatus();
}

absl::Status ValidatePruneRequest(const PruneRequest& request) {
  internal::Faults faults("prune");
  faults.Require(request.keep_completed >= absl::ZeroDuration(),
                 "keep_completed must not be negative");
  faults.Require(request.keep_cancelled >= absl::ZeroDuration(),
                 "keep_cancelled must not be negative");
  faults.Require(request.keep_dead >= absl::ZeroDuration(), "keep_dead must not be negative");
  faults.Require(request.row_count_max >= 1, "row_count_max must be 1 or more");
  return faults.ToStatus();
}

absl::Status ValidateReencryptRequest(const ReencryptRequest& request) {
  internal::Faults faults("reencrypt");
  faults.Require(request.after >= 0, "after must not be negative");
  faults.Require(request.job_count_max >= 1, "job_count_max must be 1 or more");
  return faults.ToStatus();
}

absl::Status ValidateJobPage(const JobPage& page) {
  internal::Faults faults("page");
  faults.Require(page.before >= 0, "before must not be negative");
  faults.Require(page.row_count_max >= 1 && page.row_count_max <= limits::kPageRowCountMax,
                 "row_count_max must be from 1 to 1000");
  return faults.ToStatus();
}

absl::Status ValidateFinished(const Finished& finished) {
  internal::Faults faults("end of an attempt");
  CheckLease(finished.lease, faults);
  faults.Require(EndsAttempt(finished.transition), "the transition does not end an attempt");
  if (finished.transition == Transition::kRetry || finished.transition == Transition::kSnooze ||
      finished.transition == Transition::kCrash) {
    faults.Require(IsDelay(finished.delay), "delay must be from 0 to 366 days");
  }
  if (finished.transition == Transition::kCrash) {
    faults.Require(finished.crash_count_max >= 1, "crash_count_max must be 1 or more");
  }
  if (finished.transition == Transition::kComplete) {
    CheckPayload("output", finished.output, faults);
  }
  return faults.ToStatus();
}

absl::Status ValidateWorkerWrite(const WorkerWrite& write) {
  internal::Faults faults("write");
  CheckLease(write.lease, faults);
  if (write.progress) {
    // Not a number fails both comparisons.
    faults.Require(*write.progress >= 0 && *write.progress <= 1, "progress must be from 0 to 1");
  }
  if (write.checkpoint) CheckPayload("checkpoint", *write.checkpoint, faults);
  if (write.artifact) CheckArtifact(*write.artifact, faults);
  return faults.ToStatus();
}

absl::Status ValidateChange(const Change& change) {
  internal::Faults faults("change");
  switch (change.action) {
    case Change::Action::kCancel:
    case Change::Action::kDiscard:
      break;
    case Change::Action::kRequeue:
      faults.Require(IsDelay(change.delay), "delay must be from 0 to 366 days");
      break;
    default:
      faults.Add("there is no such action");
  }
  return faults.ToStatus();
}

absl::Time ToStoreTime(absl::Time time) {
  if (time == absl::InfiniteFuture() || time == absl::InfinitePast()) return time;
  return absl::FromUnixMicros(absl::ToUnixMicros(time));
}

absl::Time DueTime(absl::Time asked, absl::Time now) { return ToStoreTime(std::max(asked, now)); }

Transition EndTransition(Transition asked, bool cancel_requested) {
  const bool hands_back =
      asked == Transition::kRetry || asked == Transition::kSnooze || asked == Transition::kRelease;
  return cancel_requested && hands_back ? Transition::kCancel : asked;
}

Transition LossTransition(Transition by, int crashes, int crash_count_max, bool cancel_requested) {
  if (cancel_requested) return Transition::kCancel;
  return crashes >= crash_count_max ? Transition::kDie : by;
}

bool KeepsError(Transition asked) {
  return asked == Transition::kRetry || asked == Transition::kDie || asked == Transition::kCancel ||
         asked == Transition::kCrash;
}

EventType EventOf(Transition transition) {
  switch (transition) {
    case Transition::kClaim:
      return EventType::kClaimed;
    case Transition::kComplete:
      return EventType::kCompleted;
    case Transition::kRetry:
      return EventType::kRetried;
    case Transition::kSnooze:
      return EventType::kSnoozed;
    case Transition::kRelease:
      return EventType::kReleased;
    case Transition::kRescue:
      return EventType::kRescued;
    case Transition::kCancel:
      return EventType::kCancelled;
    case Transition::kDie:
      return EventType::kDead;
    case Transition::kRequeue:
      return EventType::kRequeued;
    case Transition::kCrash:
      return EventType::kCrashed;
    case Transition::kUnblock:
      break;
  }
  return EventType::kEnqueued;
}

absl::Status ConflictError(std::string_view message) {
  absl::Status status = absl::UnavailableError(absl::string_view(message.data(), message.size()));
  status.SetPayload(kConflictMark, absl::Cord());
  return status;
}

bool IsConflict(const absl::Status& status) { return status.GetPayload(kConflictMark).has_value(); }

void AddError(std::vector<AttemptError>& errors, AttemptError error) {
  error.message = EscapeForLog(error.message);
  error.at = ToStoreTime(error.at);
  errors.push_back(std::move(error));
  if (errors.size() > limits::kErrorCountMax) {
    errors.erase(errors.begin() + limits::kErrorCountMax / 2);
  }
}

AttemptError LostError(int attempt, absl::Time at) {
  return {attempt, at, absl::StatusCode::kUnavailable, "the process that ran it was lost"};
}

std::string ErrorGroupKey(std::string_view kind, absl::Span<const AttemptError> errors) {
  const AttemptError error = errors.empty() ? AttemptError{} : errors.back();
  const Fingerprint fingerprint = KeyFingerprint(
      kind, fmt::format("{}:{}", static_cast<int>(error.code), WithoutNumbers(error.message)));
  std::string key;
  for (const std::uint8_t byte : fingerprint) {
    fmt::format_to(std::back_inserter(key), "{:02x}", byte);
  }
  return key;
}

std::vector<NewJob> FollowUpJobs(absl::Span<const FollowUp> follow_ups, const Job& ended) {
  std::vector<NewJob> jobs;
  JobEnd end;
  end.job_id = ended.id;
  end.kind = ended.kind;
  end.queue = ended.queue;
  end.state = ended.state;
  end.attempt = ended.attempt;
  end.generation = ended.generation;
  end.ended_at = ended.ended_at.value_or(absl::UnixEpoch());
  end.output = ended.output;
  if (ended.state != JobState::kCompleted && !ended.errors.empty()) {
    end.error = ended.errors.back().message;
  }
  end.traceparent = ended.traceparent;
  for (const FollowUp& follow_up : follow_ups) {
    if (Follows(follow_up, ended.state)) jobs.push_back(MakeFollowUpJob(follow_up, end));
  }
  return jobs;
}

}  // namespace outlive
