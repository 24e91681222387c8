// One process after another is killed at every place where it can be, in order: at each failpoint,
// and at each call that SQLite makes to the operating system.
#include "tests/processes/failpoints.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <signal.h>

#include <cstdio>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/processes/crash_site.h"
#include "tests/processes/vfs_layer.h"
#include "tests/store/sqlite_helpers.h"

namespace outlive::testing {
namespace {

constexpr int kHitMax = 2'000;

// What a crash test says in the end, for those who read its log.
void Tell(const char* what, int kills, const CheckReport& report) {
  std::printf("%s: %d kills\n%s", what, kills, report.ToString().c_str());
}

// Kills one life after another at the first, second, … hit, until one is not hit. Returns how many.
int KillAtEachHit(CrashSite& site, const std::string& mode, int first, int stride,
                  const std::function<std::string(int hit)>& option) {
  int kills = 0;
  for (int hit = first;; hit += stride) {
    REQUIRE(hit < kHitMax);
    const Exit exit = site.Run(mode, {option(hit), "--keep=600"});
    if (kills % 5 == 0) site.TailLog();
    if (exit.code == 0) return kills;
    REQUIRE_MESSAGE(exit.signal == SIGKILL, option(hit), ": ", exit.ToString());
    ++kills;
  }
}

PruneRequest TenMinutes() {
  PruneRequest prune;
  prune.keep_completed = prune.keep_cancelled = prune.keep_dead = absl::Minutes(10);
  return prune;
}

CheckOptions Pruned(std::vector<std::string> exercised) {
  CheckOptions options = CrashSite::Options();
  options.prune = TenMinutes();
  options.exercised = std::move(exercised);
  return options;
}

TEST_CASE("a process may be killed at every failpoint, and nothing is lost or done twice" *
          doctest::test_suite("slow")) {
  CrashSite site;
  int kills = 0;
  for (const std::string_view name : kFailpoints) {
    CAPTURE(name);
    const int here = KillAtEachHit(site, "live", 1, kCrashStride, [&](int hit) {
      return fmt::format("--failpoint={}:{}:kill", name, hit);
    });
    CHECK(here > 0);  // Every failpoint is on the way.
    kills += here;
  }
  site.Settle();
  Tell("failpoints", kills,
       site.Judge(Pruned({"rescued", "in_doubt", "retried", "snoozed", "requeued", "discarded",
                          "cancelled", "gone", "artifacts", "checkpoints"})));
}

// In the middle of commits, checkpoints (the last connection to close makes one) and recoveries
// (each process meets the WAL and the shared memory that the one before has left). Writes come in
// hundreds: every seventh is taken, another one of the seven in each of the three ways.
TEST_CASE("a process may be killed at every call of SQLite, and the file stays whole" *
          doctest::test_suite("slow")) {
  CrashSite site;
  int kills = 0;
  for (const std::string_view call : kVfsCalls) {
    CAPTURE(call);
    const bool many = call == "write" || call == "shm_lock" || call == "lock";
    int first = 1;
    for (const char* const when : {"before", "half", "after"}) {
      if (when == std::string_view("half") && call != "write") continue;
      kills += KillAtEachHit(site, "live", first, (many ? 7 : 1) * kCrashStride, [&](int hit) {
        return fmt::format("--vfs={}:{}:{}", call, hit, when);
      });
      if (many) first += 2;
    }
  }
  site.Settle();
  Tell("calls of SQLite", kills, site.Judge(Pruned({"rescued", "in_doubt", "gone"})));
}

// A file that is only half made: tables of a schema that is not there yet, a journal mode that is
// half switched.
TEST_CASE("a process may be killed while it makes the file, and the next one makes it" *
          doctest::test_suite("slow")) {
  int kills = 0;
  for (const std::string_view call : {"open", "write", "truncate", "sync", "delete", "lock"}) {
    for (const char* const when : {"before", "half", "after"}) {
      if (when == std::string_view("half") && call != "write") continue;
      for (int hit = 1;; hit += kCrashStride) {
        REQUIRE(hit < kHitMax);
        const CrashFolder folder;
        const auto run = [&](std::vector<std::string> arguments) {
          arguments.insert(arguments.begin(), {folder.path(), "p", "1"});
          return WorkerProcess(OUTLIVE_CRASH_PROCESS, std::move(arguments)).Wait();
        };
        const Exit exit = run({fmt::format("--vfs={}:{}:{}", call, hit, when), "open"});
        const Exit next = run({"--keep=1", "open"});
        CAPTURE(call);
        CAPTURE(hit);
        CHECK_MESSAGE(next.code == 0, next.ToString());
        const HostConnection host(CrashPaths(folder.path()).store());
        CHECK(host.Query("PRAGMA integrity_check") == std::vector<std::string>{"ok"});
        CHECK(host.Query("PRAGMA journal_mode") == std::vector<std::string>{"wal"});
        if (exit.code == 0) break;
        REQUIRE_MESSAGE(exit.signal == SIGKILL, exit.ToString());
        ++kills;
      }
    }
  }
  CHECK(kills > 10);
  std::printf("making the file: %d kills\n", kills);
}

}  // namespace
}  // namespace outlive::testing
