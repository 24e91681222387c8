// JobRows moves jobs from one state to another: the rows, the counts and the event of each move,
// in one place for everybody who moves them.
//
// Thread-safety: none; for the thread that holds the write transaction.
#ifndef OUTLIVE_SRC_STORE_SQLITE_JOB_ROWS_H_
#define OUTLIVE_SRC_STORE_SQLITE_JOB_ROWS_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "outlive/core/job.h"
#include "outlive/core/lifecycle.h"
#include "store/sqlite/sql_text.h"
#include "store/sqlite/statement.h"
#include "store/sqlite/write_context.h"
#include "store/sqlite_sql.h"

namespace outlive::sqlite {

// The number after `number`. In a row that somebody else has written it may be the last one.
inline std::int64_t Next(std::int64_t number) {
  return number < std::numeric_limits<std::int64_t>::max() ? number + 1 : number;
}

// What changes from attempt to attempt.
struct JobProgress {
  std::int64_t fence = 0;
  std::int64_t attempt = 0;
  std::optional<std::int64_t> started_at;  // Microseconds.
  std::int64_t flags = 0;
  std::optional<double> progress;
  std::string note;
};

// A row of outlive_running.
struct RunningJob {
  JobId job = 0;
  LaneId lane = 0;
  bool cancel_requested = false;
  JobProgress at;
};

class JobRows {
 public:
  explicit JobRows(WriteContext& context) : context_(context) {}

  // Nothing: the job is not running.
  absl::StatusOr<std::optional<RunningJob>> FindRunning(JobId job);

  // The jobs of a batch that run, in its order.
  struct RunningBrief {
    JobId job = 0;
    LaneId lane = 0;
    std::int64_t fence = 0;
    std::int64_t flags = 0;
  };
  absl::StatusOr<std::vector<RunningBrief>> FindRunning(const std::vector<JobId>& jobs);

  // Moves jobs that run, each named once, to their end: completed, by Transition::kComplete.
  // Counts and events are the caller's.
  absl::Status Complete(const std::vector<JobId>& jobs);

  // Adds a job that is in outlive_job to those that wait.
  absl::Status AddPending(JobId job, LaneId lane, std::int64_t priority, std::int64_t run_at);
  absl::Status DeletePending(JobId job, LaneId lane, std::int64_t priority, std::int64_t run_at);

  // Takes a job out of outlive_running. What becomes of it is the caller's next step.
  absl::Status LeaveRunning(const RunningJob& running);

  // From running back to pending. No `run_at`: as it was.
  absl::Status PutBack(const RunningJob& from, const JobProgress& at, Transition transition,
                       std::optional<absl::Time> run_at, int crashes);

  // From nowhere to its end. `transition` is what the holder of the fence asked for, if anybody.
  // Follow-ups are the caller's: FollowUpsOf().
  absl::Status End(JobId job, LaneId lane, JobState state, const JobProgress& at,
                   std::optional<std::int64_t> transition);

  // The follow-ups of a job that is ending. The inner status: they are there and cannot be read.
  absl::StatusOr<absl::StatusOr<std::vector<NewJob>>> FollowUpsOf(JobId job, LaneId lane,
                                                                  JobState state,
                                                                  const JobProgress& at,
                                                                  std::string_view output);

  // Adds to the history of a job, and kHasErrors to `flags`.
  absl::Status AddError(JobId job, const AttemptError& error, std::int64_t& flags);

  absl::Status PutOutput(JobId job, std::string_view output, std::int64_t& flags);

  // From its end back to pending, as a new generation. Returns with the job's rows as they are
  // after it.
  absl::Status Requeue(JobId job, LaneId lane, JobState from, JobProgress at, absl::Time run_at);

  // Deletes a job that has ended, with all it has left.
  absl::Status DeleteEnded(JobId job, LaneId lane, JobState state, std::int64_t flags);

  absl::Status DeleteBlocked(JobId job);

  // Returns the crashes of the job, this one included.
  absl::StatusOr<int> AddCrash(JobId job);

 private:
  absl::StatusOr<std::string> ErrorGroup(JobId job, LaneId lane, std::int64_t flags);
  absl::StatusOr<std::optional<AttemptError>> LastError(JobId job);
  absl::Status DeleteTags(JobId job);

  WriteContext& context_;
  Statement running_{context_.database(), SqlText(kJobRowsSql, "running")};
  Statement running_of_{context_.database(), SqlText(kJobRowsSql, "running_of")};
  Statement add_completed_{context_.database(), SqlText(kJobRowsSql, "add_completed")};
  Statement delete_completed_{context_.database(), SqlText(kJobRowsSql, "delete_completed")};
  Statement delete_running_{context_.database(), SqlText(kJobRowsSql, "delete_running")};
  Statement add_pending_{context_.database(), SqlText(kJobRowsSql, "add_pending")};
  Statement delete_pending_{context_.database(), SqlText(kJobRowsSql, "delete_pending")};
  Statement add_ended_{context_.database(), SqlText(kJobRowsSql, "add_ended")};
  Statement delete_ended_{context_.database(), SqlText(kJobRowsSql, "delete_ended")};
  Statement delete_blocked_{context_.database(), SqlText(kJobRowsSql, "delete_blocked")};
  Statement rest_job_{context_.database(), SqlText(kJobRowsSql, "rest_job")};
  Statement requeue_job_{context_.database(), SqlText(kJobRowsSql, "requeue_job")};
  Statement add_crash_{context_.database(), SqlText(kJobRowsSql, "add_crash")};
  Statement put_output_{context_.database(), SqlText(kJobRowsSql, "put_output")};
  Statement delete_output_{context_.database(), SqlText(kJobRowsSql, "delete_output")};
  Statement last_error_{context_.database(), SqlText(kJobRowsSql, "last_error")};
  Statement add_error_{context_.database(), SqlText(kJobRowsSql, "add_error")};
  Statement trim_errors_{context_.database(), SqlText(kJobRowsSql, "trim_errors")};
  Statement error_count_{context_.database(), SqlText(kJobRowsSql, "error_count")};
  Statement follow_ups_{context_.database(), SqlText(kJobRowsSql, "follow_ups")};
  Statement job_tags_{context_.database(), SqlText(kJobRowsSql, "job_tags")};
  Statement delete_job_{context_.database(), SqlText(kJobRowsSql, "delete_job")};
  Statement delete_tag_{context_.database(), SqlText(kJobRowsSql, "delete_tag")};
  Statement delete_follow_ups_{context_.database(), SqlText(kJobRowsSql, "delete_follow_ups")};
  Statement delete_errors_{context_.database(), SqlText(kJobRowsSql, "delete_errors")};
  Statement delete_checkpoint_{context_.database(), SqlText(kJobRowsSql, "delete_checkpoint")};
  Statement delete_artifacts_{context_.database(), SqlText(kJobRowsSql, "delete_artifacts")};
};

}  // namespace outlive::sqlite

#endif  // OUTLIVE_SRC_STORE_SQLITE_JOB_ROWS_H_
