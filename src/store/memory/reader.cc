#include "store/memory/reader.h"

#include <absl/container/btree_map.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <tuple>
#include <utility>

#include "outlive/core/store_rules.h"
#include "store/memory/views.h"

namespace outlive::internal {
namespace {

absl::Span<const AttemptError> ErrorsOf(const JobLive& live) {
  if (live.errors == nullptr) return {};
  return *live.errors;
}

bool Matches(const JobFilter& filter, const JobFixed& fixed, const JobLive& live) {
  if (filter.state && live.state != *filter.state) return false;
  if (!filter.kind.empty() && fixed.lane->kind != filter.kind) return false;
  if (!filter.queue.empty() && fixed.lane->queue->name != filter.queue) return false;
  if (!filter.tag.empty() &&
      std::find(fixed.tags.begin(), fixed.tags.end(), filter.tag) == fixed.tags.end()) {
    return false;
  }
  return filter.error_group.empty() ||
         (live.state == JobState::kDead &&
          ErrorGroupKey(fixed.lane->kind, ErrorsOf(live)) == filter.error_group);
}

absl::Status Positive(std::string_view what, int count) {
  if (count >= 1) return absl::OkStatus();
  return absl::InvalidArgumentError(fmt::format("{} must be 1 or more", what));
}

}  // namespace

absl::StatusOr<Job> MemoryReader::Get(JobId id) const {
  const MemoryRecord* const record = tables_.FindRecord(id);
  const JobLive* const live = record == nullptr ? nullptr : tables_.Committed(*record);
  if (live == nullptr) return absl::NotFoundError(fmt::format("there is no job {}", id));
  return WholeJob(*record, *live, payloads_);
}

absl::StatusOr<std::vector<Job>> MemoryReader::List(const JobFilter& filter,
                                                    const JobPage& page) const {
  if (absl::Status valid = ValidateJobPage(page); !valid.ok()) return valid;
  const auto& records = tables_.records();
  std::vector<Job> jobs;
  auto next = page.before == 0 ? records.end() : records.lower_bound(page.before);
  while (next != records.begin() && jobs.size() < static_cast<std::size_t>(page.row_count_max)) {
    --next;
    const MemoryRecord& record = *next->second;
    const JobLive* const live = tables_.Committed(record);
    if (live != nullptr && Matches(filter, record.fixed, *live)) {
      jobs.push_back(JobRow(record, *live));
    }
  }
  return jobs;
}

JobStats MemoryReader::Stats(absl::Time now) const {
  JobStats stats;
  stats.now = now;
  for (const auto& [queue_name, queue] : tables_.queues()) {
    if (queue->committed_settings.ever_set) {
      stats.queues.push_back({queue_name, queue->committed_settings.paused});
    }
    for (const auto& [kind, lane] : queue->lanes) {
      const auto count = [&counts = lane->committed_counts](JobState state) {
        return counts[static_cast<std::size_t>(state)];
      };
      JobStats::Lane row{.queue = queue_name,
                         .kind = kind,
                         .pending = count(JobState::kPending),
                         .running = count(JobState::kRunning),
                         .blocked = count(JobState::kBlocked),
                         .completed = count(JobState::kCompleted),
                         .cancelled = count(JobState::kCancelled),
                         .dead = count(JobState::kDead)};
      if (row.pending + row.running + row.blocked + row.completed + row.cancelled + row.dead == 0) {
        continue;  // New in the open transaction.
      }
      const absl::Time oldest = OldestPending(*lane);
      if (oldest <= now) row.oldest_due = oldest;
      stats.lanes.push_back(std::move(row));
    }
  }
  std::sort(stats.lanes.begin(), stats.lanes.end(), [](const auto& a, const auto& b) {
    return std::tie(a.queue, a.kind) < std::tie(b.queue, b.kind);
  });
  std::sort(stats.queues.begin(), stats.queues.end(),
            [](const auto& a, const auto& b) { return a.queue < b.queue; });
  return stats;
}

// The first untouched job of each priority, and what the open transaction has touched as it was.
absl::Time MemoryReader::OldestPending(const MemoryLane& lane) const {
  absl::Time oldest = absl::InfiniteFuture();
  for (const absl::btree_set<MemoryDue>& pending : lane.pending) {
    for (const MemoryDue& due : pending) {
      if (due.record->touched != MemoryRecord::kUntouched) continue;
      oldest = std::min(oldest, absl::FromUnixMicros(due.run_at));
      break;
    }
  }
  if (!lane.touched) return oldest;
  for (const MemoryTables::Touched& touched : tables_.touched()) {
    if (touched.record->fixed.lane == &lane && touched.before &&
        touched.before->state == JobState::kPending) {
      oldest = std::min(oldest, absl::FromUnixMicros(touched.before->run_at));
    }
  }
  return oldest;
}

absl::StatusOr<std::vector<Event>> MemoryReader::EventsAfter(std::int64_t after,
                                                             int event_count_max) const {
  if (absl::Status valid = Positive("event_count_max", event_count_max); !valid.ok()) return valid;
  if (after >= tables_.committed_seq()) return std::vector<Event>();
  const std::int64_t first = std::max(after + 1, tables_.first_seq());
  const std::int64_t end = std::min(tables_.committed_seq() + 1, first + event_count_max);
  if (first >= end) return std::vector<Event>();
  const auto begin = tables_.events().begin() + (first - tables_.first_seq());
  return std::vector<Event>(begin, begin + (end - first));
}

absl::StatusOr<std::vector<DeadLetterGroup>> MemoryReader::DeadLetterGroups(
    int group_count_max) const {
  if (absl::Status valid = Positive("group_count_max", group_count_max); !valid.ok()) return valid;
  absl::btree_map<std::string, DeadLetterGroup> by_key;
  const auto add = [&by_key](const MemoryRecord& record, const JobLive& live) {
    const std::string& kind = record.fixed.lane->kind;
    std::string key = ErrorGroupKey(kind, ErrorsOf(live));
    DeadLetterGroup& group = by_key[key];
    ++group.job_count;
    if (record.id < group.newest) return;
    group.key = std::move(key);
    group.kind = kind;
    group.newest = record.id;
    group.newest_at = absl::FromUnixMicros(*live.ended_at);
    const AttemptError error = ErrorsOf(live).empty() ? AttemptError() : ErrorsOf(live).back();
    group.message = error.message;
    group.code = error.code;
  };
  for (const auto& [end, record] : tables_.ended(JobState::kDead)) {
    if (record->touched == MemoryRecord::kUntouched) add(*record, record->live);
  }
  for (const MemoryTables::Touched& touched : tables_.touched()) {
    if (touched.before && touched.before->state == JobState::kDead) {
      add(*touched.record, *touched.before);
    }
  }
  std::vector<DeadLetterGroup> groups;
  for (auto& [key, group] : by_key) groups.push_back(std::move(group));
  std::sort(groups.begin(), groups.end(), [](const auto& a, const auto& b) {
    return std::tie(b.job_count, b.newest) < std::tie(a.job_count, a.newest);
  });
  if (groups.size() > static_cast<std::size_t>(group_count_max)) {
    groups.resize(static_cast<std::size_t>(group_count_max));
  }
  return groups;
}

std::vector<JobId> MemoryReader::CancelRequests(const std::string& session) const {
  std::vector<JobId> jobs;
  const MemorySession* const found = tables_.FindCommittedSession(session);
  if (found == nullptr) return jobs;
  for (const auto& [id, record] : found->cancels) {
    if (record->touched == MemoryRecord::kUntouched) jobs.push_back(id);
  }
  for (const MemoryTables::Touched& touched : tables_.touched()) {
    if (touched.before && touched.before->session == found && touched.before->cancel_requested) {
      jobs.push_back(touched.record->id);
    }
  }
  std::sort(jobs.begin(), jobs.end());
  return jobs;
}

absl::StatusOr<Artifact> MemoryReader::FindArtifact(const std::string& id) const {
  const MemoryRecord* const record = tables_.FindArtifactRecord(id);
  const JobLive* const live = record == nullptr ? nullptr : tables_.Committed(*record);
  if (live != nullptr && live->artifacts != nullptr) {
    for (const Artifact& artifact : *live->artifacts) {
      if (artifact.id == id) return artifact;
    }
  }
  return absl::NotFoundError("there is no such artifact");
}

}  // namespace outlive::internal
