// ConnectionPool lends connections to threads. It makes one when it has none to spare, up to a
// limit; what was lost is made anew by the next who asks.
//
// Thread-safety: may be used from many threads at once.
// Lifetime:      outlives what it has lent.
#ifndef OUTLIVE_SRC_STORE_POSTGRES_CONNECTION_POOL_H_
#define OUTLIVE_SRC_STORE_POSTGRES_CONNECTION_POOL_H_

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/time/time.h>

#include <cstddef>
#include <memory>
#include <vector>

#include "outlive/core/mutex.h"
#include "store/postgres/connection.h"

namespace outlive::postgres {

class ConnectionPool {
 public:
  // Both outlive it.
  ConnectionPool(const ConnectionOptions& options, const SqlBook& book, std::size_t count_max)
      : options_(options), book_(book), count_max_(count_max) {}

  // Calls `call` with a connection, and a second time where that turns out to be of no use any
  // more: what it does must bear that. kDeadlineExceeded: none was free within `timeout`.
  absl::Status Use(absl::Duration timeout, absl::FunctionRef<absl::Status(Connection&)> call);

 private:
  absl::StatusOr<std::unique_ptr<Connection>> Take(absl::Duration timeout);
  void Give(std::unique_ptr<Connection> connection);

  const ConnectionOptions& options_;
  const SqlBook& book_;
  const std::size_t count_max_;

  Mutex mutex_;
  CondVar given_;
  std::size_t count_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<std::unique_ptr<Connection>> spare_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace outlive::postgres

#endif  // OUTLIVE_SRC_STORE_POSTGRES_CONNECTION_POOL_H_
