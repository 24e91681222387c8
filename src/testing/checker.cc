#include "outlive/testing/checker.h"

#include <fmt/format.h>

#include <iterator>
#include <string_view>

#include "testing/checks.h"
#include "testing/job_fold.h"
#include "testing/run_index.h"
#include "testing/verdict.h"

namespace outlive::testing {
namespace {

constexpr int kEventCount = 10'000;  // Of one read of the log.

// A run in which nothing happened would be right whatever the store does.
void CheckExercised(const CheckOptions& options, CheckReport& report) {
  std::vector<std::string> names = {"enqueued", "started", "ended"};
  names.insert(names.end(), options.exercised.begin(), options.exercised.end());
  for (const std::string& name : names) {
    const auto count = report.counts.find(name);
    if (count != report.counts.end() && count->second > 0) continue;
    report.violations.push_back(
        {"exercised", fmt::format("the run proves nothing: {} is 0", name), {}});
  }
}

void CountResults(const internal::RunIndex& index, internal::Verdict& verdict) {
  for (const internal::Operation& operation : index.operations) {
    if (operation.phase() == HistoryPhase::kUnknown) verdict.Count("in_doubt");
    if (operation.failed() && operation.result->code == absl::StatusCode::kUnavailable) {
      verdict.Count("unavailable");
    }
  }
}

}  // namespace

CheckReport CheckRun(const RunRecord& run, const CheckOptions& options) {
  internal::Verdict verdict(options.violation_count_max);
  const internal::RunIndex index(run, options, verdict);
  internal::JobFolds folds;
  for (const auto& [id, trace] : index.jobs) {
    folds.emplace(id, internal::FoldJob(trace, options, verdict));
  }
  internal::CheckFinalState(index, folds, verdict);
  internal::CheckEnqueues(index, folds, verdict);
  internal::CheckKeys(index, folds, verdict);
  internal::CheckChanges(index, folds, verdict);
  internal::CheckClaims(index, folds, verdict);
  internal::CheckStarts(index, folds, verdict);
  internal::CheckWrites(index, folds, verdict);
  internal::CheckDueTimes(index, folds, verdict);
  internal::CheckRetryDelays(index, folds, verdict);
  internal::CheckRescues(index, folds, verdict);
  internal::CheckKept(index, folds, verdict);
  internal::CheckEffects(index, folds, verdict);
  internal::CheckFollowUps(index, folds, verdict);
  CountResults(index, verdict);
  CheckReport report = verdict.Take();
  CheckExercised(options, report);
  return report;
}

std::string CheckReport::ToString() const {
  std::string text = ok() ? "valid\n" : fmt::format("INVALID: {} violations\n", violations.size());
  for (const auto& [name, count] : counts) {
    fmt::format_to(std::back_inserter(text), "  {:<16}{:>10}\n", name, count);
  }
  for (const Violation& violation : violations) {
    fmt::format_to(std::back_inserter(text), "{}: {}\n", violation.invariant, violation.what);
    for (const std::string& line : violation.slice) {
      fmt::format_to(std::back_inserter(text), "    {}\n", line);
    }
  }
  return text;
}

absl::StatusOr<std::vector<Event>> AllEvents(JobStore& store) {
  std::vector<Event> all;
  while (true) {
    const absl::StatusOr<std::vector<Event>> events =
        store.EventsAfter(all.empty() ? 0 : all.back().seq, kEventCount);
    if (!events.ok()) return events.status();
    if (events->empty()) return all;
    all.insert(all.end(), events->begin(), events->end());
  }
}

absl::StatusOr<std::vector<Job>> AllJobs(JobStore& store) {
  std::vector<Job> all;
  JobPage page;
  page.row_count_max = limits::kPageRowCountMax;
  while (true) {
    const absl::StatusOr<std::vector<Job>> jobs = store.List({}, page);
    if (!jobs.ok()) return jobs.status();
    if (jobs->empty()) return all;
    for (const Job& listed : *jobs) {
      absl::StatusOr<Job> job = store.Get(listed.id);
      if (!job.ok()) return job.status();
      all.push_back(*std::move(job));
    }
    page.before = jobs->back().id;
  }
}

}  // namespace outlive::testing
