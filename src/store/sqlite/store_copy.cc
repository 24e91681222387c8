#include "store/sqlite/store_copy.h"

#include <absl/strings/str_join.h>
#include <absl/strings/str_split.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "core/return_if_error.h"
#include "outlive/core/limits.h"
#include "outlive/core/payloads.h"
#include "outlive/core/store_rules.h"
#include "store/sqlite/artifact_row.h"
#include "store/sqlite/event_codec.h"
#include "store/sqlite/flags.h"

namespace outlive::sqlite {
namespace {

// Of a row of the log, as WriteContext makes them.
constexpr std::size_t kBatchEventsMax = 512;

constexpr std::string_view kLastTimeName = "last_time";
constexpr std::string_view kStoreIdName = "store_id";

std::string_view AsBytes(const Fingerprint& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

absl::StatusOr<Fingerprint> ReadFingerprint(std::string_view bytes) {
  Fingerprint fingerprint = {};
  if (bytes.size() != fingerprint.size()) {
    return absl::DataLossError("a key is not as long as keys are");
  }
  std::copy(bytes.begin(), bytes.end(), fingerprint.begin());
  return fingerprint;
}

std::int64_t FlagsOf(const StoredJob& stored) {
  const Job& job = stored.job;
  return (stored.follow_ups.empty() ? 0 : kHasFollowUps) | (job.tags.empty() ? 0 : kHasTags) |
         (job.errors.empty() ? 0 : kHasErrors) | (job.checkpoint.empty() ? 0 : kHasCheckpoint) |
         (job.output.empty() ? 0 : kHasOutput) | (job.artifacts.empty() ? 0 : kHasArtifacts) |
         (job.cancel_requested ? kCancelRequested : 0);
}

std::optional<std::int64_t> TransitionOf(const StoredJob& stored) {
  if (!stored.last_end) return std::nullopt;
  return static_cast<std::int64_t>(*stored.last_end);
}

std::optional<double> ProgressOf(const Job& job) {
  if (job.progress == 0) return std::nullopt;
  return job.progress;
}

std::size_t SizeOf(const StoredJob& stored) {
  return stored.job.args.size() + stored.job.checkpoint.size() + stored.job.output.size() +
         stored.follow_ups.size();
}

// Columns of the statement "jobs".
std::int64_t ReadJob(const Rows& rows, StoredJob& stored) {
  Job& job = stored.job;
  job.id = rows.Int(0);
  job.queue = rows.Text(1);
  job.kind = rows.Text(2);
  job.priority = rows.Count(3);
  job.run_at = rows.Time(4);
  job.created_at = rows.Time(5);
  job.attempt_count_max = rows.Count(6);
  job.crashes = rows.Count(7);
  job.generation = rows.Count(8);
  job.idempotency_key = rows.Text(9);
  job.partition_key = rows.Text(10);
  job.traceparent = rows.Text(11);
  if (!rows.IsNull(12)) {
    const std::string_view tags = rows.Text(12);
    job.tags = absl::StrSplit(absl::string_view(tags.data(), tags.size()), ' ');
  }
  job.retry_policy = rows.Text(13);
  job.args = rows.Text(14);
  job.state = static_cast<JobState>(rows.Int(15));
  if (!rows.IsNull(16)) job.ended_at = rows.Time(16);
  job.attempt = rows.Count(17);
  job.fence = rows.Int(18);
  const std::int64_t flags = rows.Int(19);
  job.cancel_requested = (flags & kCancelRequested) != 0;
  if (!rows.IsNull(20)) job.started_at = rows.Time(20);
  job.progress = rows.Real(21);
  job.progress_note = rows.Text(22);
  if (!rows.IsNull(23)) stored.last_end = static_cast<Transition>(rows.Int(23));
  job.session = rows.Text(24);
  stored.follow_ups = rows.Text(25);
  job.checkpoint = rows.Text(26);
  job.output = rows.Text(27);
  return flags;
}

}  // namespace

absl::Status SqliteCopy::Reading(absl::FunctionRef<absl::Status()> call) {
  OUTLIVE_RETURN_IF_ERROR(writer_.Begin(timeout_));
  absl::Status status = call();
  WakeHint hint;
  writer_.Rollback(hint);
  return status;
}

// What others remember of the file (numbers, counts, names) is read anew after it.
absl::Status SqliteCopy::Writing(absl::FunctionRef<absl::Status()> call) {
  OUTLIVE_RETURN_IF_ERROR(writer_.Begin(timeout_));
  absl::Status status = call();
  if (status.ok()) status = context().Flush();
  WakeHint hint;
  if (!status.ok()) {
    writer_.Rollback(hint);
    return status;
  }
  writer_.session().Forget();
  return writer_.Commit(hint);
}

// -- The source -------------------------------------------------------------------------------

absl::Status SqliteCopy::Freeze(bool frozen) {
  return Writing(
      [&] { return frozen ? set_meta_.Run(kFrozenName, 1) : delete_meta_.Run(kFrozenName); });
}

absl::StatusOr<StoreState> SqliteCopy::State() {
  StoreState state;
  OUTLIVE_RETURN_IF_ERROR(Reading([&] { return ReadState(state); }));
  return state;
}

absl::Status SqliteCopy::ReadState(StoreState& state) {
  state.now = context().now();
  {
    Rows rows = state_.Query();
    if (rows.Next()) {
      state.store_id = rows.Text(0);
      state.last_event = rows.Int(1);
      state.last_job = rows.Int(2);
    }
    OUTLIVE_RETURN_IF_ERROR(rows.status());
  }
  Rows rows = queues_.Query();
  while (rows.Next()) state.queues.push_back({std::string(rows.Text(0)), rows.Int(1) != 0});
  return rows.status();
}

absl::StatusOr<std::vector<StoredJob>> SqliteCopy::Jobs(JobId after, int count_max) {
  std::vector<StoredJob> jobs;
  OUTLIVE_RETURN_IF_ERROR(Reading([&] { return ReadJobs(after, count_max, jobs); }));
  return jobs;
}

absl::Status SqliteCopy::ReadJobs(JobId after, int count_max, std::vector<StoredJob>& jobs) {
  std::size_t bytes = 0;
  Rows rows = jobs_.Query(after, count_max);
  while (bytes < kReencryptBytesMax && rows.Next()) {
    StoredJob stored;
    const std::int64_t flags = ReadJob(rows, stored);
    OUTLIVE_RETURN_IF_ERROR(ReadHistory(stored, flags));
    bytes += SizeOf(stored);
    jobs.push_back(std::move(stored));
  }
  return rows.status();
}

absl::Status SqliteCopy::ReadHistory(StoredJob& stored, std::int64_t flags) {
  Job& job = stored.job;
  if ((flags & kHasErrors) != 0) {
    Rows rows = errors_.Query(job.id);
    while (rows.Next()) {
      job.errors.push_back({rows.Count(0), rows.Time(1), static_cast<absl::StatusCode>(rows.Int(2)),
                            std::string(rows.Text(3))});
    }
    OUTLIVE_RETURN_IF_ERROR(rows.status());
  }
  if ((flags & kHasArtifacts) == 0) return absl::OkStatus();
  Rows rows = artifacts_.Query(job.id);
  while (rows.Next()) job.artifacts.push_back(ReadArtifact(rows));
  return rows.status();
}

absl::StatusOr<std::vector<StoredKey>> SqliteCopy::Keys(const std::optional<Fingerprint>& after,
                                                        int count_max) {
  std::vector<StoredKey> keys;
  const absl::Status status = Reading([&]() -> absl::Status {
    Rows rows = keys_.Query(Bytes{after ? AsBytes(*after) : std::string_view()}, count_max);
    while (rows.Next()) {
      const absl::StatusOr<Fingerprint> key = ReadFingerprint(rows.Text(0));
      const absl::StatusOr<Fingerprint> args = ReadFingerprint(rows.Text(1));
      OUTLIVE_RETURN_IF_ERROR(key.status());
      OUTLIVE_RETURN_IF_ERROR(args.status());
      keys.push_back({*key, *args, rows.Int(2), rows.Time(3)});
    }
    return rows.status();
  });
  if (!status.ok()) return status;
  return keys;
}

absl::StatusOr<std::vector<StoredSession>> SqliteCopy::Sessions() {
  std::vector<StoredSession> sessions;
  OUTLIVE_RETURN_IF_ERROR(Reading([&] {
    Rows rows = sessions_.Query(context().now());
    while (rows.Next()) sessions.push_back({std::string(rows.Text(0)), rows.Time(1)});
    return rows.status();
  }));
  return sessions;
}

// -- The target -------------------------------------------------------------------------------

absl::StatusOr<std::optional<Filling>> SqliteCopy::FindFilling() {
  std::optional<Filling> filling;
  OUTLIVE_RETURN_IF_ERROR(Reading([&] { return ReadFilling(filling); }));
  return filling;
}

absl::Status SqliteCopy::ReadFilling(std::optional<Filling>& filling) {
  Rows rows = filling_.Query();
  if (!rows.Next() || rows.IsNull(0)) return rows.status();
  filling = Filling{
      .store_id = std::string(rows.Text(0)), .last_job = rows.Int(1), .last_event = rows.Int(3)};
  if (!rows.IsNull(2)) {
    const absl::StatusOr<Fingerprint> key = ReadFingerprint(rows.Text(2));
    OUTLIVE_RETURN_IF_ERROR(key.status());
    filling->last_key = *key;
  }
  return rows.status();
}

absl::Status SqliteCopy::StartFilling(const std::string& source_id) {
  return Writing([&]() -> absl::Status {
    StoreState state;
    OUTLIVE_RETURN_IF_ERROR(ReadState(state));
    if (state.last_job != 0 || state.last_event != 0) {
      return absl::FailedPreconditionError("the store has, or had, jobs of its own");
    }
    return set_meta_.Run(kCopyOfName, source_id);
  });
}

absl::Status SqliteCopy::Fill(const StoreRows& rows) {
  return Writing([&]() -> absl::Status {
    std::optional<Filling> filling;
    OUTLIVE_RETURN_IF_ERROR(ReadFilling(filling));
    if (!filling) return absl::FailedPreconditionError("the store is not being filled");
    for (const StoredSession& session : rows.sessions) {
      OUTLIVE_RETURN_IF_ERROR(add_session_.Run(session.name, session.expires_at));
    }
    std::map<absl::Time, std::vector<JobId>> completed;
    for (const StoredJob& stored : rows.jobs) {
      OUTLIVE_RETURN_IF_ERROR(FillJob(stored));
      if (stored.job.state == JobState::kCompleted) {
        completed[*stored.job.ended_at].push_back(stored.job.id);
      }
    }
    for (const auto& [ended_at, jobs] : completed) {
      const std::string list = fmt::format("[{}]", absl::StrJoin(jobs, ","));
      OUTLIVE_RETURN_IF_ERROR(add_completed_.Run(ended_at, list));
    }
    for (const StoredKey& key : rows.keys) {
      OUTLIVE_RETURN_IF_ERROR(
          add_key_.Run(key.expires_at, Bytes{AsBytes(key.key)}, key.job, Bytes{AsBytes(key.args)}));
    }
    if (rows.events.empty()) return absl::OkStatus();
    if (filling->last_event != 0 && rows.events.front().seq != filling->last_event + 1) {
      return absl::UnimplementedError("a file keeps no event log with gaps");
    }
    return FillEvents(rows.events);
  });
}

absl::Status SqliteCopy::FillJob(const StoredJob& stored) {
  const Job& job = stored.job;
  if (job.state == JobState::kBlocked) {
    return absl::UnimplementedError(fmt::format("job {} is blocked", job.id));
  }
  if (IsTerminal(job.state) != job.ended_at.has_value()) {
    return absl::DataLossError(fmt::format("job {} has an end that its state has not", job.id));
  }
  const absl::StatusOr<LaneId> lane = context().catalog().EnsureLane(job.queue, job.kind);
  OUTLIVE_RETURN_IF_ERROR(lane.status());
  context().Count(*lane, job.state, 1);
  const std::int64_t flags = FlagsOf(stored);
  const std::string tags = absl::StrJoin(job.tags, " ");
  OUTLIVE_RETURN_IF_ERROR(add_job_.Run(
      job.id, *lane, job.priority, job.run_at, job.created_at, job.attempt_count_max, job.attempt,
      job.crashes, job.fence, job.generation, flags, TransitionOf(stored), job.started_at,
      ProgressOf(job), TextOrNull{job.progress_note}, TextOrNull{job.idempotency_key},
      TextOrNull{job.partition_key}, TextOrNull{job.traceparent}, TextOrNull{tags},
      TextOrNull{job.retry_policy}, Bytes{job.args}));
  OUTLIVE_RETURN_IF_ERROR(FillState(stored, *lane, flags));
  return FillParts(stored);
}

absl::Status SqliteCopy::FillState(const StoredJob& stored, LaneId lane, std::int64_t flags) {
  const Job& job = stored.job;
  if (job.state == JobState::kPending) {
    return add_pending_.Run(lane, job.priority, job.run_at, job.id);
  }
  if (job.state == JobState::kRunning) {
    return add_running_.Run(job.id, lane, job.session, job.fence, job.attempt, job.started_at,
                            flags, job.cancel_requested ? 1 : 0, ProgressOf(job),
                            TextOrNull{job.progress_note});
  }
  const std::string group =
      job.state == JobState::kDead ? ErrorGroupKey(job.kind, job.errors) : std::string();
  return add_ended_.Run(job.id, lane, static_cast<int>(job.state), job.ended_at, job.fence,
                        job.attempt, job.started_at, flags, TransitionOf(stored), ProgressOf(job),
                        TextOrNull{job.progress_note}, TextOrNull{group});
}

absl::Status SqliteCopy::FillParts(const StoredJob& stored) {
  const Job& job = stored.job;
  for (const std::string& tag : job.tags) OUTLIVE_RETURN_IF_ERROR(add_tag_.Run(tag, job.id));
  if (!stored.follow_ups.empty()) {
    OUTLIVE_RETURN_IF_ERROR(add_follow_ups_.Run(job.id, stored.follow_ups));
  }
  if (!job.checkpoint.empty()) {
    OUTLIVE_RETURN_IF_ERROR(add_checkpoint_.Run(job.id, Bytes{job.checkpoint}));
  }
  if (!job.output.empty()) OUTLIVE_RETURN_IF_ERROR(add_output_.Run(job.id, Bytes{job.output}));
  int number = 0;
  for (const AttemptError& error : job.errors) {
    OUTLIVE_RETURN_IF_ERROR(add_error_.Run(job.id, ++number, error.attempt, error.at,
                                           static_cast<int>(error.code), error.message));
  }
  for (const Artifact& artifact : job.artifacts) {
    OUTLIVE_RETURN_IF_ERROR(add_artifact_.Run(artifact.id, job.id, artifact.fence, artifact.name,
                                              artifact.media_type, artifact.size, artifact.sha256,
                                              artifact.created_at));
  }
  return absl::OkStatus();
}

// A row for entries that follow one another and are of one moment.
absl::Status SqliteCopy::FillEvents(const std::vector<Event>& events) {
  std::string entries;
  for (std::size_t begin = 0; begin < events.size();) {
    entries.clear();
    std::size_t end = begin;
    for (; end < events.size() && end - begin < kBatchEventsMax; ++end) {
      const Event& event = events[end];
      if (event.seq != events.front().seq + static_cast<std::int64_t>(end)) {
        return absl::UnimplementedError("a file keeps no event log with gaps");
      }
      if (event.at != events[begin].at) break;
      AppendEntry(entries, {event.type, event.job_id, event.fence});
    }
    CloseEntries(entries);
    OUTLIVE_RETURN_IF_ERROR(
        add_batch_.Run(events[begin].seq, events[begin].at, end - begin, entries));
    begin = end;
  }
  return absl::OkStatus();
}

absl::Status SqliteCopy::FinishFilling(const StoreState& source) {
  OUTLIVE_RETURN_IF_ERROR(Writing([&] { return Adopt(source); }));
  stale_ = true;
  return absl::OkStatus();
}

absl::Status SqliteCopy::Adopt(const StoreState& source) {
  std::optional<Filling> filling;
  OUTLIVE_RETURN_IF_ERROR(ReadFilling(filling));
  if (!filling) return absl::FailedPreconditionError("the store is not being filled");
  for (const QueueSettings& queue : source.queues) {
    const absl::StatusOr<NameId> name = context().catalog().EnsureName(queue.queue);
    OUTLIVE_RETURN_IF_ERROR(name.status());
    OUTLIVE_RETURN_IF_ERROR(context().SetPaused(*name, queue.paused));
  }
  if (filling->last_event < source.last_event) {  // Its log was pruned to the end.
    std::string none;
    CloseEntries(none);
    OUTLIVE_RETURN_IF_ERROR(add_batch_.Run(source.last_event, source.now, 1, none));
  }
  OUTLIVE_RETURN_IF_ERROR(set_last_job_.Run(source.last_job));
  OUTLIVE_RETURN_IF_ERROR(set_meta_.Run(kLastTimeName, source.now));
  OUTLIVE_RETURN_IF_ERROR(set_meta_.Run(kStoreIdName, source.store_id));
  return delete_meta_.Run(kCopyOfName);
}

}  // namespace outlive::sqlite
