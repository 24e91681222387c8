// What a runner does while there is nothing to do.
#include <absl/cleanup/cleanup.h>
#include <dirent.h>

#include <boost/describe/class.hpp>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "outlive/core/worker_set.h"
#include "outlive/engine/client.h"
#include "outlive/engine/runner.h"
#include "tests/store/sqlite_helpers.h"
#include "tests/store/sqlite_probe.h"

namespace outlive {
namespace {

using conformance::Value;
using testing::OpenStore;
using testing::SqliteFolder;
using testing::SqliteProbe;

struct Ping {
  static constexpr std::string_view kKind = "ping";
  std::int64_t number = 0;
};
BOOST_DESCRIBE_STRUCT(Ping, (), (number))

// How often each thread of this process has gone to sleep by itself, which is as often as it was
// woken. Empty: this system does not say it.
std::map<std::string, std::int64_t> Sleeps() {
  std::map<std::string, std::int64_t> sleeps;
  DIR* const tasks = opendir("/proc/self/task");
  if (tasks == nullptr) return sleeps;
  const absl::Cleanup close = [tasks] { closedir(tasks); };
  while (const dirent* const task = readdir(tasks)) {
    const std::string name = task->d_name;
    if (name.starts_with('.')) continue;
    std::ifstream status("/proc/self/task/" + name + "/status");
    for (std::string word; status >> word;) {
      if (word == "voluntary_ctxt_switches:") status >> sleeps[name];
    }
  }
  return sleeps;
}

// Sleeps of all threads that were not there at first.
std::int64_t SleepsOfOthers(const std::map<std::string, std::int64_t>& at_first) {
  std::int64_t sum = 0;
  for (const auto& [thread, count] : Sleeps()) {
    if (!at_first.contains(thread)) sum += count;
  }
  return sum;
}

// What a runner has to do by the clock is put off: here it is about what it does in between.
RunnerOptions WithoutDuties() {
  RunnerOptions options;
  options.lease = absl::Hours(24);
  options.poll_interval_max = absl::Hours(1);
  options.sweep_interval = absl::Hours(1);
  options.prune_interval = absl::Hours(24);
  return options;
}

TEST_CASE("an idle runner runs no statement and wakes up at most twice a second") {
  constexpr int kWakesPerSecondMax = 2;
  constexpr std::chrono::seconds kIdle{3};

  // With the first thread ThreadSanitizer starts one of its own, which wakes up ten times a second.
  std::thread([] {}).join();
  const std::map<std::string, std::int64_t> at_first = Sleeps();
  if (at_first.empty()) {
    MESSAGE("[skipped] this system does not tell how often a thread has slept");
    return;
  }
  SqliteProbe probe;
  const SqliteFolder folder;
  const auto store = OpenStore(folder.File(), {});
  Client client(*store);
  WorkerSet workers;
  workers.Add<Ping>([](JobContext&, const Ping&) { return Outcome(Done()); });
  Runner runner(client, workers, WithoutDuties());
  REQUIRE(runner.Start().ok());
  const JobId id = Value(client.Enqueue(Ping{1})).id;
  REQUIRE(client.WaitFor(id, store->clock().Now() + absl::Minutes(1)).ok());
  // After a commit the store looks for those of others.
  REQUIRE(probe.WaitUntilQuiet(std::chrono::milliseconds(1'500)));

  probe.Reset();
  const auto begin = std::chrono::steady_clock::now();
  const std::int64_t before = SleepsOfOthers(at_first);
  CHECK(probe.WaitUntilQuiet(kIdle));
  const std::int64_t wakes = SleepsOfOthers(at_first) - before;
  // As long as it was, on a machine that has other things to do.
  const std::chrono::duration<double> idle = std::chrono::steady_clock::now() - begin;
  CAPTURE(idle.count());
  CHECK(probe.counts().statements == 0);
  CHECK(static_cast<double>(wakes) <= kWakesPerSecondMax * idle.count());
}

TEST_CASE("a commit of its own makes a store look for foreign ones once") {
  constexpr int kCommits = 10;
  constexpr int kStatementsOfInsert = 7;  // tests/store/sqlite_cost_test.cc
  constexpr int kStatementsOfLook = 3;    // BEGIN IMMEDIATE, PRAGMA data_version, ROLLBACK

  SqliteProbe probe;
  const SqliteFolder folder;
  const auto store = OpenStore(folder.File(), {});
  const auto subscription = store->Subscribe([](WakeHint) {});
  conformance::MustInsert(*store);
  REQUIRE(probe.WaitUntilQuiet(std::chrono::milliseconds(1'500)));

  probe.Reset();
  for (int i = 0; i < kCommits; ++i) {
    conformance::MustInsert(*store);
    REQUIRE(probe.WaitUntilQuiet(std::chrono::milliseconds(100)));
  }
  CHECK(probe.counts().statements <= kCommits * (kStatementsOfInsert + kStatementsOfLook));
}

}  // namespace
}  // namespace outlive
