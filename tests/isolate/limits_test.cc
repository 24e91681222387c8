// What a child may take, and what it is given.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "tests/isolate/rig.h"

namespace outlive::tests {
namespace {

using Kind = Outcome::Kind;
using Reason = ChildEnd::Reason;

TEST_CASE("a child that takes too much memory is out of memory, caught or not (K05)") {
  if (kSanitized) {
    MESSAGE("[skipped] sanitizers reserve address space, which is what memory_bytes limits");
    return;
  }
  for (const char* how : {"memory", "memory where nobody catches"}) {
    CAPTURE(how);
    IsolateOptions options = TestOptions();
    options.memory_bytes = 64 << 20;
    Rig rig(options);
    const Outcome outcome = rig.Run({how});
    CHECK(outcome.kind() == Kind::kCrashed);
    CHECK(absl::IsResourceExhausted(outcome.status()));
    CHECK(rig.OnlyEnd().reason == Reason::kOutOfMemory);
    CHECK(rig.OnlyEnd().memory_peak_bytes > 48 << 20);
    CHECK(rig.OnlyEnd().memory_peak_bytes < 256 << 20);
    CHECK(rig.Run({"echo", "the next one"}).output() == "the next one");
  }
}

TEST_CASE("memory that a job could do without is not what the next one dies of") {
  if (kSanitized) {
    MESSAGE("[skipped] sanitizers reserve address space, which is what memory_bytes limits");
    return;
  }
  IsolateOptions options = TestOptions();
  options.memory_bytes = 64 << 20;
  Rig rig(options);
  CHECK(rig.Run({"catch bad_alloc"}).output() == "survived");
  CHECK(rig.Run({"raise", "", SIGSEGV}).kind() == Kind::kCrashed);
  CHECK(rig.OnlyEnd().reason == Reason::kSignalled);
  CHECK(rig.observer().started().size() == 1);
}

TEST_CASE("a child that computes for too long is killed (K06)") {
  IsolateOptions options = TestOptions();
  options.cpu_time = absl::Milliseconds(500);
  options.grace = absl::ZeroDuration();
  Rig rig(options);
  CHECK(rig.Run({"echo", "quick"}).output() == "quick");
  const Outcome outcome = rig.Run({"spin"});
  CHECK(outcome.kind() == Kind::kRetry);
  CHECK(absl::IsDeadlineExceeded(outcome.status()));
  CHECK(rig.OnlyEnd().reason == Reason::kCpuTime);
  CHECK(rig.OnlyEnd().cpu_time >= absl::Milliseconds(500));
}

TEST_CASE("processor time is counted for each job, not for the child") {
  IsolateOptions options = TestOptions();
  options.cpu_time = absl::Seconds(1);
  Rig rig(options);
  // Twice as much in all, and far less at a time. In milliseconds, not in work: that takes ten
  // times as long where it is instrumented.
  for (int i = 0; i < 20; ++i) CHECK(rig.Run({"compute", "", 100}).kind() == Kind::kDone);
  CHECK(rig.observer().started().size() == 1);
}

TEST_CASE("the kernel ends a child whose host cannot") {
  IsolateOptions options = TestOptions();
  options.cpu_time = absl::Seconds(100);
  Rig rig(options);
  // More than the host allows, by the grace and by what was used before.
  const int limit = std::stoi(rig.Run({"cpu limit"}).output());
  CHECK(limit > 105);
  CHECK(limit < 115);
  const Outcome outcome = rig.Run({"raise", "", SIGXCPU});
  CHECK(outcome.kind() == Kind::kRetry);
  CHECK(absl::IsDeadlineExceeded(outcome.status()));
  CHECK(rig.OnlyEnd().reason == Reason::kCpuTime);
}

TEST_CASE("a child that takes too long is killed, however little it does (K03)") {
  Roll roll;
  IsolateOptions options = TestOptions();
  options.wall_time = absl::Milliseconds(100);
  options.grace = absl::Milliseconds(20);
  Rig rig(options);
  const Outcome outcome = rig.Run({"hang", roll.path()});
  CHECK(outcome.kind() == Kind::kRetry);
  CHECK(absl::IsDeadlineExceeded(outcome.status()));
  CHECK(rig.OnlyEnd().reason == Reason::kWallTime);
  CHECK(rig.OnlyEnd().wall_time >= absl::Milliseconds(120));
  // Not by the roll: on a busy machine its time may be over before it has signed on.
  CHECK(AwaitEndOf(static_cast<pid_t>(rig.observer().started().at(0))));
}

TEST_CASE("a child that stops when its time is over has failed, and lives") {
  Roll roll;
  IsolateOptions options = TestOptions();
  options.wall_time = absl::Milliseconds(50);
  Rig rig(options);
  const Outcome outcome = rig.Run({"wait for stop", roll.path()});
  CHECK(outcome.kind() == Kind::kRetry);
  CHECK(absl::IsDeadlineExceeded(outcome.status()));
  CHECK(MessageOf(outcome).starts_with("the child was asked to stop for taking too long, and did"));
  CHECK(rig.Run({"stop, and be done", roll.path()}).output() == "done all the same");
  CHECK(rig.observer().started().size() == 1);
}

TEST_CASE("a child gets so many files, files of such a size, and no core (K08)") {
  IsolateOptions options = TestOptions();
  options.open_files = 32;
  options.file_bytes = 100'000;
  Rig rig(options);
  const std::string limits = rig.Run({"limits"}).output();
  const std::string pid = rig.Run({"pid"}).output();
  CHECK(limits == fmt::format("core 0 files 32 bytes 100000 privileges 1 score 500 leads true "
                              "group {}",
                              pid));
  CHECK(std::stoi(rig.Run({"open files"}).output()) <= 32 - 5);
}

TEST_CASE("a file over its limit is the child's end") {
  Roll folder;
  IsolateOptions options = TestOptions();
  options.file_bytes = 100'000;
  Rig rig(options);
  const std::string path = folder.path() + "-file";
  CHECK(rig.Run({"write file", path, 99'999}).output() == "99999 and 1");
  CHECK(rig.Run({"write file", path, 100'000}).kind() == Kind::kCrashed);
  CHECK(rig.OnlyEnd().code == SIGXFSZ);
}

TEST_CASE("a child has none of its host's descriptors, whatever was forgotten (K08)") {
  Roll folder;
  const std::string path = folder.path() + "-secret";
  const int forgotten = open(path.c_str(), O_RDWR | O_CREAT, 0600);  // Not O_CLOEXEC.
  REQUIRE(forgotten >= 0);
  Rig rig;
  const std::string descriptors = rig.Run({"descriptors"}).output();
  close(forgotten);
  CAPTURE(descriptors);
  CHECK(descriptors.find("secret") == std::string::npos);
  CHECK(descriptors.starts_with("0 /dev/null\n1 pipe:["));
  CHECK(descriptors.find("\n3 socket:[") != std::string::npos);
  // And an eventfd of its own for the thread that reads.
  CHECK(std::count(descriptors.begin(), descriptors.end(), '\n') + 1 <= 6);
}

TEST_CASE("a child has what it was given of the environment, and nothing else") {
  setenv("OUTLIVE_TEST_SECRET", "hunter2", 1);
  setenv("OUTLIVE_TEST_SHARED", "of the host", 1);
  IsolateOptions options = TestOptions();
  options.environment.emplace_back("OUTLIVE_TEST_SHARED");
  options.environment.emplace_back("OUTLIVE_TEST_OWN=first");
  options.environment.emplace_back("OUTLIVE_TEST_OWN=of its own");
  options.environment.emplace_back("OUTLIVE_TEST_UNSET");
  Rig rig(options);
  const std::string environment = rig.Run({"read", "/proc/self/environ"}).output();
  unsetenv("OUTLIVE_TEST_SECRET");
  unsetenv("OUTLIVE_TEST_SHARED");
  CHECK(environment.find("hunter2") == std::string::npos);
  CHECK(environment.find("OUTLIVE_TEST_SHARED=of the host") != std::string::npos);
  CHECK(environment.find("OUTLIVE_TEST_OWN=of its own") != std::string::npos);
  CHECK(environment.find("OUTLIVE_TEST_OWN=first") == std::string::npos);
  CHECK(environment.find("OUTLIVE_TEST_UNSET") == std::string::npos);
  CHECK(environment.find("PATH=") != std::string::npos);
  // Programs that it starts are not children.
  CHECK(rig.Run({"run", "test -z \"$OUTLIVE_ISOLATED_CHILD\""}).output() == "0");
}

TEST_CASE("nothing of the job is in a child's command line") {
  Rig rig;
  const std::string line = rig.Run({"read", "/proc/self/cmdline"}).output();
  CHECK(line.find("test.task") == std::string::npos);
  CHECK(line.ends_with(std::string("--outlive-child=worker") + '\0'));
}

}  // namespace
}  // namespace outlive::tests
