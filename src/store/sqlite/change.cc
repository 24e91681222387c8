#include "store/sqlite/change.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "core/return_if_error.h"
#include "outlive/core/lifecycle.h"
#include "outlive/core/store_rules.h"
#include "store/sqlite/flags.h"

namespace outlive::sqlite {
namespace {

absl::StatusOr<JobState> NotPossible(JobId job, std::string_view what, JobState state) {
  return absl::FailedPreconditionError(
      fmt::format("job {} cannot be {}: it is {}", job, what, JobStateName(state)));
}

}  // namespace

absl::StatusOr<std::vector<absl::StatusOr<JobState>>> Changer::Apply(
    absl::Span<const Change> changes) {
  OUTLIVE_RETURN_IF_ERROR(ValidateBatch(changes.size()));
  std::vector<absl::StatusOr<JobState>> results;
  results.reserve(changes.size());
  for (const Change& change : changes) {
    absl::StatusOr<absl::StatusOr<JobState>> result = ApplyOne(change);
    OUTLIVE_RETURN_IF_ERROR(result.status());
    results.push_back(*std::move(result));
  }
  return results;
}

absl::StatusOr<absl::StatusOr<JobState>> Changer::ApplyOne(const Change& change) {
  using Answer = absl::StatusOr<JobState>;
  if (absl::Status status = ValidateChange(change); !status.ok()) return Answer(std::move(status));
  absl::StatusOr<std::optional<Found>> found = Find(change.id);
  OUTLIVE_RETURN_IF_ERROR(found.status());
  if (!found->has_value()) {
    return Answer(absl::NotFoundError(fmt::format("there is no job {}", change.id)));
  }
  if ((*found)->damaged) {
    return Answer(absl::DataLossError(
        fmt::format("the rows of job {} do not say what has become of it", change.id)));
  }
  switch (change.action) {
    case Change::Action::kCancel:
      return Cancel(**std::move(found), change.reason);
    case Change::Action::kRequeue:
      return Requeue(**found, change.delay);
    case Change::Action::kDiscard:
      break;
  }
  return Discard(**found);
}

absl::StatusOr<std::optional<Changer::Found>> Changer::Find(JobId job) {
  Rows rows = whereabouts_.Query(job);
  if (!rows.Next()) {
    OUTLIVE_RETURN_IF_ERROR(rows.status());
    return std::nullopt;
  }
  Found found;
  found.job = job;
  found.lane = rows.Int(0);
  found.priority = rows.Int(1);
  found.run_at = rows.Int(2);
  found.at.attempt = rows.Count(3);
  found.at.fence = rows.Int(4);
  found.at.flags = rows.Int(5);
  found.transition = rows.OptionalInt(6);
  found.at.started_at = rows.OptionalInt(7);
  found.at.progress = rows.OptionalReal(8);
  found.at.note = rows.Text(9);
  if (!rows.IsNull(10)) {
    found.state = JobState::kRunning;
  } else if (!rows.IsNull(11)) {
    found.state = static_cast<JobState>(rows.Int(11));
    found.damaged = !IsTerminal(found.state);
    found.at.fence = rows.Int(12);
    found.at.flags = rows.Int(14);
    found.at.started_at = rows.OptionalInt(15);
  } else if (!rows.IsNull(16)) {
    found.state = JobState::kBlocked;
  }
  return found;
}

absl::StatusOr<absl::StatusOr<JobState>> Changer::Cancel(Found found, const std::string& reason) {
  using Answer = absl::StatusOr<JobState>;
  switch (found.state) {
    case JobState::kRunning:
      OUTLIVE_RETURN_IF_ERROR(AskToStop(found.job, reason));
      return Answer(JobState::kRunning);
    case JobState::kPending:
    case JobState::kBlocked:
      OUTLIVE_RETURN_IF_ERROR(CancelWaiting(std::move(found), reason));
      return Answer(JobState::kCancelled);
    case JobState::kCancelled:
      return Answer(JobState::kCancelled);
    case JobState::kCompleted:
    case JobState::kDead:
      break;
  }
  return NotPossible(found.job, "cancelled", found.state);
}

absl::Status Changer::CancelWaiting(Found found, const std::string& reason) {
  if (found.state == JobState::kPending) {
    OUTLIVE_RETURN_IF_ERROR(
        rows_.DeletePending(found.job, found.lane, found.priority, found.run_at));
  } else {
    OUTLIVE_RETURN_IF_ERROR(rows_.DeleteBlocked(found.job));
    context_.Count(found.lane, JobState::kBlocked, -1);
  }
  OUTLIVE_RETURN_IF_ERROR(AddReason(found.job, reason, found.at));
  return finisher_.End(found.job, found.lane, Transition::kCancel, found.at, found.transition, "");
}

absl::Status Changer::AskToStop(JobId job, const std::string& reason) {
  absl::StatusOr<std::optional<RunningJob>> running = rows_.FindRunning(job);
  OUTLIVE_RETURN_IF_ERROR(running.status());
  JobProgress& at = running->value().at;  // The caller has seen it there.
  if (running->value().cancel_requested) return absl::OkStatus();
  OUTLIVE_RETURN_IF_ERROR(AddReason(job, reason, at));
  OUTLIVE_RETURN_IF_ERROR(request_cancel_.Run(job, at.flags | kCancelRequested));
  context_.AddEvent(EventType::kCancelRequested, job, at.fence);
  return absl::OkStatus();
}

absl::Status Changer::AddReason(JobId job, const std::string& reason, JobProgress& at) {
  if (reason.empty()) return absl::OkStatus();
  const AttemptError error{static_cast<int>(at.attempt), context_.now(),
                           absl::StatusCode::kCancelled, reason};
  return rows_.AddError(job, error, at.flags);
}

absl::StatusOr<absl::StatusOr<JobState>> Changer::Requeue(const Found& found,
                                                          absl::Duration delay) {
  using Answer = absl::StatusOr<JobState>;
  if (!IsTerminal(found.state)) return NotPossible(found.job, "requeued", found.state);
  OUTLIVE_RETURN_IF_ERROR(rows_.Requeue(found.job, found.lane, found.state, found.at,
                                        ToStoreTime(context_.now() + delay)));
  return Answer(JobState::kPending);
}

absl::StatusOr<absl::StatusOr<JobState>> Changer::Discard(const Found& found) {
  using Answer = absl::StatusOr<JobState>;
  if (found.state != JobState::kDead) return NotPossible(found.job, "discarded", found.state);
  OUTLIVE_RETURN_IF_ERROR(rows_.DeleteEnded(found.job, found.lane, found.state, found.at.flags));
  context_.AddEvent(EventType::kDiscarded, found.job, found.at.fence);
  return Answer(JobState::kDead);
}

absl::Status Changer::SetQueue(const QueueSettings& settings) {
  OUTLIVE_RETURN_IF_ERROR(ValidateName("queue", settings.queue));
  const absl::StatusOr<NameId> queue = context_.catalog().EnsureName(settings.queue);
  OUTLIVE_RETURN_IF_ERROR(queue.status());
  OUTLIVE_RETURN_IF_ERROR(context_.SetPaused(*queue, settings.paused));
  if (!settings.paused) context_.hint().work = true;
  return absl::OkStatus();
}

}  // namespace outlive::sqlite
