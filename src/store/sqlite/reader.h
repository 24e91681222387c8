// Reader answers questions over one read-only connection, each at one moment of the store.
//
// Thread-safety: one thread at a time.
#ifndef OUTLIVE_SRC_STORE_SQLITE_READER_H_
#define OUTLIVE_SRC_STORE_SQLITE_READER_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "outlive/core/job_store.h"
#include "outlive/core/payloads.h"
#include "store/sqlite/database.h"
#include "store/sqlite/job_list.h"
#include "store/sqlite/sql_text.h"
#include "store/sqlite/statement.h"
#include "store/sqlite_sql.h"

namespace outlive::sqlite {

class Reader {
 public:
  // `payloads` outlives it.
  Reader(std::unique_ptr<Database> database, const Payloads& payloads)
      : database_(std::move(database)), payloads_(payloads) {}

  void SetDeadline(const Deadline& deadline) { database_->SetDeadline(deadline); }

  // JobStore's methods of the same names. `now` is the store's.
  absl::StatusOr<Job> Get(JobId id);
  absl::StatusOr<std::vector<Job>> List(const JobFilter& filter, const JobPage& page);
  absl::StatusOr<JobStats> Stats(absl::Time now);
  absl::StatusOr<std::vector<Event>> EventsAfter(std::int64_t after, int event_count_max);
  absl::StatusOr<std::int64_t> LastEvent();
  absl::StatusOr<std::vector<DeadLetterGroup>> DeadLetterGroups(int group_count_max);
  absl::StatusOr<std::vector<JobId>> CancelRequests(const std::string& session);
  absl::StatusOr<Artifact> FindArtifact(const std::string& id);

  // OK where the file can be read.
  absl::Status Probe();

 private:
  class Snapshot;

  // Everything of a job that is short. kNotFound: there is no such job.
  absl::StatusOr<Job> ReadJob(JobId id, std::int64_t& flags);
  absl::Status ReadState(const Rows& resting, Job& job, std::int64_t& flags);
  absl::Status ReadRest(std::int64_t flags, Job& job);
  absl::StatusOr<std::string> ReadBytes(Statement& statement, JobId id);

  absl::StatusOr<std::vector<JobStats::Lane>> ReadLanes(absl::Time now);
  absl::StatusOr<absl::Time> OldestDue(std::int64_t lane, absl::Time now);
  absl::Status DescribeGroup(DeadLetterGroup& group);

  const std::unique_ptr<Database> database_;
  const Payloads& payloads_;
  JobList list_{database_->handle()};

  Statement job_{database_->handle(), SqlText(kReadSql, "job")};
  Statement running_{database_->handle(), SqlText(kReadSql, "running")};
  Statement ended_{database_->handle(), SqlText(kReadSql, "ended")};
  Statement blocked_{database_->handle(), SqlText(kReadSql, "blocked")};
  Statement args_{database_->handle(), SqlText(kReadSql, "args")};
  Statement checkpoint_{database_->handle(), SqlText(kReadSql, "checkpoint")};
  Statement output_{database_->handle(), SqlText(kReadSql, "output")};
  Statement errors_{database_->handle(), SqlText(kReadSql, "errors")};
  Statement artifacts_{database_->handle(), SqlText(kReadSql, "artifacts")};
  Statement artifact_{database_->handle(), SqlText(kReadSql, "artifact")};
  Statement lanes_{database_->handle(), SqlText(kReadSql, "lanes")};
  Statement first_of_next_priority_{database_->handle(),
                                    SqlText(kReadSql, "first_of_next_priority")};
  Statement queues_{database_->handle(), SqlText(kReadSql, "queues")};
  Statement batch_of_{database_->handle(), SqlText(kReadSql, "batch_of")};
  Statement batch_{database_->handle(), SqlText(kReadSql, "batch")};
  Statement newest_batch_{database_->handle(), SqlText(kReadSql, "newest_batch")};
  Statement error_groups_{database_->handle(), SqlText(kReadSql, "error_groups")};
  Statement group_job_{database_->handle(), SqlText(kReadSql, "group_job")};
  Statement cancel_requests_{database_->handle(), SqlText(kReadSql, "cancel_requests")};
  Statement can_read_{database_->handle(), SqlText(kReadSql, "can_read")};
};

}  // namespace outlive::sqlite

#endif  // OUTLIVE_SRC_STORE_SQLITE_READER_H_
