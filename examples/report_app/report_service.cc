#include "report_app/report_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "outlive/core/args.h"
#include "outlive/core/retry_policy.h"

namespace report_app {
namespace {

// Of a job whose row is in another database: whose report it is.
constexpr std::string_view kUserTag = "user:";

constexpr std::string_view kRowColumns = "id, user, parameters, created_at";

absl::StatusOr<Report> ReportAt(const Statement& row) {
  absl::StatusOr<GenerateReport> params = outlive::DecodeArgs<GenerateReport>(row.Text(2));
  if (!params.ok()) return absl::DataLossError("a report's row cannot be read");
  return Report{.id = row.Integer(0),
                .user = std::string(row.Text(1)),
                .params = *std::move(params),
                .created_at = std::string(row.Text(3)),
                .job = std::nullopt};
}

absl::Status NoSuchReport(outlive::JobId id) {
  return absl::NotFoundError(fmt::format("there is no report {}", id));
}

// What the library says about jobs, said about reports.
absl::Status InWords(const absl::Status& status, std::string_view why_not) {
  if (absl::IsFailedPrecondition(status)) {
    return absl::FailedPreconditionError(fmt::format("the report is not changed: {}", why_not));
  }
  if (absl::IsNotFound(status)) return absl::NotFoundError("the report has been deleted");
  return status;
}

}  // namespace

ReportService::ReportService(Database database, outlive::Client& client,
                             const outlive::Clock& clock, FollowUps follow_ups,
                             ReportServiceOptions options)
    : client_(client),
      clock_(clock),
      follow_ups_(std::move(follow_ups)),
      options_(options),
      database_(std::move(database)) {}

absl::StatusOr<ReportService::Created> ReportService::Create(const std::string& user,
                                                             const GenerateReport& params,
                                                             std::string_view key,
                                                             std::string_view traceparent) {
  outlive::EnqueueOptions options{.queue = std::string(kReportQueue),
                                  .max_attempts = options_.attempt_count_max,
                                  .retry = outlive::RetryPolicy{.initial = options_.retry_initial},
                                  .traceparent = std::string(traceparent),
                                  .backlog_max = options_.backlog_max};
  // The library keeps keys by kind; what one user calls a report is no matter of another's.
  if (!key.empty()) options.idempotency_key = fmt::format("{}/{}", user, key);
  absl::StatusOr<std::vector<outlive::FollowUp>> follow_ups = follow_ups_(params);
  if (!follow_ups.ok()) return follow_ups.status();
  options.follow_ups = *std::move(follow_ups);

  absl::StatusOr<Created> created = options_.one_database ? CreateInOne(user, params, options)
                                                          : CreateInTwo(user, params, options);
  if (!created.ok()) return created;
  if (absl::Status status = AddJob(created->report); !status.ok()) return status;
  return created;
}

Report ReportService::NewReport(outlive::JobId id, const std::string& user,
                                const GenerateReport& params) const {
  return {.id = id,
          .user = user,
          .params = params,
          .created_at = absl::FormatTime(absl::RFC3339_sec, clock_.Now(), absl::UTCTimeZone()),
          .job = std::nullopt};
}

absl::StatusOr<ReportService::Created> ReportService::CreateInOne(
    const std::string& user, const GenerateReport& params, const outlive::EnqueueOptions& options) {
  outlive::MutexLock lock(mutex_);
  absl::StatusOr<Transaction> transaction = Transaction::Begin(database_);
  if (!transaction.ok()) return transaction.status();

  // The job goes into the app's own transaction: it exists if and only if the row below does.
  const absl::StatusOr<outlive::Enqueued> job =
      client_.EnqueueIn(database_.handle(), params, options);
  if (!job.ok()) return job.status();
  if (job->duplicate) {
    absl::StatusOr<Report> first = ReadRow(job->id);
    if (!first.ok()) return first.status();
    return Created{.report = *std::move(first), .duplicate = true};
  }
  Created created{.report = NewReport(job->id, user, params)};
  if (absl::Status status = InsertRow(created.report); !status.ok()) return status;
  if (absl::Status status = transaction->Commit(); !status.ok()) return status;
  return created;
}

absl::StatusOr<ReportService::Created> ReportService::CreateInTwo(const std::string& user,
                                                                  const GenerateReport& params,
                                                                  outlive::EnqueueOptions options) {
  options.tags.push_back(std::string(kUserTag) + user);
  const absl::StatusOr<outlive::Enqueued> job = client_.Enqueue(params, options);
  if (!job.ok()) return job.status();
  outlive::MutexLock lock(mutex_);
  absl::StatusOr<Report> first = ReadRow(job->id);
  if (first.ok()) return Created{.report = *std::move(first), .duplicate = job->duplicate};
  if (!absl::IsNotFound(first.status())) return first.status();
  // Also where the key was used before, and the app died before it came to this.
  Created created{.report = NewReport(job->id, user, params), .duplicate = job->duplicate};
  if (absl::Status status = InsertRow(created.report); !status.ok()) return status;
  return created;
}

// Newest first, until a whole page has its rows: those before it have had them for long.
absl::Status ReportService::AdoptJobs() {
  for (outlive::JobPage page{.row_count_max = 100};;) {
    const absl::StatusOr<std::vector<outlive::Job>> jobs =
        client_.List({.queue = std::string(kReportQueue)}, page);
    if (!jobs.ok()) return jobs.status();
    bool adopted = false;
    for (const outlive::Job& job : *jobs) {
      {
        outlive::MutexLock lock(mutex_);
        const absl::StatusOr<Report> report = ReadRow(job.id);
        if (report.ok()) continue;
        if (!absl::IsNotFound(report.status())) return report.status();
      }
      adopted = true;
      if (absl::Status status = Adopt(job); !status.ok()) return status;
    }
    if (jobs->empty() || !adopted) return absl::OkStatus();
    page.before = jobs->back().id;
  }
}

absl::Status ReportService::Adopt(const outlive::Job& job) {
  const absl::StatusOr<outlive::Job> whole = client_.Get(job.id);
  if (absl::IsNotFound(whole.status())) return absl::OkStatus();  // Pruned just now.
  if (!whole.ok()) return whole.status();
  const auto tag = std::find_if(
      whole->tags.begin(), whole->tags.end(),
      [](const std::string& each) { return std::string_view(each).starts_with(kUserTag); });
  absl::StatusOr<GenerateReport> params = outlive::DecodeArgs<GenerateReport>(whole->args);
  if (tag == whole->tags.end() || !params.ok()) return absl::OkStatus();  // Not one of ours.
  Report report = NewReport(job.id, tag->substr(kUserTag.size()), *params);
  report.created_at = absl::FormatTime(absl::RFC3339_sec, whole->created_at, absl::UTCTimeZone());
  outlive::MutexLock lock(mutex_);
  return InsertRow(report);
}

absl::StatusOr<Report> ReportService::Find(outlive::JobId id) {
  absl::StatusOr<Report> report = [&]() -> absl::StatusOr<Report> {
    outlive::MutexLock lock(mutex_);
    return ReadRow(id);
  }();
  if (!report.ok()) return report;
  if (absl::Status status = AddJob(*report); !status.ok()) return status;
  return report;
}

absl::StatusOr<Report> ReportService::Get(const std::string& user, outlive::JobId id) {
  absl::StatusOr<Report> report = Find(id);
  if (report.ok() && report->user != user) return NoSuchReport(id);
  return report;
}

absl::StatusOr<std::vector<Report>> ReportService::List(const std::string& user,
                                                        outlive::JobId before, int count_max) {
  std::vector<Report> reports;
  {
    outlive::MutexLock lock(mutex_);
    absl::StatusOr<Statement> select = Statement::Prepare(
        database_, fmt::format("SELECT {} FROM report WHERE user = ?1 AND (?2 = 0 OR id < ?2)"
                               " ORDER BY id DESC LIMIT ?3",
                               kRowColumns));
    if (!select.ok()) return select.status();
    select->Bind(1, user).Bind(2, before).Bind(3, count_max);
    while (true) {
      absl::StatusOr<bool> row = select->Step();
      if (!row.ok()) return row.status();
      if (!*row) break;
      absl::StatusOr<Report> report = ReportAt(*select);
      if (!report.ok()) return report.status();
      reports.push_back(*std::move(report));
    }
  }
  for (Report& report : reports) {
    if (absl::Status status = AddJob(report); !status.ok()) return status;
  }
  return reports;
}

absl::StatusOr<Report> ReportService::Cancel(const std::string& user, outlive::JobId id) {
  absl::StatusOr<Report> report = Get(user, id);
  if (!report.ok()) return report;
  const absl::StatusOr<outlive::JobState> state = client_.Cancel(id, "cancelled by the user");
  if (!state.ok()) return InWords(state.status(), "it has ended, and cannot be cancelled");
  return Get(user, id);
}

absl::StatusOr<Report> ReportService::Retry(const std::string& user, outlive::JobId id) {
  absl::StatusOr<Report> report = Get(user, id);
  if (!report.ok()) return report;
  if (report->job && report->job->state == outlive::JobState::kCompleted) {
    return absl::FailedPreconditionError("the report is ready; there is nothing to try again");
  }
  const absl::StatusOr<outlive::JobState> state = client_.Retry(id);
  if (!state.ok()) return InWords(state.status(), "it is being made already");
  return Get(user, id);
}

absl::StatusOr<Report> ReportService::ReadRow(outlive::JobId id) {
  absl::StatusOr<Statement> select = Statement::Prepare(
      database_, fmt::format("SELECT {} FROM report WHERE id = ?1", kRowColumns));
  if (!select.ok()) return select.status();
  select->Bind(1, id);
  absl::StatusOr<bool> row = select->Step();
  if (!row.ok()) return row.status();
  if (!*row) return NoSuchReport(id);
  return ReportAt(*select);
}

absl::Status ReportService::InsertRow(const Report& report) {
  const absl::StatusOr<std::string> params = outlive::EncodeArgs(report.params);
  if (!params.ok()) return params.status();
  absl::StatusOr<Statement> insert = Statement::Prepare(
      database_, fmt::format("INSERT INTO report ({}) VALUES (?1, ?2, ?3, ?4)", kRowColumns));
  if (!insert.ok()) return insert.status();
  insert->Bind(1, report.id).Bind(2, report.user).Bind(3, *params).Bind(4, report.created_at);
  return insert->Step().status();
}

absl::Status ReportService::AddJob(Report& report) {
  absl::StatusOr<outlive::Job> job = client_.Get(report.id);
  if (absl::IsNotFound(job.status())) return absl::OkStatus();
  if (!job.ok()) return job.status();
  report.job = *std::move(job);
  return absl::OkStatus();
}

}  // namespace report_app
