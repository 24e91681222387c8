// What a runner does when its store fails.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "tests/engine/eventually.h"
#include "tests/engine/jobs.h"

namespace outlive::tests {
namespace {

TEST_CASE("a job whose result the store refuses is dead and says why, not running for ever") {
  FaultyWorld world;
  world.store.faults.finish = [](const Finished& end) {
    return end.transition == Transition::kComplete ? absl::InvalidArgumentError("no such output")
                                                   : absl::OkStatus();
  };
  const JobId refused = world.client.Enqueue(Mail{1, "a"})->id;
  const JobId fine = world.client.Enqueue(Mail{2, "a"})->id;
  WorkerSet workers;
  workers.Add<Mail>([](JobContext&, const Mail& mail) -> Outcome {
    return mail.number == 1 ? Done("strange") : Cancelled("not needed");
  });
  Runner runner(world.client, workers);
  CHECK(*runner.RunDue() == 2);
  const Job job = *world.client.Get(refused);
  CHECK(job.state == JobState::kDead);
  REQUIRE(job.errors.size() == 1);
  CHECK(job.errors[0].message == "the store has refused the result: no such output");
  CHECK(world.client.Get(fine)->state == JobState::kCancelled);
  CHECK(*runner.RunDue() == 0);
}

TEST_CASE("where even that is refused, the log says so and the runner goes on") {
  FaultyWorld world;
  world.store.faults.finish = [](const Finished&) { return absl::InvalidArgumentError("never"); };
  const JobId refused = world.client.Enqueue(Mail{1, "a"})->id;
  WorkerSet workers;
  workers.Add<Mail>([](JobContext&, const Mail&) { return Done(); });
  Runner runner(world.client, workers);
  CHECK(*runner.RunDue() == 1);
  CHECK(world.log.text().find("the store refuses the attempt's result") != std::string::npos);
  CHECK(world.log.text().find("the lease is lost") == std::string::npos);
  CHECK(world.client.Get(refused)->state == JobState::kRunning);

  // The end of the session frees it, as if its process had been lost.
  world.store.faults.finish = nullptr;
  runner.Stop();
  REQUIRE(runner.Maintain().ok());
  world.clock.Advance(absl::Seconds(2));
  CHECK(*runner.RunDue() == 1);
  CHECK(world.client.Get(refused)->state == JobState::kCompleted);
  CHECK(world.client.Get(refused)->crashes == 1);
}

// How often the log has an event of this type.
int EventCount(JobStore& store, EventType type) {
  const std::vector<Event> events = *store.EventsAfter(0, 1000);
  return static_cast<int>(std::count_if(events.begin(), events.end(),
                                        [&](const Event& event) { return event.type == type; }));
}

TEST_CASE("a result is kept while the store cannot be written, and its job runs once") {
  FaultyWorld world;
  bool down = false;
  world.store.faults.begin = [&] {
    return down ? absl::UnavailableError("the disk is full") : absl::OkStatus();
  };
  int ran = 0;
  WorkerSet workers;
  workers.Add<Mail>([&](JobContext& job, const Mail&) {
    ++ran;
    job.ReportProgress(0.75, "nearly");
    down = true;
    return Done("result");
  });
  const JobId id = world.client.Enqueue(Mail{1, "a"})->id;
  Runner runner(world.client, workers);
  for (int i = 0; i < 3; ++i) {
    CHECK(absl::IsUnavailable(runner.RunDue().status()));
    CHECK(world.client.Get(id)->state == JobState::kRunning);
  }
  down = false;
  CHECK(*runner.RunDue() == 0);
  const Job job = *world.client.Get(id);
  CHECK(job.state == JobState::kCompleted);
  CHECK(job.output == "result");
  CHECK(job.progress == 0.75);
  CHECK(ran == 1);
  CHECK(EventCount(world.store, EventType::kCompleted) == 1);
}

TEST_CASE("an end in doubt is repeated, and counts once, whichever way the commit went") {
  for (const bool committed : {true, false}) {
    CAPTURE(committed);
    FaultyWorld world;
    bool doubtful = true;
    const auto doubt = [&](const Asked& asked) {
      if (!asked.finish || !doubtful) return absl::OkStatus();
      doubtful = false;
      return absl::UnknownError("an error at fsync");
    };
    (committed ? world.store.faults.after_commit : world.store.faults.before_commit) = doubt;
    int ran = 0;
    WorkerSet workers;
    workers.Add<Mail>([&](JobContext&, const Mail&) {
      ++ran;
      return Done("result");
    });
    const JobId id = world.client.Enqueue(Mail{1, "a"})->id;
    Runner runner(world.client, workers);
    CHECK(absl::IsUnknown(runner.RunDue().status()));
    CHECK(*runner.RunDue() == 0);
    CHECK(world.client.Get(id)->output == "result");
    CHECK(ran == 1);
    CHECK(EventCount(world.store, EventType::kCompleted) == 1);
    CHECK(world.log.text().find("the lease is lost") == std::string::npos);
  }
}

TEST_CASE("jobs of a claim in doubt are not run by those who may not have them, and not lost") {
  FaultyWorld world;
  bool doubtful = true;
  world.store.faults.after_commit = [&](const Asked& asked) {
    if (!asked.claim || !doubtful) return absl::OkStatus();
    doubtful = false;
    return absl::UnknownError("an error at fsync");
  };
  int ran = 0;
  WorkerSet workers;
  workers.Add<Mail>([&](JobContext&, const Mail&) {
    ++ran;
    return Done();
  });
  const JobId id = world.client.Enqueue(Mail{1, "a"})->id;
  Runner runner(world.client, workers);
  CHECK(absl::IsUnknown(runner.RunDue().status()));
  CHECK(world.client.Get(id)->state == JobState::kRunning);  // It was committed.
  CHECK(*runner.RunDue() == 0);
  // The doubtful session is closed by now, so that nobody has to wait for it to expire.
  REQUIRE(runner.Maintain().ok());
  CHECK(world.client.Get(id)->state == JobState::kPending);
  world.clock.Advance(absl::Seconds(2));
  CHECK(*runner.RunDue() == 1);
  CHECK(world.client.Get(id)->state == JobState::kCompleted);
  CHECK(ran == 1);
}

TEST_CASE("a runner whose session has expired goes on with another one") {
  FaultyWorld world;
  WorkerSet workers;
  workers.Add<Mail>([](JobContext&, const Mail&) { return Done(); });
  Runner runner(world.client, workers);
  for (int i = 0; i < 3; ++i) {
    const JobId id = world.client.Enqueue(Mail{i, "a"})->id;
    CHECK(*runner.RunDue() == 1);
    CHECK(world.client.Get(id)->state == JobState::kCompleted);
    world.clock.Advance(absl::Hours(2));
  }
}

// -- With the runner's own threads ------------------------------------------------------------

TEST_CASE("a started runner tries again until the store is back, and runs nothing twice") {
  RealWorld real;
  FaultyStore store(real.store);
  Client client(store, {.log = &real.log});
  std::atomic<bool> down = false;
  std::atomic<int> refused = 0;
  std::atomic<int> ran = 0;
  Gate tried;
  store.faults.begin = [&] {
    if (!down) return absl::OkStatus();
    if (++refused == 3) tried.Open();
    return absl::UnavailableError("locked");
  };
  WorkerSet workers;
  workers.Add<Mail>([&](JobContext&, const Mail&) {
    ++ran;
    down = true;
    return Done("result");
  });
  const JobId id = client.Enqueue(Mail{1, "a"})->id;
  Runner runner(client, workers);
  REQUIRE(runner.Start().ok());
  tried.Wait();
  CHECK(client.Get(id)->state == JobState::kRunning);
  down = false;
  const auto job = client.WaitFor(id, real.Patience());
  REQUIRE(job.ok());
  CHECK(job->output == "result");
  CHECK(ran == 1);
  CHECK(real.log.text().find("the store refuses") != std::string::npos);
}

TEST_CASE("where the lease cannot be renewed in time its jobs are asked to stop, and run again") {
  RealWorld real;
  FaultyStore store(real.store);
  Client client(store, {.log = &real.log});
  std::atomic<bool> mute = true;
  store.faults.renew = [&] {
    return mute ? absl::UnavailableError("no answer") : absl::OkStatus();
  };
  std::atomic<StopReason> reason = StopReason::kNone;
  WorkerSet workers;
  workers.Add<Mail>([&](JobContext& job, const Mail&) -> Outcome {
    if (!mute) return Done();
    Gate stopped;
    const std::stop_callback callback(job.stop_token(), [&] { stopped.Open(); });
    stopped.Wait();
    reason = job.stop_reason();
    mute = false;
    return absl::CancelledError("stopped");
  });
  RunnerOptions options;
  options.lease = absl::Seconds(1);
  Runner runner(client, workers, options);
  REQUIRE(runner.Start().ok());
  const JobId id = client.Enqueue(Mail{1, "a"})->id;
  const auto job = client.WaitFor(id, real.Patience());
  REQUIRE(job.ok());
  CHECK(job->state == JobState::kCompleted);
  CHECK(reason == StopReason::kLeaseLost);
  CHECK(runner.healthy());
}

TEST_CASE("a wake-up in the middle of a claim is not lost") {
  RealWorld real;
  FaultyStore store(real.store);
  Client client(store, {.log = &real.log});
  std::atomic<bool> once = false;
  store.faults.after_commit = [&](const Asked& asked) {
    if (!asked.claim || once.exchange(true)) return absl::OkStatus();
    // The claim has found nothing. Now there is something, and its wake-up comes at once.
    CHECK(real.client.Enqueue(Mail{1, "a"}).ok());
    return absl::OkStatus();
  };
  WorkerSet workers;
  workers.Add<Mail>([](JobContext&, const Mail&) { return Done(); });
  RunnerOptions options;
  options.poll_interval_max = absl::Hours(1);
  Runner runner(client, workers, options);
  REQUIRE(runner.Start().ok());
  CHECK(Eventually(real.store,
                   [&] { return real.client.List({.state = JobState::kCompleted})->size() == 1; }));
}

TEST_CASE("a cancel is passed on although the store could not be asked at first") {
  RealWorld real;
  FaultyStore store(real.store);
  Client client(store, {.log = &real.log});
  std::atomic<int> asked = 0;
  store.faults.cancel_requests = [&] {
    return ++asked <= 3 ? absl::UnavailableError("locked") : absl::OkStatus();
  };
  Gate started;
  WorkerSet workers;
  workers.Add<Mail>([&](JobContext& job, const Mail&) -> Outcome {
    Gate stopped;
    const std::stop_callback callback(job.stop_token(), [&] { stopped.Open(); });
    started.Open();
    CHECK(stopped.WaitAMinute());
    return absl::CancelledError("stopped");
  });
  RunnerOptions options;
  options.lease = absl::Hours(1);  // The next renewal is far away.
  Runner runner(client, workers, options);
  REQUIRE(runner.Start().ok());
  const JobId id = client.Enqueue(Mail{1, "a"})->id;
  started.Wait();
  REQUIRE(client.Cancel(id).ok());
  CHECK(client.WaitFor(id, real.Patience())->state == JobState::kCancelled);
}

TEST_CASE(
    "a job that was lost and is run again here can be cancelled, whatever became of the first") {
  RealWorld real;
  FaultyStore store(real.store);
  Client client(store, {.log = &real.log});
  std::atomic<bool> mute = true;
  store.faults.renew = [&] {
    return mute ? absl::UnavailableError("no answer") : absl::OkStatus();
  };
  Gate release_first;
  Gate second_started;
  std::atomic<StopReason> reason = StopReason::kNone;
  WorkerSet workers;
  workers.Add<Mail>([&](JobContext& job, const Mail&) -> Outcome {
    Gate stopped;
    const std::stop_callback callback(job.stop_token(), [&] { stopped.Open(); });
    if (job.attempt() == 1) {
      CHECK(stopped.WaitAMinute());
      mute = false;
      CHECK(release_first.WaitAMinute());  // Does not listen.
      return Done("of the first");
    }
    second_started.Open();
    CHECK(stopped.WaitAMinute());
    reason = job.stop_reason();
    return absl::CancelledError("stopped");
  });
  RunnerOptions options;
  options.lease = absl::Seconds(1);
  options.sweep_interval = absl::Milliseconds(10);
  options.rescue_delay = absl::ZeroDuration();
  Runner runner(client, workers, options);
  REQUIRE(runner.Start().ok());
  const JobId id = client.Enqueue(Mail{1, "a"})->id;
  CHECK(second_started.WaitAMinute());
  release_first.Open();
  // What the store refuses wakes nobody.
  const auto dropped = [&] {
    return real.log.text().find("the lease is lost") != std::string::npos;
  };
  const absl::Time patience = real.Patience();
  while (!dropped() && real.store.clock().Now() < patience) std::this_thread::yield();
  REQUIRE(dropped());
  REQUIRE(client.Cancel(id).ok());
  const auto job = client.WaitFor(id, real.Patience());
  REQUIRE(job.ok());
  CHECK(job->state == JobState::kCancelled);
  CHECK(job->output.empty());
  CHECK(reason == StopReason::kCancelled);
}

}  // namespace
}  // namespace outlive::tests
