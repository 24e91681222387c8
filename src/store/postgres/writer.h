// Writer owns the connection that writes, and lends it to one transaction at a time, in the order
// in which they came. A transaction begins with the first thing that is asked in it, in the same
// round trip: where nothing is asked before its commit, that is the only one.
//
// Thread-safety: TakeTurn() from any thread; everything else on the thread whose TakeTurn() was OK,
//                until its Commit() or Rollback().
#ifndef OUTLIVE_SRC_STORE_POSTGRES_WRITER_H_
#define OUTLIVE_SRC_STORE_POSTGRES_WRITER_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <absl/types/span.h>

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "outlive/core/mutex.h"
#include "outlive/core/store_copy.h"
#include "store/postgres/connection.h"
#include "store/postgres/database_time.h"
#include "store/postgres/session.h"
#include "store/postgres/write_session.h"

namespace outlive::postgres {

class Writer {
 public:
  // All outlive it.
  Writer(const ConnectionOptions& options, const SqlBook& book, LaneBook& lanes,
         const Payloads& payloads, DatabaseTime& time, std::int64_t log_lock)
      : connection_(options, book), session_(first_, lanes, payloads, log_lock), time_(time) {}

  // Waits for the turn.
  absl::Status TakeTurn(absl::Duration timeout);

  // Begins the transaction, if nothing has been asked in it yet; the time is known from then on.
  absl::Status Begin();

  // What runs in it. The first call of its session begins the transaction.
  WriteSession& session() { return session_; }

  // Begins transactions in a store that is closed for a move too.
  void IgnoreMove() { ignores_move_ = true; }

  // End the transaction and the turn. What subscribers should know is added to `hint`.
  absl::Status Commit(WakeHint& hint);
  void Rollback();

 private:
  // The connection, as a transaction sees it.
  class FirstBegins final : public Session {
   public:
    explicit FirstBegins(Writer& writer) : writer_(writer) {}
    absl::StatusOr<std::vector<Rows>> Run(absl::Span<const Query> queries) override;

   private:
    Writer& writer_;
  };

  bool Acquire(absl::Duration timeout);
  void Release();
  absl::StatusOr<std::vector<Rows>> BeginWith(std::vector<Query> queries, bool commits);
  absl::StatusOr<std::vector<Rows>> BeginOnce(absl::Span<const Query> queries);
  absl::Status CommitLocked();

  Mutex mutex_;
  CondVar changed_;
  bool held_ ABSL_GUARDED_BY(mutex_) = false;
  std::uint64_t last_ticket_ ABSL_GUARDED_BY(mutex_) = 0;
  std::deque<std::uint64_t> waiting_ ABSL_GUARDED_BY(mutex_);

  // For the holder of the turn.
  Connection connection_;
  FirstBegins first_{*this};
  WriteSession session_;
  DatabaseTime& time_;
  absl::Duration timeout_;           // To connect.
  std::optional<absl::Time> given_;  // When the turn began.
  bool begun_ = false;
  bool ignores_move_ = false;
};

}  // namespace outlive::postgres

#endif  // OUTLIVE_SRC_STORE_POSTGRES_WRITER_H_
