// Isolated workers under a runner: the whole way from enqueue to history.
#include <doctest/doctest.h>
#include <signal.h>

#include <string>
#include <vector>

#include "outlive/engine/client.h"
#include "outlive/engine/runner.h"
#include "outlive/store/memory_store.h"
#include "tests/isolate/rig.h"

namespace outlive::tests {
namespace {

class World {
 public:
  explicit World(IsolateOptions options = TestOptions()) {
    options.observer = &observer_;
    AddIsolated<Task>(workers_, Do, std::move(options));
    runner_.emplace(client_, workers_,
                    RunnerOptions{.queues = {{.name = "default", .concurrency = 4}},
                                  .rescue_delay = absl::ZeroDuration()});
    REQUIRE(runner_->Start().ok());
  }

  JobId Enqueue(const Task& task, EnqueueOptions options = {}) {
    return client_.Enqueue(task, std::move(options)).value().id;
  }

  Job Await(JobId id) { return client_.WaitFor(id, store_.clock().Now() + kPatience).value(); }

  Client& client() { return client_; }
  Runner& runner() { return *runner_; }
  const ObserverOfTest& observer() const { return observer_; }

 private:
  ObserverOfTest observer_;
  WorkerSet workers_;
  MemoryStore store_;
  Client client_{store_};
  std::optional<Runner> runner_;
};

TEST_CASE("three crashes make a dead letter with all it met, and others go on") {
  World world;
  const JobId poison = world.Enqueue({"raise", "on page 7\n", SIGSEGV}, {.max_attempts = 1});
  std::vector<JobId> others;
  for (int i = 0; i < 20; ++i) others.push_back(world.Enqueue({"echo", std::to_string(i)}));
  const Job dead = world.Await(poison);
  CHECK(dead.state == JobState::kDead);
  CHECK(dead.crashes == 3);
  CHECK(dead.attempt == 3);
  REQUIRE(dead.errors.size() == 3);
  for (const AttemptError& error : dead.errors) {
    CHECK(error.code == absl::StatusCode::kInternal);
    CHECK(error.message.starts_with("the child was killed by signal 11 (SIGSEGV) after"));
    CHECK(error.message.find("memory") != std::string::npos);
    CHECK(error.message.ends_with("its last output: on page 7"));
  }
  for (int i = 0; i < 20; ++i) CHECK(world.Await(others[i]).output == std::to_string(i));
  // They lie together with those that died of the same, whatever they had used.
  const auto groups = world.client().DeadLetterGroups().value();
  CHECK(groups.size() == 1);
}

TEST_CASE("a time-out burns an attempt, not the crash budget") {
  Roll roll;
  IsolateOptions options = TestOptions();
  options.wall_time = absl::Milliseconds(50);
  options.grace = absl::ZeroDuration();
  World world(options);
  const Job dead = world.Await(world.Enqueue({"hang", roll.path()}, {.max_attempts = 1}));
  CHECK(dead.state == JobState::kDead);
  CHECK(dead.crashes == 0);
  REQUIRE(dead.errors.size() == 1);
  CHECK(dead.errors[0].code == absl::StatusCode::kDeadlineExceeded);
}

TEST_CASE("a job that is cancelled while its child hangs is cancelled") {
  Roll roll;
  IsolateOptions options = TestOptions();
  options.grace = absl::ZeroDuration();
  World world(options);
  const JobId id = world.Enqueue({"family, then hang", roll.path()});
  roll.Await(5);
  CHECK(world.client().Cancel(id).ok());
  const Job job = world.Await(id);
  CHECK(job.state == JobState::kCancelled);
  CHECK(job.crashes == 0);
  CHECK(roll.AwaitEnd());
}

TEST_CASE("a checkpoint saved in a child is there in the next attempt's child") {
  World world;
  const JobId id = world.Enqueue({"report", "one page, ", 1});
  CHECK(world.Await(id).checkpoint == "one page, ");
  CHECK(world.client().Retry(id).ok());
  const Job again = world.Await(id);
  CHECK(again.checkpoint == "one page, one page, ");
  CHECK(again.progress == 1);
}

TEST_CASE("Stop() leaves no child, and burns no attempt of a job it has to take from one (H07)") {
  Roll roll;
  IsolateOptions options = TestOptions();
  options.grace = absl::ZeroDuration();
  World world(options);
  world.Await(world.Enqueue({"echo", "so that one is idle"}));
  const JobId id = world.Enqueue({"family, then hang", roll.path()});
  roll.Await(5);
  world.runner().Stop();
  CHECK(roll.AwaitEnd());
  CHECK_FALSE(HasChildren());
  const Job job = world.client().Get(id).value();
  CHECK(job.state == JobState::kPending);
  CHECK(job.attempt == 0);
  CHECK(job.crashes == 0);
  CHECK(world.observer().started().size() == world.observer().ends().size());
}

TEST_CASE("wrong options make the start fail") {
  WorkerSet workers;
  AddIsolated<Task>(workers, Do, {.jobs_per_child = 0});
  MemoryStore store;
  Client client(store);
  Runner runner(client, workers);
  CHECK(absl::IsInvalidArgument(runner.Start()));
}

}  // namespace
}  // namespace outlive::tests
