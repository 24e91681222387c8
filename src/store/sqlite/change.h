// Changer does what people ask for: cancel, requeue, discard; pause and resume.
//
// Thread-safety: none; for the thread that holds the write transaction.
#ifndef OUTLIVE_SRC_STORE_SQLITE_CHANGE_H_
#define OUTLIVE_SRC_STORE_SQLITE_CHANGE_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/types/span.h>

#include <optional>
#include <string>
#include <vector>

#include "outlive/core/job_store.h"
#include "store/sqlite/finish.h"
#include "store/sqlite/job_rows.h"
#include "store/sqlite/sql_text.h"
#include "store/sqlite/statement.h"
#include "store/sqlite/write_context.h"
#include "store/sqlite_sql.h"

namespace outlive::sqlite {

class Changer {
 public:
  // All outlive it.
  Changer(WriteContext& context, JobRows& rows, Finisher& finisher)
      : context_(context), rows_(rows), finisher_(finisher) {}

  // StoreTransaction::Apply() and SetQueue().
  absl::StatusOr<std::vector<absl::StatusOr<JobState>>> Apply(absl::Span<const Change> changes);
  absl::Status SetQueue(const QueueSettings& settings);

 private:
  // A job, whatever its state.
  struct Found {
    JobId job = 0;
    LaneId lane = 0;
    JobState state = JobState::kPending;
    bool damaged = false;  // The state is none that it can have there.
    std::int64_t priority = 0;
    std::int64_t run_at = 0;
    std::optional<std::int64_t> transition;
    JobProgress at;  // Of a running job: only flags and attempt, from elsewhere.
  };

  // The status of one element is inside; the other one is of the whole call.
  absl::StatusOr<absl::StatusOr<JobState>> ApplyOne(const Change& change);
  absl::StatusOr<std::optional<Found>> Find(JobId job);
  absl::StatusOr<absl::StatusOr<JobState>> Cancel(Found found, const std::string& reason);
  absl::Status CancelWaiting(Found found, const std::string& reason);
  absl::Status AskToStop(JobId job, const std::string& reason);
  absl::StatusOr<absl::StatusOr<JobState>> Requeue(const Found& found, absl::Duration delay);
  absl::StatusOr<absl::StatusOr<JobState>> Discard(const Found& found);
  absl::Status AddReason(JobId job, const std::string& reason, JobProgress& at);

  WriteContext& context_;
  JobRows& rows_;
  Finisher& finisher_;
  Statement whereabouts_{context_.database(), SqlText(kChangeSql, "whereabouts")};
  Statement request_cancel_{context_.database(), SqlText(kChangeSql, "request_cancel")};
};

}  // namespace outlive::sqlite

#endif  // OUTLIVE_SRC_STORE_SQLITE_CHANGE_H_
