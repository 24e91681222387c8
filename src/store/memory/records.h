// The rows of the in-memory store. A job is in two parts: what never changes after its insertion,
// and what does. The second is cheap to copy (large values are shared and never changed in place),
// so a transaction keeps a copy of it from before its first change: to undo it, and to show it to
// readers until the commit.
#ifndef OUTLIVE_SRC_STORE_MEMORY_RECORDS_H_
#define OUTLIVE_SRC_STORE_MEMORY_RECORDS_H_

#include <absl/container/btree_map.h>
#include <absl/container/btree_set.h>
#include <absl/container/flat_hash_map.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "outlive/core/idempotency.h"
#include "outlive/core/job.h"
#include "outlive/core/lifecycle.h"
#include "outlive/core/limits.h"

namespace outlive::internal {

// Since 1970.
using Micros = std::int64_t;

struct MemoryRecord;
struct MemoryQueue;

// A job that waits for its time. Sets of these are what Claim() reads from the front.
struct MemoryDue {
  Micros run_at = 0;
  JobId id = 0;
  MemoryRecord* record = nullptr;

  friend bool operator<(const MemoryDue& a, const MemoryDue& b) {
    return a.run_at != b.run_at ? a.run_at < b.run_at : a.id < b.id;
  }
};

// How many jobs are in each state.
using StateCounts = std::array<std::int64_t, kJobStateCount>;

// The jobs of one kind in one queue.
struct MemoryLane {
  MemoryQueue* queue = nullptr;
  std::string kind;
  StateCounts counts = {};
  StateCounts committed_counts = {};
  bool touched = false;  // By the open transaction.

  // By priority.
  std::array<absl::btree_set<MemoryDue>, limits::kPriorityMax + 1> pending;
};

struct MemoryQueueSettings {
  bool paused = false;
  bool ever_set = false;
};

struct MemoryQueue {
  std::string name;
  MemoryQueueSettings settings;
  MemoryQueueSettings committed_settings;
  std::int64_t pending_count = 0;
  absl::flat_hash_map<std::string, std::unique_ptr<MemoryLane>> lanes;  // By kind.
};

struct MemorySession {
  std::string name;
  Micros expires = 0;
  absl::btree_map<JobId, MemoryRecord*> running;
  absl::btree_map<JobId, MemoryRecord*> cancels;  // Those of `running` that were asked to stop.
};

struct MemoryKey {
  Fingerprint name = {};  // KeyFingerprint().
  JobId job = 0;
  Fingerprint args = {};
  Micros expires = 0;
};

// What never changes, but for the seal of its payloads.
struct JobFixed {
  MemoryLane* lane = nullptr;  // Its queue and kind.
  int priority = 0;
  int attempt_count_max = 0;
  Micros created_at = 0;
  std::string args;  // As Payloads keeps it, and so are checkpoint, output and follow_ups.
  std::string idempotency_key;
  std::string partition_key;
  std::string traceparent;
  std::string retry_policy;
  std::vector<std::string> tags;
  std::string follow_ups;  // Empty: none.
};

// What changes. A null pointer: empty.
struct JobLive {
  JobState state = JobState::kPending;
  bool cancel_requested = false;
  std::optional<Transition> last_end;  // What Finish() was last asked for under `fence`.
  int attempt = 0;
  int crashes = 0;
  int generation = 0;
  std::int64_t fence = 0;
  MemorySession* session = nullptr;  // While running.
  Micros run_at = 0;
  std::optional<Micros> started_at;
  std::optional<Micros> ended_at;
  double progress = 0;
  std::shared_ptr<const std::string> progress_note;
  std::shared_ptr<const std::string> checkpoint;
  std::shared_ptr<const std::string> output;
  std::shared_ptr<const std::vector<AttemptError>> errors;
  std::shared_ptr<const std::vector<Artifact>> artifacts;
};

struct MemoryRecord {
  static constexpr std::size_t kUntouched = static_cast<std::size_t>(-1);

  JobId id = 0;
  JobFixed fixed;
  JobLive live;

  // Index into the open transaction's list of what it has changed.
  std::size_t touched = kUntouched;

  // By the open transaction: in no index any more.
  bool deleted = false;
};

}  // namespace outlive::internal

#endif  // OUTLIVE_SRC_STORE_MEMORY_RECORDS_H_
