// LaneBook knows the ids of lanes: a queue and a kind that have met. New ones are made on a
// connection of their own, at once and for good, so that no transaction waits for another's.
//
// Thread-safety: may be used from many threads at once.
#ifndef OUTLIVE_SRC_STORE_POSTGRES_LANE_BOOK_H_
#define OUTLIVE_SRC_STORE_POSTGRES_LANE_BOOK_H_

#include <absl/container/flat_hash_map.h>
#include <absl/status/status.h>
#include <absl/time/time.h>
#include <absl/types/span.h>

#include <string>
#include <utility>
#include <vector>

#include "outlive/core/job.h"
#include "outlive/core/mutex.h"
#include "store/postgres/connection_pool.h"

namespace outlive::postgres {

class LaneBook {
 public:
  // The pool outlives it.
  LaneBook(ConnectionPool& pool, absl::Duration timeout) : pool_(pool), timeout_(timeout) {}

  // The lanes of jobs, each with a valid queue and kind.
  absl::StatusOr<std::vector<int>> LanesOf(absl::Span<const NewJob* const> jobs);

 private:
  using Name = std::pair<std::string, std::string>;  // Queue and kind.

  absl::Status Make(const std::vector<Name>& names);

  ConnectionPool& pool_;
  const absl::Duration timeout_;

  Mutex mutex_;
  absl::flat_hash_map<Name, int> lanes_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace outlive::postgres

#endif  // OUTLIVE_SRC_STORE_POSTGRES_LANE_BOOK_H_
