// ReportService is what the app does, without a word of HTTP: it accepts reports, shows them,
// cancels them and sends them back to work, each for the user they belong to.
//
//   Create() ──► one transaction: a row in `report` + a job (Client::EnqueueIn) ──► both or none
//
// Where the jobs are in another database there is no such transaction. Then the job comes first,
// and says whose it is; its row follows. If the app dies in between, AdoptJobs() makes the row.
//
// Thread-safety: may be used from many threads at once.
// Lifetime:      the client and the clock outlive it.
// Errors:        kNotFound: there is no such report, or it is somebody else's; none can tell which.
//                kAlreadyExists: the key was used for another report.
//                kResourceExhausted: too many reports wait; later.
//                kFailedPrecondition: not possible in the report's state.
//                kUnavailable: the database; again later may help.
#ifndef OUTLIVE_EXAMPLES_REPORT_APP_REPORT_SERVICE_H_
#define OUTLIVE_EXAMPLES_REPORT_APP_REPORT_SERVICE_H_

#include <absl/base/thread_annotations.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "outlive/core/clock.h"
#include "outlive/core/follow_up.h"
#include "outlive/core/job.h"
#include "outlive/core/mutex.h"
#include "outlive/engine/client.h"
#include "report_app/database.h"
#include "report_app/report_params.h"

namespace report_app {

inline constexpr std::string_view kReportQueue = "reports";

// A report as its user sees it.
struct Report {
  outlive::JobId id = 0;
  std::string user;
  GenerateReport params;
  std::string created_at;           // RFC 3339, UTC.
  std::optional<outlive::Job> job;  // Nothing: it ended so long ago that it was deleted.
};

struct ReportServiceOptions {
  int attempt_count_max = 5;
  absl::Duration retry_initial = absl::Seconds(1);
  int backlog_max = 100;     // Reports that may wait at once.
  bool one_database = true;  // The jobs are in the file that the rows are in.
};

class ReportService {
 public:
  // Who is to be told when a report ends.
  using FollowUps =
      std::function<absl::StatusOr<std::vector<outlive::FollowUp>>(const GenerateReport& params)>;

  ReportService(Database database, outlive::Client& client, const outlive::Clock& clock,
                FollowUps follow_ups, ReportServiceOptions options);

  struct Created {
    Report report;
    bool duplicate = false;  // The key had been used for the same wish: this is the first report.
  };

  // Accepts a report. `key` is the user's own name for this wish; empty: none.
  absl::StatusOr<Created> Create(const std::string& user, const GenerateReport& params,
                                 std::string_view key, std::string_view traceparent);

  absl::StatusOr<Report> Get(const std::string& user, outlive::JobId id);

  // Newest first, those with a smaller id than `before` (0: from the newest), at most `count_max`.
  absl::StatusOr<std::vector<Report>> List(const std::string& user, outlive::JobId before,
                                           int count_max);

  absl::StatusOr<Report> Cancel(const std::string& user, outlive::JobId id);
  absl::StatusOr<Report> Retry(const std::string& user, outlive::JobId id);

  // Makes the rows of jobs that have none. For the start, where the jobs are in another database.
  absl::Status AdoptJobs();

  // Whoever's it is. Not for answers to users.
  absl::StatusOr<Report> Find(outlive::JobId id);

 private:
  absl::StatusOr<Report> ReadRow(outlive::JobId id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status InsertRow(const Report& report) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status AddJob(Report& report);

  // The job and its row: in one transaction, or one after the other.
  absl::StatusOr<Created> CreateInOne(const std::string& user, const GenerateReport& params,
                                      const outlive::EnqueueOptions& options);
  absl::StatusOr<Created> CreateInTwo(const std::string& user, const GenerateReport& params,
                                      outlive::EnqueueOptions options);
  Report NewReport(outlive::JobId id, const std::string& user, const GenerateReport& params) const;
  absl::Status Adopt(const outlive::Job& job);

  outlive::Client& client_;
  const outlive::Clock& clock_;
  const FollowUps follow_ups_;
  const ReportServiceOptions options_;

  outlive::Mutex mutex_;  // One connection, one user of it at a time.
  Database database_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace report_app

#endif  // OUTLIVE_EXAMPLES_REPORT_APP_REPORT_SERVICE_H_
