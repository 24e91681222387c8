#include "store/memory/copy.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "outlive/core/lifecycle.h"
#include "store/memory/views.h"

namespace outlive::internal {
namespace {

StoredJob Stored(const MemoryRecord& record, const JobLive& live) {
  StoredJob stored{.job = JobRow(record, live), .follow_ups = record.fixed.follow_ups};
  stored.job.args = record.fixed.args;
  stored.job.checkpoint = TextOf(live.checkpoint);
  stored.job.output = TextOf(live.output);
  stored.job.errors = ListOf(live.errors);
  stored.job.artifacts = ListOf(live.artifacts);
  stored.job.sealed = false;
  if (live.state != JobState::kRunning) stored.last_end = live.last_end;
  return stored;
}

bool HasSession(const StoreRows& rows, const std::string& name) {
  return std::any_of(rows.sessions.begin(), rows.sessions.end(),
                     [&name](const StoredSession& each) { return each.name == name; });
}

}  // namespace

std::vector<StoredJob> MemoryCopy::Jobs(JobId after, int count_max) const {
  std::vector<StoredJob> jobs;
  const auto& records = tables_.records();
  for (auto next = records.upper_bound(after);
       next != records.end() && jobs.size() < static_cast<std::size_t>(count_max); ++next) {
    const JobLive* const live = tables_.Committed(*next->second);
    if (live != nullptr) jobs.push_back(Stored(*next->second, *live));
  }
  return jobs;
}

std::vector<StoredKey> MemoryCopy::Keys(const std::optional<Fingerprint>& after,
                                        int count_max) const {
  std::vector<StoredKey> keys;
  const auto& all = tables_.keys();
  for (auto next = after ? all.upper_bound(*after) : all.begin();
       next != all.end() && keys.size() < static_cast<std::size_t>(count_max); ++next) {
    const MemoryKey& key = *next->second;
    keys.push_back({key.name, key.args, key.job, absl::FromUnixMicros(key.expires)});
  }
  return keys;
}

std::vector<StoredSession> MemoryCopy::Sessions(Micros now) const {
  std::vector<StoredSession> sessions;
  for (const auto& [name, session] : tables_.sessions()) {
    if (session->expires > now || !session->running.empty()) {
      sessions.push_back({name, absl::FromUnixMicros(session->expires)});
    }
  }
  std::sort(sessions.begin(), sessions.end(),
            [](const StoredSession& a, const StoredSession& b) { return a.name < b.name; });
  return sessions;
}

std::vector<QueueSettings> MemoryCopy::Queues() const {
  std::vector<QueueSettings> queues;
  for (const auto& [name, queue] : tables_.queues()) {
    if (queue->settings.ever_set) queues.push_back({name, queue->settings.paused});
  }
  std::sort(queues.begin(), queues.end(),
            [](const QueueSettings& a, const QueueSettings& b) { return a.queue < b.queue; });
  return queues;
}

absl::Status MemoryCopy::Check(const StoreRows& rows) const {
  for (const StoredJob& stored : rows.jobs) {
    if (absl::Status valid = CheckJob(stored, rows); !valid.ok()) return valid;
  }
  return CheckEvents(rows.events);
}

absl::Status MemoryCopy::CheckJob(const StoredJob& stored, const StoreRows& rows) const {
  const Job& job = stored.job;
  if (job.priority < 0 || job.priority > limits::kPriorityMax) {
    return absl::DataLossError(fmt::format("job {} has a priority that there is not", job.id));
  }
  if (IsTerminal(job.state) != job.ended_at.has_value()) {
    return absl::DataLossError(fmt::format("job {} has an end that its state has not", job.id));
  }
  if (tables_.FindRecord(job.id) != nullptr) {
    return absl::DataLossError(fmt::format("job {} is there already", job.id));
  }
  if (job.state == JobState::kRunning && !HasSession(rows, job.session) &&
      tables_.FindCommittedSession(job.session) == nullptr) {
    return absl::DataLossError(fmt::format("job {} runs for a session that is not there", job.id));
  }
  return absl::OkStatus();
}

absl::Status MemoryCopy::CheckEvents(const std::vector<Event>& events) const {
  if (events.empty()) return absl::OkStatus();
  std::int64_t next = tables_.events().empty() ? events.front().seq : tables_.committed_seq() + 1;
  for (const Event& event : events) {
    if (event.seq != next++) {
      return absl::UnimplementedError("the in-memory store keeps no event log with gaps");
    }
  }
  return absl::OkStatus();
}

void MemoryCopy::Fill(const StoreRows& rows) {
  for (const StoredSession& session : rows.sessions) {
    if (tables_.FindSession(session.name) == nullptr) {
      tables_.AddSession(session.name, absl::ToUnixMicros(session.expires_at));
    }
  }
  for (const StoredJob& stored : rows.jobs) tables_.AddStoredJob(stored);
  for (const StoredKey& key : rows.keys) {
    tables_.PutKey({.name = key.key,
                    .job = key.job,
                    .args = key.args,
                    .expires = absl::ToUnixMicros(key.expires_at)});
  }
  if (!rows.events.empty() && tables_.events().empty()) {
    tables_.AdoptLastEvent(rows.events.front().seq - 1);
  }
  for (const Event& event : rows.events) tables_.AddStoredEvent(event);
}

}  // namespace outlive::internal
