// Maintainer keeps sessions, takes jobs away from those that have expired, and deletes what was
// kept long enough.
//
// Thread-safety: none; for the thread that has the transaction.
#ifndef OUTLIVE_SRC_STORE_POSTGRES_MAINTENANCE_H_
#define OUTLIVE_SRC_STORE_POSTGRES_MAINTENANCE_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "outlive/core/job_store.h"
#include "store/postgres/finish.h"
#include "store/postgres/job_rows.h"
#include "store/postgres/partitions.h"
#include "store/postgres/write_context.h"

namespace outlive::postgres {

class Maintainer {
 public:
  // All outlive it.
  Maintainer(WriteContext& context, JobRows& rows, Finisher& finisher)
      : context_(context), rows_(rows), finisher_(finisher) {}

  // Those of StoreTransaction. What the transaction has changed is in the database.
  absl::Status OpenSession(const std::string& session, absl::Duration lease);
  absl::Status RenewSession(const std::string& session, absl::Duration lease);
  absl::Status CloseSession(const std::string& session);
  absl::StatusOr<std::vector<Rescued>> Rescue(const RescueRequest& request);
  absl::StatusOr<PruneResult> Prune(const PruneRequest& request);
  absl::Status SetQueue(const QueueSettings& settings);

  // After a Rescue(), once its jobs are written: what forgets the sessions that hold nothing any
  // more.
  std::vector<Query> Take();

  // Of a new transaction.
  void Forget() { expired_.clear(); }

 private:
  absl::StatusOr<Rescued> RescueOne(JobRow& row, const RescueRequest& request);
  absl::StatusOr<int> PruneJobs(const PruneRequest& request, Partitions& partitions);
  absl::StatusOr<int> PruneKeys(int row_count_max);
  absl::StatusOr<int> PruneEvents(absl::Duration keep, int row_count_max);

  WriteContext& context_;
  JobRows& rows_;
  Finisher& finisher_;
  std::vector<std::int64_t> expired_;  // Sessions that Rescue() has found.
};

}  // namespace outlive::postgres

#endif  // OUTLIVE_SRC_STORE_POSTGRES_MAINTENANCE_H_
