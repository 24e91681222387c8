// Maintainer keeps sessions, takes jobs away from those that have expired, and deletes what has
// been kept long enough.
//
// Thread-safety: none; for the thread that holds the write transaction.
#ifndef OUTLIVE_SRC_STORE_SQLITE_MAINTENANCE_H_
#define OUTLIVE_SRC_STORE_SQLITE_MAINTENANCE_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

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

class Maintainer {
 public:
  // All outlive it.
  Maintainer(WriteContext& context, JobRows& rows, Finisher& finisher)
      : context_(context), rows_(rows), finisher_(finisher) {}

  // StoreTransaction's methods of the same names.
  absl::Status OpenSession(const std::string& session, absl::Duration lease);
  absl::Status RenewSession(const std::string& session, absl::Duration lease);
  absl::Status CloseSession(const std::string& session);
  absl::StatusOr<std::vector<Rescued>> Rescue(const RescueRequest& request);
  absl::StatusOr<PruneResult> Prune(const PruneRequest& request);

 private:
  struct LostJob {
    RunningJob running;
    int crashes = 0;
  };
  struct EndedJob {
    absl::Time ended_at;
    JobId job = 0;
    LaneId lane = 0;
    JobState state = JobState::kCompleted;
    std::int64_t flags = 0;
  };

  absl::StatusOr<std::vector<LostJob>> FindLostJobs(int job_count_max);
  absl::StatusOr<Rescued> RescueOne(LostJob lost, const RescueRequest& request);

  absl::StatusOr<int> PruneJobs(const PruneRequest& request);
  absl::Status AddOldest(JobState state, absl::Duration keep, int row_count_max,
                         std::vector<EndedJob>& oldest);
  absl::Status AddOldestCompleted(absl::Duration keep, int row_count_max,
                                  std::vector<EndedJob>& oldest);
  absl::StatusOr<int> PruneKeys(int row_count_max);
  absl::StatusOr<int> PruneEvents(absl::Duration keep, int row_count_max);

  // Deletes at most `count_max` events from the front of the log's oldest row; 0: none is left
  // that is old enough.
  absl::StatusOr<int> PruneBatch(absl::Time until, int count_max);

  WriteContext& context_;
  JobRows& rows_;
  Finisher& finisher_;
  Statement add_session_{context_.database(), SqlText(kMaintenanceSql, "add_session")};
  Statement renew_session_{context_.database(), SqlText(kMaintenanceSql, "renew_session")};
  Statement close_session_{context_.database(), SqlText(kMaintenanceSql, "close_session")};
  Statement expired_session_{context_.database(), SqlText(kMaintenanceSql, "expired_session")};
  Statement lost_jobs_{context_.database(), SqlText(kMaintenanceSql, "lost_jobs")};
  Statement delete_sessions_{context_.database(), SqlText(kMaintenanceSql, "delete_sessions")};
  Statement oldest_ended_{context_.database(), SqlText(kMaintenanceSql, "oldest_ended")};
  Statement next_completed_batch_{context_.database(),
                                  SqlText(kMaintenanceSql, "next_completed_batch")};
  Statement still_completed_{context_.database(), SqlText(kMaintenanceSql, "still_completed")};
  Statement delete_completed_batch_{context_.database(),
                                    SqlText(kMaintenanceSql, "delete_completed_batch")};
  Statement delete_keys_{context_.database(), SqlText(kMaintenanceSql, "delete_keys")};
  Statement oldest_batch_{context_.database(), SqlText(kMaintenanceSql, "oldest_batch")};
  Statement delete_batch_{context_.database(), SqlText(kMaintenanceSql, "delete_batch")};
  Statement add_batch_{context_.database(), SqlText(kContextSql, "add_batch")};
};

}  // namespace outlive::sqlite

#endif  // OUTLIVE_SRC_STORE_SQLITE_MAINTENANCE_H_
