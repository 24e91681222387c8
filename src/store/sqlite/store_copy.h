// SqliteCopy reads and fills a whole file for a move, in the writer's turn.
//
// What a file is closed for stands in outlive_meta: `frozen` of a source; `copy_of`, with the id of
// its source, of a target. WriteContext reads both with whatever else others may have written.
//
// Thread-safety: one thread at a time.
#ifndef OUTLIVE_SRC_STORE_SQLITE_STORE_COPY_H_
#define OUTLIVE_SRC_STORE_SQLITE_STORE_COPY_H_

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "outlive/core/store_copy.h"
#include "store/sqlite/sql_text.h"
#include "store/sqlite/statement.h"
#include "store/sqlite/writer.h"
#include "store/sqlite_sql.h"

namespace outlive::sqlite {

class SqliteCopy final : public StoreCopy {
 public:
  // Both outlive it. `stale` becomes true when the store has another id than it was opened with.
  SqliteCopy(Writer& writer, absl::Duration timeout, std::atomic<bool>& stale)
      : writer_(writer), timeout_(timeout), stale_(stale) {}

  absl::Status Freeze(bool frozen) override;
  absl::StatusOr<StoreState> State() override;
  absl::StatusOr<std::vector<StoredJob>> Jobs(JobId after, int count_max) override;
  absl::StatusOr<std::vector<StoredKey>> Keys(const std::optional<Fingerprint>& after,
                                              int count_max) override;
  absl::StatusOr<std::vector<StoredSession>> Sessions() override;
  absl::StatusOr<std::optional<Filling>> FindFilling() override;
  absl::Status StartFilling(const std::string& source_id) override;
  absl::Status Fill(const StoreRows& rows) override;
  absl::Status FinishFilling(const StoreState& source) override;

 private:
  // Runs `call` in a transaction, which is undone, or kept.
  absl::Status Reading(absl::FunctionRef<absl::Status()> call);
  absl::Status Writing(absl::FunctionRef<absl::Status()> call);

  absl::Status ReadState(StoreState& state);
  absl::Status ReadJobs(JobId after, int count_max, std::vector<StoredJob>& jobs);
  absl::Status ReadHistory(StoredJob& stored, std::int64_t flags);
  absl::Status ReadFilling(std::optional<Filling>& filling);
  absl::Status FillJob(const StoredJob& stored);
  absl::Status FillState(const StoredJob& stored, LaneId lane, std::int64_t flags);
  absl::Status FillParts(const StoredJob& stored);
  absl::Status FillEvents(const std::vector<Event>& events);
  absl::Status Adopt(const StoreState& source);
  WriteContext& context() { return writer_.session().context; }
  sqlite3* database() { return context().database(); }

  Writer& writer_;
  const absl::Duration timeout_;
  std::atomic<bool>& stale_;

  Statement state_{database(), SqlText(kCopySql, "state")};
  Statement queues_{database(), SqlText(kCopySql, "queues")};
  Statement jobs_{database(), SqlText(kCopySql, "jobs")};
  Statement errors_{database(), SqlText(kCopySql, "errors")};
  Statement artifacts_{database(), SqlText(kCopySql, "artifacts")};
  Statement keys_{database(), SqlText(kCopySql, "keys")};
  Statement sessions_{database(), SqlText(kCopySql, "sessions")};
  Statement filling_{database(), SqlText(kCopySql, "filling")};
  Statement set_meta_{database(), SqlText(kContextSql, "set_meta")};
  Statement delete_meta_{database(), SqlText(kCopySql, "delete_meta")};
  Statement add_session_{database(), SqlText(kCopySql, "add_session")};
  Statement add_job_{database(), SqlText(kCopySql, "add_job")};
  Statement add_pending_{database(), SqlText(kCopySql, "add_pending")};
  Statement add_running_{database(), SqlText(kCopySql, "add_running")};
  Statement add_ended_{database(), SqlText(kCopySql, "add_ended")};
  Statement add_completed_{database(), SqlText(kCopySql, "add_completed")};
  Statement add_tag_{database(), SqlText(kCopySql, "add_tag")};
  Statement add_follow_ups_{database(), SqlText(kCopySql, "add_follow_ups")};
  Statement add_checkpoint_{database(), SqlText(kCopySql, "add_checkpoint")};
  Statement add_output_{database(), SqlText(kCopySql, "add_output")};
  Statement add_error_{database(), SqlText(kCopySql, "add_error")};
  Statement add_artifact_{database(), SqlText(kCopySql, "add_artifact")};
  Statement add_key_{database(), SqlText(kCopySql, "add_key")};
  Statement add_batch_{database(), SqlText(kCopySql, "add_batch")};
  Statement set_last_job_{database(), SqlText(kCopySql, "set_last_job")};
};

}  // namespace outlive::sqlite

#endif  // OUTLIVE_SRC_STORE_SQLITE_STORE_COPY_H_
