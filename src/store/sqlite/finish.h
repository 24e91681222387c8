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

// How it went for one element of a batch. Not a bare Status: in a StatusOr of that, errors of the
// whole call would be taken for the element's, and what was half done would be committed.
struct ElementStatus {
  absl::Status status = {};
};

class Finisher {
 public:
  // All outlive it.
  Finisher(WriteContext& context, JobRows& rows, Inserter& inserter)
      : context_(context), rows_(rows), inserter_(inserter) {}

  // StoreTransaction::Finish().
  absl::StatusOr<std::vector<absl::Status>> Finish(absl::Span<const Finished> finished);

  // The end of a job that is in no state now, with its event and its follow-ups.
  absl::Status End(JobId job, LaneId lane, Transition by, JobProgress at,
                   std::optional<std::int64_t> transition, std::string_view output);

  // Whether a lease that is not held was ended by `transition` before: OK, kAborted or kNotFound.
  absl::StatusOr<ElementStatus> WhatBecameOf(const Lease& lease,
                                             std::optional<Transition> transition);

 private:
  // The elements that only have to be completed, done by statements about all of them at once. The
  // others are done one after the other.
  absl::Status FinishBatch(absl::Span<const Finished> finished, std::vector<absl::Status>& results);

  absl::StatusOr<ElementStatus> FinishOne(const Finished& finished);
  absl::Status EndAttempt(RunningJob running, const Finished& finished);

  WriteContext& context_;
  JobRows& rows_;
  Inserter& inserter_;
  Statement whereabouts_{context_.database(), SqlText(kChangeSql, "whereabouts")};
};

}  // namespace outlive::sqlite

#endif  // OUTLIVE_SRC_STORE_SQLITE_FINISH_H_
