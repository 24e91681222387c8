// A runner that a host's own loop drives, on virtual time.
#include <doctest/doctest.h>

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <deque>
#include <functional>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include "outlive/core/forwarding_job_store.h"
#include "tests/engine/jobs.h"

namespace outlive::tests {
namespace {

// Attempts wait here until the test runs them.
struct Launched {
  std::deque<std::function<void()>> tasks;

  std::function<void(std::function<void()>)> launch() {
    return [this](std::function<void()> task) { tasks.push_back(std::move(task)); };
  }
  void RunOne() {
    REQUIRE_FALSE(tasks.empty());
    const std::function<void()> task = std::move(tasks.front());
    tasks.pop_front();
    task();
  }
};

absl::Duration MustPoll(Runner& runner) {
  const absl::StatusOr<absl::Duration> pause = runner.Poll();
  REQUIRE(pause.ok());
  return *pause;
}

// Does as it is told until `until`, and never more often than that.
int PollUntil(Runner& runner, testing::VirtualClock& clock, absl::Time until) {
  int count = 0;
  while (clock.Now() < until) {
    const absl::Duration pause = MustPoll(runner);
    ++count;
    clock.Advance(std::min(pause, until - clock.Now()));
  }
  return count;
}

TEST_CASE("a polled runner claims, runs and finishes a job in one call after the other") {
  VirtualWorld world;
  WorkerSet workers;
  workers.Add<Mail>([](JobContext&, const Mail&) { return Done("sent"); });
  Launched launched;
  Runner runner(world.client, workers, {.launch = launched.launch()});
  const JobId id = world.client.Enqueue(Mail{1, "a"})->id;
  MustPoll(runner);
  CHECK(runner.healthy());
  CHECK(runner.running_count() == 1);
  CHECK(world.client.Get(id)->state == JobState::kRunning);
  launched.RunOne();
  CHECK(runner.running_count() == 0);
  CHECK(world.client.Get(id)->state == JobState::kRunning);  // Nobody has told the store yet.
  MustPoll(runner);
  CHECK(world.client.Get(id)->output == "sent");
}

TEST_CASE("without a place to launch them attempts run inside Poll()") {
  VirtualWorld world;
  WorkerSet workers;
  workers.Add<Mail>([](JobContext&, const Mail&) { return Done("sent"); });
  Runner runner(world.client, workers);
  const JobId id = world.client.Enqueue(Mail{1, "a"})->id;
  MustPoll(runner);
  CHECK(MustPoll(runner) > absl::ZeroDuration());
  CHECK(world.client.Get(id)->output == "sent");
}

TEST_CASE("a runner that is polled when it says keeps its lease, however long a job runs") {
  VirtualWorld world;
  WorkerSet workers;
  workers.Add<Mail>([](JobContext&, const Mail&) { return Done(); });
  Launched launched;
  Runner runner(world.client, workers, {.launch = launched.launch()});
  Client other_client(world.store);
  Runner other(other_client, workers, {.queues = {{.name = "other"}}});
  const JobId id = world.client.Enqueue(Mail{1, "a"})->id;
  MustPoll(runner);
  for (int minute = 0; minute < 10; ++minute) {
    PollUntil(runner, world.clock, world.clock.Now() + absl::Minutes(1));
    REQUIRE(other.Maintain().ok());
  }
  launched.RunOne();
  MustPoll(runner);
  CHECK(world.client.Get(id)->state == JobState::kCompleted);
  CHECK(world.client.Get(id)->attempt == 1);
}

TEST_CASE("a polled runner passes on cancellations and time limits, and writes progress") {
  VirtualWorld world;
  WorkerSet workers;
  Launched launched;
  Runner* polled = nullptr;
  StopReason mail = StopReason::kNone;
  workers.Add<Mail>([&](JobContext& job, const Mail&) {
    job.ReportProgress(0.5, "half");
    PollUntil(*polled, world.clock, world.clock.Now() + absl::Seconds(1));
    CHECK(world.client.Get(job.id())->progress_note == "half");
    REQUIRE(world.client.Cancel(job.id()).ok());
    MustPoll(*polled);
    mail = job.stop_reason();
    return Done();
  });
  StopReason fax = StopReason::kNone;
  workers.Add<Fax>(
      [&](JobContext& job, const Fax&) {
        PollUntil(*polled, world.clock, world.clock.Now() + absl::Minutes(2));
        MustPoll(*polled);
        fax = job.stop_reason();
        return Done();
      },
      {.timeout = absl::Minutes(2)});
  Runner runner(world.client, workers, {.launch = launched.launch()});
  polled = &runner;
  CHECK(world.client.Enqueue(Mail{1, "a"}).ok());
  CHECK(world.client.Enqueue(Fax{2}).ok());
  MustPoll(runner);
  launched.RunOne();
  launched.RunOne();
  CHECK(mail == StopReason::kCancelled);
  CHECK(fax == StopReason::kTimeout);
}

TEST_CASE("a time limit that a turn has begun counts for when to poll again") {
  VirtualWorld world;
  WorkerSet workers;
  workers.Add<Fax>([](JobContext&, const Fax&) { return Done(); }, {.timeout = absl::Seconds(1)});
  Launched launched;
  Runner runner(world.client, workers,
                {.queues = {{.concurrency = 1}}, .launch = launched.launch()});
  MustPoll(runner);
  REQUIRE(world.client.Enqueue(Fax{1}).ok());
  // No slot is free, so that nothing else is due before.
  CHECK(MustPoll(runner) <= absl::Seconds(1));
  CHECK(runner.running_count() == 1);
  launched.RunOne();
}

TEST_CASE("workers inside Poll() that take long, one after the other, keep their lease") {
  VirtualWorld world;
  Client other_client(world.store);
  WorkerSet workers;
  Runner other(other_client, workers, {.queues = {{.name = "other"}}});
  workers.Add<Mail>([&](JobContext&, const Mail&) {
    world.clock.Advance(absl::Seconds(25));
    REQUIRE(other.Maintain().ok());
    return Done();
  });
  Runner runner(world.client, workers, {.lease = absl::Seconds(60)});
  std::vector<JobId> ids;
  for (int i = 0; i < 4; ++i) ids.push_back(world.client.Enqueue(Mail{i, "a"})->id);
  MustPoll(runner);
  MustPoll(runner);
  for (const JobId id : ids) {
    CHECK(world.client.Get(id)->state == JobState::kCompleted);
    CHECK(world.client.Get(id)->attempt == 1);
  }
}

// Commits take so long that quick jobs are claimed ahead of their slots.
class SlowStore final : public ForwardingJobStore {
 public:
  SlowStore(JobStore& inner, testing::VirtualClock& clock)
      : ForwardingJobStore(inner), clock_(clock) {}

  absl::StatusOr<std::unique_ptr<StoreTransaction>> Begin() override {
    clock_.Advance(absl::Milliseconds(10));
    return inner().Begin();
  }
  absl::StatusOr<std::unique_ptr<StoreTransaction>> BeginUpkeep(Upkeep) override { return Begin(); }

 private:
  testing::VirtualClock& clock_;
};

TEST_CASE("a blocking worker that follows a coroutine runs inside Poll(), not where that ended") {
  VirtualWorld world;
  SlowStore store(world.store, world.clock);
  Client client(store, {.log = &world.log, .random = &world.random});
  boost::asio::io_context loop;
  WorkerSet workers;
  int count = 0;
  bool in_loop = false;
  int wrong_place_count = 0;
  workers.Add<Fax>([&](JobContext&, const Fax&) -> boost::asio::awaitable<Outcome> {
    world.clock.Advance(absl::Microseconds(100));  // Quick, beside the store.
    co_return Done();
  });
  workers.Add<Mail>([&](JobContext&, const Mail&) {
    ++count;
    wrong_place_count += in_loop ? 1 : 0;
    return Done();
  });
  Runner runner(client, workers, {.queues = {{.concurrency = 2}}, .executor = loop.get_executor()});
  for (int i = 0; i < 20; ++i) {
    for (int fax = 0; fax < 3; ++fax) REQUIRE(world.client.Enqueue(Fax{i}).ok());
    REQUIRE(world.client.Enqueue(Mail{i, "a"}).ok());
  }
  // Handler by handler, so that some coroutines have ended while others have not.
  for (int i = 0; i < 1'000 && count < 20; ++i) {
    MustPoll(runner);
    in_loop = true;
    loop.restart();
    loop.poll_one();
    in_loop = false;
  }
  CHECK(count == 20);
  CHECK(wrong_place_count == 0);
  runner.BeginStop();
  for (int i = 0; i < 10 && runner.healthy(); ++i) {
    MustPoll(runner);
    loop.restart();
    loop.poll();
  }
  CHECK_FALSE(runner.healthy());
}

TEST_CASE("a polled runner starts what becomes due, and sleeps until then") {
  VirtualWorld world;
  WorkerSet workers;
  workers.Add<Mail>([](JobContext&, const Mail&) { return Done(); });
  Runner runner(world.client, workers, {.poll_interval_max = absl::Hours(1)});
  MustPoll(runner);
  const JobId id = world.client.Enqueue(Mail{1, "a"}, {.delay = absl::Seconds(8)})->id;
  const int calls = PollUntil(runner, world.clock, world.clock.Now() + absl::Seconds(8));
  CHECK(calls < 10);
  CHECK(world.client.Get(id)->state == JobState::kPending);
  MustPoll(runner);
  MustPoll(runner);
  CHECK(world.client.Get(id)->state == JobState::kCompleted);
}

TEST_CASE("a polled runner lets jobs end within the grace, then stops") {
  VirtualWorld world;
  WorkerSet workers;
  workers.Add<Mail>([](JobContext&, const Mail&) { return Done(); });
  Launched launched;
  Runner runner(world.client, workers,
                {.queues = {{.concurrency = 1}}, .launch = launched.launch()});
  const JobId first = world.client.Enqueue(Mail{1, "a"})->id;
  const JobId second = world.client.Enqueue(Mail{2, "a"})->id;
  MustPoll(runner);
  runner.BeginStop(absl::Seconds(30));
  CHECK(MustPoll(runner) <= absl::Seconds(30));
  launched.RunOne();
  CHECK(MustPoll(runner) == absl::InfiniteDuration());
  CHECK(launched.tasks.empty());
  CHECK_FALSE(runner.healthy());
  CHECK(world.client.Get(first)->state == JobState::kCompleted);
  CHECK(world.client.Get(second)->state == JobState::kPending);
  CHECK(runner.RunDue().ok());  // It may work again, in any way.
  CHECK(world.client.Get(second)->state == JobState::kCompleted);
}

TEST_CASE("after grace and patience a polled runner hands jobs back, and no attempt is burnt") {
  VirtualWorld world;
  WorkerSet workers;
  StopReason reason = StopReason::kNone;
  workers.Add<Mail>([&](JobContext& job, const Mail&) {
    reason = job.stop_reason();
    return Done("too late");
  });
  Launched launched;
  Runner runner(world.client, workers, {.launch = launched.launch()});
  const JobId id = world.client.Enqueue(Mail{1, "a"})->id;
  MustPoll(runner);
  runner.BeginStop(absl::Seconds(30));
  PollUntil(runner, world.clock, world.clock.Now() + absl::Seconds(31));
  CHECK(world.client.Get(id)->state == JobState::kRunning);  // Asked to stop, and waited for.
  world.clock.Advance(absl::Seconds(2));
  CHECK(MustPoll(runner) < absl::InfiniteDuration());  // Its worker has not returned yet.
  CHECK(world.client.Get(id)->state == JobState::kPending);
  CHECK(world.client.Get(id)->attempt == 0);
  launched.RunOne();
  CHECK(MustPoll(runner) == absl::InfiniteDuration());
  CHECK(world.client.Get(id)->state == JobState::kPending);
}

TEST_CASE("Stop() ends a polled runner at once, and hands back what has not been run") {
  VirtualWorld world;
  WorkerSet workers;
  workers.Add<Mail>([](JobContext&, const Mail&) { return Done(); });
  std::thread thread;
  std::latch may_run(1);
  const auto launch = [&](std::function<void()> task) {
    thread = std::thread([&may_run, task = std::move(task)] {
      may_run.wait();
      task();
    });
  };
  Runner runner(world.client, workers, {.launch = launch});
  const JobId id = world.client.Enqueue(Mail{1, "a"})->id;
  MustPoll(runner);
  may_run.count_down();
  runner.Stop(absl::Seconds(30));
  thread.join();
  CHECK_FALSE(runner.healthy());
  CHECK(world.client.Get(id)->state != JobState::kRunning);
}

TEST_CASE("a runner is driven in one way at a time, and bad options are told by Poll(), too") {
  VirtualWorld world;
  WorkerSet workers;
  workers.Add<Mail>([](JobContext&, const Mail&) { return Done(); });
  Runner bad(world.client, workers, {.queues = {}});
  CHECK(absl::IsInvalidArgument(bad.Poll().status()));
  Runner runner(world.client, workers);
  MustPoll(runner);
  CHECK(absl::IsFailedPrecondition(runner.Start()));
  CHECK(absl::IsFailedPrecondition(runner.RunDue().status()));
  CHECK(absl::IsFailedPrecondition(runner.Maintain()));
  runner.Stop();
  CHECK(runner.Start().ok());
  CHECK(absl::IsFailedPrecondition(runner.Poll().status()));
}

TEST_CASE("a started runner runs blocking workers where the host says") {
  RealWorld world;
  WorkerSet workers;
  std::atomic<std::thread::id> ran_on;
  workers.Add<Mail>([&](JobContext&, const Mail&) {
    ran_on = std::this_thread::get_id();
    return Done();
  });
  std::thread hosts_own;
  const auto launch = [&](std::function<void()> task) { hosts_own = std::thread(std::move(task)); };
  Runner runner(world.client, workers, {.launch = launch});
  REQUIRE(runner.Start().ok());
  const JobId id = world.client.Enqueue(Mail{1, "a"})->id;
  REQUIRE(world.client.WaitFor(id, world.Patience()).ok());
  CHECK(ran_on.load() == hosts_own.get_id());
  hosts_own.join();
}

// Refuses everything while it is down.
class Outage final : public ForwardingJobStore {
 public:
  using ForwardingJobStore::ForwardingJobStore;

  absl::StatusOr<std::unique_ptr<StoreTransaction>> Begin() override {
    ++call_count;
    if (down) return absl::UnavailableError("the disk is full");
    return inner().Begin();
  }
  absl::StatusOr<std::unique_ptr<StoreTransaction>> BeginUpkeep(Upkeep) override { return Begin(); }
  absl::StatusOr<std::vector<JobId>> CancelRequests(const std::string& session) override {
    ++call_count;
    if (down) return absl::UnavailableError("the disk is full");
    return inner().CancelRequests(session);
  }

  bool down = false;
  int call_count = 0;
};

TEST_CASE("an hour of outage: the store is asked now and then, results are kept, and all resumes") {
  VirtualWorld world;
  Outage store(world.store);
  Client client(store, {.log = &world.log, .random = &world.random});
  WorkerSet workers;
  workers.Add<Mail>([](JobContext& job, const Mail&) {
    job.ReportProgress(0.5, "half");
    return Done("kept");
  });
  Launched launched;
  // After an hour the session has expired. Upkeep must not be the first to find the job.
  Runner runner(client, workers, {.launch = launched.launch(), .sweep_interval = absl::Hours(1)});
  const JobId id = world.client.Enqueue(Mail{1, "a"})->id;
  MustPoll(runner);
  store.down = true;
  launched.RunOne();
  store.call_count = 0;
  const int polls = PollUntil(runner, world.clock, world.clock.Now() + absl::Hours(1));
  // Ends, lease and progress, each every 4 s at most once they have backed off, and upkeep.
  CHECK(store.call_count < 3 * 3600 / 4 + 2 * 3600 / 10);
  CHECK(store.call_count > 100);
  CHECK(polls < 4 * store.call_count);
  store.down = false;
  PollUntil(runner, world.clock, world.clock.Now() + absl::Seconds(20));
  CHECK(world.client.Get(id)->output == "kept");
  CHECK(runner.healthy());
}

}  // namespace
}  // namespace outlive::tests
