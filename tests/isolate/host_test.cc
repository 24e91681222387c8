// Hosts of every kind: those that die, those that do odd things with their children, and those that
// cannot start any.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/isolate/rig.h"

namespace outlive::tests {
namespace {

using Kind = Outcome::Kind;

// This program as a host, in a process group of its own, with two jobs that have families.
class Host {
 public:
  explicit Host(const Roll& roll) {
    std::string program = "/proc/self/exe";
    std::string argument(kHostArgument);
    std::string path = roll.path();
    char* argv[] = {program.data(), argument.data(), path.data(), nullptr};
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    REQUIRE(posix_spawn(&pid_, program.c_str(), nullptr, &attributes, argv, environ) == 0);
    posix_spawnattr_destroy(&attributes);
  }
  ~Host() {
    if (pid_ <= 0) return;
    kill(-pid_, SIGKILL);  // What it has forked, too.
    if (!waited_) waitpid(pid_, nullptr, 0);
  }
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  void Kill(bool group) {
    kill(group ? -pid_ : pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    waited_ = true;
  }

 private:
  pid_t pid_ = -1;
  bool waited_ = false;
};

TEST_CASE("a host that is killed leaves nothing behind (P17)") {
  for (const bool group : {false, true}) {
    CAPTURE(group);
    Roll roll;
    Host host(roll);
    std::vector<pid_t> supervisors;
    for (const std::string& line : roll.Await(2 * 5 + 1)) {
      // Of the workers themselves the parent is a supervisor; of others it is one of the family.
      supervisors.push_back(std::stoi(line.substr(line.find(' '))));
    }
    std::erase(supervisors, getpid());  // The parent of the host.
    host.Kill(group);
    CHECK(roll.AwaitEnd());
    for (const pid_t pid : supervisors) CHECK((pid == 1 || AwaitEndOf(pid)));
  }
}

TEST_CASE("a host that ignores SIGCHLD learns how its children end (K16)") {
  const auto before = signal(SIGCHLD, SIG_IGN);
  Rig rig;
  CHECK(rig.Run({"raise", "", SIGSEGV}).kind() == Kind::kCrashed);
  CHECK(rig.OnlyEnd().code == SIGSEGV);
  CHECK(rig.Run({"run", "exit 3"}).output() == "768");
  rig.worker().OnRunnerStopped();
  CHECK(rig.observer().ends().size() == 2);
  signal(SIGCHLD, before);
}

TEST_CASE("a host that waits for every child takes nothing away (K16)") {
  std::atomic<bool> done{false};
  std::thread reaper([&] {
    while (!done) {
      // While there is none, there is nothing to wait for.
      if (waitpid(-1, nullptr, 0) < 0) poll(nullptr, 0, 1);
    }
  });
  {
    Rig rig;
    for (const int signal : {SIGSEGV, SIGABRT, SIGBUS}) {
      CHECK(rig.Run({"raise", "", signal}).kind() == Kind::kCrashed);
      CHECK(rig.observer().ends().back().code == signal);
    }
    CHECK(rig.Run({"echo", "well"}).output() == "well");
  }
  done = true;
  reaper.join();
  CHECK_FALSE(HasChildren());
}

// -- No child to be had -------------------------------------------------------------------------

Outcome RunProgram(const std::string& program, absl::Duration start_timeout = kPatience) {
  IsolateOptions options = TestOptions();
  options.program = program;
  options.start_timeout = start_timeout;
  Rig rig(options);
  Outcome outcome = rig.Run({"echo", "never"});
  CHECK(rig.observer().started().empty());
  CHECK_FALSE(HasChildren());
  return outcome;
}

std::string Script(const Roll& folder, std::string_view text) {
  const std::string path = folder.path() + "-script";
  std::ofstream(path) << "#!/bin/sh\n" << text;
  chmod(path.c_str(), 0700);
  return path;
}

TEST_CASE("a child that cannot be started fails the attempt, and says why") {
  Roll folder;
  const Outcome missing = RunProgram("/no/such/program");
  CHECK(missing.kind() == Kind::kRetry);
  CHECK(absl::IsUnavailable(missing.status()));
  CHECK(MessageOf(missing) == "cannot start /no/such/program: No such file or directory");
  CHECK(MessageOf(RunProgram(Script(folder, "exit 7\n"))) ==
        "a child could not be started: it ended");
  CHECK(MessageOf(RunProgram(Script(folder, "echo garbage, and quite a lot of it >&4\n"))) ==
        "a child could not be started: it does not speak the protocol");
}

TEST_CASE("a main() that does not call RunAsChild() is found out in time, and killed") {
  Roll folder;
  const Outcome outcome =
      RunProgram(Script(folder, "exec tail -f /dev/null\n"), absl::Milliseconds(300));
  CHECK(MessageOf(outcome) ==
        "a child could not be started: it was not ready in time; does its main() call "
        "outlive::RunAsChild() first?");
}

TEST_CASE("a child that is a host by mistake starts no children of its own") {
  setenv("OUTLIVE_ISOLATED_CHILD", "1", 1);
  Rig rig;
  const Outcome outcome = rig.Run({"echo", "never"});
  unsetenv("OUTLIVE_ISOLATED_CHILD");
  CHECK(outcome.kind() == Kind::kRetry);
  CHECK(absl::IsFailedPrecondition(outcome.status()));
  CHECK(rig.observer().started().empty());
}

TEST_CASE("a child that nobody has started says so and ends") {
  for (const char* role : {"--outlive-child=supervisor", "--outlive-child=worker"}) {
    const std::string command =
        fmt::format("exec 3<&- 2>/dev/null; exec {} {}", OUTLIVE_TEST_WORKER, role);
    const int status = std::system(command.c_str());
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 64);
  }
}

}  // namespace
}  // namespace outlive::tests
