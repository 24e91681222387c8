// JobList finds the jobs of one page of List(): for each state that may match, the newest ids from
// the smallest index that has them, and then the newest of all.
//
// Thread-safety: one thread at a time.
#ifndef OUTLIVE_SRC_STORE_SQLITE_JOB_LIST_H_
#define OUTLIVE_SRC_STORE_SQLITE_JOB_LIST_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "outlive/core/job_store.h"
#include "store/sqlite/sql_text.h"
#include "store/sqlite/statement.h"
#include "store/sqlite_sql.h"

namespace outlive::sqlite {

class JobList {
 public:
  explicit JobList(sqlite3* database) : database_(database) {}

  // The jobs of the page, the newest first. To be called inside a read transaction.
  absl::StatusOr<std::vector<JobId>> Find(const JobFilter& filter, const JobPage& page);

 private:
  // What every source is asked.
  struct Question {
    JobId before = 0;
    int count_max = 0;
    std::optional<std::string> lanes;  // JSON array; nothing: all.
  };

  // The lanes of the filter's queue and kind; false: there are none.
  absl::StatusOr<bool> FindLanes(const JobFilter& filter, Question& question);

  absl::Status AddByTag(const JobFilter& filter, const Question& question);
  absl::Status AddByState(const JobFilter& filter, const Question& question);
  absl::Status AddPending(const Question& question);
  absl::Status AddRare(JobState state, const Question& question);
  absl::Status Add(Rows rows);

  sqlite3* const database_;
  std::vector<JobId> found_;

  Statement all_{database_, SqlText(kListSql, "all")};
  Statement running_{database_, SqlText(kListSql, "running")};
  Statement blocked_{database_, SqlText(kListSql, "blocked")};
  Statement ended_{database_, SqlText(kListSql, "ended")};
  Statement completed_{database_, SqlText(kListSql, "completed")};
  Statement rare_{database_, SqlText(kListSql, "rare")};
  Statement pending_by_job_{database_, SqlText(kListSql, "pending_by_job")};
  Statement pending_by_lane_{database_, SqlText(kListSql, "pending_by_lane")};
  Statement by_error_{database_, SqlText(kListSql, "by_error")};
  Statement by_tag_{database_, SqlText(kListSql, "by_tag")};
  Statement counts_{database_, SqlText(kListSql, "counts")};
  Statement lanes_{database_, SqlText(kListSql, "lanes")};
};

}  // namespace outlive::sqlite

#endif  // OUTLIVE_SRC_STORE_SQLITE_JOB_LIST_H_
