#include "tests/processes/worker_process.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

extern char** environ;

namespace outlive::testing {
namespace {

// After this a process that says nothing hangs. Nothing else depends on it.
constexpr int kPatienceMs = 240'000;

Exit ExitOf(int status) {
  if (WIFSIGNALED(status)) return {-1, WTERMSIG(status)};
  return {WEXITSTATUS(status), 0};
}

}  // namespace

std::string Exit::ToString() const {
  return signal != 0 ? fmt::format("signal {}", signal) : fmt::format("exit {}", code);
}

WorkerProcess::WorkerProcess(const std::string& program, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), program);
  std::vector<char*> words;
  for (std::string& argument : arguments) words.push_back(argument.data());
  words.push_back(nullptr);
  std::array<int, 2> ends = {};
  // A socket, because writing to a dead reader of a pipe is a SIGPIPE.
  REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  const int error = posix_spawn(&id_, words[0], &actions, nullptr, words.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  socket_ = ends[0];
  REQUIRE_MESSAGE(error == 0, "cannot start ", program);
}

WorkerProcess::~WorkerProcess() {
  if (id_ > 0) {
    kill(id_, SIGKILL);
    waitpid(id_, nullptr, 0);
  }
  close(socket_);
}

std::string WorkerProcess::ReadLine() {
  while (true) {
    if (const std::size_t end = buffer_.find('\n'); end != std::string::npos) {
      std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      return line;
    }
    pollfd poll_on = {socket_, POLLIN, 0};
    REQUIRE_MESSAGE(poll(&poll_on, 1, kPatienceMs) == 1, "process ", id_, " says nothing");
    std::array<char, 4'096> bytes = {};
    const ssize_t count = read(socket_, bytes.data(), bytes.size());
    if (count <= 0) return "";
    buffer_.append(bytes.data(), static_cast<std::size_t>(count));
  }
}

bool WorkerProcess::Send(const std::string& command) const {
  const std::string line = command + "\n";
  return send(socket_, line.data(), line.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(line.size());
}

bool WorkerProcess::Ask(const std::string& command) { return Send(command) && !ReadLine().empty(); }

void WorkerProcess::Signal(int number) const {
  REQUIRE(id_ > 0);  // Or it would be for the whole group of this process.
  kill(id_, number);
}

bool WorkerProcess::WaitUntilStopped() {
  int status = 0;
  REQUIRE(waitpid(id_, &status, WUNTRACED) == id_);
  if (WIFSTOPPED(status)) return true;
  id_ = 0;
  return false;
}

Exit WorkerProcess::Wait() {
  int status = 0;
  const pid_t id = std::exchange(id_, 0);
  REQUIRE(waitpid(id, &status, 0) == id);
  return ExitOf(status);
}

}  // namespace outlive::testing
