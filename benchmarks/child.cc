#include "benchmarks/child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <sstream>
#include <system_error>

#include "benchmarks/support.h"

namespace outlive::bench {
namespace {

// A child that says nothing for so long is stuck.
constexpr int kPatienceMs = 300'000;

std::array<int, 2> MakePipe() {
  std::array<int, 2> ends = {};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw BenchError("no pipe could be made");
  return ends;
}

}  // namespace

Child::Child(const Options& options, const std::string& role) {
  std::vector<std::string> words = ArgumentsFor(options, role);
  words.insert(words.begin(), "outlive_bench");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  const std::array<int, 2> in = MakePipe();
  const std::array<int, 2> out = MakePipe();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
  const int error = posix_spawn(&pid_, "/proc/self/exe", &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(in[0]);
  close(out[1]);
  to_child_ = in[1];
  from_child_ = out[0];
  if (error != 0) {
    pid_ = 0;
    throw BenchError(
        fmt::format("no process could be started: {}", std::generic_category().message(error)));
  }
}

Child::~Child() {
  EndInput();
  close(from_child_);
  if (pid_ > 0) waitpid(pid_, nullptr, 0);
}

void Child::Say(const std::string& line) {
  const std::string bytes = line + '\n';
  if (write(to_child_, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) {
    throw BenchError("the other process does not listen");
  }
}

void Child::EndInput() {
  if (to_child_ >= 0) close(to_child_);
  to_child_ = -1;
}

std::string Child::ReadLine() {
  for (;;) {
    if (const std::size_t end = read_.find('\n'); end != std::string::npos) {
      std::string line = read_.substr(0, end);
      read_.erase(0, end + 1);
      return line;
    }
    pollfd ready = {from_child_, POLLIN, 0};
    if (poll(&ready, 1, kPatienceMs) == 0) throw BenchError("the other process says nothing");
    std::array<char, 4'096> bytes;
    const ssize_t count = read(from_child_, bytes.data(), bytes.size());
    if (count <= 0) throw BenchError("the other process has ended");
    read_.append(bytes.data(), static_cast<std::size_t>(count));
  }
}

std::vector<double> Child::ReadNumbers() {
  std::istringstream line(ReadLine());
  std::vector<double> numbers;
  for (double number = 0; line >> number;) numbers.push_back(number);
  return numbers;
}

}  // namespace outlive::bench
