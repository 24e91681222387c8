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

absl::Status Writer::Begin() {
  return begun_ ? absl::OkStatus() : BeginWith({}, /*commits=*/false).status();
}

absl::StatusOr<std::vector<Rows>> Writer::FirstBegins::Run(absl::Span<const Query> queries) {
  return writer_.begun_ ? writer_.connection_.Run(queries)
                        : writer_.BeginWith({queries.begin(), queries.end()}, /*commits=*/false);
}

// Runs the transaction's first statements; where it `commits`, these are all of them.
absl::StatusOr<std::vector<Rows>> Writer::BeginWith(std::vector<Query> queries, bool commits) {
  queries.insert(queries.begin(),
                 {{.name = "transaction/begin"}, time_.Ask(given_, !ignores_move_)});
  const bool used_before = connection_.usable();
  absl::StatusOr<std::vector<Rows>> results = BeginOnce(queries);
  // The server has closed a connection that nobody used: nothing was lost. What has become of a
  // commit is only certain where the server has answered.
  const bool in_doubt = commits && !connection_.connected() && !connection_.refused();
  if (!results.ok() && used_before && !connection_.usable() && !in_doubt) {
    connection_.Rollback();
    results = BeginOnce(queries);
  }
  return results;
}

// They begin with begin and now.
absl::StatusOr<std::vector<Rows>> Writer::BeginOnce(absl::Span<const Query> queries) {
  OUTLIVE_RETURN_IF_ERROR(connection_.Ensure(timeout_));
  const absl::Duration asked = SystemClockInstance().SinceBoot();
  absl::StatusOr<std::vector<Rows>> results = connection_.Run(queries);
  OUTLIVE_RETURN_IF_ERROR(results.status());
  session_.context.SetNow(time_.See((*results)[1], asked));
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
    session_.RolledBack();
  }
  Release();
  return status;
}

absl::Status Writer::CommitLocked() {
  // All in one round trip: the lock of the log, which comes last, is held only for the commit.
  std::vector<Query> queries = session_.Take();
  for (Query& query : session_.context.Leave()) queries.push_back(std::move(query));
  if (!begun_ && queries.empty()) return absl::OkStatus();
  std::optional<Query> ids = session_.inserter.TakeIdsAhead();
  const bool has_ids = ids.has_value();
  if (has_ids) queries.insert(queries.begin(), *std::move(ids));
  queries.push_back({.name = "transaction/commit"});
  if (!begun_) {
    connection_.CloseIfLost();
    OUTLIVE_RETURN_IF_ERROR(connection_.Ensure(timeout_));
  }
  const absl::StatusOr<std::vector<Rows>> results =
      begun_ ? connection_.Run(queries) : BeginWith(std::move(queries), /*commits=*/true);
  if (results.ok()) {
    if (results->back().command() != "COMMIT") {
      return absl::UnavailableError("PostgreSQL has rolled the transaction back");
    }
    session_.inserter.Committed(has_ids ? &results->front() : nullptr);
    return absl::OkStatus();
  }
  // With its answer the connection is lost, or it was not executed.
  if (connection_.connected() || connection_.refused()) return results.status();
  return absl::UnknownError("PostgreSQL: the connection was lost at the commit: it is in doubt");
}

void Writer::Rollback() {
  connection_.Rollback();
  session_.RolledBack();
  Release();
}

}  // namespace outlive::postgres
