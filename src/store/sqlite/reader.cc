#include "store/sqlite/reader.h"

#include <absl/strings/str_split.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <tuple>
#include <utility>

#include "core/return_if_error.h"
#include "outlive/core/store_rules.h"
#include "store/sqlite/artifact_row.h"
#include "store/sqlite/event_codec.h"
#include "store/sqlite/flags.h"

namespace outlive::sqlite {
namespace {

absl::Status RequirePositive(const char* what, int value) {
  if (value >= 1) return absl::OkStatus();
  return absl::InvalidArgumentError(fmt::format("{} must be 1 or more", what));
}

// Columns of the statements "job", "running" and "ended". What changes is alike in all of them.
constexpr int kResting = 14;
constexpr int kSession = 6;
constexpr int kState = 6;
constexpr int kEndedAt = 7;

void ReadChanging(const Rows& rows, int first, Job& job, std::int64_t& flags) {
  job.attempt = rows.Count(first);
  job.fence = rows.Int(first + 1);
  flags = rows.Int(first + 2);
  if (!rows.IsNull(first + 3)) job.started_at = rows.Time(first + 3);
  job.progress = rows.Real(first + 4);
  job.progress_note = rows.Text(first + 5);
  job.cancel_requested = (flags & kCancelRequested) != 0;
}

}  // namespace

// A read transaction: all that is read in it is of one moment.
class Reader::Snapshot {
 public:
  explicit Snapshot(Database& database)
      : database_(database), status_(database.Exec("BEGIN", "begin to read")) {}
  ~Snapshot() { database_.Rollback(); }

  const absl::Status& status() const { return status_; }

 private:
  Database& database_;
  const absl::Status status_;
};

// -- Jobs -------------------------------------------------------------------------------------

absl::StatusOr<Job> Reader::Get(JobId id) {
  const Snapshot snapshot(*database_);
  OUTLIVE_RETURN_IF_ERROR(snapshot.status());
  std::int64_t flags = 0;
  absl::StatusOr<Job> job = ReadJob(id, flags);
  OUTLIVE_RETURN_IF_ERROR(job.status());
  OUTLIVE_RETURN_IF_ERROR(ReadRest(flags, *job));
  return job;
}

absl::StatusOr<Job> Reader::ReadJob(JobId id, std::int64_t& flags) {
  Rows rows = job_.Query(id);
  if (!rows.Next()) {
    OUTLIVE_RETURN_IF_ERROR(rows.status());
    return absl::NotFoundError(fmt::format("there is no job {}", id));
  }
  Job job;
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
  OUTLIVE_RETURN_IF_ERROR(ReadState(rows, job, flags));
  return job;
}

absl::Status Reader::ReadState(const Rows& resting, Job& job, std::int64_t& flags) {
  {
    Rows rows = running_.Query(job.id);
    if (rows.Next()) {
      job.state = JobState::kRunning;
      job.session = rows.Text(kSession);
      ReadChanging(rows, 0, job, flags);
      return absl::OkStatus();
    }
    OUTLIVE_RETURN_IF_ERROR(rows.status());
  }
  {
    Rows rows = ended_.Query(job.id);
    if (rows.Next()) {
      job.state = static_cast<JobState>(rows.Int(kState));
      job.ended_at = rows.Time(kEndedAt);
      ReadChanging(rows, 0, job, flags);
      return absl::OkStatus();
    }
    OUTLIVE_RETURN_IF_ERROR(rows.status());
  }
  Rows rows = blocked_.Query(job.id);
  job.state = rows.Next() ? JobState::kBlocked : JobState::kPending;
  ReadChanging(resting, kResting, job, flags);
  return rows.status();
}

absl::Status Reader::ReadRest(std::int64_t flags, Job& job) {
  struct Part {
    bool wanted;
    PayloadField field;
    Statement& statement;
    std::string& to;
  };
  const std::array parts = {
      Part{true, PayloadField::kArgs, args_, job.args},
      Part{(flags & kHasCheckpoint) != 0, PayloadField::kCheckpoint, checkpoint_, job.checkpoint},
      Part{(flags & kHasOutput) != 0, PayloadField::kOutput, output_, job.output}};
  for (const Part& part : parts) {
    if (!part.wanted) continue;
    absl::StatusOr<std::string> bytes = ReadBytes(part.statement, job.id);
    OUTLIVE_RETURN_IF_ERROR(bytes.status());
    part.to = *std::move(bytes);
    job.sealed = job.sealed || ReadSealed(part.to).has_value();
    job.payload_status.Update(payloads_.Open(job.id, part.field, part.to));
  }
  if ((flags & kHasErrors) != 0) {
    Rows rows = errors_.Query(job.id);
    while (rows.Next()) {
      job.errors.push_back({rows.Count(0), rows.Time(1), static_cast<absl::StatusCode>(rows.Int(2)),
                            std::string(rows.Text(3))});
    }
    OUTLIVE_RETURN_IF_ERROR(rows.status());
  }
  if ((flags & kHasArtifacts) != 0) {
    Rows rows = artifacts_.Query(job.id);
    while (rows.Next()) job.artifacts.push_back(ReadArtifact(rows));
    OUTLIVE_RETURN_IF_ERROR(rows.status());
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Reader::ReadBytes(Statement& statement, JobId id) {
  Rows rows = statement.Query(id);
  std::string bytes;
  if (rows.Next()) bytes = rows.Text(0);
  OUTLIVE_RETURN_IF_ERROR(rows.status());
  return bytes;
}

absl::StatusOr<std::vector<Job>> Reader::List(const JobFilter& filter, const JobPage& page) {
  OUTLIVE_RETURN_IF_ERROR(ValidateJobPage(page));
  const Snapshot snapshot(*database_);
  OUTLIVE_RETURN_IF_ERROR(snapshot.status());
  const absl::StatusOr<std::vector<JobId>> ids = list_.Find(filter, page);
  OUTLIVE_RETURN_IF_ERROR(ids.status());
  std::vector<Job> jobs;
  jobs.reserve(ids->size());
  for (const JobId id : *ids) {
    std::int64_t flags = 0;
    absl::StatusOr<Job> job = ReadJob(id, flags);
    if (absl::IsNotFound(job.status())) {
      return absl::DataLossError(fmt::format("job {} has a state, but is not there", id));
    }
    OUTLIVE_RETURN_IF_ERROR(job.status());
    jobs.push_back(*std::move(job));
  }
  return jobs;
}

// -- Stats ------------------------------------------------------------------------------------

absl::StatusOr<JobStats> Reader::Stats(absl::Time now) {
  const Snapshot snapshot(*database_);
  OUTLIVE_RETURN_IF_ERROR(snapshot.status());
  {
    Rows newest = newest_batch_.Query();
    if (newest.Next()) now = std::max(now, newest.Time(1));
    OUTLIVE_RETURN_IF_ERROR(newest.status());
  }
  JobStats stats;
  stats.now = now;
  absl::StatusOr<std::vector<JobStats::Lane>> lanes = ReadLanes(now);
  OUTLIVE_RETURN_IF_ERROR(lanes.status());
  stats.lanes = *std::move(lanes);
  Rows rows = queues_.Query();
  while (rows.Next()) stats.queues.push_back({std::string(rows.Text(0)), rows.Int(1) != 0});
  OUTLIVE_RETURN_IF_ERROR(rows.status());
  return stats;
}

absl::StatusOr<std::vector<JobStats::Lane>> Reader::ReadLanes(absl::Time now) {
  std::vector<JobStats::Lane> lanes;
  Rows rows = lanes_.Query();
  while (rows.Next()) {
    JobStats::Lane lane;
    lane.queue = rows.Text(1);
    lane.kind = rows.Text(2);
    lane.pending = rows.LargeCount(3);
    lane.blocked = rows.LargeCount(4);
    lane.running = rows.LargeCount(5);
    lane.completed = rows.LargeCount(6);
    lane.cancelled = rows.LargeCount(7);
    lane.dead = rows.LargeCount(8);
    if (lane.pending + lane.blocked + lane.running + lane.completed + lane.cancelled + lane.dead ==
        0) {
      continue;
    }
    if (lane.pending > 0) {
      const absl::StatusOr<absl::Time> oldest = OldestDue(rows.Int(0), now);
      OUTLIVE_RETURN_IF_ERROR(oldest.status());
      lane.oldest_due = *oldest;
    }
    lanes.push_back(std::move(lane));
  }
  OUTLIVE_RETURN_IF_ERROR(rows.status());
  std::sort(lanes.begin(), lanes.end(), [](const JobStats::Lane& a, const JobStats::Lane& b) {
    return std::tie(a.queue, a.kind) < std::tie(b.queue, b.kind);
  });
  return lanes;
}

absl::StatusOr<absl::Time> Reader::OldestDue(std::int64_t lane, absl::Time now) {
  absl::Time oldest = absl::InfiniteFuture();
  std::int64_t priority = -1;
  for (;;) {
    Rows rows = first_of_next_priority_.Query(lane, priority);
    if (!rows.Next()) {
      OUTLIVE_RETURN_IF_ERROR(rows.status());
      return oldest;
    }
    priority = rows.Int(0);
    if (rows.Time(1) <= now) oldest = std::min(oldest, rows.Time(1));
  }
}

// -- Events -----------------------------------------------------------------------------------

absl::StatusOr<std::vector<Event>> Reader::EventsAfter(std::int64_t after, int event_count_max) {
  OUTLIVE_RETURN_IF_ERROR(RequirePositive("event_count_max", event_count_max));
  std::vector<Event> events;
  if (after == std::numeric_limits<std::int64_t>::max()) return events;
  const Snapshot snapshot(*database_);
  OUTLIVE_RETURN_IF_ERROR(snapshot.status());
  std::int64_t next = 0;
  {
    Rows rows = batch_of_.Query(after + 1);
    if (rows.Next()) next = rows.Int(0);
    OUTLIVE_RETURN_IF_ERROR(rows.status());
  }
  std::vector<EventEntry> entries;
  while (events.size() < static_cast<std::size_t>(event_count_max)) {
    Rows rows = batch_.Query(next);
    if (!rows.Next()) {
      OUTLIVE_RETURN_IF_ERROR(rows.status());
      break;
    }
    entries.clear();
    OUTLIVE_RETURN_IF_ERROR(DecodeEntries(rows.Text(2), entries));
    for (const std::int64_t number : {next, rows.Int(1)}) {
      OUTLIVE_RETURN_IF_ERROR(CheckNumber(number));
    }
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const std::int64_t seq = next + static_cast<std::int64_t>(i);
      if (seq > after && events.size() < static_cast<std::size_t>(event_count_max)) {
        events.push_back({seq, rows.Time(0), entries[i].type, entries[i].job, entries[i].fence});
      }
    }
    if (rows.Int(1) <= 0) break;  // What Prune() leaves of the newest one.
    next += rows.Int(1);
  }
  return events;
}

absl::StatusOr<std::int64_t> Reader::LastEvent() {
  Rows rows = newest_batch_.Query();
  const std::int64_t last = rows.Next() ? rows.Int(0) : 0;
  OUTLIVE_RETURN_IF_ERROR(rows.status());
  return last;
}

// -- Dead letters -----------------------------------------------------------------------------

absl::StatusOr<std::vector<DeadLetterGroup>> Reader::DeadLetterGroups(int group_count_max) {
  OUTLIVE_RETURN_IF_ERROR(RequirePositive("group_count_max", group_count_max));
  const Snapshot snapshot(*database_);
  OUTLIVE_RETURN_IF_ERROR(snapshot.status());
  std::vector<DeadLetterGroup> groups;
  {
    Rows rows = error_groups_.Query(group_count_max);
    while (rows.Next()) {
      DeadLetterGroup group;
      group.key = rows.Text(0);
      group.job_count = rows.Int(1);
      group.newest = rows.Int(2);
      groups.push_back(std::move(group));
    }
    OUTLIVE_RETURN_IF_ERROR(rows.status());
  }
  for (DeadLetterGroup& group : groups) OUTLIVE_RETURN_IF_ERROR(DescribeGroup(group));
  return groups;
}

absl::Status Reader::DescribeGroup(DeadLetterGroup& group) {
  Rows rows = group_job_.Query(group.newest);
  if (!rows.Next()) {
    OUTLIVE_RETURN_IF_ERROR(rows.status());
    return absl::DataLossError(fmt::format("dead job {} has no lane", group.newest));
  }
  group.kind = rows.Text(0);
  group.newest_at = rows.Time(1);
  if (!rows.IsNull(2)) group.code = static_cast<absl::StatusCode>(rows.Int(2));
  group.message = rows.Text(3);
  return absl::OkStatus();
}

// -- The rest ---------------------------------------------------------------------------------

absl::StatusOr<std::vector<JobId>> Reader::CancelRequests(const std::string& session) {
  std::vector<JobId> jobs;
  Rows rows = cancel_requests_.Query(session);
  while (rows.Next()) jobs.push_back(rows.Int(0));
  OUTLIVE_RETURN_IF_ERROR(rows.status());
  return jobs;
}

absl::StatusOr<Artifact> Reader::FindArtifact(const std::string& id) {
  Rows rows = artifact_.Query(id);
  if (rows.Next()) return ReadArtifact(rows);
  OUTLIVE_RETURN_IF_ERROR(rows.status());
  return absl::NotFoundError("there is no such artifact");
}

absl::Status Reader::Probe() {
  Rows rows = can_read_.Query();
  rows.Next();
  return rows.status();
}

}  // namespace outlive::sqlite
