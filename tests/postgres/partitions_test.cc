// What has ended is dropped with its partition, and whatever is in no partition is in DEFAULT
// (src/store/postgres/partitions.h).
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "outlive/conformance/helpers.h"
#include "outlive/store/postgres_store.h"
#include "outlive/testing/virtual_clock.h"
#include "tests/postgres/connection.h"
#include "tests/postgres/server.h"

namespace outlive::testing {
namespace {

using conformance::InsertAndClaim;
using conformance::LaneOf;
using conformance::ListAll;
using conformance::MakeJob;
using conformance::MustGet;
using conformance::MustInsert;
using conformance::Prune;
using conformance::RequireOk;
using conformance::StateOf;
using conformance::TextOf;
using conformance::Value;

constexpr std::int64_t kSize = 64;  // Of the first partition: 8 jobs of it may be moved.

using Strings = std::vector<std::string>;

struct Site {
  explicit Site(bool pooling = false) : store(Open(pooling)) {}

  std::unique_ptr<PostgresStore> Open(bool pooling = false) const {
    PostgresStoreOptions options;
    options.clock = &clock;
    options.schema = schema.name();
    options.transaction_pooling = pooling;
    options.watch = false;
    options.partition_job_count_min = kSize;
    return Value(PostgresStore::Open(schema.conninfo(), options));
  }

  std::string Sql(std::string_view text) const {
    return fmt::format(fmt::runtime(text), schema.name());
  }
  // As in "SELECT count(*) FROM {}.job_default".
  std::string Ask(std::string_view text) { return host.Query(Sql(text)); }
  int Count(std::string_view table) {
    return std::stoi(Ask(fmt::format("SELECT count(*) FROM {{0}}.{}", table)));
  }

  // As in "1-65".
  Strings Ranges() {
    return host.Column(Sql("SELECT first || '-' || past FROM {}.partition ORDER BY first"));
  }
  // The first one may be dropped, and the next one made.
  void MakeBothDue() {
    CompleteUpTo(40);
    RequireOk(Prune(*store).status());
    CompleteUpTo(130);
    clock.Advance(absl::Hours(25));
  }

  bool HasTables(JobId first) {
    return Ask(fmt::format("SELECT to_regclass('{{0}}.job_{0}') IS NOT NULL"
                           " OR to_regclass('{{0}}.ended_{0}') IS NOT NULL",
                           first)) == "t";
  }

  // Whether something has been tried in vain: "make" or "drop".
  bool HasTried(std::string_view what) {
    return Ask(fmt::format("SELECT last_value <> 0 FROM {{0}}.{}_tried_at", what)) == "t";
  }

  // A new job whose session is its own.
  ClaimedJob Claimed(const NewJob& job = MakeJob()) {
    return InsertAndClaim(*store, job, fmt::format("session-{}", ++sessions));
  }
  JobId Complete(const NewJob& job = MakeJob()) {
    const ClaimedJob claimed = Claimed(job);
    RequireOk(conformance::FinishOne(*store, claimed, Transition::kComplete));
    return claimed.lease.job;
  }
  // Until the newest id is `last` or a later one. How many jobs that were.
  int CompleteUpTo(JobId last) {
    int count = 0;
    for (JobId id = 0; id < last; ++count) id = Complete();
    return count;
  }

  // A vacuum that comes by would be in the way for five minutes of a clock that stands still.
  const PostgresServer server{{.settings = {"autovacuum = off"}}};
  TestSchema schema{server.address()};
  VirtualClock clock;
  std::unique_ptr<PostgresStore> store;
  Connection host{schema.conninfo()};
  int sessions = 0;
};

// Prunes until there is no more. How many jobs that were.
int PruneAll(JobStore& store, const PruneRequest& request = {}) {
  int count = 0;
  for (PruneResult result{.more = true}; result.more;) {
    result = Value(Prune(store, request));
    count += result.job_count;
  }
  return count;
}

// What Stats() says is what is there; and nothing is left of jobs that are gone.
void CheckWhole(Site& site) {
  std::array<std::int64_t, kJobStateCount> counts = {};
  for (const Job& job : ListAll(*site.store, {.kind = conformance::kKind}))
    ++counts[static_cast<std::size_t>(job.state)];
  const JobStats::Lane lane = LaneOf(*site.store);
  CHECK(lane.pending == counts[0]);
  CHECK(lane.running == counts[2]);
  CHECK(lane.completed == counts[3]);
  CHECK(lane.cancelled == counts[4]);
  CHECK(lane.dead == counts[5]);
  for (const char* const table :
       {"live", "ended", "tag", "error", "checkpoint", "output", "follow_up", "artifact"}) {
    CAPTURE(table);
    CHECK(site.Count(fmt::format("{} AS x WHERE NOT EXISTS (SELECT FROM {{0}}.job"
                                 " WHERE id = x.job)",
                                 table)) == 0);
  }
  CHECK(site.Count("job AS x WHERE NOT EXISTS (SELECT FROM {0}.live WHERE job = x.id)"
                   " AND NOT EXISTS (SELECT FROM {0}.ended WHERE job = x.id)") == 0);
}

// What came of ends.
void CancelFollowUps(JobStore& store) {
  for (const Job& job : ListAll(store, {.state = JobState::kPending, .kind = "mail.sent"})) {
    RequireOk(conformance::CancelJob(store, job.id).status());
  }
}

// A running job that has something in every table.
ClaimedJob ClaimedWithAll(Site& site, char artifact) {
  NewJob job = MakeJob();
  job.tags = {"monthly"};
  job.follow_ups = {{.kind = "mail.sent"}};
  const ClaimedJob claimed = site.Claimed(job);
  RequireOk(conformance::FinishOne(
      *site.store, conformance::Failed(claimed.lease, Transition::kRetry, "no answer")));
  const ClaimedJob again =
      conformance::ClaimOne(*site.store, fmt::format("session-{}", ++site.sessions));
  REQUIRE(again.lease.job == claimed.lease.job);
  RequireOk(conformance::WriteOne(*site.store, {.lease = again.lease,
                                                .checkpoint = "half",
                                                .artifact = conformance::MakeArtifact(artifact)}));
  return again;
}

TEST_CASE("partitions: the next one is made ahead, about as large as a day") {
  Site site;
  CHECK(site.Ranges() == Strings{"1-65"});
  site.CompleteUpTo(20);
  RequireOk(Prune(*site.store).status());
  CHECK(site.Ranges() == Strings{"1-65"});
  site.CompleteUpTo(40);
  RequireOk(Prune(*site.store).status());
  CHECK(site.Ranges() == Strings{"1-65", "65-193"});  // Half in no time: twice as large.
  site.CompleteUpTo(70);
  RequireOk(Prune(*site.store).status());
  site.clock.Advance(absl::Hours(16));
  site.CompleteUpTo(135);
  RequireOk(Prune(*site.store).status());
  CHECK(site.Ranges() == Strings{"1-65", "65-193", "193-321"});  // In about a day.
  site.CompleteUpTo(200);
  RequireOk(Prune(*site.store).status());
  site.clock.Advance(absl::Hours(72));
  site.CompleteUpTo(262);
  RequireOk(Prune(*site.store).status());
  CHECK(site.Ranges().back() == "321-385");  // It would take days.
  CHECK(site.Count("job_default") == 0);
  CHECK(site.Count("ended_default") == 0);
  CheckWhole(site);
}

TEST_CASE("partitions: a transaction that makes or drops one does nothing else") {
  Site site;
  site.MakeBothDue();
  // While the first is under way, what the other would look through is not locked.
  const std::unique_ptr<StoreTransaction> making = conformance::Begin(*site.store);
  const PruneResult made = Value(making->Prune({}));
  CHECK(made.job_count == 0);
  CHECK(made.event_count == 0);
  CHECK(made.more);
  CHECK(site.Count("ended_1") == kSize);
  RequireOk(making->Commit());
  CHECK(site.Ranges() == Strings{"1-65", "65-193", "193-449"});
  CHECK(site.HasTables(1));

  const PruneResult dropped = Value(Prune(*site.store));
  CHECK(dropped.job_count == kSize);
  CHECK(dropped.event_count == 0);
  CHECK(dropped.more);
  CHECK(site.Ranges() == Strings{"65-193", "193-449"});

  const PruneResult rest = Value(Prune(*site.store));
  CHECK(rest.job_count == 0);
  CHECK(rest.event_count > 0);
  CheckWhole(site);
}

TEST_CASE("partitions: at 64 there is an end, and jobs go to DEFAULT until one is dropped") {
  Site site;
  for (int first = kSize + 1; first < kSize + 64; ++first) {
    for (const char* const table : {"job", "ended"}) {
      site.Ask(
          fmt::format("CREATE TABLE {{0}}.{0}_{1} PARTITION OF {{0}}.{0}"
                      " FOR VALUES FROM ({1}) TO ({2})",
                      table, first, first + 1));
    }
    site.Ask(fmt::format("INSERT INTO {{0}}.partition VALUES ({}, {})", first, first + 1));
  }
  const int ended = site.CompleteUpTo(kSize + 70);
  RequireOk(Prune(*site.store).status());
  CHECK(site.Ranges().size() == 64);
  CHECK(site.Count("job_default") > 0);
  CHECK_FALSE(site.HasTried("make"));
  CheckWhole(site);

  site.clock.Advance(absl::Hours(25));
  CHECK(Value(Prune(*site.store)).job_count == kSize);
  CHECK(site.Ranges().size() == 63);
  CHECK(PruneAll(*site.store) == ended - kSize);
  CHECK(site.Ranges().size() == 1);  // The next one.
  CHECK(site.Count("job") == 0);
  CheckWhole(site);
}

TEST_CASE("partitions: what keeps one from being made does not keep another from being dropped") {
  Site site;
  site.MakeBothDue();
  site.Ask("CREATE TABLE {0}.job_193 ()");
  CHECK(Value(Prune(*site.store)).job_count == kSize);
  CHECK(site.HasTried("make"));
  CHECK_FALSE(site.HasTried("drop"));
  CHECK(site.Ranges() == Strings{"65-193"});
  site.Ask("DROP TABLE {0}.job_193");
  RequireOk(Prune(*site.store).status());
  CHECK(site.Ranges() == Strings{"65-193"});
  site.clock.Advance(absl::Minutes(6));
  RequireOk(Prune(*site.store).status());
  CHECK(site.Ranges() == Strings{"65-193", "193-449"});
  CHECK_FALSE(site.HasTried("make"));
  CheckWhole(site);
}

TEST_CASE("partitions: none is made while DEFAULT is too large to be looked through") {
  Site site;
  site.CompleteUpTo(40);
  // A row a page: 130 MiB.
  site.Ask("ALTER TABLE {0}.job_default SET (fillfactor = 10)");
  site.Ask(
      "INSERT INTO {0}.job (id, lane, attempt_max, created_at, args)"
      " SELECT -id, 1, 1, 1, convert_to(repeat('x', 600), 'UTF8')"
      " FROM generate_series(1, 16700) AS g(id)");
  RequireOk(Prune(*site.store).status());
  CHECK(site.Ranges() == Strings{"1-65"});
  CHECK_FALSE(site.HasTried("make"));
  site.Ask("TRUNCATE {0}.job_default");
  RequireOk(Prune(*site.store).status());
  CHECK(site.Ranges() == Strings{"1-65", "65-193"});
  CheckWhole(site);
}

TEST_CASE("partitions: a drop in which the connection is lost costs itself, and not every minute") {
  Site site;
  NewJob tagged = MakeJob();
  tagged.tags = {"monthly"};
  site.Complete(tagged);
  const int ended = 1 + site.CompleteUpTo(kSize);
  RequireOk(Prune(*site.store).status());
  site.clock.Advance(absl::Hours(25));
  site.Ask(
      "CREATE FUNCTION {0}.die() RETURNS trigger LANGUAGE plpgsql AS"
      " $$BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END$$");
  site.Ask("CREATE TRIGGER die BEFORE DELETE ON {0}.tag EXECUTE FUNCTION {0}.die()");
  CHECK(absl::IsUnavailable(Prune(*site.store).status()));
  CHECK(site.HasTried("drop"));
  const PruneResult without = Value(Prune(*site.store));
  CHECK(without.job_count == 0);
  CHECK(without.event_count > 0);
  CHECK(site.HasTables(1));
  CheckWhole(site);
  site.Ask("DROP TRIGGER die ON {0}.tag");
  site.clock.Advance(absl::Minutes(6));
  CHECK(PruneAll(*site.store) == ended);
  CHECK_FALSE(site.HasTables(1));
  CHECK_FALSE(site.HasTried("drop"));
  CheckWhole(site);
}

TEST_CASE("partitions: a host in the way is not asked each time though no partition is there") {
  Site site;
  site.Ask("DROP TABLE {0}.job_1, {0}.ended_1");
  site.Ask("DELETE FROM {0}.partition");
  site.host.Query("BEGIN");
  site.Ask("SELECT count(*) FROM {0}.job");
  RequireOk(Prune(*site.store).status());
  site.host.Query("COMMIT");
  CHECK(site.HasTried("make"));
  RequireOk(Prune(*site.store).status());
  CHECK(site.Ranges().empty());
  site.clock.Advance(absl::Minutes(6));
  RequireOk(Prune(*site.store).status());
  CHECK(site.Ranges().size() == 1);
}

TEST_CASE("partitions: what has ended is dropped with them, and what has not goes on") {
  for (const bool pooling : {false, true}) {
    CAPTURE(pooling);
    Site site(pooling);
    JobStore& store = *site.store;
    NewJob in_a_month = MakeJob();
    in_a_month.run_at = VirtualClock::Start() + absl::Hours(24 * 30);
    in_a_month.tags = {"monthly"};
    const JobId waits = MustInsert(store, in_a_month);
    const ClaimedJob runs = ClaimedWithAll(site, 'a');
    const ClaimedJob dead = ClaimedWithAll(site, 'b');
    RequireOk(conformance::FinishOne(
        store, conformance::Failed(dead.lease, Transition::kDie, "no such customer")));
    const ClaimedJob done = ClaimedWithAll(site, 'c');
    Finished finished = conformance::EndOf(done.lease, Transition::kComplete);
    finished.output = "42 pages";
    RequireOk(conformance::FinishOne(store, finished));
    CancelFollowUps(store);
    const JobId cancelled = conformance::JobIn(store, JobState::kCancelled);
    site.CompleteUpTo(40);
    RequireOk(Prune(store).status());
    site.CompleteUpTo(kSize);
    const int ended = site.Count("ended_1 WHERE state <> 5");
    RequireOk(Prune(store).status());
    site.clock.Advance(absl::Hours(23));
    const JobId later = site.Complete();
    site.clock.Advance(absl::Minutes(59));
    CHECK(Value(Prune(store)).job_count == 0);  // Never shorter than asked for.
    const auto staying = [&] {
      std::string text;
      for (const JobId id : {waits, runs.lease.job, dead.lease.job, later}) {
        text += TextOf(MustGet(store, id)) + "\n";
      }
      return text;
    };
    const std::string before = staying();
    CHECK(site.HasTables(1));

    site.clock.Advance(absl::Minutes(2));
    const PruneResult result = Value(Prune(store, {.row_count_max = 10}));
    CHECK(result.job_count == ended);
    CHECK(result.more);
    CHECK_FALSE(site.HasTables(1));
    CHECK(absl::IsNotFound(store.Get(done.lease.job).status()));
    CHECK(absl::IsNotFound(store.Get(cancelled).status()));
    CHECK(absl::IsNotFound(store.FindArtifact(std::string(32, 'c')).status()));
    CHECK(store.FindArtifact(std::string(32, 'b')).ok());
    CHECK(staying() == before);
    CHECK(ListAll(store, {.tag = "monthly"}).size() == 3);
    CHECK(site.Count("job_default") == 3);
    CheckWhole(site);

    // Where they are now, they go on.
    CHECK(Value(conformance::RequeueJob(store, dead.lease.job)) == JobState::kPending);
    const ClaimedJob again = conformance::ClaimOne(store, "session-again");
    CHECK(again.lease.job == dead.lease.job);
    CHECK(again.checkpoint == "half");
    RequireOk(conformance::FinishOne(store, again, Transition::kComplete));
    RequireOk(conformance::FinishOne(store, runs, Transition::kComplete));
    CHECK(Value(conformance::CancelJob(store, waits)) == JobState::kCancelled);
    CancelFollowUps(store);
    site.clock.Advance(absl::Hours(25));
    CHECK(PruneAll(store) >= 3);
    CHECK(site.Count("job_default") == 0);
    CHECK(site.Count("ended_default") == 0);
    CheckWhole(site);
  }
}

TEST_CASE("partitions: while much is left in one its jobs stay for two days more, not longer") {
  Site site;
  NewJob later = MakeJob();
  later.run_at = VirtualClock::Start() + absl::Hours(24 * 30);
  std::vector<JobId> waiting;
  for (int i = 0; i < 20; ++i) waiting.push_back(MustInsert(*site.store, later));
  site.CompleteUpTo(kSize);
  RequireOk(Prune(*site.store).status());
  const int ended = site.Count("ended");
  site.clock.Advance(absl::Hours(71));
  CHECK(Value(Prune(*site.store)).job_count == 0);
  CHECK(site.HasTables(1));
  site.clock.Advance(absl::Hours(2));
  CHECK(Value(Prune(*site.store, {.row_count_max = 10})).job_count == 10);
  CHECK(PruneAll(*site.store) == ended - 10);
  CHECK(site.HasTables(1));
  CheckWhole(site);

  // Of one that keeps few, it is dropped, whatever they are.
  for (std::size_t i = 0; i < 12; ++i) {
    RequireOk(conformance::CancelJob(*site.store, waiting[i]).status());
  }
  CHECK(Value(Prune(*site.store)).job_count == 0);
  CHECK(site.HasTables(1));
  site.clock.Advance(absl::Hours(25));
  CHECK(Value(Prune(*site.store)).job_count == 12);
  CHECK_FALSE(site.HasTables(1));
  CHECK(site.Count("job_default") == 8);
  CheckWhole(site);
}

TEST_CASE("partitions: one that is filled over many days is pruned row by row") {
  Site site;
  const int first = site.CompleteUpTo(20);
  RequireOk(Prune(*site.store).status());
  site.clock.Advance(absl::Hours(25));
  // A third of it in a day and an hour: too slow to wait for the rest.
  CHECK(Value(Prune(*site.store, {.row_count_max = 5})).job_count == 5);
  CHECK(PruneAll(*site.store) == first - 5);
  site.clock.Advance(absl::Hours(72));
  const int second = site.CompleteUpTo(kSize);
  site.clock.Advance(absl::Hours(25));
  CHECK(PruneAll(*site.store) == second);
  CheckWhole(site);
}

TEST_CASE("partitions: dead letters that are kept for ever do not keep the others") {
  Site site;
  for (int i = 0; i < 10; ++i) {
    const ClaimedJob claimed = site.Claimed();
    RequireOk(conformance::FinishOne(
        *site.store, conformance::Failed(claimed.lease, Transition::kDie, "no such customer")));
  }
  const int ended = site.CompleteUpTo(kSize);
  RequireOk(Prune(*site.store).status());
  site.clock.Advance(absl::Hours(25));
  CHECK(PruneAll(*site.store) == ended);
  CHECK(site.HasTables(1));
  CHECK(PruneAll(*site.store, {.keep_dead = absl::Hours(1)}) == 10);
  CHECK_FALSE(site.HasTables(1));
  CheckWhole(site);
}

TEST_CASE("partitions: a host that holds a lock keeps nobody, and is waited for another time") {
  Site site;
  site.CompleteUpTo(40);
  site.host.Query("BEGIN");
  site.Ask("SELECT count(*) FROM {}.job");
  RequireOk(Prune(*site.store).status());
  CHECK(site.Ranges() == Strings{"1-65"});  // None could be made,
  site.CompleteUpTo(90);                    // so these go to DEFAULT.
  site.host.Query("COMMIT");
  CHECK(site.Count("job_default") > 0);
  const std::string all = conformance::Snapshot(*site.store);
  RequireOk(Prune(*site.store).status());
  CHECK(site.Ranges() == Strings{"1-65"});  // Not again so soon.
  site.clock.Advance(absl::Minutes(6));
  RequireOk(Prune(*site.store).status());
  REQUIRE(site.Ranges().size() == 2);
  CHECK(std::stoi(site.Ranges()[1]) > 90);  // Above whatever is in DEFAULT.
  CHECK(conformance::Snapshot(*site.store) == all);
  site.CompleteUpTo(std::stoi(site.Ranges()[1]) + 5);
  CHECK(site.Count("job_" + std::to_string(std::stoi(site.Ranges()[1]))) > 0);

  site.clock.Advance(absl::Hours(25));
  const int in_default = site.Count("ended_default");
  site.host.Query("BEGIN");
  site.Ask("SELECT {}.enqueue('mail.send', '{{}}')");
  CHECK(Value(Prune(*site.store)).job_count >= in_default);
  CHECK(site.Count("ended_default") == 0);
  CHECK(site.HasTables(1));
  CheckWhole(site);
  site.Complete();
  site.host.Query("COMMIT");
  site.clock.Advance(absl::Minutes(6));
  CHECK(PruneAll(*site.store) > 0);
  CHECK_FALSE(site.HasTables(1));
  CheckWhole(site);
}

TEST_CASE("partitions: of two stores one prunes, and what it undoes never was") {
  Site site;
  const std::unique_ptr<PostgresStore> other = site.Open();
  site.CompleteUpTo(70);
  RequireOk(Prune(*site.store).status());
  site.clock.Advance(absl::Hours(25));
  const std::string before = conformance::Snapshot(*site.store);
  {
    const std::unique_ptr<StoreTransaction> pruning = conformance::Begin(*site.store);
    CHECK(Value(pruning->Prune({})).job_count > 0);
    const PruneResult beside = Value(Prune(*other));
    CHECK(beside.job_count == 0);
  }
  CHECK(ListAll(*other).size() > 0);
  CHECK(site.HasTables(1));
  CheckWhole(site);
  CHECK(PruneAll(*other) > 0);
  CHECK_FALSE(site.HasTables(1));
  CheckWhole(site);
}

void ReadWhileOneIsDropped(bool pooling) {
  Site site;
  const JobId waits = MustInsert(*site.store, [] {
    NewJob job = MakeJob();
    job.run_at = VirtualClock::Start() + absl::Hours(24 * 30);
    return job;
  }());
  const std::unique_ptr<PostgresStore> other = site.Open(pooling);
  site.CompleteUpTo(kSize);
  RequireOk(Prune(*site.store).status());
  site.clock.Advance(absl::Hours(25));
  const std::unique_ptr<StoreTransaction> pruning = conformance::Begin(*site.store);
  CHECK(Value(pruning->Prune({})).job_count > 0);
  const int holder =
      std::stoi(site.Ask("SELECT pid FROM pg_locks WHERE relation = '{}.job'::regclass"
                         " AND mode = 'AccessExclusiveLock' AND granted"));
  absl::StatusOr<Job> job = absl::UnknownError("not yet");
  absl::StatusOr<std::vector<Job>> jobs = absl::UnknownError("not yet");
  std::thread gets([&] { job = other->Get(waits); });
  std::thread lists([&] { jobs = other->List({.state = JobState::kPending}, {}); });
  Connection watcher(site.schema.conninfo());
  const std::string both = fmt::format(
      "SELECT count(*) >= 2 FROM pg_stat_activity WHERE {} = ANY (pg_blocking_pids(pid))", holder);
  while (watcher.Query(both) != "t") {
  }
  RequireOk(pruning->Commit());
  gets.join();
  lists.join();
  RequireOk(job.status());
  CHECK(job->state == JobState::kPending);
  RequireOk(jobs.status());
  REQUIRE(jobs->size() == 1);
  CHECK((*jobs)[0].id == waits);
}

TEST_CASE("partitions: whoever reads while one is dropped finds what has moved") {
  ReadWhileOneIsDropped(/*pooling=*/false);
  ReadWhileOneIsDropped(/*pooling=*/true);
}

TEST_CASE("partitions: stores that work, requeue and prune at once lose nothing") {
  Site site;
  const PruneRequest at_once{.keep_completed = absl::ZeroDuration(),
                             .keep_cancelled = absl::ZeroDuration()};
  std::atomic<bool> done = false;
  std::atomic<int> pruned = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      const std::unique_ptr<PostgresStore> store = site.Open();
      while (!done) {
        const absl::StatusOr<PruneResult> result = Prune(*store, at_once);
        if (result.ok()) pruned += result->job_count;
      }
    });
  }
  const auto die = [&site](const ClaimedJob& claimed) {
    RequireOk(conformance::FinishOne(
        *site.store, conformance::Failed(claimed.lease, Transition::kDie, "no such customer")));
  };
  int completed = 0;
  int requeued = 0;
  std::vector<JobId> kept;
  for (int i = 0; i < 400; ++i) {
    if (i % 20 == 10) {  // The newest, and one that has moved by now.
      for (const JobId id : {kept.back(), kept.front()}) {
        const absl::StatusOr<JobState> state = conformance::RequeueJob(*site.store, id);
        if (absl::IsUnavailable(state.status())) continue;  // It waited too long for a lock.
        RequireOk(state.status());
        if (*state != JobState::kPending) continue;
        die(conformance::ClaimOne(*site.store, fmt::format("session-{}", ++site.sessions)));
        ++requeued;
      }
    }
    const ClaimedJob claimed = site.Claimed();
    if (i % 20 == 0) {
      die(claimed);
      kept.push_back(claimed.lease.job);
    } else {
      RequireOk(conformance::FinishOne(*site.store, claimed, Transition::kComplete));
      ++completed;
    }
    site.clock.Advance(absl::Minutes(1));
  }
  CHECK_FALSE(site.HasTables(1));  // It was dropped meanwhile.
  CHECK(requeued > 0);
  done = true;
  for (std::thread& thread : threads) thread.join();
  for (const JobId id : kept) CHECK(StateOf(*site.store, id) == JobState::kDead);
  CheckWhole(site);
  site.clock.Advance(absl::Hours(24 * 7));
  CHECK(PruneAll(*site.store, at_once) + pruned == completed);
  CHECK(ListAll(*site.store).size() == kept.size());
  CheckWhole(site);
}

}  // namespace
}  // namespace outlive::testing
