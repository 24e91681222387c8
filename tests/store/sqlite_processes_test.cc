// Several real processes on one file.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "tests/store/sqlite_helpers.h"

extern char** environ;

namespace outlive {
namespace {

using conformance::MakeJob;
using conformance::MustInsert;
using conformance::Value;
using testing::CheckTables;
using testing::OpenStore;
using testing::SqliteFolder;

// A process of tests/store/sqlite_process.cc.
class Process {
 public:
  explicit Process(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), OUTLIVE_SQLITE_PROCESS);
    std::vector<char*> pointers;
    for (std::string& argument : arguments) pointers.push_back(argument.data());
    pointers.push_back(nullptr);
    std::array<int, 2> in{};
    std::array<int, 2> out{};
    REQUIRE(pipe2(in.data(), O_CLOEXEC) == 0);
    REQUIRE(pipe2(out.data(), O_CLOEXEC) == 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    const int error = posix_spawn(&id_, pointers[0], &actions, nullptr, pointers.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    close(in[0]);
    close(out[1]);
    to_ = in[1];
    from_ = fdopen(out[0], "r");
    REQUIRE(error == 0);
  }

  ~Process() {
    close(to_);
    fclose(from_);
    if (id_ > 0) {
      kill(id_, SIGKILL);
      waitpid(id_, nullptr, 0);
    }
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // The next line; empty: there is none any more.
  std::string ReadLine() {
    std::array<char, 1'024> line{};
    if (fgets(line.data(), line.size(), from_) == nullptr) return "";
    std::string text = line.data();
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
  }

  std::vector<std::string> ReadLines() {
    std::vector<std::string> lines;
    for (std::string line = ReadLine(); !line.empty(); line = ReadLine()) {
      lines.push_back(std::move(line));
    }
    return lines;
  }

  void GoOn() const { REQUIRE(write(to_, "\n", 1) == 1); }

  void Kill() {
    kill(id_, SIGKILL);
    waitpid(id_, nullptr, 0);
    id_ = 0;
  }

 private:
  pid_t id_ = 0;
  int to_ = -1;
  FILE* from_ = nullptr;
};

using Processes = std::vector<std::unique_ptr<Process>>;

TEST_CASE("processes that open one new file at once all get it") {
  const SqliteFolder folder;
  Processes processes;
  for (int i = 0; i < 4; ++i) {
    processes.push_back(std::make_unique<Process>(std::vector<std::string>{"open", folder.File()}));
  }
  for (const auto& process : processes) process->GoOn();
  std::set<std::string> ids;
  for (const auto& process : processes) ids.insert(process->ReadLine());
  CHECK(ids.size() == 1);
  CHECK(ids.begin()->size() == 32);
  CHECK(OpenStore(folder.File())->info().store_id == *ids.begin());
}

TEST_CASE("200 threads of 4 processes with one key make one job") {
  const SqliteFolder folder;
  Processes processes;
  for (int i = 0; i < 4; ++i) {
    processes.push_back(std::make_unique<Process>(
        std::vector<std::string>{"enqueue", folder.File(), "the key", "200"}));
    REQUIRE(processes.back()->ReadLine() == "ready");
  }
  for (const auto& process : processes) process->GoOn();
  std::multiset<std::string> ids;
  for (const auto& process : processes) {
    for (std::string& id : process->ReadLines()) ids.insert(std::move(id));
  }
  CHECK(ids.size() == 800);
  CHECK(ids.count("1") == 800);
  const auto store = OpenStore(folder.File());
  CHECK(Value(store->List({}, {})).size() == 1);
  CheckTables(folder.File());
}

TEST_CASE("processes that drain one queue run every job once") {
  const SqliteFolder folder;
  const auto store = OpenStore(folder.File());
  constexpr std::size_t kJobCount = 500;
  conformance::InsertAll(*store, std::vector<NewJob>(kJobCount, MakeJob()));
  Processes processes;
  for (int i = 0; i < 3; ++i) {
    processes.push_back(std::make_unique<Process>(
        std::vector<std::string>{"drain", folder.File(), "session-" + std::to_string(i)}));
    REQUIRE(processes.back()->ReadLine() == "ready");
  }
  for (const auto& process : processes) process->GoOn();
  std::multiset<std::string> ids;
  for (const auto& process : processes) {
    for (std::string& id : process->ReadLines()) ids.insert(std::move(id));
  }
  CHECK(ids.size() == kJobCount);
  CHECK(std::set<std::string>(ids.begin(), ids.end()).size() == kJobCount);
  const JobStats stats = Value(store->Stats());
  REQUIRE(stats.lanes.size() == 1);
  CHECK(stats.lanes[0].completed == kJobCount);
  CheckTables(folder.File());
}

TEST_CASE("a process that is killed in a transaction leaves nothing, and nobody waits for it") {
  const SqliteFolder folder;
  const auto store = OpenStore(folder.File());
  MustInsert(*store);
  Process process({"hold", folder.File()});
  REQUIRE(process.ReadLine() == "ready");
  process.Kill();
  MustInsert(*store);
  CHECK(Value(store->List({}, {})).size() == 2);
  CheckTables(folder.File());
}

TEST_CASE("what is committed in another process wakes subscribers here") {
  const SqliteFolder folder;
  const auto store = OpenStore(folder.File(), {.poll_interval = testing::kWatchPoll});
  std::mutex mutex;
  std::condition_variable changed;
  WakeHint woken;
  const auto subscription = store->Subscribe([&](WakeHint hint) {
    const std::lock_guard<std::mutex> lock(mutex);
    woken = hint;
    changed.notify_all();
  });
  Process process({"enqueue_one", folder.File()});
  REQUIRE(process.ReadLine() == "ready");
  process.GoOn();
  CHECK(process.ReadLine() == "1");
  std::unique_lock<std::mutex> lock(mutex);
  CHECK(changed.wait_for(lock, std::chrono::minutes(2), [&] { return woken.work; }));
  CHECK(woken.changed);
}

}  // namespace
}  // namespace outlive
