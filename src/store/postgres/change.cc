#include "store/postgres/change.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "core/return_if_error.h"
#include "outlive/core/lifecycle.h"
#include "outlive/core/log.h"
#include "outlive/core/payloads.h"
#include "outlive/core/store_rules.h"
#include "store/postgres/artifact_row.h"
#include "store/postgres/flags.h"

namespace outlive::postgres {
namespace {

absl::Status NotPossible(const JobRow& row, std::string_view what) {
  return absl::FailedPreconditionError(
      fmt::format("job {} cannot be {}: it is {}", row.job, what, JobStateName(row.state)));
}

}  // namespace

// -- Write ------------------------------------------------------------------------------------

absl::StatusOr<std::vector<absl::Status>> Changer::Write(absl::Span<const WorkerWrite> writes) {
  OUTLIVE_RETURN_IF_ERROR(ValidateBatch(writes.size()));
  std::vector<JobId> jobs;
  for (const WorkerWrite& write : writes) jobs.push_back(write.lease.job);
  OUTLIVE_RETURN_IF_ERROR(rows_.Load(std::move(jobs)));
  absl::StatusOr<Artifacts> known = FindArtifacts(writes);
  OUTLIVE_RETURN_IF_ERROR(known.status());
  std::vector<absl::Status> results;
  for (const WorkerWrite& write : writes) {
    absl::Status result;
    OUTLIVE_RETURN_IF_ERROR(WriteOne(write, *known, result));
    results.push_back(std::move(result));
  }
  return results;
}

absl::StatusOr<Changer::Artifacts> Changer::FindArtifacts(absl::Span<const WorkerWrite> writes) {
  Artifacts known;
  Array ids(Element::kText);
  for (const WorkerWrite& write : writes) {
    if (write.artifact && ValidateWorkerWrite(write).ok()) ids.AddBytes(write.artifact->id);
  }
  if (ids.size() == 0) return known;
  Query query{.name = "job_rows/find_artifacts"};
  query.params.Add(std::move(ids));
  const absl::StatusOr<Rows> rows = context_.session().RunOne(query);
  OUTLIVE_RETURN_IF_ERROR(rows.status());
  for (int row = 0; row < rows->size(); ++row) {
    known.emplace(rows->String(row, 0), ReadArtifact(*rows, row));
  }
  return known;
}

absl::Status Changer::WriteOne(const WorkerWrite& write, Artifacts& known, absl::Status& result) {
  result = ValidateWorkerWrite(write);
  if (!result.ok()) return absl::OkStatus();
  JobRow* const row = rows_.Find(write.lease.job);
  if (row == nullptr) {
    result = Finisher::NoSuchJob(write.lease.job);
  } else if (row->state != JobState::kRunning || row->fence != write.lease.fence) {
    result = Finisher::LeaseLost(write.lease);
  } else if (write.artifact) {
    result = PutArtifact(*row, *write.artifact, known);
  }
  if (!result.ok()) return absl::OkStatus();
  if (write.checkpoint) {
    const absl::StatusOr<KeptPayload> kept =
        context_.payloads().Keep(row->job, PayloadField::kCheckpoint, *write.checkpoint);
    OUTLIVE_RETURN_IF_ERROR(kept.status());
    rows_.PutCheckpoint(*row, kept->bytes());
  }
  PutProgress(*row, write);
  return absl::OkStatus();
}

absl::Status Changer::PutArtifact(JobRow& row, Artifact artifact, Artifacts& known) {
  artifact.job_id = row.job;
  artifact.fence = row.fence;
  artifact.created_at = ToStoreTime(artifact.created_at);
  const auto [same, is_new] = known.emplace(artifact.id, artifact);
  if (is_new) {
    rows_.AddArtifact(row, artifact);
  } else if (same->second != artifact) {
    return absl::AlreadyExistsError(
        fmt::format("the id {} is that of another artifact", artifact.id));
  }
  return absl::OkStatus();
}

void Changer::PutProgress(JobRow& row, const WorkerWrite& write) {
  bool progressed = false;
  if (write.progress && *write.progress > row.progress.value_or(0)) {
    row.progress = *write.progress;
    progressed = true;
  }
  if (write.progress_note) {
    std::string note = EscapeForLog(*write.progress_note);
    progressed = progressed || note != row.note;
    row.note = std::move(note);
  }
  if (!progressed) return;
  row.changed = true;
  context_.AddEvent(EventType::kProgressed, row.job, row.fence);
}

// -- Apply ------------------------------------------------------------------------------------

absl::StatusOr<std::vector<absl::StatusOr<JobState>>> Changer::Apply(
    absl::Span<const Change> changes) {
  OUTLIVE_RETURN_IF_ERROR(ValidateBatch(changes.size()));
  std::vector<JobId> jobs;
  for (const Change& change : changes) jobs.push_back(change.id);
  OUTLIVE_RETURN_IF_ERROR(rows_.Load(std::move(jobs)));
  std::vector<absl::StatusOr<JobState>> results;
  for (const Change& change : changes) {
    absl::StatusOr<JobState> result = JobState::kPending;
    OUTLIVE_RETURN_IF_ERROR(ApplyOne(change, result));
    results.push_back(std::move(result));
  }
  return results;
}

absl::Status Changer::ApplyOne(const Change& change, absl::StatusOr<JobState>& result) {
  if (absl::Status valid = ValidateChange(change); !valid.ok()) {
    result = std::move(valid);
    return absl::OkStatus();
  }
  JobRow* const row = rows_.Find(change.id);
  if (row == nullptr) {
    result = Finisher::NoSuchJob(change.id);
    return absl::OkStatus();
  }
  switch (change.action) {
    case Change::Action::kCancel:
      return Cancel(*row, change.reason, result);
    case Change::Action::kRequeue:
      Requeue(*row, change.delay, result);
      break;
    case Change::Action::kDiscard:
      Discard(*row, result);
      break;
  }
  return absl::OkStatus();
}

absl::Status Changer::Cancel(JobRow& row, const std::string& reason,
                             absl::StatusOr<JobState>& result) {
  result = row.state;
  const bool running = row.state == JobState::kRunning;
  if (row.state == JobState::kCancelled || (running && row.Has(kCancelRequested))) {
    return absl::OkStatus();
  }
  if (!NextState(row.state, Transition::kCancel)) {
    result = NotPossible(row, "cancelled");
    return absl::OkStatus();
  }
  if (!reason.empty()) {
    rows_.AddError(row, {row.attempt, context_.now(), absl::StatusCode::kCancelled, reason});
  }
  if (running) {
    row.flags |= kCancelRequested;
    row.changed = true;
    context_.AddEvent(EventType::kCancelRequested, row.job, row.fence);
    return absl::OkStatus();
  }
  result = JobState::kCancelled;
  return finisher_.End(row, Transition::kCancel, "");
}

void Changer::Requeue(JobRow& row, absl::Duration delay, absl::StatusOr<JobState>& result) {
  const std::optional<JobState> to = NextState(row.state, Transition::kRequeue);
  if (!to) {
    result = NotPossible(row, "requeued");
    return;
  }
  rows_.DropOutput(row);
  rows_.Move(row, *to);
  row.flags &= ~kCancelRequested;
  row.transition.reset();
  row.attempt = 0;
  row.crashes = 0;
  ++row.generation;
  ++row.fence;
  row.run_at = context_.In(delay);
  row.progress.reset();
  row.note.clear();
  row.error_group.clear();
  context_.AddEvent(EventType::kRequeued, row.job, row.fence);
  context_.hint().work = true;
  result = row.state;
}

void Changer::Discard(JobRow& row, absl::StatusOr<JobState>& result) {
  result = row.state;
  if (row.state != JobState::kDead) {
    result = NotPossible(row, "discarded");
    return;
  }
  context_.AddEvent(EventType::kDiscarded, row.job, row.fence);
  rows_.Delete(row);
}

}  // namespace outlive::postgres
