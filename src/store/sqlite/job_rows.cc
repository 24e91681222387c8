#include "store/sqlite/job_rows.h"

#include <absl/strings/str_cat.h>
#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>
#include <fmt/format.h>

#include "core/return_if_error.h"
#include "outlive/core/limits.h"
#include "outlive/core/log.h"
#include "outlive/core/store_rules.h"
#include "store/sqlite/flags.h"

namespace outlive::sqlite {
namespace {

std::string JsonArray(const std::vector<JobId>& jobs) {
  return absl::StrCat("[", absl::StrJoin(jobs, ","), "]");
}

}  // namespace

absl::StatusOr<std::optional<RunningJob>> JobRows::FindRunning(JobId job) {
  Rows rows = running_.Query(job);
  if (!rows.Next()) {
    OUTLIVE_RETURN_IF_ERROR(rows.status());
    return std::nullopt;
  }
  RunningJob running;
  running.job = job;
  running.lane = rows.Int(0);
  running.at.fence = rows.Int(1);
  running.at.attempt = rows.Count(2);
  running.at.started_at = rows.Int(3);
  running.at.flags = rows.Int(4);
  running.cancel_requested = rows.Int(5) != 0;
  running.at.progress = rows.OptionalReal(6);
  running.at.note = rows.Text(7);
  return running;
}

absl::StatusOr<std::vector<JobRows::RunningBrief>> JobRows::FindRunning(
    const std::vector<JobId>& jobs) {
  std::vector<RunningBrief> found;
  found.reserve(jobs.size());
  const std::string ids = JsonArray(jobs);
  Rows rows = running_of_.Query(ids);
  while (rows.Next()) found.push_back({rows.Int(0), rows.Int(1), rows.Int(2), rows.Int(3)});
  OUTLIVE_RETURN_IF_ERROR(rows.status());
  return found;
}

absl::Status JobRows::Complete(const std::vector<JobId>& jobs) {
  const std::string ids = JsonArray(jobs);
  const auto count = static_cast<std::int64_t>(jobs.size());
  OUTLIVE_RETURN_IF_ERROR(
      add_completed_.Run(ids, context_.now(), static_cast<int>(Transition::kComplete)));
  const bool all_added = add_completed_.changes() == count;
  OUTLIVE_RETURN_IF_ERROR(delete_completed_.Run(ids));
  if (!all_added || delete_completed_.changes() != count) {
    return absl::DataLossError("outlive_running has changed within a statement");
  }
  return absl::OkStatus();
}

absl::Status JobRows::AddPending(JobId job, LaneId lane, std::int64_t priority,
                                 std::int64_t run_at) {
  OUTLIVE_RETURN_IF_ERROR(add_pending_.Run(lane, priority, run_at, job));
  context_.Count(lane, JobState::kPending, 1);
  return absl::OkStatus();
}

absl::Status JobRows::DeletePending(JobId job, LaneId lane, std::int64_t priority,
                                    std::int64_t run_at) {
  OUTLIVE_RETURN_IF_ERROR(delete_pending_.Run(lane, priority, run_at, job));
  if (delete_pending_.changes() != 1) {
    return absl::DataLossError(fmt::format("job {} is not in outlive_pending", job));
  }
  context_.Count(lane, JobState::kPending, -1);
  return absl::OkStatus();
}

absl::Status JobRows::LeaveRunning(const RunningJob& running) {
  OUTLIVE_RETURN_IF_ERROR(delete_running_.Run(running.job));
  context_.Count(running.lane, JobState::kRunning, -1);
  return absl::OkStatus();
}

absl::Status JobRows::PutBack(const RunningJob& from, const JobProgress& at, Transition transition,
                              std::optional<absl::Time> run_at, int crashes) {
  std::int64_t priority = 0;
  std::int64_t due = 0;
  {
    Rows rows = rest_job_.Query(from.job, run_at, at.attempt, crashes, at.fence, at.flags,
                                static_cast<int>(transition), at.started_at, at.progress,
                                TextOrNull{at.note});
    if (!rows.Next()) {
      OUTLIVE_RETURN_IF_ERROR(rows.status());
      return absl::DataLossError(fmt::format("running job {} is not in outlive_job", from.job));
    }
    priority = rows.Int(0);
    due = rows.Int(1);
    OUTLIVE_RETURN_IF_ERROR(rows.Drain());
  }
  OUTLIVE_RETURN_IF_ERROR(AddPending(from.job, from.lane, priority, due));
  context_.AddEvent(EventOf(transition), from.job, at.fence);
  return absl::OkStatus();
}

absl::Status JobRows::End(JobId job, LaneId lane, JobState state, const JobProgress& at,
                          std::optional<std::int64_t> transition) {
  std::string group;
  if (state == JobState::kDead) {
    absl::StatusOr<std::string> found = ErrorGroup(job, lane, at.flags);
    OUTLIVE_RETURN_IF_ERROR(found.status());
    group = *std::move(found);
  }
  OUTLIVE_RETURN_IF_ERROR(add_ended_.Run(job, lane, static_cast<int>(state), context_.now(),
                                         at.fence, at.attempt, at.started_at, at.flags, transition,
                                         at.progress, TextOrNull{at.note}, TextOrNull{group}));
  context_.Count(lane, state, 1);
  if (state == JobState::kCompleted) context_.AddCompleted(job);
  return absl::OkStatus();
}

absl::StatusOr<std::string> JobRows::ErrorGroup(JobId job, LaneId lane, std::int64_t flags) {
  const absl::StatusOr<LaneNames> names = context_.catalog().NamesOf(lane);
  OUTLIVE_RETURN_IF_ERROR(names.status());
  std::vector<AttemptError> errors;
  if ((flags & kHasErrors) != 0) {
    absl::StatusOr<std::optional<AttemptError>> last = LastError(job);
    OUTLIVE_RETURN_IF_ERROR(last.status());
    if (last->has_value()) errors.push_back(**std::move(last));
  }
  return ErrorGroupKey(names->kind, errors);
}

absl::StatusOr<std::optional<AttemptError>> JobRows::LastError(JobId job) {
  Rows rows = last_error_.Query(job);
  if (!rows.Next()) {
    OUTLIVE_RETURN_IF_ERROR(rows.status());
    return std::nullopt;
  }
  return AttemptError{rows.Count(1), rows.Time(2), static_cast<absl::StatusCode>(rows.Int(3)),
                      std::string(rows.Text(4))};
}

absl::StatusOr<absl::StatusOr<std::vector<NewJob>>> JobRows::FollowUpsOf(JobId job, LaneId lane,
                                                                         JobState state,
                                                                         const JobProgress& at,
                                                                         std::string_view output) {
  using Answer = absl::StatusOr<std::vector<NewJob>>;
  if ((at.flags & kHasFollowUps) == 0) return Answer(std::vector<NewJob>());
  absl::StatusOr<LaneNames> names = context_.catalog().NamesOf(lane);
  OUTLIVE_RETURN_IF_ERROR(names.status());
  absl::StatusOr<std::optional<AttemptError>> error = LastError(job);
  OUTLIVE_RETURN_IF_ERROR(error.status());
  Job ended;
  ended.id = job;
  ended.kind = std::move(names->kind);
  ended.queue = std::move(names->queue);
  ended.state = state;
  ended.attempt = static_cast<int>(at.attempt);
  ended.fence = at.fence;
  ended.ended_at = context_.now();
  ended.output = output;
  if (error->has_value()) ended.errors.push_back(**std::move(error));
  Rows rows = follow_ups_.Query(job);
  if (!rows.Next()) {
    OUTLIVE_RETURN_IF_ERROR(rows.status());
    return Answer(absl::DataLossError("the job's follow-ups are gone"));
  }
  ended.generation = rows.Count(1);
  ended.traceparent = rows.Text(2);
  const absl::StatusOr<std::vector<FollowUp>> follow_ups =
      context_.payloads().OpenFollowUps(job, rows.Text(0));
  if (!follow_ups.ok()) return Answer(follow_ups.status());
  return Answer(FollowUpJobs(*follow_ups, ended));
}

absl::Status JobRows::AddError(JobId job, const AttemptError& error, std::int64_t& flags) {
  // The rules are outlive::AddError()'s, applied to rows.
  std::int64_t number = 1;
  {
    Rows rows = last_error_.Query(job);
    if (rows.Next()) number = Next(rows.Int(0));
    OUTLIVE_RETURN_IF_ERROR(rows.status());
  }
  OUTLIVE_RETURN_IF_ERROR(add_error_.Run(job, number, error.attempt, error.at,
                                         static_cast<int>(error.code),
                                         EscapeForLog(error.message)));
  flags |= kHasErrors;
  if (number <= static_cast<std::int64_t>(limits::kErrorCountMax)) return absl::OkStatus();
  std::size_t count = 0;
  {
    Rows rows = error_count_.Query(job);
    if (rows.Next()) count = static_cast<std::size_t>(rows.Int(0));
    OUTLIVE_RETURN_IF_ERROR(rows.status());
  }
  if (count <= limits::kErrorCountMax) return absl::OkStatus();
  return trim_errors_.Run(job, limits::kErrorCountMax / 2);
}

absl::Status JobRows::PutOutput(JobId job, std::string_view output, std::int64_t& flags) {
  if (output.empty()) return absl::OkStatus();
  flags |= kHasOutput;
  const absl::StatusOr<KeptPayload> kept =
      context_.payloads().Keep(job, PayloadField::kOutput, output);
  OUTLIVE_RETURN_IF_ERROR(kept.status());
  return put_output_.Run(job, Bytes{kept->bytes()});
}

absl::Status JobRows::Requeue(JobId job, LaneId lane, JobState from, JobProgress at,
                              absl::Time run_at) {
  OUTLIVE_RETURN_IF_ERROR(delete_ended_.Run(job));
  context_.Count(lane, from, -1);
  if ((at.flags & kHasOutput) != 0) OUTLIVE_RETURN_IF_ERROR(delete_output_.Run(job));
  at.flags &= ~(kHasOutput | kCancelRequested);
  at.fence = Next(at.fence);
  std::int64_t priority = 0;
  {
    Rows rows = requeue_job_.Query(job, run_at, at.fence, at.flags, at.started_at);
    if (!rows.Next()) {
      OUTLIVE_RETURN_IF_ERROR(rows.status());
      return absl::DataLossError(fmt::format("ended job {} is not in outlive_job", job));
    }
    priority = rows.Int(0);
    OUTLIVE_RETURN_IF_ERROR(rows.Drain());
  }
  OUTLIVE_RETURN_IF_ERROR(AddPending(job, lane, priority, absl::ToUnixMicros(run_at)));
  context_.AddEvent(EventType::kRequeued, job, at.fence);
  return absl::OkStatus();
}

absl::Status JobRows::DeleteEnded(JobId job, LaneId lane, JobState state, std::int64_t flags) {
  OUTLIVE_RETURN_IF_ERROR(delete_ended_.Run(job));
  if ((flags & kHasTags) != 0) OUTLIVE_RETURN_IF_ERROR(DeleteTags(job));
  if ((flags & kHasFollowUps) != 0) OUTLIVE_RETURN_IF_ERROR(delete_follow_ups_.Run(job));
  if ((flags & kHasErrors) != 0) OUTLIVE_RETURN_IF_ERROR(delete_errors_.Run(job));
  if ((flags & kHasCheckpoint) != 0) OUTLIVE_RETURN_IF_ERROR(delete_checkpoint_.Run(job));
  if ((flags & kHasOutput) != 0) OUTLIVE_RETURN_IF_ERROR(delete_output_.Run(job));
  if ((flags & kHasArtifacts) != 0) OUTLIVE_RETURN_IF_ERROR(delete_artifacts_.Run(job));
  OUTLIVE_RETURN_IF_ERROR(delete_job_.Run(job));
  context_.Count(lane, state, -1);
  return absl::OkStatus();
}

absl::Status JobRows::DeleteTags(JobId job) {
  std::string tags;
  {
    Rows rows = job_tags_.Query(job);
    if (rows.Next()) tags = rows.Text(0);
    OUTLIVE_RETURN_IF_ERROR(rows.status());
  }
  for (const absl::string_view tag : absl::StrSplit(tags, ' ')) {
    OUTLIVE_RETURN_IF_ERROR(delete_tag_.Run(std::string_view(tag.data(), tag.size()), job));
  }
  return absl::OkStatus();
}

absl::Status JobRows::DeleteBlocked(JobId job) { return delete_blocked_.Run(job); }

absl::StatusOr<int> JobRows::AddCrash(JobId job) {
  Rows rows = add_crash_.Query(job);
  if (!rows.Next()) {
    OUTLIVE_RETURN_IF_ERROR(rows.status());
    return absl::DataLossError(fmt::format("running job {} is not in outlive_job", job));
  }
  const int crashes = static_cast<int>(rows.Int(0));
  OUTLIVE_RETURN_IF_ERROR(rows.Drain());
  return crashes;
}

}  // namespace outlive::sqlite
