#include "outlive/testing/drain.h"

#include <absl/status/status.h>
#include <absl/time/time.h>
#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "outlive/store/memory_store.h"

namespace {

using outlive::testing::Drain;
using outlive::testing::DrainUntil;
using outlive::testing::VirtualClock;

struct Step {
  static constexpr std::string_view kKind = "test.step";
  std::string name;
};
BOOST_DESCRIBE_STRUCT(Step, (), (name))

// Keeps lines; nothing goes to the terminal.
class KeptLog final : public outlive::LogSink {
 public:
  void Log(const outlive::LogRecord& record) override { lines.emplace_back(record.message); }
  std::vector<std::string> lines;
};

// A runner that was never started, whose worker does what a step's name says.
class Bench {
 public:
  Bench() {
    workers_.Add<Step>([this](outlive::JobContext& job, const Step& step) -> outlive::Outcome {
      ran.push_back(step.name + "@" + absl::FormatDuration(clock.Now() - VirtualClock::Start()));
      if (step.name == "chain") Enqueue("link");
      if (step.name == "fail" && job.attempt() < 4) return absl::UnavailableError("not yet");
      if (step.name == "snooze" && clock.Now() < VirtualClock::Start() + absl::Hours(5)) {
        return outlive::Snooze(absl::Hours(1));
      }
      return outlive::Done();
    });
  }

  void Enqueue(const std::string& name, outlive::EnqueueOptions options = {}) {
    options.retry = outlive::RetryPolicy{.jitter = 0};
    REQUIRE(client.Enqueue(Step{name}, options).ok());
  }

  VirtualClock clock;
  std::unique_ptr<outlive::MemoryStore> store = outlive::MemoryStore::Create({.clock = &clock});
  KeptLog log;
  outlive::Client client{*store, {.log = &log}};
  std::vector<std::string> ran;

 private:
  outlive::WorkerSet workers_;

 public:
  outlive::Runner runner{client, workers_};
};

using Ran = std::vector<std::string>;

TEST_CASE("draining nothing is nothing") {
  Bench bench;
  CHECK(Drain(bench.runner).value() == 0);
  CHECK(bench.clock.Now() == VirtualClock::Start());
}

TEST_CASE("everything that is due runs, and what it enqueues") {
  Bench bench;
  bench.Enqueue("a");
  bench.Enqueue("chain");
  CHECK(Drain(bench.runner).value() == 3);
  CHECK(bench.ran == Ran{"a@0", "chain@0", "link@0"});
  CHECK(Drain(bench.runner).value() == 0);
}

TEST_CASE("what is due later stays, and no time passes") {
  Bench bench;
  bench.Enqueue("later", {.delay = absl::Seconds(1)});
  bench.Enqueue("fail");
  CHECK(Drain(bench.runner).value() == 1);
  CHECK(bench.ran == Ran{"fail@0"});
  bench.clock.Advance(absl::Seconds(1));
  CHECK(Drain(bench.runner).value() == 2);
}

TEST_CASE("the clock goes from one job's time to the next") {
  Bench bench;
  bench.Enqueue("fail");
  bench.Enqueue("later", {.delay = absl::Seconds(3)});
  const absl::Time deadline = VirtualClock::Start() + absl::Hours(1);
  CHECK(DrainUntil(bench.runner, bench.clock, deadline).value() == 5);
  CHECK(bench.ran == Ran{"fail@0", "fail@1s", "later@3s", "fail@5s", "fail@21s"});
  CHECK(bench.clock.Now() == deadline);
}

TEST_CASE("pauses longer than the lease lose nothing and are not logged") {
  Bench bench;
  bench.Enqueue("snooze");
  CHECK(DrainUntil(bench.runner, bench.clock, VirtualClock::Start() + absl::Hours(24)).value() ==
        6);
  CHECK(bench.ran ==
        Ran{"snooze@0", "snooze@1h", "snooze@2h", "snooze@3h", "snooze@4h", "snooze@5h"});
  CHECK(bench.log.lines == std::vector<std::string>{});
}

TEST_CASE("what is due at the deadline runs, and what is due after it stays") {
  Bench bench;
  bench.Enqueue("at", {.delay = absl::Minutes(1)});
  bench.Enqueue("after", {.delay = absl::Minutes(1) + absl::Microseconds(1)});
  const absl::Time deadline = VirtualClock::Start() + absl::Minutes(1);
  CHECK(DrainUntil(bench.runner, bench.clock, deadline).value() == 1);
  CHECK(bench.ran == Ran{"at@1m"});
  CHECK(bench.clock.Now() == deadline);
  CHECK(DrainUntil(bench.runner, bench.clock, deadline + absl::Microseconds(1)).value() == 1);
}

TEST_CASE("a deadline in the past drains what is due and leaves the clock") {
  Bench bench;
  bench.Enqueue("now");
  CHECK(DrainUntil(bench.runner, bench.clock, VirtualClock::Start() - absl::Hours(1)).value() == 1);
  CHECK(bench.clock.Now() == VirtualClock::Start());
}

TEST_CASE("jobs of a paused queue do not hold the clock up") {
  Bench bench;
  bench.Enqueue("paused");
  REQUIRE(bench.client.PauseQueue("default").ok());
  const absl::Time deadline = VirtualClock::Start() + absl::Hours(1);
  CHECK(DrainUntil(bench.runner, bench.clock, deadline).value() == 0);
  CHECK(bench.clock.Now() == deadline);
}

TEST_CASE("infinite deadlines and running runners are refused") {
  Bench bench;
  for (const absl::Time deadline : {absl::InfiniteFuture(), absl::InfinitePast()}) {
    CHECK(DrainUntil(bench.runner, bench.clock, deadline).status().code() ==
          absl::StatusCode::kInvalidArgument);
  }
  REQUIRE(bench.runner.Start().ok());
  CHECK(Drain(bench.runner).status().code() == absl::StatusCode::kFailedPrecondition);
  bench.runner.Stop();
}

}  // namespace
