#include "store/postgres/connection_pool.h"

#include <utility>

#include "core/return_if_error.h"
#include "outlive/core/clock.h"

namespace outlive::postgres {

absl::Status ConnectionPool::Use(absl::Duration timeout,
                                 absl::FunctionRef<absl::Status(Connection&)> call) {
  absl::StatusOr<std::unique_ptr<Connection>> taken = Take(timeout);
  OUTLIVE_RETURN_IF_ERROR(taken.status());
  Connection& connection = **taken;
  const bool used_before = connection.usable();
  absl::Status status = connection.Ensure(timeout);
  if (status.ok()) status = call(connection);
  if (!status.ok() && used_before && !connection.usable()) {
    status = connection.Ensure(timeout);
    if (status.ok()) status = call(connection);
  }
  if (!status.ok()) connection.Rollback();
  Give(*std::move(taken));
  return status;
}

absl::StatusOr<std::unique_ptr<Connection>> ConnectionPool::Take(absl::Duration timeout) {
  const absl::Duration deadline = SystemClockInstance().SinceBoot() + timeout;
  MutexLock lock(mutex_);
  while (spare_.empty() && count_ == count_max_) {
    const absl::Duration left = deadline - SystemClockInstance().SinceBoot();
    if (left <= absl::ZeroDuration()) {
      return absl::DeadlineExceededError("every connection of the store is busy for too long");
    }
    given_.WaitFor(mutex_, absl::ToChronoNanoseconds(left));
  }
  if (spare_.empty()) {
    ++count_;
    return std::make_unique<Connection>(options_, book_);
  }
  std::unique_ptr<Connection> connection = std::move(spare_.back());
  spare_.pop_back();
  return connection;
}

void ConnectionPool::Give(std::unique_ptr<Connection> connection) {
  MutexLock lock(mutex_);
  spare_.push_back(std::move(connection));
  given_.NotifyOne();
}

}  // namespace outlive::postgres
