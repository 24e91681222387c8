// Writer owns the one connection that writes, and the turn to use it.
//
//   Begin() ──► session() … ──► Commit() or Rollback()
//
// Thread-safety: Begin(), Probe(), SeesForeignCommit() and SettlesForeignCommits() from any thread;
//                everything else on the thread whose Begin() was OK, until its Commit() or
//                Rollback().
#ifndef OUTLIVE_SRC_STORE_SQLITE_WRITER_H_
#define OUTLIVE_SRC_STORE_SQLITE_WRITER_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>

#include "core/store_time.h"
#include "outlive/core/job_store.h"
#include "store/sqlite/checkpointer.h"
#include "store/sqlite/database.h"
#include "store/sqlite/statement.h"
#include "store/sqlite/write_session.h"
#include "store/sqlite/writer_gate.h"

namespace outlive::sqlite {

class Writer {
 public:
  // `time` and `payloads` outlive it. The database has the schema.
  Writer(std::unique_ptr<Database> database, internal::StoreTime& time, const Payloads& payloads,
         Checkpointer checkpointer);

  // Waits for the turn and for other processes, and begins a transaction.
  absl::Status Begin(absl::Duration timeout);

  WriteSession& session() { return session_; }

  // End the transaction and the turn. What subscribers should know is added to `hint`.
  absl::Status Commit(WakeHint& hint);
  void Rollback(WakeHint& hint);

  // OK where a transaction could write now. Writes only if the last one could not.
  absl::Status Probe(absl::Duration timeout);

  // True where others have committed since the last look. Nothing: somebody has the turn now; they
  // will see it.
  std::optional<bool> SeesForeignCommit();

  // The same, and false only where nobody is about to commit either: it takes the write lock for a
  // moment. Nothing: somebody has it now, of this process or of another.
  std::optional<bool> SettlesForeignCommits();

  // Grows with every commit of this writer.
  std::int64_t commit_count() const { return commit_count_.load(std::memory_order_relaxed); }

 private:
  absl::Status BeginLocked(const Deadline& deadline);
  absl::Status LockForWriting();
  absl::Status NoticeForeignCommit();
  absl::Status CommitLocked();
  absl::Status Settle(int code);
  void EndTurn(WakeHint& hint);

  static int OnWalCommit(void* self, sqlite3* database, const char* schema, int page_count);

  WriterGate gate_;
  internal::StoreTime& time_;
  std::atomic<std::int64_t> commit_count_{0};

  // For the holder of the gate.
  std::unique_ptr<Database> database_;
  Checkpointer checkpointer_;
  WriteSession session_;
  std::int64_t data_version_ = 0;
  bool reread_ = true;    // Others have committed since the last transaction.
  bool foreign_ = false;  // Subscribers do not know that yet.
  bool write_failed_ = false;

  Statement begin_{database_->handle(), "BEGIN IMMEDIATE"};
  Statement commit_{database_->handle(), "COMMIT"};
  Statement foreign_version_{database_->handle(), SqlText(kContextSql, "foreign_version")};
  Statement take_write_lock_{database_->handle(), SqlText(kContextSql, "take_write_lock")};
  Statement set_meta_{database_->handle(), SqlText(kContextSql, "set_meta")};
};

}  // namespace outlive::sqlite

#endif  // OUTLIVE_SRC_STORE_SQLITE_WRITER_H_
