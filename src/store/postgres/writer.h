// Writer owns the connection that writes, and lends it to one transaction at a time, in the order
// in which they came.
//
// Thread-safety: Begin() from any thread; everything else on the thread whose Begin() was OK, until
//                its Commit() or Rollback().
#ifndef OUTLIVE_SRC_STORE_POSTGRES_WRITER_H_
#define OUTLIVE_SRC_STORE_POSTGRES_WRITER_H_

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <cstdint>
#include <deque>

#include "outlive/core/mutex.h"
#include "outlive/core/store_copy.h"
#include "store/postgres/connection.h"
#include "store/postgres/database_time.h"
#include "store/postgres/write_session.h"

namespace outlive::postgres {

class Writer {
 public:
  // All outlive it.
  Writer(const ConnectionOptions& options, const SqlBook& book, LaneBook& lanes,
         const Payloads& payloads, DatabaseTime& time, std::int64_t log_lock)
      : connection_(options, book), session_(connection_, lanes, payloads, log_lock), time_(time) {}

  // Waits for the turn, and begins a transaction.
  absl::Status Begin(absl::Duration timeout);

  WriteSession& session() { return session_; }

  // The store is not closed for a move, as of Begin().
  absl::Status CheckOpen() const { return StoreIsOpen(frozen_, filling_); }

  // End the transaction and the turn. What subscribers should know is added to `hint`.
  absl::Status Commit(WakeHint& hint);
  void Rollback();

 private:
  bool Acquire(absl::Duration timeout);
  void Release();
  absl::Status BeginLocked(absl::Duration timeout);
  absl::Status BeginOnce(absl::Duration timeout);
  absl::Status CommitLocked();

  Mutex mutex_;
  CondVar changed_;
  bool held_ ABSL_GUARDED_BY(mutex_) = false;
  std::uint64_t last_ticket_ ABSL_GUARDED_BY(mutex_) = 0;
  std::deque<std::uint64_t> waiting_ ABSL_GUARDED_BY(mutex_);

  // For the holder of the turn.
  Connection connection_;
  WriteSession session_;
  DatabaseTime& time_;
  bool frozen_ = false;
  bool filling_ = false;
};

}  // namespace outlive::postgres

#endif  // OUTLIVE_SRC_STORE_POSTGRES_WRITER_H_
