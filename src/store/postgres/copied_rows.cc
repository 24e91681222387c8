#include "store/postgres/copied_rows.h"

#include <absl/strings/str_join.h>
#include <fmt/format.h>

#include <string>
#include <string_view>
#include <utility>

#include "outlive/core/lifecycle.h"
#include "outlive/core/store_rules.h"
#include "store/postgres/flags.h"

namespace outlive::postgres {
namespace {

int FlagsOf(const StoredJob& stored) {
  const Job& job = stored.job;
  return (stored.follow_ups.empty() ? 0 : kHasFollowUps) | (job.tags.empty() ? 0 : kHasTags) |
         (job.errors.empty() ? 0 : kHasErrors) | (job.checkpoint.empty() ? 0 : kHasCheckpoint) |
         (job.output.empty() ? 0 : kHasOutput) | (job.artifacts.empty() ? 0 : kHasArtifacts) |
         (job.cancel_requested ? kCancelRequested : 0);
}

Query ToQuery(std::string_view name, std::vector<Array>& columns) {
  Query query{.name = name};
  for (Array& column : columns) query.params.Add(std::move(column));
  return query;
}

}  // namespace

std::vector<Array> CopiedRows::StateColumns(bool ended) {
  std::vector<Array> columns(12, Array(Element::kBigint));
  columns.emplace_back(Element::kReal);
  columns.emplace_back(Element::kText);
  if (ended) {
    columns.emplace_back(Element::kBigint);
    columns.emplace_back(Element::kText);
  }
  return columns;
}

absl::Status CopiedRows::AddJob(const StoredJob& stored, int lane) {
  const Job& job = stored.job;
  if (job.state == JobState::kBlocked) {
    return absl::UnimplementedError(fmt::format("job {} is blocked", job.id));
  }
  if (IsTerminal(job.state) != job.ended_at.has_value()) {
    return absl::DataLossError(fmt::format("job {} has an end that its state has not", job.id));
  }
  const std::int64_t numbers[] = {job.id, lane, job.attempt_count_max,
                                  absl::ToUnixMicros(job.created_at)};
  for (std::size_t i = 0; i < std::size(numbers); ++i) jobs_[i].AddInt(numbers[i]);
  jobs_[4].AddBytesOrNull(job.idempotency_key);
  jobs_[5].AddBytesOrNull(job.partition_key);
  jobs_[6].AddBytesOrNull(job.traceparent);
  jobs_[7].AddBytesOrNull(absl::StrJoin(job.tags, " "));
  jobs_[8].AddBytesOrNull(job.retry_policy);
  jobs_[9].AddBytes(job.args);
  AddState(stored, lane);
  AddParts(stored);
  return absl::OkStatus();
}

// In the order of job_rows/add_live and job_rows/add_ended.
void CopiedRows::AddState(const StoredJob& stored, int lane) {
  const Job& job = stored.job;
  std::vector<Array>& to = IsTerminal(job.state) ? ended_ : live_;
  const std::int64_t numbers[] = {job.id,
                                  lane,
                                  static_cast<int>(job.state),
                                  job.priority,
                                  absl::ToUnixMicros(job.run_at),
                                  job.attempt,
                                  job.crashes,
                                  job.generation,
                                  job.fence,
                                  FlagsOf(stored)};
  for (std::size_t i = 0; i < std::size(numbers); ++i) to[i].AddInt(numbers[i]);
  stored.last_end ? to[10].AddInt(static_cast<int>(*stored.last_end)) : to[10].AddNull();
  job.started_at ? to[11].AddInt(absl::ToUnixMicros(*job.started_at)) : to[11].AddNull();
  job.progress != 0 ? to[12].AddReal(job.progress) : to[12].AddNull();
  to[13].AddBytesOrNull(job.progress_note);
  if (job.state == JobState::kRunning) {
    running_[0].AddInt(job.id);
    running_[1].AddBytes(job.session);
  }
  if (!IsTerminal(job.state)) return;
  to[14].AddInt(absl::ToUnixMicros(*job.ended_at));
  to[15].AddBytesOrNull(job.state == JobState::kDead ? ErrorGroupKey(job.kind, job.errors)
                                                     : std::string());
}

void CopiedRows::AddParts(const StoredJob& stored) {
  const Job& job = stored.job;
  for (const std::string& tag : job.tags) {
    tags_[0].AddBytes(tag);
    tags_[1].AddInt(job.id);
  }
  const auto add = [&job](std::vector<Array>& to, std::string_view bytes) {
    if (bytes.empty()) return;
    to[0].AddInt(job.id);
    to[1].AddBytes(bytes);
  };
  add(follow_ups_, stored.follow_ups);
  add(checkpoints_, job.checkpoint);
  add(outputs_, job.output);
  int number = 0;
  for (const AttemptError& error : job.errors) {
    const std::int64_t numbers[] = {job.id, ++number, error.attempt, absl::ToUnixMicros(error.at),
                                    static_cast<int>(error.code)};
    for (std::size_t i = 0; i < std::size(numbers); ++i) errors_[i].AddInt(numbers[i]);
    errors_[5].AddBytes(error.message);
  }
  for (const Artifact& artifact : job.artifacts) {
    Query query{.name = "job_rows/add_artifact"};
    query.params.Text(artifact.id)
        .Int(job.id)
        .Int(artifact.fence)
        .Text(artifact.name)
        .Text(artifact.media_type)
        .Int(artifact.size)
        .Text(artifact.sha256)
        .Int(absl::ToUnixMicros(artifact.created_at));
    artifacts_.push_back(std::move(query));
  }
}

void CopiedRows::AddSession(const StoredSession& session) {
  session_names_.AddBytes(session.name);
  session_expiries_.AddInt(absl::ToUnixMicros(session.expires_at));
}

void CopiedRows::AddKey(const StoredKey& key) {
  keys_[0].AddUuid(key.key);
  keys_[1].AddUuid(key.args);
  keys_[2].AddInt(key.job);
  keys_[3].AddInt(absl::ToUnixMicros(key.expires_at));
}

std::vector<Query> CopiedRows::Take() {
  std::vector<Query> queries;
  if (session_names_.size() > 0) {
    Query query{.name = "copy/add_sessions"};
    query.params.Add(std::move(session_names_)).Add(std::move(session_expiries_));
    queries.push_back(std::move(query));
  }
  const std::pair<std::string_view, std::vector<Array>*> tables[] = {
      {"copy/add_jobs", &jobs_},
      {"job_rows/add_live", &live_},
      {"job_rows/add_ended", &ended_},
      {"copy/set_sessions", &running_},
      {"insert/add_tags", &tags_},
      {"insert/add_follow_ups", &follow_ups_},
      {"job_rows/put_checkpoints", &checkpoints_},
      {"job_rows/put_outputs", &outputs_},
      {"copy/add_errors", &errors_},
      {"copy/add_keys", &keys_},
  };
  for (const auto& [name, columns] : tables) {
    if (columns->front().size() > 0) queries.push_back(ToQuery(name, *columns));
  }
  for (Query& query : artifacts_) queries.push_back(std::move(query));
  return queries;
}

}  // namespace outlive::postgres
