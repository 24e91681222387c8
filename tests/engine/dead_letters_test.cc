#include <doctest/doctest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "tests/engine/jobs.h"

namespace outlive::tests {
namespace {

// Six jobs: four died of the first thing, two of the second.
std::vector<JobId> MakeDeadLetters(VirtualWorld& world) {
  std::vector<JobId> ids;
  for (int i = 0; i < 6; ++i) ids.push_back(world.client.Enqueue(Mail{i, "a"})->id);
  WorkerSet workers;
  workers.Add<Mail>([](JobContext&, const Mail& mail) -> Outcome {
    return mail.number < 4 ? Dead("no such customer") : Dead("printer on fire");
  });
  Runner runner(world.client, workers);
  REQUIRE(*runner.RunDue() == 6);
  return ids;
}

TEST_CASE("dead letters are listed and grouped by what they died of") {
  VirtualWorld world;
  const std::vector<JobId> ids = MakeDeadLetters(world);
  CHECK(world.client.ListDeadLetters()->size() == 6);
  const auto groups = world.client.DeadLetterGroups();
  REQUIRE(groups->size() == 2);
  CHECK(groups->at(0).job_count == 4);
  CHECK(groups->at(0).message == "no such customer");
  CHECK(groups->at(1).job_count == 2);
  const auto fires = world.client.ListDeadLetters({.error_group = groups->at(1).key});
  REQUIRE(fires->size() == 2);
  CHECK(fires->front().id == ids[5]);
}

TEST_CASE("one or all that match are sent back, as a new generation") {
  VirtualWorld world;
  const std::vector<JobId> ids = MakeDeadLetters(world);
  CHECK(*world.client.Retry(ids[0]) == JobState::kPending);
  const auto groups = world.client.DeadLetterGroups();
  CHECK(*world.client.RequeueDeadLetters({.error_group = groups->at(1).key}) == 2);
  const Job job = *world.client.Get(ids[5]);
  CHECK(job.state == JobState::kPending);
  CHECK(job.generation == 1);
  CHECK(job.attempt == 0);
  CHECK(job.errors.size() == 1);  // Its history stays.
  CHECK(world.client.ListDeadLetters()->size() == 3);
}

TEST_CASE("a rate spreads them over time, oldest first, and a limit stops them") {
  VirtualWorld world;
  const std::vector<JobId> ids = MakeDeadLetters(world);
  CHECK(*world.client.RequeueDeadLetters({}, {.per_second = 2, .job_count_max = 4}) == 4);
  for (int i = 0; i < 4; ++i) {
    CHECK(world.client.Get(ids[static_cast<std::size_t>(i)])->run_at ==
          world.clock.Now() + i * absl::Milliseconds(500));
  }
  CHECK(world.client.Get(ids[4])->state == JobState::kDead);
  CHECK(absl::IsInvalidArgument(world.client.RequeueDeadLetters({}, {.per_second = -1}).status()));
}

TEST_CASE("one or all that match are discarded") {
  VirtualWorld world;
  const std::vector<JobId> ids = MakeDeadLetters(world);
  CHECK(world.client.DiscardDeadLetter(ids[0]).ok());
  CHECK(absl::IsNotFound(world.client.Get(ids[0]).status()));
  CHECK(absl::IsNotFound(world.client.DiscardDeadLetter(ids[0])));
  const JobId alive = world.client.Enqueue(Mail{9, "a"})->id;
  CHECK(absl::IsFailedPrecondition(world.client.DiscardDeadLetter(alive)));
  CHECK(*world.client.DiscardDeadLetters({}) == 5);
  CHECK(world.client.Get(alive).ok());
}

TEST_CASE("an export has a line of JSON for each, with its history") {
  VirtualWorld world;
  MakeDeadLetters(world);
  StringSink sink;
  CHECK(*world.client.ExportDeadLetters({}, sink) == 6);
  std::istringstream lines(sink.bytes());
  std::string line;
  int count = 0;
  while (std::getline(lines, line)) {
    const boost::json::value job = boost::json::parse(line);
    CHECK(job.at("state").as_string() == "dead");
    CHECK(job.at("errors").as_array().size() == 1);
    CHECK(job.at("args").is_string());
    ++count;
  }
  CHECK(count == 6);
}

}  // namespace
}  // namespace outlive::tests
