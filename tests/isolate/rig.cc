#include "tests/isolate/rig.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "outlive/core/args.h"
#include "outlive/engine/client.h"
#include "outlive/engine/runner.h"
#include "outlive/store/memory_store.h"

namespace outlive::tests {
namespace {

int PatienceMillis() { return static_cast<int>(absl::ToInt64Milliseconds(kPatience)); }

std::string SanitizerOptions(const char* name) {
  const char* own = std::getenv(name);
  return fmt::format(
      "{}={}:handle_segv=0:handle_abort=0:handle_sigbus=0:handle_sigill=0:"
      "handle_sigfpe=0:handle_sigtrap=0",
      name, own == nullptr ? "" : own);
}

}  // namespace

IsolateOptions TestOptions() {
  IsolateOptions options;
  for (const char* name : {"ASAN_OPTIONS", "TSAN_OPTIONS"}) {
    if (kSanitized) options.environment.push_back(SanitizerOptions(name));
  }
  for (const char* name : {"LSAN_OPTIONS", "UBSAN_OPTIONS"}) options.environment.push_back(name);
  options.start_timeout = kPatience;
  options.grace = absl::Seconds(5);
  return options;
}

void ObserverOfTest::OnChildStarted(std::string_view kind, std::int64_t pid) {
  MutexLock lock(mutex_);
  kinds_.emplace(kind);
  started_.push_back(pid);
}

void ObserverOfTest::OnChildEnded(std::string_view kind, std::int64_t pid, const ChildEnd& end) {
  MutexLock lock(mutex_);
  kinds_.emplace(kind);
  ended_.push_back(pid);
  ends_.push_back(end);
}

std::vector<std::int64_t> ObserverOfTest::started() const {
  MutexLock lock(mutex_);
  return started_;
}

std::vector<std::int64_t> ObserverOfTest::ended() const {
  MutexLock lock(mutex_);
  return ended_;
}

std::set<std::string> ObserverOfTest::kinds() const {
  MutexLock lock(mutex_);
  return kinds_;
}

std::vector<ChildEnd> ObserverOfTest::ends() const {
  MutexLock lock(mutex_);
  return ends_;
}

Rig::Rig(IsolateOptions options) {
  options.observer = &observer_;
  AddIsolated<Task>(workers_, Do, std::move(options));
  REQUIRE(workers_.status().ok());
}

Worker& Rig::worker() const { return *workers_.entries().begin()->second.worker; }

Outcome Rig::Run(const Task& task) {
  testing::FakeJobContext job({.kind = std::string(Task::kKind)});
  return Run(job, task);
}

Outcome Rig::Run(JobContext& job, const Task& task) {
  Outcome outcome = worker().Run(job, EncodeArgs(task).value());
  if (absl::IsUnavailable(outcome.status())) MESSAGE(MessageOf(outcome));  // No child, or lost.
  return outcome;
}

ChildEnd Rig::OnlyEnd() const {
  const std::vector<ChildEnd> ends = observer_.ends();
  REQUIRE(ends.size() == 1);
  return ends[0];
}

// -- Processes ----------------------------------------------------------------------------------

Roll::Roll() {
  std::string name = (std::filesystem::temp_directory_path() / "outlive-isolate-XXXXXX").string();
  REQUIRE(mkdtemp(name.data()) != nullptr);
  folder_ = name;
  path_ = folder_ + "/roll";
  REQUIRE(mkfifo(path_.c_str(), 0600) == 0);
  file_ = open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
  REQUIRE(file_ >= 0);
}

Roll::~Roll() {
  close(file_);
  std::error_code error;
  std::filesystem::remove_all(folder_, error);
}

// False: the last writer has gone, or nothing happens.
bool Roll::Read() {
  pollfd source = {file_, POLLIN, 0};
  if (poll(&source, 1, PatienceMillis()) != 1) return false;
  std::array<char, 512> buffer;
  const ssize_t count = read(file_, buffer.data(), buffer.size());
  if (count <= 0) return false;
  text_.append(buffer.data(), static_cast<std::size_t>(count));
  return true;
}

std::vector<std::string> Roll::Await(int count) {
  std::vector<std::string> lines;
  while (static_cast<int>(lines.size()) < count) {
    if (const std::size_t end = text_.find('\n'); end != std::string::npos) {
      lines.push_back(text_.substr(0, end));
      text_.erase(0, end + 1);
    } else {
      REQUIRE(Read());
    }
  }
  return lines;
}

bool Roll::AwaitEnd() {
  while (Read()) {
  }
  pollfd source = {file_, POLLIN, 0};
  return poll(&source, 1, 0) == 1 && (source.revents & POLLHUP) != 0;
}

bool AwaitEndOf(pid_t pid) {
  const int process = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (process < 0) return errno == ESRCH;
  pollfd source = {process, POLLIN, 0};
  const bool ended = poll(&source, 1, PatienceMillis()) == 1;
  close(process);
  return ended;
}

bool HasChildren() {
  siginfo_t info;
  return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

int RunHost(const std::string& fifo) {
  ObserverOfTest observer;
  IsolateOptions options = TestOptions();
  options.observer = &observer;
  WorkerSet workers;
  AddIsolated<Task>(workers, Do, options);
  MemoryStore store;
  Client client(store);
  Runner runner(client, workers);
  if (!runner.Start().ok()) return 1;
  for (int i = 0; i < 2; ++i) {
    if (!client.Enqueue(Task{"family, then hang", fifo}).ok()) return 1;
  }
  while (observer.started().size() < 2) poll(nullptr, 0, 1);
  if (fork() != 0) {
    const int roll = open(fifo.c_str(), O_WRONLY | O_CLOEXEC);
    const std::string line = fmt::format("{} {}\n", getpid(), getppid());
    if (roll < 0 || write(roll, line.data(), line.size()) < 0) return 1;
  }
  while (true) poll(nullptr, 0, -1);
}

std::string MessageOf(const Outcome& outcome) {
  return {outcome.status().message().data(), outcome.status().message().size()};
}

}  // namespace outlive::tests
