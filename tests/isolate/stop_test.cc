// Jobs that are asked to stop while a child runs them.
#include <doctest/doctest.h>

#include <string>
#include <thread>

#include "tests/isolate/rig.h"

namespace outlive::tests {
namespace {

using Kind = Outcome::Kind;
using Reason = ChildEnd::Reason;

// Runs `task` and asks it to stop once it has begun.
Outcome RunAndStop(Rig& rig, const Task& task, Roll& roll, StopReason reason) {
  testing::FakeJobContext job({.kind = std::string(Task::kKind)});
  std::thread stopper([&] {
    roll.Await(1);
    job.Stop(reason);
  });
  Outcome outcome = rig.Run(job, task);
  stopper.join();
  return outcome;
}

TEST_CASE("a request to stop reaches the child's job, with its reason") {
  Rig rig;
  Roll roll;
  for (const StopReason reason : {StopReason::kCancelled, StopReason::kTimeout,
                                  StopReason::kLeaseLost, StopReason::kShutdown}) {
    const Outcome outcome = RunAndStop(rig, {"wait for stop", roll.path()}, roll, reason);
    CHECK(outcome.kind() == Kind::kRetry);
    if (reason == StopReason::kTimeout) {
      CHECK(absl::IsDeadlineExceeded(outcome.status()));
    } else {
      CHECK(MessageOf(outcome) == "stopped for " + std::to_string(static_cast<int>(reason)));
    }
  }
  CHECK(rig.observer().started().size() == 1);
}

TEST_CASE("a job that is done all the same is done") {
  Rig rig;
  Roll roll;
  const Outcome outcome =
      RunAndStop(rig, {"stop, and be done", roll.path()}, roll, StopReason::kCancelled);
  CHECK(outcome.kind() == Kind::kDone);
  CHECK(outcome.output() == "done all the same");
}

TEST_CASE("a child that does not listen is killed after the grace (K03)") {
  IsolateOptions options = TestOptions();
  options.grace = absl::Milliseconds(50);
  Rig rig(options);
  Roll roll;
  const Outcome outcome = RunAndStop(rig, {"hang", roll.path()}, roll, StopReason::kCancelled);
  CHECK(outcome.kind() == Kind::kRetry);
  CHECK(absl::IsCancelled(outcome.status()));
  CHECK(rig.OnlyEnd().reason == Reason::kStopped);
  CHECK(rig.OnlyEnd().wall_time >= absl::Milliseconds(50));
  CHECK(roll.AwaitEnd());
  CHECK(rig.Run({"echo", "the next one"}).output() == "the next one");
}

TEST_CASE("a time limit of the runner that has to kill says how it went") {
  IsolateOptions options = TestOptions();
  options.grace = absl::ZeroDuration();
  Rig rig(options);
  Roll roll;
  const Outcome outcome = RunAndStop(rig, {"hang", roll.path()}, roll, StopReason::kTimeout);
  CHECK(absl::IsDeadlineExceeded(outcome.status()));
  CHECK(MessageOf(outcome).starts_with("the child was killed for taking too long, after"));
}

TEST_CASE("a job that was to stop before it began is told so at once") {
  Rig rig;
  Roll roll;
  testing::FakeJobContext job({.kind = std::string(Task::kKind)});
  job.Stop(StopReason::kCancelled);
  CHECK(MessageOf(rig.Run(job, {"wait for stop", roll.path()})) == "stopped for 1");
}

TEST_CASE("a stop of one job does not touch the next one of the same child") {
  Rig rig;
  Roll roll;
  for (int round = 0; round < 20; ++round) {
    CHECK(
        RunAndStop(rig, {"stop, and be done", roll.path()}, roll, StopReason::kCancelled).kind() ==
        Kind::kDone);
    testing::FakeJobContext job({.kind = std::string(Task::kKind)});
    CHECK(rig.Run(job, {"report", "", 10}).kind() == Kind::kDone);
  }
  CHECK(rig.observer().started().size() == 1);
}

}  // namespace
}  // namespace outlive::tests
