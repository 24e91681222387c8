// Changer does what workers write while they run, and what people ask for.
//
// Thread-safety: none; for the thread that has the transaction.
#ifndef OUTLIVE_SRC_STORE_POSTGRES_CHANGE_H_
#define OUTLIVE_SRC_STORE_POSTGRES_CHANGE_H_

#include <absl/container/flat_hash_map.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/types/span.h>

#include <string>
#include <vector>

#include "outlive/core/job_store.h"
#include "store/postgres/finish.h"
#include "store/postgres/job_rows.h"
#include "store/postgres/write_context.h"

namespace outlive::postgres {

class Changer {
 public:
  // All outlive it.
  Changer(WriteContext& context, JobRows& rows, Finisher& finisher)
      : context_(context), rows_(rows), finisher_(finisher) {}

  // StoreTransaction::Write() and Apply(). New jobs, and artifacts, are in the database.
  absl::StatusOr<std::vector<absl::Status>> Write(absl::Span<const WorkerWrite> writes);
  absl::StatusOr<std::vector<absl::StatusOr<JobState>>> Apply(absl::Span<const Change> changes);

 private:
  using Artifacts = absl::flat_hash_map<std::string, Artifact>;  // By id.

  absl::StatusOr<Artifacts> FindArtifacts(absl::Span<const WorkerWrite> writes);
  absl::Status WriteOne(const WorkerWrite& write, Artifacts& known, absl::Status& result);
  absl::Status PutArtifact(JobRow& row, Artifact artifact, Artifacts& known);
  void PutProgress(JobRow& row, const WorkerWrite& write);

  absl::Status ApplyOne(const Change& change, absl::StatusOr<JobState>& result);
  absl::Status Cancel(JobRow& row, const std::string& reason, absl::StatusOr<JobState>& result);
  void Requeue(JobRow& row, absl::Duration delay, absl::StatusOr<JobState>& result);
  void Discard(JobRow& row, absl::StatusOr<JobState>& result);

  WriteContext& context_;
  JobRows& rows_;
  Finisher& finisher_;
};

}  // namespace outlive::postgres

#endif  // OUTLIVE_SRC_STORE_POSTGRES_CHANGE_H_
