// Client and runner on a SQLite file: in the host's own transactions, and with other processes.
#include <doctest/doctest.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/engine/eventually.h"
#include "tests/engine/jobs.h"
#include "tests/store/sqlite_helpers.h"

namespace outlive::tests {
namespace {

using testing::HostConnection;
using testing::OpenStore;
using testing::SqliteFolder;

// A host with a table of its own in the file of the jobs. Only the watch wakes the runner.
struct SqliteWorld {
  explicit SqliteWorld(const Clock* clock = nullptr)
      : store(OpenStore(folder.File(), {.clock = clock, .poll_interval = testing::kWatchPoll})),
        client(*store, {.log = &log, .observer = &observer}) {
    host.Exec("CREATE TABLE effect (name TEXT)");
    options.poll_interval_max = absl::Hours(1);
  }

  std::int64_t EffectCount() const { return host.Number("SELECT count(*) FROM effect"); }
  bool CompletesEventually(int job_count) {
    return Eventually(*store, [&] { return store->Stats()->lanes[0].completed == job_count; });
  }
  absl::Time Patience() const { return store->clock().Now() + absl::Seconds(60); }

  // Runs another process on the file, and tells whether it went well.
  bool RunProcess(const std::string& command, const std::string& argument = "") const {
    const std::string line = "'" OUTLIVE_SQLITE_PROCESS "' " + command + " '" + folder.File() +
                             "' " + argument + " > /dev/null < /dev/null";
    return std::system(line.c_str()) == 0;
  }

  SqliteFolder folder;
  std::unique_ptr<SqliteStore> store;
  HostConnection host{folder.File()};
  LogOfTest log;
  CountingObserver observer;
  Client client;
  RunnerOptions options;
};

TEST_CASE("a job in the host's transaction is run after the host's commit, and woken by it") {
  SqliteWorld world;
  std::atomic<int> ran = 0;
  WorkerSet workers;
  workers.Add<Mail>([&](JobContext&, const Mail& mail) {
    ++ran;
    return Done(mail.recipient);
  });
  Runner runner(world.client, workers, world.options);
  REQUIRE(runner.Start().ok());

  world.host.Exec("BEGIN IMMEDIATE; INSERT INTO effect VALUES ('order')");
  const auto never = world.client.EnqueueIn(world.host.handle(), Mail{1, "nobody"});
  REQUIRE(never.ok());
  world.host.Exec("ROLLBACK");
  CHECK(absl::IsNotFound(world.client.Get(never->id).status()));

  world.host.Exec("BEGIN IMMEDIATE; INSERT INTO effect VALUES ('order')");
  const auto job = world.client.EnqueueIn(world.host.handle(), Mail{2, "ann"});
  REQUIRE(job.ok());
  CHECK(absl::IsNotFound(world.client.Get(job->id).status()));  // Not before the commit.
  CHECK(ran == 0);
  world.host.Exec("COMMIT");
  const auto done = world.client.WaitFor(job->id, world.Patience());
  REQUIRE(done.ok());
  CHECK(done->output == "ann");
  CHECK(ran == 1);
  CHECK(world.EffectCount() == 1);
}

TEST_CASE("EnqueueIn refuses what Enqueue refuses, and leaves the host's transaction alone") {
  SqliteWorld world;
  REQUIRE(world.client.Enqueue(Mail{1, "a"}, {.idempotency_key = "k"}).ok());
  world.host.Exec("BEGIN IMMEDIATE; INSERT INTO effect VALUES ('order')");
  sqlite3* const host = world.host.handle();
  CHECK(absl::IsInvalidArgument(
      world.client.EnqueueIn(host, Mail{1, "a"}, {.queue = "no spaces"}).status()));
  CHECK(absl::IsInvalidArgument(world.client.EnqueueIn(host, Mail{1, "\xff"}).status()));
  CHECK(absl::IsAlreadyExists(
      world.client.EnqueueIn(host, Mail{2, "a"}, {.idempotency_key = "k"}).status()));
  CHECK(world.client.EnqueueIn(host, Mail{1, "a"}, {.idempotency_key = "k"})->duplicate);
  world.host.Exec("COMMIT");
  CHECK(world.EffectCount() == 1);
  CHECK(world.client.List()->size() == 1);
  CHECK(absl::IsFailedPrecondition(world.client.EnqueueIn(host, Mail{3, "a"}).status()));
}

TEST_CASE("in memory there is no transaction to join, and a clear word for it") {
  VirtualWorld world;
  sqlite3* const host = nullptr;
  CHECK(absl::IsUnimplemented(world.client.EnqueueIn(host, Mail{1, "a"}).status()));
  REQUIRE(world.client.Enqueue(Mail{1, "a"}).ok());
  WorkerSet workers;
  workers.Add<Mail>([&](JobContext& job, const Mail&) {
    CHECK(absl::IsUnimplemented(job.CompleteIn(host)));
    return Done();
  });
  Runner runner(world.client, workers);
  CHECK(*runner.RunDue() == 1);
}

// -- CompleteIn -------------------------------------------------------------------------------

enum class Then { kReturnDone, kReturnError, kThrow, kSnooze };

TEST_CASE("an effect and the job's end commit together, whatever the worker returns after that") {
  for (const Then then : {Then::kReturnDone, Then::kReturnError, Then::kThrow, Then::kSnooze}) {
    CAPTURE(static_cast<int>(then));
    testing::VirtualClock clock;
    SqliteWorld world(&clock);
    WorkerSet workers;
    workers.Add<Mail>([&](JobContext& job, const Mail&) -> Outcome {
      world.host.Exec("BEGIN IMMEDIATE; INSERT INTO effect VALUES ('sent')");
      CHECK(job.CompleteIn(world.host.handle(), "receipt").ok());
      CHECK(world.client.Get(job.id())->state == JobState::kRunning);  // Not committed yet.
      world.host.Exec("COMMIT");
      if (then == Then::kReturnError) return absl::InternalError("late");
      if (then == Then::kThrow) throw std::runtime_error("late");
      if (then == Then::kSnooze) return Snooze(absl::Seconds(1));
      return Done();
    });
    const JobId id = world.client.Enqueue(Mail{1, "a"})->id;
    Runner runner(world.client, workers, world.options);
    CHECK(*runner.RunDue() == 1);
    clock.Advance(absl::Hours(1));
    CHECK(*runner.RunDue() == 0);
    const Job job = *world.client.Get(id);
    CHECK(job.state == JobState::kCompleted);
    CHECK(job.output == "receipt");
    CHECK(job.errors.empty());
    CHECK(world.EffectCount() == 1);
    CHECK(world.observer.completed == 1);
    CHECK(world.observer.lost == 0);
    CHECK(world.log.text().find("lease is lost") == std::string::npos);
  }
}

TEST_CASE("where the host rolls back the job is as if it had not been completed") {
  testing::VirtualClock clock;
  SqliteWorld world(&clock);
  WorkerSet workers;
  workers.Add<Mail>([&](JobContext& job, const Mail&) -> Outcome {
    world.host.Exec("BEGIN IMMEDIATE; INSERT INTO effect VALUES ('sent')");
    CHECK(job.CompleteIn(world.host.handle(), "receipt").ok());
    if (job.attempt() == 1) {
      world.host.Exec("ROLLBACK");
      return absl::UnavailableError("the commit failed");
    }
    world.host.Exec("COMMIT");
    return Done();
  });
  const JobId id = world.client.Enqueue(Mail{1, "a"})->id;
  Runner runner(world.client, workers, world.options);
  CHECK(*runner.RunDue() == 1);
  CHECK(world.client.Get(id)->state == JobState::kPending);
  CHECK(world.client.Get(id)->errors.at(0).message == "the commit failed");
  CHECK(world.EffectCount() == 0);
  clock.Advance(absl::Seconds(2));
  CHECK(*runner.RunDue() == 1);
  CHECK(world.client.Get(id)->state == JobState::kCompleted);
  CHECK(world.EffectCount() == 1);
}

TEST_CASE(
    "whoever has lost the lease is told before the host commits, so its effect never counts") {
  testing::VirtualClock clock;
  SqliteWorld world(&clock);
  const auto other_store = OpenStore(world.folder.File(), {.clock = &clock, .watch = false});
  Client other_client(*other_store, {.log = &world.log});
  WorkerSet faxes;
  faxes.Add<Fax>([](JobContext&, const Fax&) { return Done(); });
  Runner other(other_client, faxes);
  WorkerSet workers;
  workers.Add<Mail>([&](JobContext& job, const Mail&) -> Outcome {
    const bool stale = job.attempt() == 1;
    if (stale) {
      clock.Advance(absl::Seconds(61));
      CHECK(other.Maintain().ok());
    }
    world.host.Exec("BEGIN IMMEDIATE; INSERT INTO effect VALUES ('sent')");
    const absl::Status completed = job.CompleteIn(world.host.handle());
    CHECK(absl::IsAborted(completed) == stale);
    CHECK(job.cancelled() == stale);
    world.host.Exec(completed.ok() ? "COMMIT" : "ROLLBACK");
    return completed;
  });
  const JobId id = world.client.Enqueue(Mail{1, "a"})->id;
  Runner runner(world.client, workers, world.options);
  CHECK(*runner.RunDue() == 1);
  CHECK(world.observer.lost == 1);
  CHECK(world.EffectCount() == 0);
  clock.Advance(absl::Seconds(2));
  CHECK(*runner.RunDue() == 1);
  CHECK(world.client.Get(id)->state == JobState::kCompleted);
  CHECK(world.EffectCount() == 1);
}

// -- Other processes --------------------------------------------------------------------------

TEST_CASE("a job that another process enqueues is run at once") {
  SqliteWorld world;
  WorkerSet workers;
  workers.Add<Mail>([](JobContext&, const Mail&) { return Done(); });
  Runner runner(world.client, workers, world.options);
  REQUIRE(runner.Start().ok());
  REQUIRE(world.RunProcess("enqueue_one"));
  CHECK(world.client.WaitFor(1, world.Patience())->state == JobState::kCompleted);
}

TEST_CASE("a running job is cancelled from another process") {
  SqliteWorld world;
  world.options.lease = absl::Hours(1);  // Nothing but the watch can tell in time.
  Gate started;
  std::atomic<StopReason> reason = StopReason::kNone;
  WorkerSet workers;
  workers.Add<Mail>([&](JobContext& job, const Mail&) -> Outcome {
    Gate stopped;
    const std::stop_callback callback(job.stop_token(), [&] { stopped.Open(); });
    started.Open();
    CHECK(stopped.WaitAMinute());
    reason = job.stop_reason();
    return absl::CancelledError("stopped");
  });
  Runner runner(world.client, workers, world.options);
  REQUIRE(runner.Start().ok());
  const JobId id = world.client.Enqueue(Mail{1, "a"})->id;
  started.Wait();
  REQUIRE(world.RunProcess("cancel", std::to_string(id)));
  CHECK(world.client.WaitFor(id, world.Patience())->state == JobState::kCancelled);
  CHECK(reason == StopReason::kCancelled);
}

TEST_CASE("a queue that is paused and resumed by another client of the file starts again at once") {
  SqliteWorld world;
  const auto other_store = OpenStore(world.folder.File());
  Client other(*other_store, {.log = &world.log});
  WorkerSet workers;
  workers.Add<Mail>([](JobContext&, const Mail&) { return Done(); });
  Runner runner(world.client, workers, world.options);
  REQUIRE(other.PauseQueue("default").ok());
  REQUIRE(runner.Start().ok());
  const JobId id = world.client.Enqueue(Mail{1, "a"})->id;
  REQUIRE(other.ResumeQueue("default").ok());
  CHECK(world.client.WaitFor(id, world.Patience())->state == JobState::kCompleted);
}

// Commits wait for a disk and these workers do not, so the runner claims ahead of them.
TEST_CASE("no queue runs more at once than it may, however quick its workers are") {
  SqliteWorld world;
  constexpr int kCount = 2'000;
  std::atomic<int> running = 0;
  std::atomic<int> most = 0;
  WorkerSet workers;
  workers.Add<Mail>([&](JobContext&, const Mail&) {
    const int now = ++running;
    int seen = most;
    while (now > seen && !most.compare_exchange_weak(seen, now)) {
    }
    --running;
    return Done();
  });
  world.options.queues = {{"default", 3}};
  Runner runner(world.client, workers, world.options);
  REQUIRE(world.client.EnqueueMany(std::vector<Mail>(kCount)).ok());
  REQUIRE(runner.Start().ok());
  CHECK(world.CompletesEventually(kCount));
  runner.Stop();
  CHECK(most <= 3);
  CHECK(world.observer.started == kCount);
}

TEST_CASE(
    "what was claimed ahead of a slot that stays taken is handed back, and costs no attempt") {
  SqliteWorld world;
  constexpr int kCount = 1'000;
  constexpr int kQuickCount = 200;
  std::atomic<int> count = 0;
  Gate full;
  Gate leave;
  WorkerSet slow;
  slow.Add<Mail>([&](JobContext&, const Mail&) {
    const int number = ++count;
    if (number == kQuickCount + 2) full.Open();
    if (number > kQuickCount) leave.Wait();
    return Done();
  });
  WorkerSet quick;
  quick.Add<Mail>([](JobContext&, const Mail&) { return Done(); });
  REQUIRE(world.client.EnqueueMany(std::vector<Mail>(kCount)).ok());
  world.options.queues = {{"default", 2}};
  Runner one(world.client, slow, world.options);
  REQUIRE(one.Start().ok());
  CHECK(full.WaitAMinute());
  Runner two(world.client, quick, world.options);
  REQUIRE(two.Start().ok());
  CHECK(world.CompletesEventually(kCount - 2));
  leave.Open();
  CHECK(world.CompletesEventually(kCount));
  one.Stop();
  two.Stop();
  CHECK(world.observer.others == 0);
  CHECK(world.host.Number("SELECT count(*) FROM outlive_ended WHERE attempt <> 1") == 0);
}

}  // namespace
}  // namespace outlive::tests
