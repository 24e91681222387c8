// RunIndex puts a RunRecord in order for the checks: operations instead of records, and what
// belongs to one job together.
#ifndef OUTLIVE_SRC_TESTING_RUN_INDEX_H_
#define OUTLIVE_SRC_TESTING_RUN_INDEX_H_

#include <cstdint>
#include <limits>
#include <map>
#include <string_view>
#include <vector>

#include "outlive/testing/checker.h"
#include "testing/verdict.h"

namespace outlive::testing::internal {

// An invoke and what came of it. Of kStart and kReturn both are the same record.
struct Operation {
  const HistoryRecord* invoke = nullptr;
  const HistoryRecord* result = nullptr;  // Null: its process died before it knew.

  HistoryOp op() const { return invoke->op; }
  HistoryPhase phase() const { return result == nullptr ? HistoryPhase::kUnknown : result->phase; }
  bool ok() const { return phase() == HistoryPhase::kOk; }
  bool failed() const { return phase() == HistoryPhase::kFail; }
  std::int64_t begun() const { return invoke->moment; }
  std::int64_t ended() const {
    return result == nullptr ? std::numeric_limits<std::int64_t>::max() : result->moment;
  }
};

using Operations = std::vector<const Operation*>;  // In the order of begun().

// All that was seen of one job.
struct JobTrace {
  JobId id = 0;
  const Job* job = nullptr;          // In the end; null: gone.
  std::vector<const Event*> events;  // By seq.
  Operations enqueues;               // That were acknowledged with this id.
  Operations changes;                // kCancel, kRequeue, kDiscard.
  Operations claims, finishes;
  Operations writes;  // kProgress, kCheckpoint, kPublish.
  Operations starts, effects;
  std::vector<const Effect*> sink;  // In their order.
  std::vector<const Effect*> rows;  // Of CompleteIn().
};

// Of a process, its latest record.
struct LastSeen {
  absl::Time at = absl::InfinitePast();
};

struct RunIndex {
  // `run` outlives the index. Records that do not fit together are violations of "history".
  RunIndex(const RunRecord& run, const CheckOptions& check, Verdict& verdict);
  RunIndex(const RunIndex&) = delete;
  RunIndex& operator=(const RunIndex&) = delete;

  const RunRecord& run;
  const CheckOptions& options;
  std::vector<Operation> operations;  // By begun().
  std::vector<const Event*> events;   // By seq.
  std::map<JobId, JobTrace> jobs;
  Operations enqueues;  // All, acknowledged or not.
  std::map<std::string_view, Operations> sessions;
  std::map<std::string_view, LastSeen> processes;
  absl::Time last_at = absl::InfinitePast();  // The latest time that anybody has seen.

  // The run recorded what passes through the store port.
  bool port_recorded = false;

 private:
  void JoinRecords(Verdict& verdict);
  void Place(const Operation& operation);
};

}  // namespace outlive::testing::internal

#endif  // OUTLIVE_SRC_TESTING_RUN_INDEX_H_
