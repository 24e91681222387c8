// JobRows are the jobs that a transaction changes: loaded and locked, changed in memory, and
// written together, with one statement for each kind of change.
//
//   Load ──► Find ──► Move, AddError, … ──► Take
//
// Thread-safety: none; for the thread that has the transaction.
#ifndef OUTLIVE_SRC_STORE_POSTGRES_JOB_ROWS_H_
#define OUTLIVE_SRC_STORE_POSTGRES_JOB_ROWS_H_

#include <absl/container/btree_map.h>
#include <absl/status/status.h>

#include <string>
#include <utility>
#include <vector>

#include "outlive/core/job.h"
#include "store/postgres/job_row.h"
#include "store/postgres/write_context.h"

namespace outlive::postgres {

class JobRows {
 public:
  // It outlives it.
  explicit JobRows(WriteContext& context) : context_(context) {}

  // Of a new transaction.
  void Forget();

  // Locks those that are not loaded yet. Rows stay where they are until the next Take().
  absl::Status Load(std::vector<JobId> jobs);

  // Null: there is no such job.
  JobRow* Find(JobId job);
  bool IsLoaded(JobId job) const { return rows_.contains(job); }

  // Artifacts that were added since the last Take().
  bool has_artifacts() const { return !artifacts_.empty(); }

  // The job has another state now; it has ended, where that is an end.
  void Move(JobRow& row, JobState to);

  void AddError(JobRow& row, AttemptError error);
  void PutOutput(JobRow& row, std::string_view kept);
  void PutCheckpoint(JobRow& row, std::string_view kept);
  void DropOutput(JobRow& row);
  void AddArtifact(JobRow& row, const Artifact& artifact);

  // The job and all that it has left.
  void Delete(JobRow& row);

  // What writes what has changed; nothing where nothing has. Forgets what was loaded.
  std::vector<Query> Take();

 private:
  absl::StatusOr<std::vector<JobId>> LoadFrom(std::string_view name, JobRow::Home home,
                                              const std::vector<JobId>& jobs);
  void AddErrorQueries(std::vector<Query>& queries) const;

  WriteContext& context_;
  absl::btree_map<JobId, JobRow> rows_;  // Sorted: rows are always locked in this order.
  std::vector<std::pair<JobId, AttemptError>> errors_;
  absl::btree_map<JobId, std::string> outputs_;
  absl::btree_map<JobId, std::string> checkpoints_;
  std::vector<JobId> dropped_outputs_;
  std::vector<Artifact> artifacts_;
};

// Adds to `queries` what removes ended jobs and all that they have left. By their flags.
struct DeletedJob {
  JobId job = 0;
  int flags = 0;
};
void AddDeletes(const std::vector<DeletedJob>& jobs, std::vector<Query>& queries);

}  // namespace outlive::postgres

#endif  // OUTLIVE_SRC_STORE_POSTGRES_JOB_ROWS_H_
