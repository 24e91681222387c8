// Children as processes: how long they live, what dies with them, what is left.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/isolate/rig.h"

namespace outlive::tests {
namespace {

using Kind = Outcome::Kind;
using Reason = ChildEnd::Reason;

TEST_CASE("a child does so many jobs, then another one takes its place (K10)") {
  IsolateOptions options = TestOptions();
  options.jobs_per_child = 3;
  Rig rig(options);
  std::vector<std::string> pids;
  for (int i = 0; i < 7; ++i) pids.push_back(rig.Run({"pid"}).output());
  CHECK(std::set<std::string>(pids.begin(), pids.begin() + 3).size() == 1);
  CHECK(std::set<std::string>(pids.begin() + 3, pids.begin() + 6).size() == 1);
  CHECK(std::set<std::string>(pids.begin(), pids.end()).size() == 3);
  CHECK(rig.observer().started().size() == 3);
  rig.worker().OnRunnerStopped();
  const std::vector<ChildEnd> ends = rig.observer().ends();
  CHECK(ends.size() == 3);
  CHECK(rig.observer().ended() == rig.observer().started());
  CHECK(rig.observer().kinds() == std::set<std::string>{std::string(Task::kKind)});
  for (const ChildEnd& end : ends) {
    CHECK(end.reason == Reason::kRetired);
    CHECK(end.code == 0);
  }
}

TEST_CASE("nothing is left of children when their runner has stopped, and it may start again") {
  {
    IsolateOptions options = TestOptions();
    options.jobs_per_child = 2;
    Rig rig(options);
    std::vector<std::string> pids;
    for (int i = 0; i < 5; ++i) pids.push_back(rig.Run({"pid"}).output());
    pids.push_back(rig.Run({"supervisor"}).output());
    rig.worker().OnRunnerStopped();
    CHECK_FALSE(HasChildren());
    for (const std::string& pid : pids) CHECK(kill(std::stoi(pid), 0) != 0);
    CHECK(rig.Run({"echo", "again"}).output() == "again");
  }
  CHECK_FALSE(HasChildren());
}

TEST_CASE("no more children are kept than were asked for") {
  IsolateOptions options = TestOptions();
  options.idle_count_max = 0;
  Rig rig(options);
  CHECK(rig.Run({"pid"}).output() != rig.Run({"pid"}).output());
}

TEST_CASE("jobs that run at once have a child each") {
  Rig rig;
  Roll roll;
  std::vector<std::thread> threads;
  const testing::FakeJob fake = {.kind = std::string(Task::kKind)};
  testing::FakeJobContext jobs[] = {testing::FakeJobContext(fake), testing::FakeJobContext(fake),
                                    testing::FakeJobContext(fake)};
  for (testing::FakeJobContext& job : jobs) {
    threads.emplace_back([&rig, &roll, &job] {
      CHECK(rig.Run(job, {"stop, and be done", roll.path()}).kind() == Kind::kDone);
    });
  }
  const std::vector<std::string> lines = roll.Await(3);
  CHECK(std::set<std::string>(lines.begin(), lines.end()).size() == 3);
  for (testing::FakeJobContext& job : jobs) job.Stop();
  for (std::thread& thread : threads) thread.join();
  CHECK(rig.observer().started().size() == 3);
}

TEST_CASE("a child outlives the thread that had it started (K15)") {
  Rig rig;
  std::string first;
  std::thread starter([&] { first = rig.Run({"pid"}).output(); });
  starter.join();
  CHECK(rig.Run({"pid"}).output() == first);
}

TEST_CASE("a child that dies between two jobs costs none of them") {
  Rig rig;
  const pid_t pid = std::stoi(rig.Run({"pid"}).output());
  REQUIRE(kill(pid, SIGKILL) == 0);
  REQUIRE(AwaitEndOf(pid));
  CHECK(rig.Run({"echo", "well"}).output() == "well");
  CHECK(rig.observer().started().size() == 2);
  CHECK(rig.OnlyEnd().reason == Reason::kSignalled);
}

TEST_CASE("what is sent to everybody in a service does not end a job") {
  Rig rig;
  const pid_t worker = std::stoi(rig.Run({"pid"}).output());
  const pid_t supervisor = std::stoi(rig.Run({"supervisor"}).output());
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    REQUIRE(kill(worker, signal) == 0);
    REQUIRE(kill(supervisor, signal) == 0);
  }
  CHECK(rig.Run({"pid"}).output() == std::to_string(worker));
  // Programs that a job starts can be ended, as ever.
  CHECK(rig.Run({"run", "kill -TERM $$"}).output() == std::to_string(SIGTERM));
}

// -- Grandchildren ------------------------------------------------------------------------------

TEST_CASE("with a child that crashes die all that came of it: orphans and new sessions too (K07)") {
  Rig rig;
  Roll roll;
  const Outcome outcome = rig.Run({"family, then crash", roll.path()});
  CHECK(outcome.kind() == Kind::kCrashed);
  CHECK(rig.OnlyEnd().code == SIGABRT);
  CHECK(roll.AwaitEnd());
}

TEST_CASE("with a child that is killed die all that came of it (K07)") {
  IsolateOptions options = TestOptions();
  options.grace = absl::ZeroDuration();
  Rig rig(options);
  Roll roll;
  testing::FakeJobContext job({.kind = std::string(Task::kKind)});
  std::thread stopper([&] {
    roll.Await(5);
    job.Stop();
  });
  CHECK(absl::IsCancelled(rig.Run(job, {"family, then hang", roll.path()}).status()));
  stopper.join();
  CHECK(roll.AwaitEnd());
}

TEST_CASE("a process that runs away by forking is caught") {
  Rig rig;
  Roll roll;
  CHECK(rig.Run({"fork chain, then crash", roll.path()}).kind() == Kind::kCrashed);
  CHECK(rig.OnlyEnd().detail == "");
  CHECK(roll.AwaitEnd());
}

TEST_CASE("what a job that is done leaves behind dies, and its child is not used again (K07)") {
  Rig rig;
  Roll roll;
  const Outcome outcome = rig.Run({"family", roll.path()});
  CHECK(outcome.kind() == Kind::kDone);
  CHECK(outcome.output() == "all of them are there");
  // Before the outcome was given out.
  CHECK(roll.AwaitEnd());
  CHECK(rig.OnlyEnd().reason == Reason::kRetired);
  CHECK(rig.OnlyEnd().detail == "a job had left processes behind");
  CHECK(rig.Run({"leave a zombie"}).output() == "done");
  CHECK(rig.observer().ends().size() == 2);
  CHECK_FALSE(HasChildren());
}

TEST_CASE("an orphan that a job leaves behind is found (K07)") {
  Rig rig;
  Roll roll;
  CHECK(rig.Run({"leave an orphan", roll.path()}).output() == "done");
  CHECK(rig.OnlyEnd().detail == "a job had left processes behind");
  CHECK(roll.AwaitEnd());
}

TEST_CASE("a job may start programs and wait for them") {
  Rig rig;
  CHECK(rig.Run({"run", "true"}).output() == "0");
  CHECK(rig.Run({"run", "exit 3"}).output() == "768");
  CHECK(rig.observer().started().size() == 1);
}

}  // namespace
}  // namespace outlive::tests
