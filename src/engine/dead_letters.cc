// The part of the client that looks after dead letters, page by page.
#include <absl/functional/function_ref.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "outlive/core/limits.h"
#include "outlive/core/store_rules.h"
#include "outlive/engine/client.h"

namespace outlive {
namespace {

constexpr int kPageRows = 500;

// Calls `each` with every page of `filter`'s dead letters, newest first, until one fails.
absl::Status ForEachPage(JobStore& store, JobFilter filter,
                         absl::FunctionRef<absl::Status(const std::vector<Job>&)> each) {
  filter.state = JobState::kDead;
  JobPage page;
  page.row_count_max = kPageRows;
  while (true) {
    absl::StatusOr<std::vector<Job>> jobs = store.List(filter, page);
    if (!jobs.ok()) return jobs.status();
    if (jobs->empty()) return absl::OkStatus();
    if (absl::Status status = each(*jobs); !status.ok()) return status;
    page.before = jobs->back().id;
  }
}

absl::StatusOr<std::vector<JobId>> AllIds(JobStore& store, JobFilter filter) {
  std::vector<JobId> ids;
  const absl::Status status =
      ForEachPage(store, std::move(filter), [&](const std::vector<Job>& jobs) {
        for (const Job& job : jobs) ids.push_back(job.id);
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  std::reverse(ids.begin(), ids.end());  // Oldest first.
  return ids;
}

absl::Duration DelayOf(std::size_t index, const RequeueOptions& options) {
  if (options.per_second <= 0) return absl::ZeroDuration();
  return absl::Seconds(static_cast<double>(index) / options.per_second);
}

}  // namespace

absl::StatusOr<std::vector<Job>> Client::ListDeadLetters(JobFilter filter, const JobPage& page) {
  filter.state = JobState::kDead;
  return List(filter, page);
}

absl::StatusOr<std::vector<DeadLetterGroup>> Client::DeadLetterGroups(int group_count_max) {
  if (group_count_max < 1 || group_count_max > limits::kPageRowCountMax) {
    return absl::InvalidArgumentError(
        fmt::format("group_count_max must be from 1 to {}", limits::kPageRowCountMax));
  }
  return store().DeadLetterGroups(group_count_max);
}

// In chunks. Jobs that left the dead letters meanwhile are not counted.
absl::StatusOr<int> Client::ApplyToDeadLetters(JobFilter filter, Change::Action action,
                                               const RequeueOptions& options) {
  absl::StatusOr<std::vector<JobId>> ids = AllIds(store(), std::move(filter));
  if (!ids.ok()) return ids.status();
  if (options.job_count_max > 0 && ids->size() > static_cast<std::size_t>(options.job_count_max)) {
    ids->resize(static_cast<std::size_t>(options.job_count_max));
  }
  if (!ids->empty() && DelayOf(ids->size() - 1, options) > kDelayMax) {
    return absl::InvalidArgumentError(
        fmt::format("{} jobs at {} a second would take longer than 366 days: raise per_second, or "
                    "lower job_count_max",
                    ids->size(), options.per_second));
  }
  int applied = 0;
  for (std::size_t begin = 0; begin < ids->size(); begin += kPageRows) {
    std::vector<Change> changes;
    for (std::size_t i = begin; i < std::min(ids->size(), begin + kPageRows); ++i) {
      Change& change = changes.emplace_back();
      change.id = (*ids)[i];
      change.action = action;
      change.delay = DelayOf(i, options);
    }
    int done = 0;
    const absl::Status committed =
        commits_.RunChange(static_cast<int>(changes.size()), [&](StoreTransaction& transaction) {
          done = 0;
          auto results = transaction.Apply(changes);
          if (!results.ok()) return results.status();
          for (const absl::StatusOr<JobState>& result : *results) done += result.ok() ? 1 : 0;
          return absl::OkStatus();
        });
    if (!committed.ok()) return committed;
    applied += done;
  }
  return applied;
}

absl::StatusOr<int> Client::RequeueDeadLetters(JobFilter filter, const RequeueOptions& options) {
  if (!std::isfinite(options.per_second) || options.per_second < 0 || options.job_count_max < 0) {
    return absl::InvalidArgumentError(
        "per_second must be 0 or more and finite, job_count_max 0 or more");
  }
  return ApplyToDeadLetters(std::move(filter), Change::Action::kRequeue, options);
}

absl::Status Client::DiscardDeadLetter(JobId id) {
  Change change;
  change.id = id;
  change.action = Change::Action::kDiscard;
  return ApplyOne(std::move(change)).status();
}

absl::StatusOr<int> Client::DiscardDeadLetters(JobFilter filter) {
  return ApplyToDeadLetters(std::move(filter), Change::Action::kDiscard, {});
}

absl::StatusOr<int> Client::ExportDeadLetters(JobFilter filter, ByteSink& out,
                                              const JobJsonOptions& options) {
  int exported = 0;
  const absl::Status status =
      ForEachPage(store(), std::move(filter), [&](const std::vector<Job>& jobs) -> absl::Status {
        for (const Job& listed : jobs) {
          absl::StatusOr<Job> job = Get(listed.id);
          if (absl::IsNotFound(job.status())) continue;  // Discarded meanwhile.
          if (!job.ok()) return job.status();
          if (job->state != JobState::kDead) continue;  // Sent back to work meanwhile.
          if (absl::Status written = out.Write(JobToJson(*job, options) + "\n"); !written.ok()) {
            return written;
          }
          ++exported;
        }
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  return exported;
}

}  // namespace outlive
