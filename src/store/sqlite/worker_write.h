// WorkerWriter keeps what running attempts want kept: progress, checkpoints, artifacts.
//
// Thread-safety: none; for the thread that holds the write transaction.
#ifndef OUTLIVE_SRC_STORE_SQLITE_WORKER_WRITE_H_
#define OUTLIVE_SRC_STORE_SQLITE_WORKER_WRITE_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/types/span.h>

#include <optional>
#include <vector>

#include "outlive/core/job_store.h"
#include "store/sqlite/finish.h"
#include "store/sqlite/job_rows.h"
#include "store/sqlite/sql_text.h"
#include "store/sqlite/statement.h"
#include "store/sqlite/write_context.h"
#include "store/sqlite_sql.h"

namespace outlive::sqlite {

class WorkerWriter {
 public:
  // All outlive it.
  WorkerWriter(WriteContext& context, JobRows& rows, Finisher& finisher)
      : context_(context), rows_(rows), finisher_(finisher) {}

  // StoreTransaction::Write().
  absl::StatusOr<std::vector<absl::Status>> Write(absl::Span<const WorkerWrite> writes);

 private:
  absl::StatusOr<ElementStatus> WriteOne(const WorkerWrite& write);

  // Nothing: the id is free. Else OK (it is this very artifact) or kAlreadyExists.
  absl::StatusOr<std::optional<absl::Status>> FindArtifact(const WorkerWrite& write);

  absl::Status AddArtifact(const WorkerWrite& write);
  absl::Status PutProgress(const WorkerWrite& write, const RunningJob& running);

  WriteContext& context_;
  JobRows& rows_;
  Finisher& finisher_;
  Statement set_flags_{context_.database(), SqlText(kChangeSql, "set_flags")};
  Statement set_progress_{context_.database(), SqlText(kChangeSql, "set_progress")};
  Statement put_checkpoint_{context_.database(), SqlText(kChangeSql, "put_checkpoint")};
  Statement artifact_{context_.database(), SqlText(kChangeSql, "artifact")};
  Statement add_artifact_{context_.database(), SqlText(kChangeSql, "add_artifact")};
};

}  // namespace outlive::sqlite

#endif  // OUTLIVE_SRC_STORE_SQLITE_WORKER_WRITE_H_
