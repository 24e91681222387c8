// What a runner does when its store fails, on virtual time and one thread.
#include <doctest/doctest.h>

#include <string>

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

}  // namespace
}  // namespace outlive::tests
