// Inserter adds new jobs.
//
// Thread-safety: none; for the thread that holds the write transaction.
#ifndef OUTLIVE_SRC_STORE_SQLITE_INSERT_H_
#define OUTLIVE_SRC_STORE_SQLITE_INSERT_H_

#include <absl/container/flat_hash_map.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/types/span.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "outlive/core/job.h"
#include "outlive/core/job_store.h"
#include "store/sqlite/sql_text.h"
#include "store/sqlite/statement.h"
#include "store/sqlite/write_context.h"
#include "store/sqlite_sql.h"

namespace outlive::sqlite {

class Inserter {
 public:
  // It outlives the inserter.
  explicit Inserter(WriteContext& context) : context_(context) {}

  // StoreTransaction::Insert().
  absl::StatusOr<std::vector<absl::StatusOr<Inserted>>> Insert(absl::Span<const NewJob> jobs);

  // Adds jobs as they are, unchecked: follow-ups.
  absl::Status InsertUnchecked(absl::Span<const NewJob> jobs);

 private:
  // The status of one job is inside; the other one is of the whole call.
  absl::StatusOr<absl::StatusOr<Inserted>> InsertOne(const NewJob& job);

  // What the key says: the job it was used for, kAlreadyExists, or nothing: it is that of the next
  // job now.
  absl::StatusOr<std::optional<absl::StatusOr<Inserted>>> TakeKey(const NewJob& job);

  // True where the queue has room for one more.
  absl::StatusOr<bool> HasRoom(const NewJob& job);

  // Adds a job to outlive_job, and counts it as pending. AddPending() has to follow.
  absl::StatusOr<JobId> AddJob(LaneId lane, const NewJob& job);

  // Adds all jobs with ids from `first` on to those that wait.
  absl::Status AddPending(JobId first);

  WriteContext& context_;

  // Pending jobs of queues with a limit, as far as this call has asked.
  absl::flat_hash_map<NameId, std::int64_t> backlog_;

  Statement add_job_{context_.database(), SqlText(kInsertSql, "add_job")};
  Statement add_all_pending_{context_.database(), SqlText(kInsertSql, "add_all_pending")};
  Statement add_tag_{context_.database(), SqlText(kInsertSql, "add_tag")};
  Statement add_follow_ups_{context_.database(), SqlText(kInsertSql, "add_follow_ups")};
  Statement add_key_{context_.database(), SqlText(kInsertSql, "add_key")};
  Statement find_key_{context_.database(), SqlText(kInsertSql, "find_key")};
  Statement delete_key_{context_.database(), SqlText(kInsertSql, "delete_key")};
  Statement queue_backlog_{context_.database(), SqlText(kInsertSql, "queue_backlog")};
};

}  // namespace outlive::sqlite

#endif  // OUTLIVE_SRC_STORE_SQLITE_INSERT_H_
