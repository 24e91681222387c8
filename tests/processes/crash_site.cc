#include "tests/processes/crash_site.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <signal.h>
#include <sqlite3.h>

#include <filesystem>
#include <utility>

#include "outlive/artifact/file_artifact_store.h"
#include "outlive/conformance/helpers.h"
#include "outlive/core/mutex.h"
#include "tests/processes/effect_sink.h"
#include "tests/store/sqlite_helpers.h"

namespace outlive::testing {
namespace {

bool IsDrained(JobStore& store) {
  const JobStats stats = conformance::Value(store.Stats());
  for (const JobStats::Lane& lane : stats.lanes) {
    if (lane.pending + lane.running + lane.blocked > 0) return false;
  }
  return true;
}

}  // namespace

CrashSite::CrashSite(SharedClock::Flow flow, const std::filesystem::path& parent)
    : folder_(parent), paths_(folder_.path()), clock_(paths_.clock(), flow), flow_(flow) {
  std::filesystem::create_directory(paths_.artifacts());
  OpenStore();
  const HostConnection host(paths_.store());
  host.Exec("CREATE TABLE orders (args TEXT NOT NULL)");
  host.Exec("CREATE TABLE booking (job INTEGER NOT NULL, fence INTEGER NOT NULL)");
}

std::unique_ptr<SqliteStore> CrashSite::OpenStore() {
  return testing::OpenStore(paths_.store(), {.clock = &clock_,
                                             .busy_timeout = absl::Hours(1),
                                             .read_timeout = absl::Hours(1),
                                             .watch = false});
}

std::unique_ptr<WorkerProcess> CrashSite::Start(const std::string& mode,
                                                std::vector<std::string> options) {
  const int number = ++processes_;
  std::vector<std::string> arguments = {paths_.root, fmt::format("p{}", number),
                                        std::to_string(number)};
  for (std::string& option : options) arguments.push_back(std::move(option));
  if (flow_ == SharedClock::Flow::kFlows) arguments.emplace_back("--flow");
  arguments.push_back(mode);
  return std::make_unique<WorkerProcess>(OUTLIVE_CRASH_PROCESS, std::move(arguments));
}

Exit CrashSite::Run(const std::string& mode, std::vector<std::string> options) {
  const Exit exit = Start(mode, std::move(options))->Wait();
  clock_.Advance(kCrashLease + absl::Seconds(1));
  return exit;
}

void CrashSite::Settle() {
  for (int i = 0; i < 100 && !IsDrained(); ++i) {
    const Exit exit = Run("settle");
    REQUIRE_MESSAGE((exit.code == 0 || exit.signal == SIGABRT), exit.ToString());
  }
  REQUIRE(IsDrained());
}

bool CrashSite::IsDrained() { return testing::IsDrained(*OpenStore()); }

void CrashSite::WaitUntilDrained() {
  const auto store = testing::OpenStore(paths_.store(), {.poll_interval = absl::Milliseconds(100)});
  Mutex mutex;
  CondVar changed;
  bool woken = false;
  const auto subscription = store->Subscribe([&](WakeHint) {
    MutexLock lock(mutex);
    woken = true;
    changed.NotifyAll();
  });
  while (!testing::IsDrained(*store)) {
    MutexLock lock(mutex);
    while (!woken) changed.Wait(mutex);
    woken = false;
  }
}

void CrashSite::TailLog() {
  const auto store = OpenStore();
  while (true) {
    const std::vector<Event> news =
        conformance::Value(store->EventsAfter(events_.empty() ? 0 : events_.back().seq, 10'000));
    if (news.empty()) return;
    events_.insert(events_.end(), news.begin(), news.end());
  }
}

CheckOptions CrashSite::Options() {
  CheckOptions options;
  options.crash_count_max = kCrashCountMax;
  options.sink_kinds = {std::string(Work::kKind), std::string(Order::kKind),
                        std::string(kNoticeKind)};
  options.complete_in_kinds = {std::string(Booking::kKind)};
  options.retry_policies = {{std::string(Work::kKind), CrashRetryPolicy()}};
  options.follow_ups = {{std::string(Work::kKind), std::string(kNoticeKind)}};
  return options;
}

void CrashSite::CheckArtifacts(JobStore& store, const std::vector<Job>& jobs) {
  const auto artifacts =
      conformance::Value(FileArtifactStore::Open(paths_.artifacts(), store, {.clock = &clock_}));
  for (const Job& job : jobs) {
    for (const Artifact& artifact : job.artifacts) {
      CAPTURE(artifact.id);
      CHECK(artifacts->Open(artifact.id).ok());
    }
  }
}

CheckReport CrashSite::Judge(const CheckOptions& options) {
  CheckReport report = Examine(options);
  CHECK_MESSAGE(report.ok(), report.ToString());
  return report;
}

CheckReport CrashSite::Examine(const CheckOptions& options) {
  TailLog();
  CheckTables(paths_.store());
  const auto store = OpenStore();
  RunRecord run;
  run.history = conformance::Value(ReadHistory(paths_.history()));
  run.events = std::move(events_);
  run.jobs = conformance::Value(AllJobs(*store));
  run.sink = EffectSink(paths_.sink()).Accepted();
  const HostConnection host(paths_.store());
  run.joined_rows = host.Query("SELECT args FROM orders");
  for (const std::string& row : host.Query("SELECT job || ' ' || fence FROM booking")) {
    const std::size_t space = row.find(' ');
    run.completed_rows.push_back({std::stoll(row.substr(0, space)), std::stoll(row.substr(space))});
  }
  CheckArtifacts(*store, run.jobs);
  return CheckRun(run, options);
}

}  // namespace outlive::testing
