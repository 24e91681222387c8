// Start and stop, in every order.
#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "tests/engine/eventually.h"
#include "tests/engine/jobs.h"

namespace outlive::tests {
namespace {

WorkerSet& QuickWorkers() {
  static WorkerSet* workers = [] {
    auto* made = new WorkerSet;  // Lives as long as the program.
    made->Add<Mail>([](JobContext&, const Mail&) { return Done(); });
    return made;
  }();
  return *workers;
}

TEST_CASE("a runner may be stopped before it starts, twice, and started again") {
  RealWorld world;
  Runner runner(world.client, QuickWorkers());
  runner.Stop();
  for (int round = 0; round < 3; ++round) {
    REQUIRE(runner.Start().ok());
    CHECK(absl::IsFailedPrecondition(runner.Start()));
    const JobId id = world.client.Enqueue(Mail{round, "a"})->id;
    CHECK(world.client.WaitFor(id, world.Patience()).ok());
    runner.Stop(absl::Seconds(10));
    runner.Stop();
    CHECK_FALSE(runner.healthy());
    CHECK(runner.running_count() == 0);
  }
}

TEST_CASE("a runner that the store does not let start runs nothing, and starts once it does") {
  RealWorld real;
  FaultyStore store(real.store);
  Client client(store, {.log = &real.log});
  const JobId id = client.Enqueue(Mail{1, "a"})->id;
  store.faults.begin = [] { return absl::UnavailableError("locked"); };
  Runner runner(client, QuickWorkers());
  for (int i = 0; i < 3; ++i) {
    CHECK(absl::IsUnavailable(runner.Start()));
    CHECK_FALSE(runner.healthy());
  }
  CHECK(client.Get(id)->state == JobState::kPending);
  runner.Stop();
  store.faults.begin = nullptr;
  REQUIRE(runner.Start().ok());
  CHECK(runner.healthy());
  CHECK(client.WaitFor(id, real.Patience())->state == JobState::kCompleted);
}

// Uses the library from inside each of its calls: a lock held there would wait for itself.
class CallingBack final : public Observer, public LogSink {
 public:
  void OnEnqueued(JobLabel, int) override { Use(); }
  void OnStarted(JobLabel, absl::Duration) override { Use(); }
  void OnEnded(JobLabel, Transition, absl::Duration) override { Use(); }
  void OnLeaseLost(JobLabel) override { Use(); }
  void OnRescued(JobLabel, JobState) override { Use(); }
  void Log(const LogRecord&) override { Use(); }

  void Use() {
    ++calls;
    if (client != nullptr) CHECK(client.load()->Stats().ok());
    if (runner != nullptr) {
      runner.load()->running_count();
      runner.load()->healthy();
      runner.load()->next_run_at();
    }
  }

  std::atomic<Client*> client = nullptr;
  std::atomic<Runner*> runner = nullptr;
  std::atomic<int> calls = 0;
};

TEST_CASE("observers and log sinks may use client and runner from inside their calls") {
  MemoryStore store;
  CallingBack calling_back;
  Client client(store, {.log = &calling_back, .observer = &calling_back});
  WorkerSet workers;
  workers.Add<Mail>([](JobContext&, const Mail& mail) -> Outcome {
    if (mail.number == 1) return Dead("no such customer");  // Is logged.
    return Done();
  });
  Runner runner(client, workers);
  calling_back.client = &client;
  calling_back.runner = &runner;
  REQUIRE(runner.Start().ok());
  const absl::Time patience = store.clock().Now() + absl::Seconds(60);
  for (int i = 0; i < 20; ++i) {
    const JobId id = client.Enqueue(Mail{i % 2, "a"})->id;
    CHECK(client.WaitFor(id, patience).ok());
  }
  runner.Stop(absl::InfiniteDuration());
  CHECK(calling_back.calls == 20 * 3 + 10);
}

TEST_CASE("eight threads stop a runner, and all return when it has stopped") {
  for (int round = 0; round < 20; ++round) {
    RealWorld world;
    Runner runner(world.client, QuickWorkers());
    std::vector<Mail> mails(50);
    REQUIRE(world.client.EnqueueMany(absl::MakeConstSpan(mails)).ok());
    REQUIRE(runner.Start().ok());
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        runner.Stop();
        CHECK_FALSE(runner.healthy());
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(world.client.List({.state = JobState::kRunning})->empty());
  }
}

TEST_CASE("stopping lets running jobs end within the grace") {
  RealWorld world;
  Gate started;
  Gate gate;
  WorkerSet workers;
  workers.Add<Mail>([&](JobContext& job, const Mail&) {
    started.Open();
    gate.Wait();
    CHECK_FALSE(job.cancelled());
    return Done();
  });
  Runner runner(world.client, workers);
  REQUIRE(runner.Start().ok());
  const JobId running = world.client.Enqueue(Mail{1, "a"})->id;
  started.Wait();
  std::thread stopper([&] { runner.Stop(absl::InfiniteDuration()); });
  gate.Open();
  stopper.join();
  CHECK(world.client.Get(running)->state == JobState::kCompleted);
}

TEST_CASE("after the grace a job is handed back, and no attempt is burnt") {
  RealWorld world;
  Gate started;
  WorkerSet workers;
  workers.Add<Mail>([&](JobContext& job, const Mail&) -> Outcome {
    started.Open();
    Gate stopped;
    const std::stop_callback callback(job.stop_token(), [&] { stopped.Open(); });
    stopped.Wait();
    CHECK(job.stop_reason() == StopReason::kShutdown);
    return absl::CancelledError("stopped");
  });
  Runner runner(world.client, workers);
  REQUIRE(runner.Start().ok());
  const JobId id = world.client.Enqueue(Mail{1, "a"})->id;
  started.Wait();
  runner.Stop(absl::ZeroDuration());
  const Job job = *world.client.Get(id);
  CHECK(job.state == JobState::kPending);
  CHECK(job.attempt == 0);
  CHECK(job.crashes == 0);
  CHECK(job.errors.empty());
}

TEST_CASE("a worker that does not listen loses its job at once, and its result") {
  RealWorld world;
  Gate started;
  Gate gate;
  WorkerSet workers;
  workers.Add<Mail>([&](JobContext&, const Mail&) {
    started.Open();
    gate.Wait();
    return Done("too late");
  });
  RunnerOptions options;
  options.stop_patience = absl::ZeroDuration();
  Runner runner(world.client, workers, options);
  REQUIRE(runner.Start().ok());
  const JobId id = world.client.Enqueue(Mail{1, "a"})->id;
  started.Wait();
  std::thread stopper([&] { runner.Stop(); });
  CHECK(Eventually(world.store, [&] { return world.client.Get(id)->state == JobState::kPending; }));
  gate.Open();
  stopper.join();
  const Job job = *world.client.Get(id);
  CHECK(job.state == JobState::kPending);
  CHECK(job.attempt == 0);
  CHECK(job.output.empty());
}

TEST_CASE("a stop callback that blocks holds up neither the lease nor the flags of others") {
  RealWorld real;
  FaultyStore store(real.store);
  Client client(store, {.log = &real.log});
  std::atomic<bool> blocks = false;
  std::atomic<int> renewals = 0;
  Gate renewed;
  store.faults.renew = [&] {
    if (blocks && ++renewals == 3) renewed.Open();
    return absl::OkStatus();
  };
  Gate first_started;
  Gate second_started;
  Gate entered;
  Gate release;
  WorkerSet workers;
  workers.Add<Mail>([&](JobContext& job, const Mail&) -> Outcome {
    const std::stop_callback callback(job.stop_token(), [&] {
      blocks = true;
      entered.Open();
      release.Wait();
    });
    first_started.Open();
    entered.Wait();  // Leaving would take the callback away.
    CHECK(job.cancelled());
    return absl::CancelledError("stopped");
  });
  workers.Add<Fax>([&](JobContext& job, const Fax&) -> Outcome {
    second_started.Open();
    while (!job.cancelled()) std::this_thread::yield();
    return absl::CancelledError("stopped");
  });
  RunnerOptions options;
  options.lease = absl::Seconds(1);
  Runner runner(client, workers, options);
  REQUIRE(runner.Start().ok());
  const JobId blocked = client.Enqueue(Mail{1, "a"})->id;
  const JobId other = client.Enqueue(Fax{1})->id;
  first_started.Wait();
  second_started.Wait();
  REQUIRE(client.Cancel(blocked).ok());
  CHECK(entered.WaitAMinute());
  CHECK(renewed.WaitAMinute());
  REQUIRE(client.Cancel(other).ok());
  CHECK(client.WaitFor(other, real.Patience())->state == JobState::kCancelled);
  CHECK(runner.healthy());
  release.Open();
  CHECK(client.WaitFor(blocked, real.Patience())->state == JobState::kCancelled);
}

TEST_CASE("workers learn that their runner has stopped, after all of them have returned") {
  class Keeps final : public Worker {
   public:
    Outcome Run(JobContext&, std::string_view) override {
      running = true;
      started.Open();
      gate.Wait();
      running = false;
      return Done();
    }
    void OnRunnerStopped() noexcept override {
      CHECK_FALSE(running);
      ++stops;
    }

    Gate started;
    Gate gate;
    std::atomic<bool> running{false};
    std::atomic<int> stops{0};
  };
  RealWorld world;
  WorkerSet workers;
  auto owned = std::make_unique<Keeps>();
  Keeps& worker = *owned;
  workers.Add(Mail::kKind, std::move(owned));
  {
    Runner runner(world.client, workers);
    REQUIRE(runner.Start().ok());
    CHECK(world.client.Enqueue(Mail{1, "a"}).ok());
    worker.started.Wait();
    CHECK(worker.stops == 0);
    std::thread stopper([&] { runner.Stop(); });
    worker.gate.Open();
    stopper.join();
    CHECK(worker.stops == 1);
  }
  CHECK(worker.stops == 2);  // The destructor stops, too.
}

// Whoever stops twice is in a hurry. Which of the two comes first nobody can say: where it is the
// one with the longer grace, and that is not cut short, this test does not end.
TEST_CASE("of two stops the one with less grace counts (H08)") {
  for (int round = 0; round < 20; ++round) {
    RealWorld world;
    Gate started;
    Gate stopping;
    WorkerSet workers;
    workers.Add<Mail>([&](JobContext& job, const Mail&) -> Outcome {
      Gate stopped;
      const std::stop_callback callback(job.stop_token(), [&] { stopped.Open(); });
      started.Open();
      stopped.Wait();
      return absl::CancelledError("stopped");
    });
    Runner runner(world.client, workers);
    REQUIRE(runner.Start().ok());
    const JobId id = world.client.Enqueue(Mail{1, "a"})->id;
    started.Wait();
    std::thread patient([&] {
      stopping.Open();
      runner.Stop(absl::InfiniteDuration());
    });
    stopping.Wait();
    runner.Stop();
    patient.join();
    const Job job = *world.client.Get(id);
    CHECK(job.state == JobState::kPending);
    CHECK(job.attempt == 0);
  }
}

// What ends while the store is down cannot be written any more, and what is running cannot be
// handed back: both are left to whoever comes after the lease.
TEST_CASE("a stop ends although the store cannot be written, and others run the jobs (H09)") {
  RealWorld real;
  FaultyStore store(real.store);
  Client client(store, {.log = &real.log});
  std::atomic<bool> down = false;
  store.faults.begin = [&] {
    return down ? absl::UnavailableError("no answer") : absl::OkStatus();
  };
  Gate first_started;
  Gate second_started;
  Gate second_ends;
  WorkerSet workers;
  workers.Add<Mail>([&](JobContext& job, const Mail&) -> Outcome {
    Gate stopped;
    const std::stop_callback callback(job.stop_token(), [&] { stopped.Open(); });
    first_started.Open();
    CHECK(stopped.WaitAMinute());
    return absl::CancelledError("stopped");
  });
  workers.Add<Fax>([&](JobContext&, const Fax&) {
    second_started.Open();
    second_ends.Wait();
    return Done("nobody could be told");
  });
  // It looks for nobody else's jobs meanwhile, and on a busy machine not for its own either.
  RunnerOptions options;
  options.lease = absl::Seconds(1);
  options.sweep_interval = absl::Hours(1);
  options.stop_patience = absl::ZeroDuration();
  const JobId running = client.Enqueue(Mail{1, "a"})->id;
  const JobId ended = client.Enqueue(Fax{1})->id;
  {
    Runner runner(client, workers, options);
    REQUIRE(runner.Start().ok());
    first_started.Wait();
    second_started.Wait();
    down = true;
    second_ends.Open();
    runner.Stop(absl::Milliseconds(1));
    CHECK(runner.running_count() == 0);
  }
  for (const JobId id : {running, ended}) CHECK(client.Get(id)->state == JobState::kRunning);
  down = false;
  WorkerSet quick;
  quick.Add<Mail>([](JobContext&, const Mail&) { return Done("by another"); });
  quick.Add<Fax>([](JobContext&, const Fax&) { return Done("by another"); });
  RunnerOptions watchful;
  watchful.sweep_interval = absl::Milliseconds(10);
  watchful.rescue_delay = absl::ZeroDuration();
  Runner another(client, quick, watchful);
  REQUIRE(another.Start().ok());
  for (const JobId id : {running, ended}) {
    const auto job = client.WaitFor(id, real.Patience());
    REQUIRE(job.ok());
    CHECK(job->output == "by another");
    CHECK(job->crashes == 1);
  }
}

TEST_CASE("a destructor stops") {
  RealWorld world;
  auto runner = std::make_unique<Runner>(world.client, QuickWorkers());
  REQUIRE(runner->Start().ok());
  runner.reset();
  CHECK(world.client.Enqueue(Mail{1, "a"}).ok());
  CHECK(world.client.List({.state = JobState::kPending})->size() == 1);
}

TEST_CASE("enqueueing goes on while runners start and stop, and every job is run") {
  RealWorld world;
  std::atomic<bool> stop = false;
  std::atomic<int> enqueued = 0;
  std::thread producer([&] {
    while (!stop) {
      if (world.client.Enqueue(Mail{1, "a"}).ok()) ++enqueued;
    }
  });
  // A busy machine may take its time to begin with the producer.
  for (int round = 0; round < 30 || enqueued < 100; ++round) {
    Runner runner(world.client, QuickWorkers());
    REQUIRE(runner.Start().ok());
    runner.Stop(absl::InfiniteDuration());
  }
  stop = true;
  producer.join();
  Runner last(world.client, QuickWorkers());
  REQUIRE(last.RunDue().ok());
  const auto stats = world.client.Stats();
  REQUIRE(stats->lanes.size() == 1);
  CHECK(stats->lanes[0].completed == enqueued);
}

}  // namespace
}  // namespace outlive::tests
