// Many processes that want the one write lock.
#include <doctest/doctest.h>
#include <signal.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tests/processes/crash_site.h"
#include "tests/processes/crew.h"
#include "tests/store/sqlite_helpers.h"

namespace outlive::testing {
namespace {

constexpr std::size_t kManyProcessCount = 8;

// Eight processes that are ready.
std::vector<std::unique_ptr<WorkerProcess>> StartMany(CrashSite& site,
                                                      const std::vector<std::string>& options) {
  std::vector<std::unique_ptr<WorkerProcess>> processes;
  for (std::size_t i = 0; i < kManyProcessCount; ++i) {
    processes.push_back(site.Start("serve", options));
  }
  for (const auto& process : processes) REQUIRE(process->ReadLine() == "ready");
  return processes;
}

void StopAll(const std::vector<std::unique_ptr<WorkerProcess>>& processes) {
  for (const auto& process : processes) REQUIRE(process->Ask("stop"));
  for (const auto& process : processes) CHECK(process->Wait().code == 0);
}

// What SQLITE_BUSY would have come to.
void CheckNobodyWasRefused(CheckReport& report) {
  CHECK(report.counts["unavailable"] == 0);
  CHECK(report.counts["refused"] == 0);
}

TEST_CASE("eight processes claim from ten thousand jobs, and each is run once" *
          doctest::test_suite("slow")) {
  constexpr int kJobCount = 10'000 / kCrashStride;
  CrashSite site;
  const auto processes = StartMany(site, {"--concurrency=8", "--busy=60000"});
  REQUIRE(processes[0]->Ask("fill " + std::to_string(kJobCount)));
  site.WaitUntilDrained();
  StopAll(processes);
  CheckOptions options = CrashSite::Options();
  options.live_processes_keep_leases = true;
  options.follow_ups = {};
  CheckReport report = site.Judge(options);
  CheckNobodyWasRefused(report);
  CHECK(report.counts["started"] == kJobCount);
  CHECK(report.counts["completed"] == kJobCount);
  CHECK(report.counts["rescued"] == 0);
}

// Each of them commits as fast as it can and runs what the others have enqueued, with the shortest
// WAL there can be: some checkpoint or other is under way all the time.
TEST_CASE("eight processes hammer one file, nobody is left out, and the WAL stays short" *
          doctest::test_suite("slow")) {
  constexpr int kCommitCount = 1'000 / kCrashStride;
  CrashSite site;
  const auto processes = StartMany(site, {"--pages=100", "--busy=60000"});
  for (const auto& process : processes) {
    REQUIRE(process->Send("hammer " + std::to_string(kCommitCount)));
  }
  for (const auto& process : processes) CHECK(process->ReadLine() == "done");
  site.WaitUntilDrained();
  const std::uintmax_t wal = std::filesystem::file_size(site.paths().store() + "-wal");
  const std::uintmax_t database = std::filesystem::file_size(site.paths().store());
  StopAll(processes);
  CheckOptions options = CrashSite::Options();
  options.live_processes_keep_leases = true;
  CheckReport report = site.Judge(options);
  CheckNobodyWasRefused(report);
  CHECK(report.counts["completed"] == kManyProcessCount * kCommitCount);
  // All that was written has gone through it.
  CHECK(wal < database);
}

TEST_CASE("a foreign writer that stays is told to callers, and outlived by workers" *
          doctest::test_suite("slow")) {
  // Whoever is refused tries again after a while: time has to pass.
  CrashSite site(SharedClock::Flow::kFlows);
  Crew crew(site);
  for (std::size_t place = 0; place < Crew::kProcessCount; ++place) {
    crew.Hire(place, {"--busy=50"});
    REQUIRE(crew.Ask(place, "load 10"));
  }
  {
    const HostConnection host(site.paths().store());
    host.Exec("BEGIN IMMEDIATE");
    // Every lease runs out, and nobody can renew one or say how a job has ended.
    site.clock().Advance(kCrashLease * 2);
    for (std::size_t place = 0; place < Crew::kProcessCount; ++place) {
      CHECK(crew.Ask(place, "hammer 2"));
    }
    host.Exec("COMMIT");
  }
  crew.Finish();
  CheckOptions options = CrashSite::Options();
  options.exercised = {"unavailable"};
  site.Judge(options);
}

TEST_CASE("four processes that open a file after a crash all get it, and what was in it" *
          doctest::test_suite("slow")) {
  CrashSite site;
  for (int round = 0; round < 10; ++round) {
    const auto process = site.Start("serve");
    REQUIRE(process->ReadLine() == "ready");
    REQUIRE(process->Ask("load 5"));
    process->Signal(SIGKILL);
    process->Wait();
    std::vector<std::unique_ptr<WorkerProcess>> next;
    for (int i = 0; i < 4; ++i) next.push_back(site.Start("open"));
    for (const auto& each : next) CHECK(each->ReadLine().size() == 32);
    for (const auto& each : next) CHECK(each->Wait().code == 0);
  }
  site.clock().Advance(kCrashLease + absl::Seconds(1));
  site.Settle();
  site.Judge(CrashSite::Options());
}

}  // namespace
}  // namespace outlive::testing
