// What a fixed load costs: commits, statements and syncs, which are the same on every machine. A
// change that makes one of them more is slower everywhere, whatever a clock says here.
#include <fmt/format.h>

#include <boost/describe/class.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "outlive/core/worker_set.h"
#include "outlive/engine/client.h"
#include "outlive/engine/runner.h"
#include "outlive/testing/seeded_random.h"
#include "outlive/testing/virtual_clock.h"
#include "tests/store/sqlite_helpers.h"
#include "tests/store/sqlite_probe.h"

namespace outlive {
namespace {

using conformance::Value;
using testing::OpenStore;
using testing::SeededRandom;
using testing::SqliteFolder;
using testing::SqliteProbe;
using testing::VirtualClock;

struct Noop {
  static constexpr std::string_view kKind = "noop";
  std::int64_t number = 0;
};
BOOST_DESCRIBE_STRUCT(Noop, (), (number))

constexpr int kJobs = 1'000;

// -- The bounds ---------------------------------------------------------------------------------
//
// Statements of each transaction that enqueues: BEGIN, PRAGMA data_version (has another process
// written?), the counts of the lane, the row of events, COMMIT.
constexpr int kEnqueueStatements = 5;

// Statements of each job that is enqueued: one row in outlive_job, one in outlive_pending.
constexpr int kEnqueuedJobStatements = 2;

// Statements of each transaction of a runner: those five; is the session alive, are there new
// lanes, the first due job of a lane, those that follow it.
constexpr int kTurnStatements = 9;

// Statements of each job that is run: out of outlive_pending, what it was given, into
// outlive_running; and back from there: whose lease is it, out of outlive_running, into
// outlive_ended.
constexpr int kRunJobStatements = 6;

// Transactions of RunDue() beside those that claim: the session is renewed, the last jobs are
// finished while nothing more is claimed, and a last claim finds nothing. That one writes nothing.
constexpr int kOtherTurns = 3;
constexpr int kTurnsThatWriteNothing = 1;

// A store, a client and a runner, all on one thread and on the time of the test. They have run a
// job before: names, lanes and statements are known, and the WAL has begun.
struct Rig {
  explicit Rig(int concurrency)
      : runner(client, workers, {.queues = {{.name = "default", .concurrency = concurrency}}}) {
    workers.Add<Noop>([](JobContext&, const Noop&) { return Outcome(Done()); });
    Enqueue(1);
    CHECK(Value(runner.RunDue()) == 1);
    clock.Advance(absl::Seconds(1));
    probe.Reset();
  }

  void Enqueue(int count) {
    Value(client.EnqueueMany<Noop>(std::vector<Noop>(static_cast<std::size_t>(count))));
  }

  SqliteProbe probe;
  SqliteFolder folder;
  VirtualClock clock;
  SeededRandom random{1};
  std::unique_ptr<SqliteStore> store =
      OpenStore(folder.File(), {.clock = &clock, .random = &random, .watch = false});
  Client client{*store, {.random = &random}};
  WorkerSet workers;
  Runner runner;
};

// Says what was run where a bound does not hold.
std::string Listed(const SqliteProbe& probe) {
  std::string text;
  for (const auto& [sql, count] : probe.statements()) text += fmt::format("{} × {}\n", count, sql);
  return text;
}

// With at most so many transactions, each of them synced once, but for those that write nothing.
void CheckBounds(const SqliteProbe& probe, int transactions, int statements, int idle = 0) {
  const std::string listed = Listed(probe);
  CAPTURE(listed);
  const SqliteProbe::Counts cost = probe.counts();
  CHECK(cost.commits <= transactions);
  CHECK(cost.statements <= statements);
  CHECK(cost.wal_syncs <= transactions - idle);
  CHECK(cost.wal_syncs >= cost.commits - idle);  // What was acknowledged is durable.
  CHECK(cost.file_syncs == 0);                   // No checkpoint yet.
  CHECK(cost.scanned_rows == 0);
  CHECK(cost.sorts == 0);
  CHECK(cost.automatic_index_rows == 0);
}

TEST_CASE("an enqueue alone costs one transaction, one sync and seven statements") {
  Rig rig(1);
  constexpr int kAlone = 100;
  for (int i = 0; i < kAlone; ++i) rig.Enqueue(1);
  CheckBounds(rig.probe, kAlone, kAlone * (kEnqueueStatements + kEnqueuedJobStatements));
}

TEST_CASE("1,000 jobs in ten batches cost ten transactions and two statements for each job") {
  Rig rig(1);
  constexpr int kBatches = 10;
  for (int i = 0; i < kBatches; ++i) rig.Enqueue(kJobs / kBatches);
  CheckBounds(rig.probe, kBatches, kBatches * kEnqueueStatements + kJobs * kEnqueuedJobStatements);
}

TEST_CASE("1,000 jobs are drained with a transaction for each 64 of them") {
  constexpr int kConcurrency = 64;
  Rig rig(kConcurrency);
  rig.Enqueue(kJobs);
  rig.probe.Reset();
  REQUIRE(Value(rig.runner.RunDue()) == kJobs);
  constexpr int kTurns = (kJobs + kConcurrency - 1) / kConcurrency + kOtherTurns;
  CheckBounds(rig.probe, kTurns, kTurns * kTurnStatements + kJobs * kRunJobStatements,
              kTurnsThatWriteNothing);
}

TEST_CASE("1,000 jobs at once are drained with one transaction that claims and one that finishes") {
  Rig rig(kJobs);
  rig.Enqueue(kJobs);
  rig.probe.Reset();
  REQUIRE(Value(rig.runner.RunDue()) == kJobs);
  constexpr int kTurns = 1 + kOtherTurns;
  // Twice a second row of events, which hold 512, and three more looks at outlive_pending, which
  // take 256 jobs each.
  constexpr int kMore = 2 + 3;
  CheckBounds(rig.probe, kTurns, kTurns * kTurnStatements + kMore + kJobs * kRunJobStatements,
              kTurnsThatWriteNothing);
}

}  // namespace
}  // namespace outlive
