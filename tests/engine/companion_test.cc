// Jobs that are claimed by the commit that adds them.
#include <doctest/doctest.h>

#include <atomic>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "tests/engine/eventually.h"
#include "tests/engine/jobs.h"

namespace outlive::tests {
namespace {

// A store on the machine's time that says what its commits were for.
struct World {
  World() {
    store.faults.before_commit = [this](const Asked& asked) {
      if (!asked.claim_after_insert) return absl::OkStatus();
      ++both;
      return together ? together() : absl::OkStatus();
    };
  }

  // Adds jobs until one of them is claimed by its own commit: a runner may be busy just then.
  JobId AddWithClaim() {
    while (true) {
      const int before = both;
      const JobId id = client.Enqueue(Mail{1, "a"})->id;
      if (both > before) return id;
      REQUIRE(client.WaitFor(id, Patience()).ok());
    }
  }

  void CountRuns(WorkerSet& workers) {
    workers.Add<Mail>([this](JobContext&, const Mail&) {
      ++ran;
      return Done();
    });
  }

  JobState Await(JobId id) { return client.WaitFor(id, Patience())->state; }
  absl::Time Patience() const { return store.clock().Now() + absl::Seconds(60); }

  LogOfTest log;
  MemoryStore memory;
  FaultyStore store{memory};
  Client client{store, {.log = &log}};
  std::atomic<int> both = 0;
  std::atomic<int> ran = 0;
  std::function<absl::Status()> together;  // Decides about such a commit.
};

// Nothing is found by looking now and then.
RunnerOptions Patient() { return {.poll_interval_max = absl::Hours(1)}; }

TEST_CASE("a job that finds a free slot is leased by the commit that adds it") {
  World world;
  WorkerSet workers;
  world.CountRuns(workers);
  Runner runner(world.client, workers, Patient());
  REQUIRE(runner.Start().ok());
  const JobId id = world.AddWithClaim();
  CHECK(world.Await(id) == JobState::kCompleted);
  const Job job = *world.client.Get(id);
  CHECK(job.attempt == 1);
  CHECK(job.started_at == job.created_at);
  runner.Stop();
  CHECK(world.ran == id);  // Each once.

  const int before = world.both;
  CHECK(world.client.Enqueue(Mail{2, "a"}).ok());
  CHECK(world.both == before);  // Nobody is there any more.
}

TEST_CASE("jobs that no slot is free for wait, and others are not touched") {
  World world;
  Gate started;
  Gate release;
  WorkerSet workers;
  workers.Add<Mail>([&](JobContext&, const Mail&) {
    started.Open();
    release.Wait();
    return Done();
  });
  RunnerOptions options = Patient();
  options.queues = {{.name = "default", .concurrency = 1}, {.name = "other", .concurrency = 1}};
  Runner runner(world.client, workers, options);
  REQUIRE(runner.Start().ok());
  const JobId first = world.client.Enqueue(Mail{1, "a"})->id;
  started.Wait();
  std::vector<JobId> waiting;
  for (int i = 0; i < 3; ++i) waiting.push_back(world.client.Enqueue(Mail{2, "a"})->id);
  const std::vector<JobId> untouched = {
      world.client.Enqueue(Fax{1}, {.queue = "other"})->id,            // Nobody's kind.
      world.client.Enqueue(Mail{1, "a"}, {.queue = "elsewhere"})->id,  // Nobody's queue.
      world.client.Enqueue(Mail{1, "a"}, {.queue = "other", .delay = absl::Hours(1)})
          ->id,  // Not due.
  };
  release.Open();
  CHECK(world.Await(first) == JobState::kCompleted);
  for (const JobId id : waiting) CHECK(world.Await(id) == JobState::kCompleted);
  for (const JobId id : untouched) CHECK(world.client.Get(id)->state == JobState::kPending);
}

TEST_CASE("where the session is gone, a job is added all the same, and run by another one") {
  World world;
  WorkerSet workers;
  std::string session;
  workers.Add<Mail>([&](JobContext& job, const Mail&) {
    session = world.client.Get(job.id())->session;
    return Done();
  });
  Runner runner(world.client, workers, Patient());
  REQUIRE(runner.Start().ok());
  CHECK(world.Await(world.AddWithClaim()) == JobState::kCompleted);
  const std::string lost = session;
  auto transaction = *world.memory.Begin();
  REQUIRE(transaction->CloseSession(lost).ok());
  REQUIRE(transaction->Commit().ok());
  transaction.reset();
  const JobId id = world.client.Enqueue(Mail{2, "a"})->id;
  CHECK(world.Await(id) == JobState::kCompleted);
  CHECK(session != lost);
}

// In doubt, and done: the job is leased to a session that nobody trusts any more.
TEST_CASE("jobs added and claimed in doubt are run once, by whom their lease is given to next") {
  World world;
  WorkerSet workers;
  world.CountRuns(workers);
  RunnerOptions options = Patient();
  options.lease = absl::Seconds(20);
  options.sweep_interval = absl::Milliseconds(100);
  std::atomic<bool> doubtful = false;
  world.store.faults.after_commit = [&](const Asked& asked) {
    return asked.claim_after_insert && doubtful.exchange(false)
               ? absl::UnknownError("an error at fsync")
               : absl::OkStatus();
  };
  Runner runner(world.client, workers, options);
  REQUIRE(runner.Start().ok());
  CHECK(world.Await(world.AddWithClaim()) == JobState::kCompleted);
  doubtful = true;
  while (doubtful) {
    const absl::StatusOr<Enqueued> job = world.client.Enqueue(Mail{1, "a"});
    if (job.ok()) REQUIRE(world.Await(job->id) == JobState::kCompleted);
  }
  const JobId last = world.client.List({}, {.row_count_max = 1})->front().id;
  CHECK(world.Await(last) == JobState::kCompleted);
  CHECK(world.client.Get(last)->crashes == 1);
  runner.Stop();
  CHECK(world.ran == last);
}

// The wake-up of a commit that took a claim along says nothing new, but for a queue that was full
// when the claim was made, and was not asked.
TEST_CASE("a slot that gets free while a claim is under way is used for what is added with it") {
  World world;
  Gate started;
  Gate release;
  WorkerSet workers;
  workers.Add<Mail>([](JobContext&, const Mail&) { return Done(); });
  workers.Add<Fax>([&](JobContext&, const Fax& fax) {
    started.Open();
    if (fax.number == 1) release.Wait();
    return Done();
  });
  RunnerOptions options = Patient();
  options.queues = {{.name = "default", .concurrency = 1}, {.name = "fax", .concurrency = 1}};
  Runner runner(world.client, workers, options);
  std::atomic<bool> frees = false;
  world.together = [&] {
    if (!frees) return absl::OkStatus();
    release.Open();
    while (runner.running_count() > 0) std::this_thread::yield();
    return absl::OkStatus();
  };
  REQUIRE(runner.Start().ok());
  const JobId fax = world.client.Enqueue(Fax{1}, {.queue = "fax"})->id;
  started.Wait();
  frees = true;
  std::vector<Enqueued> added;
  while (world.client.Get(fax)->state == JobState::kRunning) {
    std::vector<NewJob> jobs = {*world.client.Prepare(Mail{1, "a"}),
                                *world.client.Prepare(Fax{2}, {.queue = "fax"})};
    added = *world.client.EnqueueMany(std::move(jobs));
    CHECK(world.Await(added[0].id) == JobState::kCompleted);
  }
  CHECK(world.Await(fax) == JobState::kCompleted);
  CHECK(world.Await(added[1].id) == JobState::kCompleted);
}

}  // namespace
}  // namespace outlive::tests
