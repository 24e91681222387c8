// How many bytes of artifacts there are, against the quotas. What is being written is held apart
// from what is stored, so that a folder can be counted anew while others write.
//
// Thread-safety: may be used from many threads at once.
#ifndef OUTLIVE_SRC_ARTIFACT_USAGE_H_
#define OUTLIVE_SRC_ARTIFACT_USAGE_H_

#include <absl/base/thread_annotations.h>
#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "artifact/folder.h"
#include "outlive/core/artifact.h"
#include "outlive/core/mutex.h"

namespace outlive::internal {

// Artifacts lie in one folder for each pair of first digits of their ids.
inline constexpr std::size_t kShardCount = 256;

struct Quotas {
  std::int64_t artifact_bytes_max = 0;
  std::int64_t job_bytes_max = 0;
  std::int64_t store_bytes_max = 0;
};

class Usage {
 public:
  using Entries = std::vector<Folder::Entry>;

  explicit Usage(const Quotas& quotas) : quotas_(quotas) {}

  // An artifact of this job is going to be written.
  void Begin(const std::string& id, std::int64_t job_id);

  // What the job has published, as read after Begin().
  void SetPublished(std::int64_t job_id, const std::vector<Artifact>& artifacts);

  // Takes `bytes` more for an artifact that has `so_far`. kResourceExhausted names the quota.
  absl::Status Take(std::int64_t job_id, std::int64_t so_far, std::int64_t bytes);

  // The artifact has all of its `bytes`, or was given up: what was taken is given back.
  void End(const std::string& id, std::int64_t job_id, std::size_t shard, std::int64_t bytes,
           bool kept);

  // A stored file has gone.
  void Removed(std::size_t shard, std::int64_t bytes);

  // Counts a folder anew by what `list` finds in it; nobody begins or ends meanwhile. Returns the
  // files that nobody in this process is writing.
  absl::StatusOr<Entries> Recount(std::size_t shard,
                                  absl::FunctionRef<absl::StatusOr<Entries>()> list);

 private:
  // Of one job, while this process is writing for it.
  struct JobUsage {
    int writer_count = 0;
    std::set<std::string> ids;   // Whose bytes are in `taken`, published meanwhile or not.
    std::int64_t taken = 0;      // Bytes.
    std::int64_t published = 0;  // Bytes of all others.
  };

  const Quotas quotas_;

  Mutex mutex_;
  std::map<std::int64_t, JobUsage> jobs_ ABSL_GUARDED_BY(mutex_);
  std::set<std::string> in_progress_ ABSL_GUARDED_BY(mutex_);
  std::int64_t in_progress_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::array<std::int64_t, kShardCount> stored_ ABSL_GUARDED_BY(mutex_) = {};
};

}  // namespace outlive::internal

#endif  // OUTLIVE_SRC_ARTIFACT_USAGE_H_
