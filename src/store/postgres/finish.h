// Finisher ends attempts.
//
// Thread-safety: none; for the thread that has the transaction.
#ifndef OUTLIVE_SRC_STORE_POSTGRES_FINISH_H_
#define OUTLIVE_SRC_STORE_POSTGRES_FINISH_H_

#include <absl/container/flat_hash_map.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/types/span.h>

#include <optional>
#include <string_view>
#include <vector>

#include "outlive/core/job_store.h"
#include "store/postgres/insert.h"
#include "store/postgres/job_rows.h"
#include "store/postgres/write_context.h"

namespace outlive::postgres {

class Finisher {
 public:
  // All outlive it.
  Finisher(WriteContext& context, JobRows& rows, Inserter& inserter)
      : context_(context), rows_(rows), inserter_(inserter) {}

  // StoreTransaction::Finish(). New jobs are in the database.
  absl::StatusOr<std::vector<absl::Status>> Finish(absl::Span<const Finished> finished);

  // Ends a job that is not deleted, with its event and what follows. `output` is in plain.
  absl::Status End(JobRow& row, Transition by, std::string_view output);

  static absl::Status LeaseLost(const Lease& lease);
  static absl::Status NoSuchJob(JobId job);

 private:
  using Lanes = absl::flat_hash_map<JobId, int>;

  // Completes at once those of which nothing has to be known; their lanes.
  absl::StatusOr<Lanes> CompletePlain(absl::Span<const Finished> finished);
  absl::Status FinishOne(const Finished& finished, absl::Status& result);
  absl::Status EndAttempt(JobRow& row, const Finished& finished, Transition end);
  absl::Status InsertFollowUps(JobRow& row, std::string_view output);

  WriteContext& context_;
  JobRows& rows_;
  Inserter& inserter_;
};

}  // namespace outlive::postgres

#endif  // OUTLIVE_SRC_STORE_POSTGRES_FINISH_H_
