#include "tests/notify/child.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/json/parse.hpp>
#include <cstdlib>

namespace outlive::testing {
namespace {

// What runs a script that does not answer into the ground; nothing else depends on it.
constexpr int kPatienceMs = 120'000;

std::array<int, 2> MakePipe() {
  std::array<int, 2> ends = {};
  REQUIRE(pipe2(ends.data(), O_CLOEXEC) == 0);
  return ends;
}

}  // namespace

Child::Child(const std::string& script, const std::vector<std::string>& arguments) {
  const std::array<int, 2> in = MakePipe();
  const std::array<int, 2> out = MakePipe();
  std::vector<std::string> words = {OUTLIVE_TEST_PYTHON, "-u",
                                    std::string(OUTLIVE_TEST_SCRIPTS "/") + script};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  REQUIRE(posix_spawn_file_actions_init(&actions) == 0);
  REQUIRE(posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO) == 0);
  REQUIRE(posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO) == 0);
  const int error = posix_spawn(&pid_, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(in[0]);
  close(out[1]);
  to_child_ = in[1];
  from_child_ = out[0];
  REQUIRE_MESSAGE(error == 0, "cannot start " << words[0]);
  ready_ = Next();
}

Child::~Child() {
  close(to_child_);
  if (pid_ > 0) {
    kill(pid_, SIGTERM);
    waitpid(pid_, nullptr, 0);
  }
  close(from_child_);
}

boost::json::object Child::Next() {
  for (;;) {
    if (const std::size_t end = buffer_.find('\n'); end != std::string::npos) {
      const std::string line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      return boost::json::parse(line).as_object();
    }
    pollfd poll_on = {from_child_, POLLIN, 0};
    REQUIRE_MESSAGE(poll(&poll_on, 1, kPatienceMs) == 1, "the script says nothing");
    std::array<char, 65'536> bytes = {};
    const ssize_t count = read(from_child_, bytes.data(), bytes.size());
    REQUIRE_MESSAGE(count > 0, "the script has ended");
    buffer_.append(bytes.data(), static_cast<std::size_t>(count));
  }
}

int Child::port() const { return static_cast<int>(ready_.at("port").as_int64()); }

std::string Child::certificate() const { return Text(ready_, "certificate"); }

std::string Text(const boost::json::object& object, const char* member) {
  const boost::json::value* value = object.if_contains(member);
  REQUIRE_MESSAGE(value != nullptr, "no member " << member);
  REQUIRE(value->is_string());
  return {value->get_string().data(), value->get_string().size()};
}

}  // namespace outlive::testing
