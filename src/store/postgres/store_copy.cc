#include "store/postgres/store_copy.h"

#include <absl/strings/str_split.h>
#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/return_if_error.h"
#include "outlive/core/payloads.h"
#include "store/postgres/artifact_row.h"
#include "store/postgres/copied_rows.h"
#include "store/postgres/flags.h"
#include "store/postgres/partitions.h"

namespace outlive::postgres {
namespace {

constexpr std::string_view kFrozenName = "frozen";
constexpr std::string_view kCopyOfName = "copy_of";

Query SetMeta(std::string_view name, std::string_view value) {
  Query query{.name = "copy/set_meta"};
  query.params.Text(name).Text(value);
  return query;
}

Query DeleteMeta(std::string_view name) {
  Query query{.name = "copy/delete_meta"};
  query.params.Text(name);
  return query;
}

// Columns of the statement "jobs".
StoredJob ReadJob(const Rows& rows, int row) {
  StoredJob stored;
  Job& job = stored.job;
  job.id = rows.Int(row, 0);
  job.queue = rows.String(row, 1);
  job.kind = rows.String(row, 2);
  job.priority = rows.Small(row, 3);
  job.run_at = rows.Time(row, 4);
  job.created_at = rows.Time(row, 5);
  job.attempt_count_max = rows.Small(row, 6);
  job.crashes = rows.Small(row, 7);
  job.generation = rows.Small(row, 8);
  job.idempotency_key = rows.String(row, 9);
  job.partition_key = rows.String(row, 10);
  job.traceparent = rows.String(row, 11);
  if (!rows.IsNull(row, 12)) {
    const std::string_view tags = rows.Text(row, 12);
    job.tags = absl::StrSplit(absl::string_view(tags.data(), tags.size()), ' ');
  }
  job.retry_policy = rows.String(row, 13);
  job.args = rows.String(row, 14);
  job.state = static_cast<JobState>(rows.Small(row, 15));
  if (!rows.IsNull(row, 16)) job.ended_at = rows.Time(row, 16);
  job.attempt = rows.Small(row, 17);
  job.fence = rows.Int(row, 18);
  job.cancel_requested = (rows.Small(row, 19) & kCancelRequested) != 0;
  if (!rows.IsNull(row, 20)) job.started_at = rows.Time(row, 20);
  job.progress = rows.Real(row, 21);
  job.progress_note = rows.String(row, 22);
  if (!rows.IsNull(row, 23)) stored.last_end = static_cast<Transition>(rows.Small(row, 23));
  job.session = rows.String(row, 24);
  stored.follow_ups = rows.String(row, 25);
  job.checkpoint = rows.String(row, 26);
  job.output = rows.String(row, 27);
  return stored;
}

// Rows of other tables come in the jobs' order.
StoredJob* FindJob(std::vector<StoredJob>& jobs, JobId id) {
  const auto found = std::lower_bound(
      jobs.begin(), jobs.end(), id,
      [](const StoredJob& stored, JobId wanted) { return stored.job.id < wanted; });
  return found == jobs.end() || found->job.id != id ? nullptr : &*found;
}

}  // namespace

absl::Status PostgresCopy::Begin() {
  OUTLIVE_RETURN_IF_ERROR(writer_.TakeTurn(timeout_));
  writer_.IgnoreMove();
  absl::Status status = writer_.Begin();
  if (!status.ok()) writer_.Rollback();
  return status;
}

absl::Status PostgresCopy::Reading(absl::FunctionRef<absl::Status()> call) {
  OUTLIVE_RETURN_IF_ERROR(Begin());
  absl::Status status = call();
  writer_.Rollback();
  return status;
}

absl::Status PostgresCopy::Writing(absl::FunctionRef<absl::Status()> call) {
  OUTLIVE_RETURN_IF_ERROR(Begin());
  absl::Status status = call();
  if (!status.ok()) {
    writer_.Rollback();
    return status;
  }
  WakeHint hint;
  return writer_.Commit(hint);
}

// -- The source -------------------------------------------------------------------------------

absl::Status PostgresCopy::Freeze(bool frozen) {
  return Writing([&]() -> absl::Status {
    // What hosts' transactions have left for the log gets there now.
    const std::vector<Query> queries = {
        {.name = "copy/lock_meta"},
        frozen ? SetMeta(kFrozenName, "1") : DeleteMeta(kFrozenName),
        context().LogLock(),
        {.name = "transaction/move_inbox"},
    };
    return context().session().Run(queries).status();
  });
}

absl::StatusOr<StoreState> PostgresCopy::State() {
  StoreState state;
  OUTLIVE_RETURN_IF_ERROR(Reading([&] { return ReadState(state); }));
  return state;
}

absl::Status PostgresCopy::ReadState(StoreState& state) {
  const std::vector<Query> queries = {{.name = "copy/state"}, {.name = "copy/queues"}};
  const absl::StatusOr<std::vector<Rows>> rows = context().session().Run(queries);
  OUTLIVE_RETURN_IF_ERROR(rows.status());
  const Rows& whole = rows->at(0);
  state.store_id = whole.String(0, 0);
  state.last_event = whole.Int(0, 1);
  state.last_job = whole.Int(0, 2);
  state.now = context().now();
  const Rows& queues = rows->at(1);
  for (int row = 0; row < queues.size(); ++row) {
    state.queues.push_back({queues.String(row, 0), queues.Int(row, 1) != 0});
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<StoredJob>> PostgresCopy::Jobs(JobId after, int count_max) {
  std::vector<StoredJob> jobs;
  OUTLIVE_RETURN_IF_ERROR(Reading([&] { return ReadJobs(after, count_max, jobs); }));
  return jobs;
}

absl::Status PostgresCopy::ReadJobs(JobId after, int count_max, std::vector<StoredJob>& jobs) {
  Query query{.name = "copy/jobs"};
  query.params.Int(after).Int(count_max).Int(static_cast<std::int64_t>(kReencryptBytesMax));
  const absl::StatusOr<Rows> rows = context().session().RunOne(query);
  OUTLIVE_RETURN_IF_ERROR(rows.status());
  for (int row = 0; row < rows->size(); ++row) {
    if (rows->IsNull(row, 15)) {
      return absl::DataLossError(fmt::format("job {} has no state", rows->Int(row, 0)));
    }
    jobs.push_back(ReadJob(*rows, row));
  }
  return ReadHistories(jobs);
}

absl::Status PostgresCopy::ReadHistories(std::vector<StoredJob>& jobs) {
  if (jobs.empty()) return absl::OkStatus();
  std::vector<std::int64_t> ids;
  for (const StoredJob& stored : jobs) ids.push_back(stored.job.id);
  std::vector<Query> queries = {{.name = "copy/errors"}, {.name = "copy/artifacts"}};
  for (Query& query : queries) query.params.Add(Ints(ids));
  const absl::StatusOr<std::vector<Rows>> rows = context().session().Run(queries);
  OUTLIVE_RETURN_IF_ERROR(rows.status());
  const Rows& errors = rows->at(0);
  for (int row = 0; row < errors.size(); ++row) {
    StoredJob* const stored = FindJob(jobs, errors.Int(row, 0));
    if (stored == nullptr) continue;
    stored->job.errors.push_back({errors.Small(row, 1), errors.Time(row, 2),
                                  static_cast<absl::StatusCode>(errors.Small(row, 3)),
                                  errors.String(row, 4)});
  }
  const Rows& artifacts = rows->at(1);
  for (int row = 0; row < artifacts.size(); ++row) {
    StoredJob* const stored = FindJob(jobs, artifacts.Int(row, 1));
    if (stored != nullptr) stored->job.artifacts.push_back(ReadArtifact(artifacts, row));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<StoredKey>> PostgresCopy::Keys(const std::optional<Fingerprint>& after,
                                                          int count_max) {
  std::vector<StoredKey> keys;
  const absl::Status status = Reading([&]() -> absl::Status {
    Array from(Element::kUuid);
    if (after) from.AddUuid(*after);
    Query query{.name = "copy/keys"};
    query.params.Add(std::move(from)).Int(count_max);
    const absl::StatusOr<Rows> rows = context().session().RunOne(query);
    OUTLIVE_RETURN_IF_ERROR(rows.status());
    for (int row = 0; row < rows->size(); ++row) {
      keys.push_back(
          {rows->Uuid(row, 0), rows->Uuid(row, 1), rows->Int(row, 2), rows->Time(row, 3)});
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return keys;
}

absl::StatusOr<std::vector<StoredSession>> PostgresCopy::Sessions() {
  std::vector<StoredSession> sessions;
  const absl::Status status = Reading([&]() -> absl::Status {
    Query query{.name = "copy/sessions"};
    query.params.Int(context().now_micros());
    const absl::StatusOr<Rows> rows = context().session().RunOne(query);
    OUTLIVE_RETURN_IF_ERROR(rows.status());
    for (int row = 0; row < rows->size(); ++row) {
      sessions.push_back({rows->String(row, 0), rows->Time(row, 1)});
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return sessions;
}

// -- The target -------------------------------------------------------------------------------

absl::StatusOr<std::optional<Filling>> PostgresCopy::FindFilling() {
  std::optional<Filling> filling;
  OUTLIVE_RETURN_IF_ERROR(Reading([&] { return ReadFilling(filling); }));
  return filling;
}

absl::Status PostgresCopy::ReadFilling(std::optional<Filling>& filling) {
  const absl::StatusOr<Rows> rows = context().session().RunOne({.name = "copy/filling"});
  OUTLIVE_RETURN_IF_ERROR(rows.status());
  if (rows->IsNull(0, 0)) return absl::OkStatus();
  filling = Filling{
      .store_id = rows->String(0, 0), .last_job = rows->Int(0, 1), .last_event = rows->Int(0, 3)};
  if (!rows->IsNull(0, 2)) filling->last_key = rows->Uuid(0, 2);
  return absl::OkStatus();
}

absl::Status PostgresCopy::StartFilling(const std::string& source_id) {
  return Writing([&]() -> absl::Status {
    OUTLIVE_RETURN_IF_ERROR(context().session().RunOne({.name = "copy/lock_meta"}).status());
    StoreState state;
    OUTLIVE_RETURN_IF_ERROR(ReadState(state));
    if (state.last_job != 0 || state.last_event != 0) {
      return absl::FailedPreconditionError("the store has, or had, jobs of its own");
    }
    return context().session().RunOne(SetMeta(kCopyOfName, source_id)).status();
  });
}

absl::Status PostgresCopy::Fill(const StoreRows& rows) {
  std::vector<NewJob> names;
  for (const StoredJob& stored : rows.jobs) {
    NewJob job;
    job.queue = stored.job.queue;
    job.kind = stored.job.kind;
    names.push_back(std::move(job));
  }
  std::vector<const NewJob*> pointers;
  for (const NewJob& job : names) pointers.push_back(&job);
  return Writing([&]() -> absl::Status {
    std::optional<Filling> filling;
    OUTLIVE_RETURN_IF_ERROR(ReadFilling(filling));
    if (!filling) return absl::FailedPreconditionError("the store is not being filled");
    const absl::StatusOr<std::vector<int>> lanes = context().lanes().LanesOf(pointers);
    OUTLIVE_RETURN_IF_ERROR(lanes.status());
    CopiedRows copied;
    for (const StoredSession& session : rows.sessions) copied.AddSession(session);
    for (std::size_t i = 0; i < rows.jobs.size(); ++i) {
      OUTLIVE_RETURN_IF_ERROR(copied.AddJob(rows.jobs[i], (*lanes)[i]));
      context().Count((*lanes)[i], rows.jobs[i].job.state, 1);
    }
    for (const StoredKey& key : rows.keys) copied.AddKey(key);
    std::vector<JobId> ids;
    for (const StoredJob& job : rows.jobs) ids.push_back(job.job.id);
    OUTLIVE_RETURN_IF_ERROR(CoverIds(context().session(), ids));
    std::vector<Query> queries = copied.Take();
    if (!rows.events.empty() && filling->last_event != 0 &&
        rows.events.front().seq != filling->last_event + 1) {
      return absl::UnimplementedError("the log of a schema has no gaps");
    }
    OUTLIVE_RETURN_IF_ERROR(AddBatches(rows.events, queries));
    return queries.empty() ? absl::OkStatus() : context().session().Run(queries).status();
  });
}

// A row for entries that follow one another and are of one moment.
absl::Status PostgresCopy::AddBatches(const std::vector<Event>& events,
                                      std::vector<Query>& queries) {
  for (std::size_t begin = 0; begin < events.size();) {
    Array types(Element::kSmallint);
    Array jobs(Element::kBigint);
    Array fences(Element::kBigint);
    std::size_t end = begin;
    for (; end < events.size() && events[end].at == events[begin].at; ++end) {
      const Event& event = events[end];
      if (event.seq != events.front().seq + static_cast<std::int64_t>(end)) {
        return absl::UnimplementedError("the log of a schema has no gaps");
      }
      types.AddSmall(static_cast<std::int16_t>(event.type));
      jobs.AddInt(event.job_id);
      fences.AddInt(event.fence);
    }
    queries.push_back(Batch(events[begin].seq, events[begin].at,
                            static_cast<std::int64_t>(end - begin), std::move(types),
                            std::move(jobs), std::move(fences)));
    begin = end;
  }
  return absl::OkStatus();
}

Query PostgresCopy::Batch(std::int64_t seq, absl::Time at, std::int64_t count, Array types,
                          Array jobs, Array fences) {
  Query query{.name = "copy/add_batch"};
  query.params.Int(seq)
      .Int(absl::ToUnixMicros(at))
      .Int(count)
      .Add(std::move(types))
      .Add(std::move(jobs))
      .Add(std::move(fences));
  return query;
}

absl::Status PostgresCopy::FinishFilling(const StoreState& source) {
  OUTLIVE_RETURN_IF_ERROR(Writing([&] { return Adopt(source); }));
  stale_ = true;
  return absl::OkStatus();
}

absl::Status PostgresCopy::Adopt(const StoreState& source) {
  std::optional<Filling> filling;
  OUTLIVE_RETURN_IF_ERROR(ReadFilling(filling));
  if (!filling) return absl::FailedPreconditionError("the store is not being filled");
  std::vector<Query> queries;
  for (const QueueSettings& queue : source.queues) {
    Query query{.name = "maintenance/set_queue"};
    query.params.Text(queue.queue).Int(queue.paused ? 1 : 0);
    queries.push_back(std::move(query));
  }
  if (filling->last_event < source.last_event) {  // Its log was pruned to the end.
    queries.push_back(Batch(source.last_event, source.now, 1, Array(Element::kSmallint),
                            Array(Element::kBigint), Array(Element::kBigint)));
  }
  if (source.last_job > 0) {
    Query query{.name = "copy/adopt_last_job"};
    query.params.Int(source.last_job);
    queries.push_back(std::move(query));
  }
  queries.push_back(SetMeta("store_id", source.store_id));
  queries.push_back(DeleteMeta(kCopyOfName));
  return context().session().Run(queries).status();
}

}  // namespace outlive::postgres
