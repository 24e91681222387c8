#include "store/postgres/job_rows.h"

#include <absl/container/flat_hash_set.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

#include "core/return_if_error.h"
#include "outlive/core/limits.h"
#include "outlive/core/log.h"
#include "outlive/core/store_rules.h"
#include "store/postgres/flags.h"
#include "store/postgres/live_columns.h"

namespace outlive::postgres {
namespace {

JobRow ReadRow(const Rows& rows, int at, JobRow::Home home) {
  JobRow row;
  row.job = rows.Int(at, 0);
  row.lane = rows.Small(at, 1);
  row.queue = rows.Text(at, 2);
  row.kind = rows.Text(at, 3);
  row.state = static_cast<JobState>(rows.Int(at, 4));
  row.priority = rows.Small(at, 5);
  row.run_at = rows.Int(at, 6);
  row.attempt = rows.Small(at, 7);
  row.crashes = rows.Small(at, 8);
  row.generation = rows.Small(at, 9);
  row.fence = rows.Int(at, 10);
  row.flags = rows.Small(at, 11);
  row.transition = rows.OptionalInt(at, 12);
  row.started_at = rows.OptionalInt(at, 13);
  if (!rows.IsNull(at, 14)) row.progress = rows.Real(at, 14);
  row.note = rows.Text(at, 15);
  row.ended_at = rows.OptionalInt(at, 16);
  row.traceparent = rows.Text(at, 17);
  row.follow_ups = rows.Text(at, 18);
  if (!rows.IsNull(at, 19)) {
    row.last_error = AttemptError{.code = static_cast<absl::StatusCode>(rows.Int(at, 19)),
                                  .message = rows.String(at, 20)};
  }
  row.error_group = rows.Text(at, 21);
  row.home = home;
  return row;
}

Query WithIds(std::string_view name, const std::vector<JobId>& jobs) {
  Query query{.name = name};
  query.params.Add(Ints(jobs));
  return query;
}

// One statement, or several where there is much to write.
void AddWithBytes(std::string_view name, const absl::btree_map<JobId, std::string>& entries,
                  std::vector<Query>& queries) {
  Array jobs(Element::kBigint);
  Array bytes(Element::kBytes);
  const auto add_query = [&] {
    queries.push_back({.name = name});
    queries.back().params.Add(std::exchange(jobs, Array(Element::kBigint)));
    queries.back().params.Add(std::exchange(bytes, Array(Element::kBytes)));
  };
  for (const auto& [job, kept] : entries) {
    jobs.AddInt(job);
    bytes.AddBytes(kept);
    if (bytes.byte_count() >= kParameterBytesMax) add_query();
  }
  if (jobs.size() > 0) add_query();
}

Query InsertArtifact(const Artifact& artifact) {
  Query query{.name = "job_rows/add_artifact"};
  query.params.Text(artifact.id)
      .Int(artifact.job_id)
      .Int(artifact.fence)
      .Text(artifact.name)
      .Text(artifact.media_type)
      .Int(artifact.size)
      .Text(artifact.sha256)
      .Int(absl::ToUnixMicros(artifact.created_at));
  return query;
}

}  // namespace

void JobRows::Forget() {
  rows_.clear();
  errors_.clear();
  outputs_.clear();
  checkpoints_.clear();
  dropped_outputs_.clear();
  artifacts_.clear();
}

absl::Status JobRows::Load(std::vector<JobId> jobs) {
  std::sort(jobs.begin(), jobs.end());
  jobs.erase(std::unique(jobs.begin(), jobs.end()), jobs.end());
  jobs.erase(std::remove_if(jobs.begin(), jobs.end(), [this](JobId job) { return IsLoaded(job); }),
             jobs.end());
  // A job that is not among the live ones may have ended; and one that had may have been sent back
  // between the two statements.
  constexpr std::array kPlaces = {std::pair("job_rows/load_live", JobRow::Home::kLive),
                                  std::pair("job_rows/load_ended", JobRow::Home::kEnded),
                                  std::pair("job_rows/load_live", JobRow::Home::kLive)};
  for (const auto& [name, home] : kPlaces) {
    if (jobs.empty()) break;
    absl::StatusOr<std::vector<JobId>> missing = LoadFrom(name, home, jobs);
    OUTLIVE_RETURN_IF_ERROR(missing.status());
    jobs = *std::move(missing);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<JobId>> JobRows::LoadFrom(std::string_view name, JobRow::Home home,
                                                     const std::vector<JobId>& jobs) {
  const absl::StatusOr<Rows> rows = context_.session().RunOne(WithIds(name, jobs));
  OUTLIVE_RETURN_IF_ERROR(rows.status());
  for (int at = 0; at < rows->size(); ++at) {
    JobRow row = ReadRow(*rows, at, home);
    const JobId job = row.job;
    rows_.emplace(job, std::move(row));
  }
  std::vector<JobId> missing;
  std::copy_if(jobs.begin(), jobs.end(), std::back_inserter(missing),
               [this](JobId job) { return !IsLoaded(job); });
  return missing;
}

JobRow* JobRows::Find(JobId job) {
  const auto found = rows_.find(job);
  return found == rows_.end() || found->second.deleted ? nullptr : &found->second;
}

void JobRows::Move(JobRow& row, JobState to) {
  context_.Count(row.lane, row.state, -1);
  context_.Count(row.lane, to, 1);
  row.state = to;
  row.changed = true;
  row.ended_at.reset();
  if (IsTerminal(to)) row.ended_at = context_.now_micros();
}

void JobRows::AddError(JobRow& row, AttemptError error) {
  error.message = EscapeForLog(error.message);
  error.at = ToStoreTime(error.at);
  row.last_error = error;
  row.flags |= kHasErrors;
  row.changed = true;
  errors_.emplace_back(row.job, std::move(error));
}

void JobRows::PutOutput(JobRow& row, std::string_view kept) {
  row.flags |= kHasOutput;
  row.changed = true;
  outputs_[row.job] = kept;
}

void JobRows::DropOutput(JobRow& row) {
  if (!row.Has(kHasOutput)) return;
  row.flags &= ~kHasOutput;
  row.changed = true;
  outputs_.erase(row.job);
  dropped_outputs_.push_back(row.job);
}

void JobRows::PutCheckpoint(JobRow& row, std::string_view kept) {
  row.flags |= kHasCheckpoint;
  row.changed = true;
  checkpoints_[row.job] = kept;
}

void JobRows::AddArtifact(JobRow& row, const Artifact& artifact) {
  row.flags |= kHasArtifacts;
  row.changed = true;
  artifacts_.push_back(artifact);
}

void JobRows::Delete(JobRow& row) {
  context_.Count(row.lane, row.state, -1);
  row.deleted = true;
}

// -- Take -------------------------------------------------------------------------------------

std::vector<Query> JobRows::Take() {
  std::vector<JobId> from_live;
  std::vector<JobId> from_ended;
  std::vector<DeletedJob> deleted;
  LiveColumns changed("job_rows/change_live");
  LiveColumns back("job_rows/add_live");
  EndedColumns ended("job_rows/add_ended");
  for (const auto& [job, row] : rows_) {
    const bool ends = IsTerminal(row.state);
    if (row.deleted) {
      deleted.push_back({job, row.flags});
      if (row.home == JobRow::Home::kLive) from_live.push_back(job);
    } else if (row.changed) {
      if (!ends && row.home == JobRow::Home::kLive) {
        changed.Add(row);
        continue;
      }
      (row.home == JobRow::Home::kLive ? from_live : from_ended).push_back(job);
      ends ? ended.Add(row) : back.Add(row);
    }
  }
  std::vector<Query> queries;
  if (!dropped_outputs_.empty()) {
    queries.push_back(WithIds("job_rows/delete_outputs", dropped_outputs_));
  }
  if (!from_live.empty()) queries.push_back(WithIds("job_rows/delete_live", from_live));
  if (!from_ended.empty()) queries.push_back(WithIds("job_rows/delete_ended", from_ended));
  if (!changed.empty()) queries.push_back(std::move(changed).Take());
  if (!back.empty()) queries.push_back(std::move(back).Take());
  if (!ended.empty()) queries.push_back(std::move(ended).Take());
  AddErrorQueries(queries);
  AddWithBytes("job_rows/put_outputs", outputs_, queries);
  AddWithBytes("job_rows/put_checkpoints", checkpoints_, queries);
  for (const Artifact& artifact : artifacts_) queries.push_back(InsertArtifact(artifact));
  AddDeletes(deleted, queries);
  Forget();
  return queries;
}

// An insertion has at most one error of each job, so that it can give them their numbers.
void JobRows::AddErrorQueries(std::vector<Query>& queries) const {
  std::vector<std::pair<JobId, AttemptError>> left = errors_;
  while (!left.empty()) {
    std::vector<std::pair<JobId, AttemptError>> later;
    absl::flat_hash_set<JobId> seen;
    std::vector<JobId> jobs;
    std::array<std::vector<std::int64_t>, 4> columns;
    Array messages(Element::kText);
    for (auto& [job, error] : left) {
      if (!seen.insert(job).second) {
        later.emplace_back(job, std::move(error));
        continue;
      }
      jobs.push_back(job);
      columns[0].push_back(job);
      columns[1].push_back(error.attempt);
      columns[2].push_back(absl::ToUnixMicros(error.at));
      columns[3].push_back(static_cast<std::int64_t>(error.code));
      messages.AddBytes(error.message);
    }
    Query add{.name = "job_rows/add_errors"};
    for (const std::vector<std::int64_t>& column : columns) add.params.Add(Ints(column));
    add.params.Add(std::move(messages));
    queries.push_back(std::move(add));
    Query trim = WithIds("job_rows/trim_errors", jobs);
    trim.params.Int(static_cast<std::int64_t>(limits::kErrorCountMax))
        .Int(static_cast<std::int64_t>(limits::kErrorCountMax / 2));
    queries.push_back(std::move(trim));
    left = std::move(later);
  }
}

void AddDeletes(const std::vector<DeletedJob>& jobs, std::vector<Query>& queries) {
  if (jobs.empty()) return;
  constexpr std::array kSides = {
      std::pair(kHasTags, "job_rows/delete_tags"),  // Finds them by the job.
      std::pair(kHasErrors, "job_rows/delete_errors"),
      std::pair(kHasCheckpoint, "job_rows/delete_checkpoints"),
      std::pair(kHasOutput, "job_rows/delete_outputs"),
      std::pair(kHasFollowUps, "job_rows/delete_follow_ups"),
      std::pair(kHasArtifacts, "job_rows/delete_artifacts")};
  for (const auto& [flag, name] : kSides) {
    std::vector<JobId> with;
    for (const DeletedJob& job : jobs) {
      if ((job.flags & flag) != 0) with.push_back(job.job);
    }
    if (!with.empty()) queries.push_back(WithIds(name, with));
  }
  std::vector<JobId> all;
  for (const DeletedJob& job : jobs) all.push_back(job.job);
  queries.push_back(WithIds("job_rows/delete_ended", all));
  queries.push_back(WithIds("job_rows/delete_jobs", all));
}

}  // namespace outlive::postgres
