// WriteContext is what all writing shares, for one connection: the moment of the transaction, the
// catalog, the events and the counts that wait to be written with the commit.
//
//   Start() ──► (insert, claim, finish, …) ──► Flush() ──► COMMIT
//
// Thread-safety: none; for the thread that holds the write transaction.
#ifndef OUTLIVE_SRC_STORE_SQLITE_WRITE_CONTEXT_H_
#define OUTLIVE_SRC_STORE_SQLITE_WRITE_CONTEXT_H_

#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/store_time.h"
#include "outlive/core/event.h"
#include "outlive/core/job.h"
#include "outlive/core/job_store.h"
#include "outlive/core/lifecycle.h"
#include "outlive/core/payloads.h"
#include "outlive/core/store_copy.h"
#include "store/sqlite/catalog.h"
#include "store/sqlite/event_codec.h"
#include "store/sqlite/sql_text.h"
#include "store/sqlite/statement.h"
#include "store/sqlite_sql.h"

namespace outlive::sqlite {

// In outlive_meta: what the file is closed for (core/store_copy.h).
inline constexpr std::string_view kFrozenName = "frozen";
inline constexpr std::string_view kCopyOfName = "copy_of";

class WriteContext {
 public:
  // `time` and `payloads` outlive the context.
  WriteContext(sqlite3* database, internal::StoreTime& time, const Payloads& payloads)
      : database_(database), time_(time), payloads_(payloads), catalog_(database) {}

  // Begins a transaction whose write lock is held, and fixes its moment. `reread`: others may have
  // written since the last one.
  absl::Status Start(bool reread);

  // The file is not closed for a move, as of Start().
  absl::Status CheckOpen() const { return StoreIsOpen(frozen_, filling_); }

  // Writes events and counts. Nothing else may be written before the commit.
  absl::Status Flush();

  // Forgets everything that a transaction that is undone may have brought.
  void Forget();

  absl::Time now() const { return now_; }
  Catalog& catalog() { return catalog_; }
  const Payloads& payloads() const { return payloads_; }
  sqlite3* database() const { return database_; }

  // The id of the next job, and its taking.
  JobId next_job() const { return last_job_ + 1; }
  JobId TakeJob() { return ++last_job_; }

  void AddEvent(EventType type, JobId job, std::int64_t fence);

  // A job is completed as of now().
  void AddCompleted(JobId job) { completed_.push_back(job); }

  // A job has come to this state of its lane, or left it.
  void Count(LaneId lane, JobState state, int change);

  // Writes the counts now, for a statement that is going to read them.
  absl::Status FlushCounts();

  // The time of this transaction matters, although it may have no event.
  void KeepTime() { keep_time_ = true; }

  absl::StatusOr<bool> IsPaused(NameId queue);
  absl::Status SetPaused(NameId queue, bool paused);

  // What the subscribers have to know once this is committed.
  WakeHint& hint() { return hint_; }

 private:
  using Counts = std::array<std::int64_t, kJobStateCount>;

  absl::Status ReadNewest();
  absl::Status ReadPaused();
  absl::StatusOr<bool> HasMeta(std::string_view name);
  absl::Status FlushEvents();
  absl::Status FlushCompleted();

  sqlite3* const database_;
  internal::StoreTime& time_;
  const Payloads& payloads_;
  Catalog catalog_;

  // As stored, or of this transaction.
  bool known_ = false;
  bool frozen_ = false;
  bool filling_ = false;
  absl::Time now_;
  std::int64_t next_seq_ = 1;
  JobId last_job_ = 0;
  bool paused_known_ = false;
  absl::flat_hash_set<NameId> paused_;

  // Not yet written.
  std::vector<EventEntry> events_;
  std::vector<JobId> completed_;
  absl::flat_hash_map<LaneId, Counts> counts_;
  bool keep_time_ = false;
  WakeHint hint_;
  std::string entries_;  // Of one row; kept for its memory.

  Statement newest_batch_{database_, SqlText(kContextSql, "newest_batch")};
  Statement add_batch_{database_, SqlText(kContextSql, "add_batch")};
  Statement add_completed_batch_{database_, SqlText(kContextSql, "add_completed_batch")};
  Statement meta_{database_, SqlText(kContextSql, "meta")};
  Statement set_meta_{database_, SqlText(kContextSql, "set_meta")};
  Statement count_{database_, SqlText(kContextSql, "count")};
  Statement paused_queues_{database_, SqlText(kContextSql, "paused_queues")};
  Statement set_queue_{database_, SqlText(kContextSql, "set_queue")};
};

}  // namespace outlive::sqlite

#endif  // OUTLIVE_SRC_STORE_SQLITE_WRITE_CONTEXT_H_
