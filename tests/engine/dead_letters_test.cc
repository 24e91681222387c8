#include <doctest/doctest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <cmath>
#include <limits>
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

TEST_CASE("a rate that would take for ever is refused as a whole") {
  VirtualWorld world;
  const std::vector<JobId> ids = MakeDeadLetters(world);
  const double year = 366 * 24 * 3600;
  const absl::Status refused =
      world.client.RequeueDeadLetters({}, {.per_second = 4.9 / year}).status();
  CHECK(absl::IsInvalidArgument(refused));
  CHECK(refused.message().substr(0, 6) == "6 jobs");
  CHECK(world.client.ListDeadLetters()->size() == 6);  // Not some of them.
  for (const double rate : {std::numeric_limits<double>::infinity(), std::nan(""), -0.5}) {
    CHECK(absl::IsInvalidArgument(
        world.client.RequeueDeadLetters({}, {.per_second = rate}).status()));
  }
  CHECK(*world.client.RequeueDeadLetters({}, {.per_second = 5.1 / year}) == 6);
  CHECK(world.client.Get(ids[5])->run_at > world.clock.Now() + absl::Hours(24 * 350));
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

// Dead letters that somebody else deals with between the listing and the look at each.
class BusyStore final : public ForwardingJobStore {
 public:
  using ForwardingJobStore::ForwardingJobStore;
  absl::StatusOr<std::vector<Job>> List(const JobFilter& filter, const JobPage& page) override {
    auto listed = ForwardingJobStore::List(filter, page);
    if (listed.ok() && !listed->empty()) {
      auto transaction = *Begin();
      const std::vector<Change> changes = {
          {.id = listed->at(0).id, .action = Change::Action::kRequeue, .reason = {}},
          {.id = listed->at(1).id, .action = Change::Action::kDiscard, .reason = {}}};
      CHECK(transaction->Apply(changes).ok());
      CHECK(transaction->Commit().ok());
    }
    return listed;
  }
};

TEST_CASE("what leaves the dead letters during an export is not in it") {
  VirtualWorld world;
  MakeDeadLetters(world);
  BusyStore store(world.store);
  Client client(store);
  StringSink sink;
  CHECK(*client.ExportDeadLetters({}, sink) == 4);
  CHECK(sink.bytes().find("pending") == std::string::npos);
}

class FullSink final : public ByteSink {
 public:
  absl::Status Write(std::string_view) override { return absl::ResourceExhaustedError("full"); }
};

TEST_CASE("an export tells what its sink says") {
  VirtualWorld world;
  MakeDeadLetters(world);
  FullSink sink;
  CHECK(absl::IsResourceExhausted(world.client.ExportDeadLetters({}, sink).status()));
}

TEST_CASE("the raw bytes of arguments that nobody can read are in the export") {
  VirtualWorld world;
  const std::string bytes("\0\xff{", 3);
  REQUIRE(world.client.EnqueueRaw("mail.send", bytes).ok());
  WorkerSet workers;
  workers.Add<Mail>([](JobContext&, const Mail&) { return Done(); });
  Runner runner(world.client, workers);
  REQUIRE(*runner.RunDue() == 1);
  StringSink sink;
  REQUIRE(*world.client.ExportDeadLetters({}, sink) == 1);
  const boost::json::value job = boost::json::parse(sink.bytes());
  CHECK(job.at("args_base64").as_string() == "AP97");
  CHECK(job.at("attempt").as_int64() == 1);
  CHECK(world.client.Get(1)->args == bytes);
}

}  // namespace
}  // namespace outlive::tests
