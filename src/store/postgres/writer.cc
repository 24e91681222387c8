#include "store/postgres/writer.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "core/return_if_error.h"
#include "outlive/core/clock.h"

namespace outlive::postgres {

bool Writer::Acquire(absl::Duration timeout) {
  const absl::Duration deadline = SystemClockInstance().SinceBoot() + timeout;
  MutexLock lock(mutex_);
  const std::uint64_t ticket = ++last_ticket_;
  waiting_.push_back(ticket);
  while (held_ || waiting_.front() != ticket) {
    const absl::Duration left = deadline - SystemClockInstance().SinceBoot();
    if (left <= absl::ZeroDuration()) {
      waiting_.erase(std::find(waiting_.begin(), waiting_.end(), ticket));
      changed_.NotifyAll();
      return false;
    }
    changed_.WaitFor(mutex_, absl::ToChronoNanoseconds(left));
  }
  waiting_.pop_front();
  held_ = true;
  return true;
}

void Writer::Release() {
  MutexLock lock(mutex_);
  held_ = false;
  changed_.NotifyAll();
}

absl::Status Writer::TakeTurn(absl::Duration timeout) {
  if (!Acquire(timeout)) {
    return absl::UnavailableError("another transaction of this store is open for too long");
  }
  absl::Status status = connection_.Ensure(timeout);
  if (!status.ok()) {
    Release();
    return status;
  }
  timeout_ = timeout;
  given_ = time_.Given();
  begun_ = false;
  ignores_move_ = false;
  session_.Start();
  return status;
}

absl::Status Writer::Begin() { return begun_ ? absl::OkStatus() : BeginWith({}).status(); }

absl::StatusOr<std::vector<Rows>> Writer::FirstBegins::Run(absl::Span<const Query> queries) {
  return writer_.begun_ ? writer_.connection_.Run(queries) : writer_.BeginWith(queries);
}

// Runs the transaction's first statements.
absl::StatusOr<std::vector<Rows>> Writer::BeginWith(absl::Span<const Query> queries) {
  const bool used_before = connection_.usable();
  absl::StatusOr<std::vector<Rows>> results = BeginOnce(queries);
  // The server has closed a connection that nobody used: nothing was lost.
  if (!results.ok() && used_before && !connection_.usable()) {
    connection_.Rollback();
    results = BeginOnce(queries);
  }
  return results;
}

absl::StatusOr<std::vector<Rows>> Writer::BeginOnce(absl::Span<const Query> queries) {
  OUTLIVE_RETURN_IF_ERROR(connection_.Ensure(timeout_));
  const absl::Duration asked = SystemClockInstance().SinceBoot();
  std::vector<Query> all = {{.name = "transaction/begin"}, time_.Ask(given_)};
  all.insert(all.end(), queries.begin(), queries.end());
  absl::StatusOr<std::vector<Rows>> results = connection_.Run(all);
  OUTLIVE_RETURN_IF_ERROR(results.status());
  const Rows& now = (*results)[1];
  if (!ignores_move_) {
    OUTLIVE_RETURN_IF_ERROR(StoreIsOpen(now.Int(0, 2) != 0, now.Int(0, 3) != 0));
  }
  session_.context.SetNow(time_.See(now, asked));
  begun_ = true;
  results->erase(results->begin(), results->begin() + 2);
  return results;
}

absl::Status Writer::Commit(WakeHint& hint) {
  absl::Status status = CommitLocked();
  if (status.ok()) {
    hint = session_.context.hint();
  } else {
    connection_.Rollback();
    session_.context.floors().Clear();
  }
  Release();
  return status;
}

absl::Status Writer::CommitLocked() {
  if (!begun_) return absl::OkStatus();  // Nothing was asked, so there is nothing to write.
  // All in one round trip: the lock of the log, which comes last, is held only for the commit.
  std::vector<Query> queries = session_.Take();
  for (Query& query : session_.context.Leave()) queries.push_back(std::move(query));
  queries.push_back({.name = "transaction/commit"});
  const absl::StatusOr<std::vector<Rows>> results = connection_.Run(queries);
  if (results.ok()) {
    if (results->back().command() == "COMMIT") return absl::OkStatus();
    return absl::UnavailableError("PostgreSQL has rolled the transaction back");
  }
  // With its answer the connection is lost, or it was not executed.
  if (connection_.connected()) return results.status();
  return absl::UnknownError("PostgreSQL: the connection was lost at the commit: it is in doubt");
}

void Writer::Rollback() {
  connection_.Rollback();
  session_.context.floors().Clear();  // What was claimed is pending again.
  Release();
}

}  // namespace outlive::postgres
