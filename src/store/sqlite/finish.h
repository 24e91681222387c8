// Finisher ends attempts: by their worker, by the loss of their process, and for jobs that wait by
// a person's wish.
//
// Thread-safety: none; for the thread that holds the write transaction.
#ifndef OUTLIVE_SRC_STORE_SQLITE_FINISH_H_
#define OUTLIVE_SRC_STORE_SQLITE_FINISH_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/types/span.h>

#include <optional>
#include <string_view>
#include <vector>

#include "outlive/core/job_store.h"
#include "store/sqlite/insert.h"
#include "store/sqlite/job_rows.h"
#include "store/sqlite/sql_text.h"
#include "store/sqlite/statement.h"
#include "store/sqlite/write_context.h"
#include "store/sqlite_sql.h"

namespace outlive::sqlite {

class Finisher {
 public:
  // All outlive it.
  Finisher(WriteContext& context, JobRows& rows, Inserter& inserter)
      : context_(context), rows_(rows), inserter_(inserter) {}

  // StoreTransaction::Finish().
  absl::StatusOr<std::vector<absl::Status>> Finish(absl::Span<const Finished> finished);

  // The end of a job that is in no state now, with its event and its follow-ups.
  absl::Status End(JobId job, LaneId lane, Transition by, const JobProgress& at,
                   std::optional<std::int64_t> transition, std::string_view output);

  // Whether a lease that is not held was ended by `transition` before: `result` is OK, kAborted or
  // kNotFound.
  absl::Status WhatBecameOf(const Lease& lease, std::optional<Transition> transition,
                            absl::Status& result);

 private:
  // The elements that only have to be completed, done by statements about all of them at once. The
  // others are done one after the other.
  absl::Status FinishBatch(absl::Span<const Finished> finished, std::vector<absl::Status>& results);

  // `result` is that of the element; the status returned is that of the whole call.
  absl::Status FinishOne(const Finished& finished, absl::Status& result);
  absl::Status EndAttempt(RunningJob running, const Finished& finished);

  WriteContext& context_;
  JobRows& rows_;
  Inserter& inserter_;
  Statement whereabouts_{context_.database(), SqlText(kChangeSql, "whereabouts")};
};

}  // namespace outlive::sqlite

#endif  // OUTLIVE_SRC_STORE_SQLITE_FINISH_H_
