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
// Raising one of them is a decision: say why here.

// Every transaction: BEGIN, PRAGMA data_version (has another process written?), COMMIT.
constexpr int kAnyTransaction = 3;

// One with events: the counts of the lane, the row of events.
constexpr int kWithEvents = kAnyTransaction + 2;

// Enqueues: the rows of outlive_pending for all of them, and one of outlive_job for each.
constexpr int kEnqueue = kWithEvents + 1;
constexpr int kEnqueuedJob = 1;

// A claim that finds nothing: is the session alive, are there new lanes, the first job of the lane.
constexpr int kEmptyClaim = 3;

// One that finds jobs, however many: those that follow the first, what they were given, into
// outlive_running, out of outlive_pending.
constexpr int kClaim = kEmptyClaim + 4;

// However many jobs are completed: whose leases they are, into outlive_ended, out of
// outlive_running, the row for retention.
constexpr int kFinish = 4;

// The session is renewed: its row, and the time of the file.
constexpr int kRenewal = kAnyTransaction + 2;

// Where a claim takes all that there is: one look further in the priority, and one in the next.
constexpr int kLooksFurther = 2;

// A drain by RunDue() in so many claims: each but the first finishes what the one before has
// claimed. The session is renewed before, and after the last one a transaction finishes and claims
// nothing more, and another one has nothing at all to do.
constexpr int Transactions(int claims) { return 1 + claims + 2; }
constexpr int kWithNothingToWrite = 1;
constexpr int Statements(int claims) {
  return kRenewal + (kWithEvents + kClaim) + (claims - 1) * (kWithEvents + kClaim + kFinish) +
         kLooksFurther + (kWithEvents + kEmptyClaim + kFinish) + (kAnyTransaction + kEmptyClaim);
}

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
  CheckBounds(rig.probe, kAlone, kAlone * (kEnqueue + kEnqueuedJob));
}

TEST_CASE("1,000 jobs in ten batches cost ten transactions and a statement for each job") {
  Rig rig(1);
  constexpr int kBatches = 10;
  for (int i = 0; i < kBatches; ++i) rig.Enqueue(kJobs / kBatches);
  CheckBounds(rig.probe, kBatches, kBatches * kEnqueue + kJobs * kEnqueuedJob);
}

TEST_CASE("1,000 jobs, 64 at once, are drained with a transaction for each 64 of them") {
  constexpr int kConcurrency = 64;
  constexpr int kClaims = (kJobs + kConcurrency - 1) / kConcurrency;
  Rig rig(kConcurrency);
  rig.Enqueue(kJobs);
  rig.probe.Reset();
  REQUIRE(Value(rig.runner.RunDue()) == kJobs);
  CheckBounds(rig.probe, Transactions(kClaims), Statements(kClaims), kWithNothingToWrite);
}

TEST_CASE("1,000 jobs at once are drained with one transaction that claims and one that finishes") {
  Rig rig(kJobs);
  rig.Enqueue(kJobs);
  rig.probe.Reset();
  REQUIRE(Value(rig.runner.RunDue()) == kJobs);
  // A row of events or of completed jobs has at most 512 of them, a look at what follows the first
  // one 256: two more rows of events, one of completed jobs, three looks.
  constexpr int kMore = 2 + 1 + 3;
  CheckBounds(rig.probe, Transactions(1), Statements(1) + kMore, kWithNothingToWrite);
}

}  // namespace
}  // namespace outlive
