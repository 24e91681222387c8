#include "artifact/usage.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <string_view>

namespace outlive::internal {
namespace {

absl::Status QuotaStatus(std::string_view what, std::int64_t bytes_max) {
  return absl::ResourceExhaustedError(
      fmt::format("{} may have {} bytes: the quota is reached", what, bytes_max));
}

// Whether `used` and `more` stay within `max`, without overflow.
bool Fits(std::int64_t used, std::int64_t more, std::int64_t max) {
  return used <= max && more <= max - used;
}

}  // namespace

void Usage::Begin(const std::string& id, std::int64_t job_id) {
  const MutexLock lock(mutex_);
  in_progress_.insert(id);
  JobUsage& job = jobs_[job_id];
  ++job.writer_count;
  job.ids.insert(id);
}

void Usage::SetPublished(std::int64_t job_id, const std::vector<Artifact>& artifacts) {
  const MutexLock lock(mutex_);
  JobUsage& job = jobs_[job_id];
  std::int64_t published = 0;
  for (const Artifact& artifact : artifacts) {
    if (!job.ids.contains(artifact.id)) published += artifact.size;
  }
  job.published = std::max(job.published, published);
}

absl::Status Usage::Take(std::int64_t job_id, std::int64_t so_far, std::int64_t bytes) {
  if (!Fits(so_far, bytes, quotas_.artifact_bytes_max)) {
    return QuotaStatus("one artifact", quotas_.artifact_bytes_max);
  }
  const MutexLock lock(mutex_);
  JobUsage& job = jobs_[job_id];
  if (!Fits(job.published + job.taken, bytes, quotas_.job_bytes_max)) {
    return QuotaStatus("the artifacts of one job", quotas_.job_bytes_max);
  }
  const std::int64_t stored = std::accumulate(stored_.begin(), stored_.end(), std::int64_t{0});
  if (!Fits(stored + in_progress_bytes_, bytes, quotas_.store_bytes_max)) {
    return QuotaStatus("all artifacts together", quotas_.store_bytes_max);
  }
  job.taken += bytes;
  in_progress_bytes_ += bytes;
  return absl::OkStatus();
}

void Usage::End(const std::string& id, std::int64_t job_id, std::size_t shard, std::int64_t bytes,
                bool kept) {
  const MutexLock lock(mutex_);
  in_progress_.erase(id);
  in_progress_bytes_ -= bytes;
  if (kept) stored_[shard] += bytes;
  const auto job = jobs_.find(job_id);
  if (--job->second.writer_count == 0) {
    jobs_.erase(job);
  } else if (!kept) {
    job->second.ids.erase(id);
    job->second.taken -= bytes;
  }
}

void Usage::Removed(std::size_t shard, std::int64_t bytes) {
  const MutexLock lock(mutex_);
  stored_[shard] -= bytes;
}

absl::StatusOr<Usage::Entries> Usage::Recount(std::size_t shard,
                                              absl::FunctionRef<absl::StatusOr<Entries>()> list) {
  const MutexLock lock(mutex_);
  absl::StatusOr<Entries> entries = list();
  if (!entries.ok()) return entries;
  std::int64_t bytes = 0;
  Entries others;
  for (Folder::Entry& entry : *entries) {
    const std::string id = entry.name.substr(0, entry.name.find('.'));
    if (in_progress_.contains(id)) continue;
    bytes += entry.size;
    others.push_back(std::move(entry));
  }
  stored_[shard] = bytes;
  return others;
}

}  // namespace outlive::internal
