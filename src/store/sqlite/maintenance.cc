#include "store/sqlite/maintenance.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "core/return_if_error.h"
#include "outlive/core/lifecycle.h"
#include "outlive/core/store_rules.h"
#include "store/sqlite/event_codec.h"

namespace outlive::sqlite {

// -- Sessions ---------------------------------------------------------------------------------

absl::Status Maintainer::OpenSession(const std::string& session, absl::Duration lease) {
  OUTLIVE_RETURN_IF_ERROR(ValidateSession(session, lease));
  context_.KeepTime();
  OUTLIVE_RETURN_IF_ERROR(add_session_.Run(session, ToStoreTime(context_.now() + lease)));
  if (add_session_.changes() == 1) return absl::OkStatus();
  return absl::AlreadyExistsError("the session's name is in use");
}

absl::Status Maintainer::RenewSession(const std::string& session, absl::Duration lease) {
  OUTLIVE_RETURN_IF_ERROR(ValidateSession(session, lease));
  context_.KeepTime();
  OUTLIVE_RETURN_IF_ERROR(
      renew_session_.Run(session, ToStoreTime(context_.now() + lease), context_.now()));
  if (renew_session_.changes() == 1) return absl::OkStatus();
  return absl::AbortedError("the session has expired, or was never opened");
}

absl::Status Maintainer::CloseSession(const std::string& session) {
  context_.KeepTime();
  return close_session_.Run(session, context_.now());
}

// -- Rescue -----------------------------------------------------------------------------------

absl::StatusOr<std::vector<Rescued>> Maintainer::Rescue(const RescueRequest& request) {
  OUTLIVE_RETURN_IF_ERROR(ValidateRescueRequest(request));
  std::vector<Rescued> rescued;
  {
    Rows expired = expired_session_.Query(context_.now());
    if (!expired.Next()) {  // The usual case.
      OUTLIVE_RETURN_IF_ERROR(expired.status());
      return rescued;
    }
  }
  absl::StatusOr<std::vector<LostJob>> lost = FindLostJobs(request.job_count_max);
  OUTLIVE_RETURN_IF_ERROR(lost.status());
  for (LostJob& job : *lost) {
    absl::StatusOr<Rescued> one = RescueOne(std::move(job), request);
    OUTLIVE_RETURN_IF_ERROR(one.status());
    rescued.push_back(*std::move(one));
  }
  OUTLIVE_RETURN_IF_ERROR(delete_sessions_.Run(context_.now()));
  return rescued;
}

absl::StatusOr<std::vector<Maintainer::LostJob>> Maintainer::FindLostJobs(int job_count_max) {
  std::vector<LostJob> lost;
  Rows rows = lost_jobs_.Query(context_.now(), job_count_max);
  while (rows.Next()) {
    LostJob job;
    job.running.job = rows.Int(0);
    job.running.lane = rows.Int(1);
    job.running.at.fence = rows.Int(2);
    job.running.at.attempt = rows.Count(3);
    job.running.at.started_at = rows.Int(4);
    job.running.at.flags = rows.Int(5);
    job.running.cancel_requested = rows.Int(6) != 0;
    job.running.at.progress = rows.OptionalReal(7);
    job.running.at.note = rows.Text(8);
    job.crashes = rows.Count(9) + 1;
    lost.push_back(std::move(job));
  }
  OUTLIVE_RETURN_IF_ERROR(rows.status());
  return lost;
}

absl::StatusOr<Rescued> Maintainer::RescueOne(LostJob lost, const RescueRequest& request) {
  RunningJob& running = lost.running;
  JobProgress& at = running.at;
  const Transition by = LossTransition(Transition::kRescue, lost.crashes, request.crash_count_max,
                                       running.cancel_requested);
  OUTLIVE_RETURN_IF_ERROR(rows_.LeaveRunning(running));
  OUTLIVE_RETURN_IF_ERROR(rows_.AddError(
      running.job, LostError(static_cast<int>(at.attempt), context_.now()), at.flags));
  at.fence = Next(at.fence);
  if (by == Transition::kRescue) {
    OUTLIVE_RETURN_IF_ERROR(
        rows_.PutBack(running, at, by, ToStoreTime(context_.now() + request.delay), 1));
  } else {
    OUTLIVE_RETURN_IF_ERROR(rows_.AddCrash(running.job).status());
    OUTLIVE_RETURN_IF_ERROR(finisher_.End(running.job, running.lane, by, at, std::nullopt, ""));
  }
  absl::StatusOr<LaneNames> names = context_.catalog().NamesOf(running.lane);
  OUTLIVE_RETURN_IF_ERROR(names.status());
  return Rescued{running.job, std::move(names->kind), std::move(names->queue),
                 static_cast<int>(at.attempt), NextState(JobState::kRunning, by).value()};
}

// -- Prune ------------------------------------------------------------------------------------

absl::StatusOr<PruneResult> Maintainer::Prune(const PruneRequest& request) {
  OUTLIVE_RETURN_IF_ERROR(ValidatePruneRequest(request));
  const absl::StatusOr<int> jobs = PruneJobs(request);
  OUTLIVE_RETURN_IF_ERROR(jobs.status());
  const absl::StatusOr<int> keys = PruneKeys(request.row_count_max);
  OUTLIVE_RETURN_IF_ERROR(keys.status());
  const absl::StatusOr<int> events = PruneEvents(request.keep_completed, request.row_count_max);
  OUTLIVE_RETURN_IF_ERROR(events.status());
  return PruneResult{*jobs, *keys, *events,
                     std::max({*jobs, *keys, *events}) == request.row_count_max};
}

absl::StatusOr<int> Maintainer::PruneJobs(const PruneRequest& request) {
  std::vector<EndedJob> oldest;
  const int count_max = request.row_count_max;
  OUTLIVE_RETURN_IF_ERROR(AddOldestCompleted(request.keep_completed, count_max, oldest));
  OUTLIVE_RETURN_IF_ERROR(
      AddOldest(JobState::kCancelled, request.keep_cancelled, count_max, oldest));
  OUTLIVE_RETURN_IF_ERROR(AddOldest(JobState::kDead, request.keep_dead, count_max, oldest));
  std::sort(oldest.begin(), oldest.end(), [](const EndedJob& a, const EndedJob& b) {
    return std::tie(a.ended_at, a.job) < std::tie(b.ended_at, b.job);
  });
  if (oldest.size() > static_cast<std::size_t>(count_max)) {
    oldest.resize(static_cast<std::size_t>(count_max));
  }
  for (const EndedJob& job : oldest) {
    OUTLIVE_RETURN_IF_ERROR(rows_.DeleteEnded(job.job, job.lane, job.state, job.flags));
  }
  return static_cast<int>(oldest.size());
}

absl::Status Maintainer::AddOldest(JobState state, absl::Duration keep, int row_count_max,
                                   std::vector<EndedJob>& oldest) {
  if (keep == absl::InfiniteDuration()) return absl::OkStatus();
  Rows rows = oldest_ended_.Query(static_cast<int>(state), context_.now() - keep, row_count_max);
  while (rows.Next()) {
    oldest.push_back({rows.Time(2), rows.Int(0), rows.Int(1), state, rows.Int(3)});
  }
  return rows.status();
}

// Goes through the rows of outlive_completed_batch from the oldest on. Those with nothing in them
// any more are deleted on the way, so that each is read once or gives a job.
absl::Status Maintainer::AddOldestCompleted(absl::Duration keep, int row_count_max,
                                            std::vector<EndedJob>& oldest) {
  if (keep == absl::InfiniteDuration()) return absl::OkStatus();
  const absl::Time until = context_.now() - keep;
  std::int64_t number = 0;
  while (oldest.size() < static_cast<std::size_t>(row_count_max)) {
    Rows batch = next_completed_batch_.Query(number);
    if (!batch.Next() || batch.Time(1) > until) return batch.status();
    number = batch.Int(0);
    const std::size_t before = oldest.size();
    Rows jobs = still_completed_.Query(batch.Text(2), batch.Int(1));
    while (jobs.Next()) {
      oldest.push_back(
          {batch.Time(1), jobs.Int(0), jobs.Int(1), JobState::kCompleted, jobs.Int(2)});
    }
    OUTLIVE_RETURN_IF_ERROR(jobs.status());
    if (oldest.size() == before) OUTLIVE_RETURN_IF_ERROR(delete_completed_batch_.Run(number));
  }
  return absl::OkStatus();
}

absl::StatusOr<int> Maintainer::PruneKeys(int row_count_max) {
  OUTLIVE_RETURN_IF_ERROR(delete_keys_.Run(context_.now(), row_count_max));
  return static_cast<int>(delete_keys_.changes());
}

absl::StatusOr<int> Maintainer::PruneEvents(absl::Duration keep, int row_count_max) {
  int count = 0;
  if (keep == absl::InfiniteDuration()) return count;
  while (count < row_count_max) {
    const absl::StatusOr<int> pruned = PruneBatch(context_.now() - keep, row_count_max - count);
    OUTLIVE_RETURN_IF_ERROR(pruned.status());
    if (*pruned == 0) break;
    count += *pruned;
  }
  return count;
}

absl::StatusOr<int> Maintainer::PruneBatch(absl::Time until, int count_max) {
  std::int64_t seq = 0;
  std::int64_t at = 0;
  std::int64_t last_job = 0;
  std::vector<EventEntry> entries;
  bool newest = false;
  {
    Rows rows = oldest_batch_.Query();
    if (!rows.Next() || rows.Time(1) > until || rows.Int(2) == 0) {
      OUTLIVE_RETURN_IF_ERROR(rows.status());
      return 0;
    }
    seq = rows.Int(0);
    at = rows.Int(1);
    last_job = rows.Int(3);
    OUTLIVE_RETURN_IF_ERROR(CheckNumber(seq));
    OUTLIVE_RETURN_IF_ERROR(DecodeEntries(rows.Text(4), entries));
    newest = !rows.Next();
    OUTLIVE_RETURN_IF_ERROR(rows.status());
  }
  const std::size_t gone = std::min(entries.size(), static_cast<std::size_t>(count_max));
  OUTLIVE_RETURN_IF_ERROR(delete_batch_.Run(seq));
  if (gone < entries.size() || newest) {
    std::string left;
    for (std::size_t i = gone; i < entries.size(); ++i) AppendEntry(left, entries[i]);
    CloseEntries(left);
    OUTLIVE_RETURN_IF_ERROR(add_batch_.Run(seq + static_cast<std::int64_t>(gone), at,
                                           entries.size() - gone, last_job, left));
  }
  return static_cast<int>(gone);
}

}  // namespace outlive::sqlite
