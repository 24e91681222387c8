#include "store/postgres/maintenance.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <utility>

#include "core/return_if_error.h"
#include "outlive/core/store_rules.h"
#include "store/postgres/flags.h"

namespace outlive::postgres {

// -- Sessions ---------------------------------------------------------------------------------

absl::Status Maintainer::OpenSession(const std::string& session, absl::Duration lease) {
  OUTLIVE_RETURN_IF_ERROR(ValidateSession(session, lease));
  Query query{.name = "maintenance/open_session"};
  query.params.Text(session).Int(context_.In(lease));
  const absl::StatusOr<Rows> rows = context_.session().RunOne(query);
  OUTLIVE_RETURN_IF_ERROR(rows.status());
  if (rows->size() == 1) return absl::OkStatus();
  return absl::AlreadyExistsError("the session's name is in use");
}

absl::Status Maintainer::RenewSession(const std::string& session, absl::Duration lease) {
  OUTLIVE_RETURN_IF_ERROR(ValidateSession(session, lease));
  Query query{.name = "maintenance/renew_session"};
  query.params.Text(session).Int(context_.In(lease)).Int(context_.now_micros());
  const absl::StatusOr<Rows> rows = context_.session().RunOne(query);
  OUTLIVE_RETURN_IF_ERROR(rows.status());
  if (rows->size() == 1) return absl::OkStatus();
  return absl::AbortedError("the session has expired, or was never opened");
}

absl::Status Maintainer::CloseSession(const std::string& session) {
  if (!ValidateName("session", session).ok()) return absl::OkStatus();  // Nobody has it.
  Query query{.name = "maintenance/close_session"};
  query.params.Text(session).Int(context_.now_micros());
  return context_.session().RunOne(query).status();
}

// -- Rescue -----------------------------------------------------------------------------------

absl::StatusOr<std::vector<Rescued>> Maintainer::Rescue(const RescueRequest& request) {
  OUTLIVE_RETURN_IF_ERROR(ValidateRescueRequest(request));
  std::vector<Rescued> rescued;
  Query expired{.name = "maintenance/expired_sessions"};
  expired.params.Int(context_.now_micros());
  const absl::StatusOr<Rows> sessions = context_.session().RunOne(expired);
  OUTLIVE_RETURN_IF_ERROR(sessions.status());
  if (sessions->size() == 0) return rescued;  // The usual case.
  expired_.clear();
  for (int row = 0; row < sessions->size(); ++row) expired_.push_back(sessions->Int(row, 0));
  Query lost{.name = "maintenance/lost_jobs"};
  lost.params.Add(Ints(expired_)).Int(request.job_count_max);
  const absl::StatusOr<Rows> rows = context_.session().RunOne(lost);
  OUTLIVE_RETURN_IF_ERROR(rows.status());
  std::vector<JobId> jobs;
  for (int row = 0; row < rows->size(); ++row) jobs.push_back(rows->Int(row, 0));
  OUTLIVE_RETURN_IF_ERROR(rows_.Load(jobs));
  for (const JobId job : jobs) {
    JobRow* const row = rows_.Find(job);
    if (row == nullptr) return absl::DataLossError("a running job is not in outlive.job");
    absl::StatusOr<Rescued> one = RescueOne(*row, request);
    OUTLIVE_RETURN_IF_ERROR(one.status());
    rescued.push_back(*std::move(one));
  }
  return rescued;
}

absl::StatusOr<Rescued> Maintainer::RescueOne(JobRow& row, const RescueRequest& request) {
  const Transition by = LossTransition(Transition::kRescue, row.crashes + 1,
                                       request.crash_count_max, row.Has(kCancelRequested));
  rows_.AddError(row, LostError(row.attempt, context_.now()));
  ++row.crashes;
  ++row.fence;
  row.transition.reset();
  if (by == Transition::kRescue) row.run_at = context_.In(request.delay);
  OUTLIVE_RETURN_IF_ERROR(finisher_.End(row, by, ""));
  return Rescued{row.job, row.kind, row.queue, row.attempt, row.state};
}

std::vector<Query> Maintainer::Take() {
  std::vector<Query> queries;
  if (expired_.empty()) return queries;
  queries.push_back({.name = "maintenance/delete_sessions"});
  queries.back().params.Add(Ints(std::exchange(expired_, {})));
  return queries;
}

// -- Prune ------------------------------------------------------------------------------------

absl::StatusOr<PruneResult> Maintainer::Prune(const PruneRequest& request) {
  OUTLIVE_RETURN_IF_ERROR(ValidatePruneRequest(request));
  Partitions partitions(context_);
  const absl::StatusOr<bool> has_turn = partitions.Look(request);
  OUTLIVE_RETURN_IF_ERROR(has_turn.status());
  if (!*has_turn) return PruneResult{};
  // What locks everybody out is the only thing that its transaction does.
  const absl::StatusOr<bool> made = partitions.MakeNext();
  OUTLIVE_RETURN_IF_ERROR(made.status());
  if (*made) return PruneResult{.more = true};
  const absl::StatusOr<std::optional<int>> dropped = partitions.DropOne();
  OUTLIVE_RETURN_IF_ERROR(dropped.status());
  if (*dropped) return PruneResult{.job_count = **dropped, .more = true};

  const absl::StatusOr<int> jobs = PruneJobs(request, partitions);
  OUTLIVE_RETURN_IF_ERROR(jobs.status());
  const absl::StatusOr<int> keys = PruneKeys(request.row_count_max);
  OUTLIVE_RETURN_IF_ERROR(keys.status());
  const absl::StatusOr<int> events = PruneEvents(request.keep_completed, request.row_count_max);
  OUTLIVE_RETURN_IF_ERROR(events.status());
  OUTLIVE_RETURN_IF_ERROR(context_.session().RunOne({.name = "transaction/fold_counts"}).status());
  return PruneResult{*jobs, *keys, *events,
                     std::max({*jobs, *keys, *events}) == request.row_count_max};
}

absl::StatusOr<int> Maintainer::PruneJobs(const PruneRequest& request, Partitions& partitions) {
  const absl::StatusOr<std::vector<JobId>> oldest = partitions.OldestEnded(request.row_count_max);
  OUTLIVE_RETURN_IF_ERROR(oldest.status());
  Query query{.name = "partitions/take_ended"};
  query.params.Add(Ints(*oldest));
  for (const absl::Duration keep :
       {request.keep_completed, request.keep_cancelled, request.keep_dead}) {
    query.params.Int(absl::ToUnixMicros(context_.now() - keep));
  }
  const absl::StatusOr<Rows> rows = context_.session().RunOne(query);
  OUTLIVE_RETURN_IF_ERROR(rows.status());
  std::vector<DeletedJob> jobs;
  for (int row = 0; row < rows->size(); ++row) {
    jobs.push_back({rows->Int(row, 0), rows->Small(row, 3)});
    context_.Count(rows->Small(row, 1), static_cast<JobState>(rows->Int(row, 2)), -1);
  }
  std::vector<Query> queries;
  AddDeletes(jobs, queries);
  if (!queries.empty()) OUTLIVE_RETURN_IF_ERROR(context_.session().Run(queries).status());
  return rows->size();
}

absl::StatusOr<int> Maintainer::PruneKeys(int row_count_max) {
  Query query{.name = "maintenance/delete_keys"};
  query.params.Int(context_.now_micros()).Int(row_count_max);
  const absl::StatusOr<Rows> rows = context_.session().RunOne(query);
  OUTLIVE_RETURN_IF_ERROR(rows.status());
  return rows->size();
}

// Whole rows of the log, and a part of the one at which the limit is reached. The newest row stays,
// if only to say what the next entry's number is.
absl::StatusOr<int> Maintainer::PruneEvents(absl::Duration keep, int row_count_max) {
  Query oldest{.name = "maintenance/old_batches"};
  oldest.params.Int(std::int64_t{row_count_max} + 1);
  const absl::StatusOr<Rows> rows = context_.session().RunOne(oldest);
  OUTLIVE_RETURN_IF_ERROR(rows.status());
  std::vector<std::int64_t> whole;
  std::vector<Query> queries(1, Query{.name = "maintenance/delete_batches"});
  int count = 0;
  for (int row = 0; row < rows->size() && count < row_count_max; ++row) {
    if (rows->Time(row, 1) > context_.now() - keep) break;
    const int entries = rows->Small(row, 2);
    const int gone = std::min(entries, row_count_max - count);
    const bool newest = rows->Int(row, 3) != 0;
    if (gone == entries && !newest) {
      whole.push_back(rows->Int(row, 0));
    } else if (gone > 0) {
      queries.push_back({.name = "maintenance/cut_batch"});
      queries.back().params.Int(rows->Int(row, 0)).Int(gone);
    }
    count += gone;
  }
  queries[0].params.Add(Ints(whole));
  OUTLIVE_RETURN_IF_ERROR(context_.session().Run(queries).status());
  return count;
}

absl::Status Maintainer::SetQueue(const QueueSettings& settings) {
  OUTLIVE_RETURN_IF_ERROR(ValidateName("queue", settings.queue));
  Query query{.name = "maintenance/set_queue"};
  query.params.Text(settings.queue).Int(settings.paused ? 1 : 0);
  if (!settings.paused) context_.hint().work = true;
  return context_.session().RunOne(query).status();
}

}  // namespace outlive::postgres
