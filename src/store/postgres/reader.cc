#include "store/postgres/reader.h"

#include <absl/strings/str_split.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <tuple>
#include <utility>

#include "core/return_if_error.h"
#include "outlive/core/clock.h"
#include "outlive/core/store_rules.h"
#include "store/postgres/artifact_row.h"
#include "store/postgres/flags.h"

namespace outlive::postgres {
namespace {

absl::Status RequirePositive(const char* what, int value) {
  if (value >= 1) return absl::OkStatus();
  return absl::InvalidArgumentError(fmt::format("{} must be 1 or more", what));
}

absl::Status NoSuchJob(JobId id) {
  return absl::NotFoundError(fmt::format("there is no job {}", id));
}

// Of the statements "job" and "list".
Job ReadJob(const Rows& rows, int row) {
  Job job;
  job.id = rows.Int(row, 0);
  job.queue = rows.Text(row, 1);
  job.kind = rows.Text(row, 2);
  job.priority = rows.Small(row, 3);
  job.run_at = rows.Time(row, 4);
  job.created_at = rows.Time(row, 5);
  job.attempt_count_max = rows.Small(row, 6);
  job.crashes = rows.Small(row, 7);
  job.generation = rows.Small(row, 8);
  job.idempotency_key = rows.Text(row, 9);
  job.partition_key = rows.Text(row, 10);
  job.traceparent = rows.Text(row, 11);
  if (!rows.IsNull(row, 12)) {
    const std::string_view tags = rows.Text(row, 12);
    job.tags = absl::StrSplit(absl::string_view(tags.data(), tags.size()), ' ');
  }
  job.retry_policy = rows.Text(row, 13);
  job.state = static_cast<JobState>(rows.Int(row, 14));
  job.attempt = rows.Small(row, 15);
  job.fence = rows.Int(row, 16);
  job.cancel_requested = (rows.Int(row, 17) & kCancelRequested) != 0;
  if (!rows.IsNull(row, 18)) job.started_at = rows.Time(row, 18);
  job.progress = rows.Real(row, 19);
  job.progress_note = rows.Text(row, 20);
  if (!rows.IsNull(row, 21)) job.ended_at = rows.Time(row, 21);
  job.session = rows.Text(row, 22);
  return job;
}

// Conditions for "list": only what is asked for stands there, so that each is planned on its own.
Query ListQuery(const JobFilter& filter, const JobPage& page) {
  Query query{.name = "read/list"};
  query.params.Int(page.before == 0 ? std::numeric_limits<JobId>::max() : page.before);
  const auto add = [&query](std::string_view condition, std::string_view value) {
    query.params.Text(value);
    query.more += fmt::format(fmt::runtime(condition), query.params.size());
  };
  if (!filter.queue.empty()) add(" AND n.queue = ${}::text", filter.queue);
  if (!filter.kind.empty()) add(" AND n.kind = ${}::text", filter.kind);
  if (filter.state) {
    const int state = static_cast<int>(*filter.state);
    query.more += fmt::format(" AND {}.state = {}", IsTerminal(*filter.state) ? "e" : "l", state);
  }
  if (!filter.error_group.empty()) add(" AND e.error_group = ${}::text", filter.error_group);
  if (!filter.tag.empty()) {
    add(" AND j.id IN (SELECT job FROM outlive.tag WHERE tag = ${}::text)", filter.tag);
  }
  query.params.Int(page.row_count_max);
  query.more += fmt::format(" ORDER BY j.id DESC LIMIT ${}::bigint", query.params.size());
  return query;
}

// What cannot be there need not be asked for, and may be bytes that are no text.
bool CanMatch(const JobFilter& filter) {
  const std::array names = {&filter.queue, &filter.kind, &filter.tag, &filter.error_group};
  return std::all_of(names.begin(), names.end(), [](const std::string* name) {
    return name->empty() || ValidateName("name", *name).ok();
  });
}

}  // namespace

absl::StatusOr<std::vector<Rows>> Reader::AtOneMoment(std::vector<Query> queries) {
  queries.insert(queries.begin(), Query{.name = "transaction/begin_read"});
  queries.push_back({.name = "transaction/commit"});
  absl::StatusOr<std::vector<Rows>> results = session_.Run(queries);
  if (results.ok()) results->erase(results->begin());
  return results;
}

absl::StatusOr<Job> Reader::Get(JobId id) {
  std::vector<Query> queries(1, Query{.name = "read/lock_jobs"});
  for (const char* const name : {"read/job", "read/payloads", "read/errors", "read/artifacts"}) {
    queries.push_back({.name = name});
    queries.back().params.Int(id);
  }
  const absl::StatusOr<std::vector<Rows>> results = AtOneMoment(std::move(queries));
  OUTLIVE_RETURN_IF_ERROR(results.status());
  if ((*results)[1].size() == 0) return NoSuchJob(id);
  Job job = ReadJob((*results)[1], 0);
  ReadPayloads((*results)[2], job);
  const Rows& errors = (*results)[3];
  for (int row = 0; row < errors.size(); ++row) {
    job.errors.push_back({errors.Small(row, 0), errors.Time(row, 1),
                          static_cast<absl::StatusCode>(errors.Int(row, 2)),
                          errors.String(row, 3)});
  }
  const Rows& artifacts = (*results)[4];
  for (int row = 0; row < artifacts.size(); ++row) {
    job.artifacts.push_back(ReadArtifact(artifacts, row));
  }
  return job;
}

void Reader::ReadPayloads(const Rows& rows, Job& job) const {
  const std::array parts = {std::tuple(0, PayloadField::kArgs, &job.args),
                            std::tuple(1, PayloadField::kCheckpoint, &job.checkpoint),
                            std::tuple(2, PayloadField::kOutput, &job.output)};
  for (const auto& [column, field, to] : parts) {
    if (rows.IsNull(0, column)) continue;
    *to = rows.Text(0, column);
    job.sealed = job.sealed || ReadSealed(*to).has_value();
    job.payload_status.Update(payloads_.Open(job.id, field, *to));
  }
}

absl::StatusOr<std::vector<Job>> Reader::List(const JobFilter& filter, const JobPage& page) {
  OUTLIVE_RETURN_IF_ERROR(ValidateJobPage(page));
  std::vector<Job> jobs;
  if (!CanMatch(filter)) return jobs;
  const absl::StatusOr<Rows> rows = session_.RunOne(ListQuery(filter, page));
  OUTLIVE_RETURN_IF_ERROR(rows.status());
  for (int row = 0; row < rows->size(); ++row) jobs.push_back(ReadJob(*rows, row));
  return jobs;
}

absl::StatusOr<JobStats> Reader::Stats(DatabaseTime& time) {
  const absl::Duration asked = SystemClockInstance().SinceBoot();
  const absl::StatusOr<std::vector<Rows>> results =
      AtOneMoment({time.Ask(time.Given(), /*refuses_move=*/false),
                   {.name = "read/lanes"},
                   {.name = "read/queues"}});
  OUTLIVE_RETURN_IF_ERROR(results.status());
  JobStats stats;
  stats.now = time.See((*results)[0], asked);
  const Rows& lanes = (*results)[1];
  for (int row = 0; row < lanes.size(); ++row) {
    JobStats::Lane lane;
    lane.queue = lanes.Text(row, 0);
    lane.kind = lanes.Text(row, 1);
    const std::array counts = {&lane.pending,   &lane.blocked,   &lane.running,
                               &lane.completed, &lane.cancelled, &lane.dead};
    std::int64_t total = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      *counts[i] = lanes.Int(row, static_cast<int>(i) + 2);
      total += *counts[i];
    }
    if (total == 0) continue;
    if (!lanes.IsNull(row, 8) && lanes.Time(row, 8) <= stats.now) {
      lane.oldest_due = lanes.Time(row, 8);
    }
    stats.lanes.push_back(std::move(lane));
  }
  std::sort(stats.lanes.begin(), stats.lanes.end(), [](const auto& a, const auto& b) {
    return std::tie(a.queue, a.kind) < std::tie(b.queue, b.kind);
  });
  const Rows& queues = (*results)[2];
  for (int row = 0; row < queues.size(); ++row) {
    stats.queues.push_back({queues.String(row, 0), queues.Int(row, 1) != 0});
  }
  return stats;
}

absl::StatusOr<std::vector<Event>> Reader::EventsAfter(std::int64_t after, int event_count_max) {
  OUTLIVE_RETURN_IF_ERROR(RequirePositive("event_count_max", event_count_max));
  std::vector<Event> events;
  if (after == std::numeric_limits<std::int64_t>::max()) return events;
  Query query{.name = "read/events"};
  query.params.Int(std::max(after, std::int64_t{-1}) + 1).Int(event_count_max);
  const absl::StatusOr<Rows> rows = session_.RunOne(query);
  OUTLIVE_RETURN_IF_ERROR(rows.status());
  events.reserve(static_cast<std::size_t>(rows->size()));
  for (int row = 0; row < rows->size(); ++row) {
    events.push_back({rows->Int(row, 0), rows->Time(row, 1),
                      static_cast<EventType>(rows->Int(row, 2)), rows->Int(row, 3),
                      rows->Int(row, 4)});
  }
  return events;
}

absl::StatusOr<std::int64_t> Reader::LastEvent() {
  const absl::StatusOr<Rows> rows = session_.RunOne({.name = "read/last_event"});
  OUTLIVE_RETURN_IF_ERROR(rows.status());
  return rows->size() == 0 ? 0 : rows->Int(0, 0);
}

absl::StatusOr<std::vector<DeadLetterGroup>> Reader::DeadLetterGroups(int group_count_max) {
  OUTLIVE_RETURN_IF_ERROR(RequirePositive("group_count_max", group_count_max));
  Query query{.name = "read/error_groups"};
  query.params.Int(group_count_max);
  const absl::StatusOr<Rows> rows = session_.RunOne(query);
  OUTLIVE_RETURN_IF_ERROR(rows.status());
  std::vector<DeadLetterGroup> groups;
  for (int row = 0; row < rows->size(); ++row) {
    DeadLetterGroup group;
    group.key = rows->Text(row, 0);
    group.job_count = rows->Int(row, 1);
    group.newest = rows->Int(row, 2);
    group.kind = rows->Text(row, 3);
    group.newest_at = rows->Time(row, 4);
    // As an error that was never told: ErrorGroupKey() sees it so.
    group.code = rows->IsNull(row, 5) ? absl::StatusCode::kUnknown
                                      : static_cast<absl::StatusCode>(rows->Int(row, 5));
    group.message = rows->Text(row, 6);
    groups.push_back(std::move(group));
  }
  return groups;
}

absl::StatusOr<std::vector<JobId>> Reader::CancelRequests(const std::string& name) {
  std::vector<JobId> jobs;
  if (!ValidateName("session", name).ok()) return jobs;
  Query query{.name = "read/cancel_requests"};
  query.params.Text(name);
  const absl::StatusOr<Rows> rows = session_.RunOne(query);
  OUTLIVE_RETURN_IF_ERROR(rows.status());
  for (int row = 0; row < rows->size(); ++row) jobs.push_back(rows->Int(row, 0));
  return jobs;
}

absl::StatusOr<Artifact> Reader::FindArtifact(const std::string& id) {
  if (ValidateName("artifact", id).ok()) {
    Query query{.name = "read/artifact"};
    query.params.Text(id);
    const absl::StatusOr<Rows> rows = session_.RunOne(query);
    OUTLIVE_RETURN_IF_ERROR(rows.status());
    if (rows->size() == 1) return ReadArtifact(*rows, 0);
  }
  return absl::NotFoundError("there is no such artifact");
}

absl::StatusOr<PostgresGauges> Reader::Gauges(DatabaseTime& time) {
  const absl::Duration asked = SystemClockInstance().SinceBoot();
  const absl::StatusOr<Rows> rows = session_.RunOne({.name = "read/gauges"});
  OUTLIVE_RETURN_IF_ERROR(rows.status());
  PostgresGauges gauges;
  gauges.live_rows = rows->Int(0, 0);
  gauges.dead_rows = rows->Int(0, 1);
  gauges.oldest_transaction = absl::Microseconds(rows->Int(0, 2));
  gauges.inbox_rows = rows->Int(0, 3);
  gauges.clock_ahead = time.Ahead(rows->Int(0, 4), asked);
  return gauges;
}

absl::Status Reader::Probe() {
  const absl::StatusOr<Rows> rows = session_.RunOne({.name = "read/can_write"});
  OUTLIVE_RETURN_IF_ERROR(rows.status());
  if (rows->Int(0, 0) != 0) return absl::OkStatus();
  return absl::UnavailableError("PostgreSQL: the server is read-only");
}

}  // namespace outlive::postgres
