// Children that end before they have answered, each in its way: what the job's attempt comes to.
#include <doctest/doctest.h>
#include <signal.h>

#include <string>

#include "tests/isolate/rig.h"

namespace outlive::tests {
namespace {

using Kind = Outcome::Kind;
using Reason = ChildEnd::Reason;

// Runs it in a child of its own, and sees that the next job is none the worse for it.
ChildEnd Crash(const Task& task, Outcome& outcome, IsolateOptions options = TestOptions()) {
  Rig rig(std::move(options));
  outcome = rig.Run(task);
  const ChildEnd end = rig.OnlyEnd();
  CHECK(MessageOf(outcome) == Describe(end));
  CHECK(end.job_count == 1);
  CHECK(rig.Run({"echo", "the next one"}).output() == "the next one");
  CHECK(rig.observer().started().size() == 2);
  return end;
}

TEST_CASE("a child that is killed by a signal is a crash that names it (K04)") {
  for (const int signal : {SIGSEGV, SIGABRT, SIGBUS, SIGILL, SIGFPE, SIGKILL}) {
    CAPTURE(signal);
    Outcome outcome;
    const ChildEnd end = Crash({"raise", "what it was doing\n", signal}, outcome);
    CHECK(outcome.kind() == Kind::kCrashed);
    CHECK(absl::IsInternal(outcome.status()));
    CHECK(end.reason == Reason::kSignalled);
    CHECK(end.code == signal);
    CHECK(end.output_tail == "what it was doing\n");
    CHECK(end.memory_peak_bytes > 0);
    CHECK(end.wall_time > absl::ZeroDuration());
  }
}

TEST_CASE("a wild pointer is a crash (K04)") {
  Outcome outcome;
  const ChildEnd end = Crash({"write where one may not"}, outcome);
  CHECK(end.reason == Reason::kSignalled);
  CHECK(end.code == SIGSEGV);
}

TEST_CASE("an exception where none may pass is a crash that says what it was (K02)") {
  Outcome outcome;
  const ChildEnd end = Crash({"throw where none may"}, outcome);
  CHECK(end.reason == Reason::kSignalled);
  CHECK(end.code == SIGABRT);
  CHECK(MessageOf(outcome).find("from a destructor, say") != std::string::npos);
}

TEST_CASE("exit() without an outcome is a crash, whatever its code (K14)") {
  for (const int code : {0, 3, 255}) {
    CAPTURE(code);
    Outcome outcome;
    const ChildEnd end = Crash({"exit", "", code}, outcome);
    CHECK(outcome.kind() == Kind::kCrashed);
    CHECK(end.reason == Reason::kExited);
    CHECK(end.code == code);
  }
}

TEST_CASE("a flood of output is read and forgotten, but for its end (K08)") {
  Outcome outcome;
  const ChildEnd end = Crash({"flood", "", 8 << 20}, outcome);
  CHECK(end.reason == Reason::kSignalled);
  CHECK(end.output_tail.size() == 4'096);
  CHECK(end.output_tail.ends_with("the very end\n"));
  CHECK(MessageOf(outcome).ends_with("the very end"));
}

TEST_CASE("the output of one job is not told of the next") {
  Rig rig;
  CHECK(rig.Run({"run", "echo of the first"}).output() == "0");
  const Outcome outcome = rig.Run({"raise", "of the second", SIGABRT});
  CHECK(rig.OnlyEnd().output_tail == "of the second");
  CHECK(rig.OnlyEnd().job_count == 2);
  CHECK(outcome.kind() == Kind::kCrashed);
}

TEST_CASE("a child that breaks the protocol is killed (K09)") {
  for (const char* bytes : {
           "474554202f20485454502f312e310d0a0d0a",        // GET / HTTP/1.1
           "ffffffff",                                    // A frame of 4 GiB.
           "03000000616263",                              // A message of no known type.
           "0100000000",                                  // One that is cut off.
           "110000000001000000000000000100000000000000",  // HostHello: not for a host.
       }) {
    CAPTURE(bytes);
    Outcome outcome;
    const ChildEnd end = Crash({"garbage", bytes}, outcome);
    CHECK(outcome.kind() == Kind::kCrashed);
    CHECK(absl::IsInternal(outcome.status()));
    CHECK(end.reason == Reason::kProtocol);
    CHECK_FALSE(end.detail.empty());
  }
}

TEST_CASE("half a frame is not waited for when the child is gone (K09)") {
  Outcome outcome;
  const ChildEnd end = Crash({"truncated frame"}, outcome);
  CHECK(end.reason == Reason::kExited);
  CHECK(end.code == 0);
}

TEST_CASE("a child that closes its channel is not waited for (K08)") {
  IsolateOptions options = TestOptions();
  options.grace = absl::Milliseconds(50);
  for (const char* how : {"close", "shut down", "hang up and spin"}) {
    CAPTURE(how);
    Outcome outcome;
    const ChildEnd end = Crash({how}, outcome, options);
    CHECK(outcome.kind() == Kind::kCrashed);
    CHECK(end.reason == Reason::kProtocol);
    CHECK(end.detail == "it has closed its channel");
  }
}

TEST_CASE("a child whose supervisor is gone is lost, and dies with it") {
  Rig rig;
  const pid_t pid = std::stoi(rig.Run({"pid"}).output());
  const Outcome outcome = rig.Run({"kill supervisor"});
  CHECK(outcome.kind() == Kind::kCrashed);
  CHECK(absl::IsUnavailable(outcome.status()));
  CHECK(rig.OnlyEnd().reason == Reason::kLost);
  const bool ended = AwaitEndOf(pid);
  CHECK(ended);
  if (!ended) kill(pid, SIGKILL);
  CHECK(rig.Run({"echo", "the next one"}).output() == "the next one");
}

}  // namespace
}  // namespace outlive::tests
