#include "tests/isolate/handlers.h"

#include <absl/strings/escaping.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <set>
#include <stdexcept>
#include <vector>

namespace outlive::tests {
namespace {

[[noreturn]] void HangForEver() {
  while (true) poll(nullptr, 0, -1);
}

// Says that this process is there, on a FIFO whose writers a test counts and whose end it awaits.
// The descriptor stays open as long as this process, and is not for programs it starts.
void SignOn(const std::string& fifo) {
  const int file = open(fifo.c_str(), O_WRONLY | O_CLOEXEC);
  const std::string line = fmt::format("{} {}\n", getpid(), getppid());
  if (file < 0 || write(file, line.data(), line.size()) < 0) std::abort();
}

// Something that the descendants of a process do first, and that it waits for.
class Start {
 public:
  Start() {
    if (pipe2(ends_.data(), O_CLOEXEC) != 0) std::abort();
  }

  // In a descendant: it is done.
  void Done() const { close(ends_[1]); }

  // Until every descendant that was forked since has said so, or has ended.
  void Await() const {
    close(ends_[1]);
    char byte = 0;
    static_cast<void>(read(ends_[0], &byte, 1));
    close(ends_[0]);
  }

 private:
  std::array<int, 2> ends_ = {};
};

// A process that signs on and stays: a child of this one, or the child of a child that has ended;
// in a session of its own or not.
void StartDescendant(const std::string& fifo, bool session, bool orphan) {
  const Start start;
  const pid_t child = fork();
  if (child == 0) {
    if (session) setsid();
    if (orphan && fork() != 0) _exit(0);
    signal(SIGTERM, SIG_IGN);
    SignOn(fifo);
    start.Done();
    HangForEver();
  }
  start.Await();
  if (orphan) waitpid(child, nullptr, 0);
}

void StartFamily(const std::string& fifo) {
  for (const bool session : {false, true}) {
    for (const bool orphan : {false, true}) StartDescendant(fifo, session, orphan);
  }
}

// A process that is never there for long: it hands on to a child and ends, for ever.
void StartForkChain(const std::string& fifo) {
  const Start start;
  if (fork() == 0) {
    setsid();
    SignOn(fifo);
    start.Done();
    while (true) {
      if (fork() > 0) _exit(0);
    }
  }
  start.Await();
}

void Say(std::string_view text) {
  static_cast<void>(write(STDERR_FILENO, text.data(), text.size()));
}

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string OpenDescriptors() {
  std::set<std::string> targets;
  for (int descriptor = 0; descriptor < 1'024; ++descriptor) {
    std::array<char, 4'096> target = {};
    const std::string link = fmt::format("/proc/self/fd/{}", descriptor);
    const ssize_t size = readlink(link.c_str(), target.data(), target.size());
    if (size > 0) targets.insert(fmt::format("{} {}", descriptor, std::string_view(target.data())));
  }
  return fmt::format("{}", fmt::join(targets, "\n"));
}

std::string LimitsOfThisProcess() {
  const auto limit = [](__rlimit_resource resource) {
    rlimit both = {};
    getrlimit(resource, &both);
    return both.rlim_max == RLIM_INFINITY ? -1 : static_cast<std::int64_t>(both.rlim_max);
  };
  std::string score = ReadAll("/proc/self/oom_score_adj");
  score.pop_back();
  return fmt::format("core {} files {} bytes {} privileges {} score {} leads {} group {}",
                     limit(RLIMIT_CORE), limit(RLIMIT_NOFILE), limit(RLIMIT_FSIZE),
                     prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), score, getpgid(0) == getpid(),
                     getpgid(0));
}

Outcome WaitForStop(JobContext& job, const std::string& fifo) {
  std::array<int, 2> ends = {};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return absl::InternalError("no pipe");
  const std::stop_callback stop(job.stop_token(), [&] { close(ends[1]); });
  SignOn(fifo);
  char byte = 0;
  static_cast<void>(read(ends[0], &byte, 1));  // Until the other end is closed.
  close(ends[0]);
  return absl::CancelledError(fmt::format("stopped for {}", static_cast<int>(job.stop_reason())));
}

Outcome Flood(std::int64_t bytes) {
  const std::string line = "a line of 32 bytes, again and…\n";
  for (std::int64_t written = 0; written < bytes; written += std::ssize(line)) Say(line);
  Say("the very end\n");
  std::abort();
}

Outcome ReportAll(JobContext& job, const Task& task) {
  for (std::int64_t i = 1; i <= task.number; ++i) {
    job.ReportProgress(static_cast<double>(i) / static_cast<double>(task.number),
                       fmt::format("row {}", i));
  }
  const absl::Status saved = job.SaveCheckpoint(job.checkpoint() + task.text);
  Artifact artifact;
  artifact.id = std::string(32, 'a');
  artifact.name = "a.txt";
  artifact.media_type = "text/plain";
  artifact.size = 5;
  artifact.sha256 = std::string(64, 'b');
  artifact.created_at = absl::FromUnixSeconds(1'000);
  const absl::Status published = job.PublishArtifact(artifact);
  const absl::Status too_big = job.SaveCheckpoint(std::string((1 << 20) + 1, 'x'));
  const absl::Status joined = job.CompleteIn(static_cast<sqlite3*>(nullptr));
  return Done(fmt::format(
      "{} {} {} {} {} of {} fence {} queue {} trace {} deadline {}", saved.ToString(),
      published.ToString(), absl::StatusCodeToString(too_big.code()),
      absl::StatusCodeToString(joined.code()), job.attempt(), job.attempt_count_max(), job.fence(),
      job.queue(), job.traceparent(), absl::FormatTime(job.deadline(), absl::UTCTimeZone())));
}

void Throw(const char* text) { throw std::runtime_error(text); }

// Asks for memory until there is none, and uses it.
std::size_t TakeAllMemory() {
  std::vector<std::string> taken;
  while (true) taken.emplace_back(std::size_t{1} << 20, 'm');
}

std::atomic<std::uint64_t> spins{0};

[[noreturn]] void Spin() {
  while (true) spins.fetch_add(1, std::memory_order_relaxed);
}

constexpr int kChannel = 3;  // Of every child.

void SendRaw(std::string_view bytes) {
  static_cast<void>(send(kChannel, bytes.data(), bytes.size(), MSG_NOSIGNAL));
}

using Handlers =
    std::map<std::string, std::function<Outcome(JobContext&, const Task&)>, std::less<>>;

void AddGood(Handlers& handlers) {
  handlers.insert(
      {{"echo", [](JobContext&, const Task& task) { return Done(task.text); }},
       {"outcome",
        [](JobContext&, const Task& task) -> Outcome {
          switch (task.number) {
            case 0:
              return Retry(absl::NotFoundError(task.text), absl::Seconds(7));
            case 1:
              return Snooze(absl::Minutes(3));
            case 2:
              return Cancelled(task.text);
            default:
              return Dead(task.text);
          }
        }},
       {"pid", [](JobContext&, const Task&) { return Done(std::to_string(getpid())); }},
       {"supervisor", [](JobContext&, const Task&) { return Done(std::to_string(getppid())); }},
       {"report", ReportAll},
       {"big output",
        [](JobContext&, const Task& task) {
          return Done(std::string(static_cast<std::size_t>(task.number), 'o'));
        }},
       {"descriptors", [](JobContext&, const Task&) { return Done(OpenDescriptors()); }},
       {"read", [](JobContext&, const Task& task) { return Done(ReadAll(task.text)); }},
       {"limits", [](JobContext&, const Task&) { return Done(LimitsOfThisProcess()); }},
       {"cpu limit",
        [](JobContext&, const Task&) {
          rlimit limit = {};
          getrlimit(RLIMIT_CPU, &limit);
          return Done(std::to_string(limit.rlim_cur));
        }},
       {"open files",
        [](JobContext&, const Task&) {
          int count = 0;
          while (open("/dev/null", O_RDONLY) >= 0) ++count;
          return Done(std::to_string(count));
        }},
       {"wait for stop",
        [](JobContext& job, const Task& task) { return WaitForStop(job, task.text); }},
       {"compute",
        [](JobContext&, const Task& task) {
          // So many milliseconds of the processor's time.
          const std::clock_t end = std::clock() + task.number * CLOCKS_PER_SEC / 1'000;
          while (std::clock() < end) {
          }
          return Done();
        }},
       {"stop, and be done",
        [](JobContext& job, const Task& task) {
          static_cast<void>(WaitForStop(job, task.text));
          return Done("done all the same");
        }},
       {"catch bad_alloc",
        [](JobContext&, const Task&) -> Outcome {
          try {
            TakeAllMemory();
          } catch (const std::bad_alloc&) {
          }
          return Done("survived");
        }},
       {"run", [](JobContext&, const Task& task) {
          return Done(std::to_string(std::system(task.text.c_str())));
        }}});
}

void AddBad(Handlers& handlers) {
  handlers.insert(
      {{"throw",
        [](JobContext&, const Task& task) -> Outcome { throw std::runtime_error(task.text); }},
       {"throw 7", [](JobContext&, const Task&) -> Outcome { throw 7; }},
       {"throw where none may",
        [](JobContext&, const Task&) -> Outcome {
          const auto may_not_throw = [&]() noexcept { Throw("from a destructor, say"); };
          may_not_throw();
          return Done();
        }},
       {"raise",
        [](JobContext&, const Task& task) -> Outcome {
          Say(task.text);
          raise(static_cast<int>(task.number));
          return Done();
        }},
       {"write where one may not",
        [](JobContext&, const Task&) -> Outcome {
          void* const page = mmap(nullptr, 4'096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
          *static_cast<volatile char*>(page) = 1;
          return Done();
        }},
       {"exit",
        [](JobContext&, const Task& task) -> Outcome { std::exit(static_cast<int>(task.number)); }},
       {"memory", [](JobContext&, const Task&) { return Done(std::to_string(TakeAllMemory())); }},
       {"memory where nobody catches",
        [](JobContext&, const Task&) -> Outcome {
          const auto may_not_throw = []() noexcept { TakeAllMemory(); };
          may_not_throw();
          return Done();
        }},
       {"write file",
        [](JobContext&, const Task& task) -> Outcome {
          const int file = open(task.text.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
          const std::string bytes(static_cast<std::size_t>(task.number), 'b');
          const auto first = write(file, bytes.data(), bytes.size());
          return Done(fmt::format("{} and {}", first, write(file, "b", 1)));
        }},
       {"hang",
        [](JobContext&, const Task& task) -> Outcome {
          SignOn(task.text);
          HangForEver();
        }},
       {"spin", [](JobContext&, const Task&) -> Outcome { Spin(); }},
       {"flood", [](JobContext&, const Task& task) { return Flood(task.number); }}});
}

void AddFamilies(Handlers& handlers) {
  handlers.insert({{"family",
                    [](JobContext&, const Task& task) {
                      StartFamily(task.text);
                      return Done("all of them are there");
                    }},
                   {"family, then crash",
                    [](JobContext&, const Task& task) -> Outcome {
                      StartFamily(task.text);
                      std::abort();
                    }},
                   {"fork chain, then crash",
                    [](JobContext&, const Task& task) -> Outcome {
                      StartForkChain(task.text);
                      std::abort();
                    }},
                   {"family, then hang", [](JobContext&, const Task& task) -> Outcome {
                      StartFamily(task.text);
                      SignOn(task.text);
                      HangForEver();
                    }}});
}

void AddBroken(Handlers& handlers) {
  handlers.insert({{"garbage",
                    [](JobContext&, const Task& task) -> Outcome {
                      SendRaw(absl::HexStringToBytes(task.text));
                      HangForEver();
                    }},
                   {"truncated frame",
                    [](JobContext&, const Task&) -> Outcome {
                      SendRaw(std::string_view("\x40\0\0\0half", 8));
                      _exit(0);
                    }},
                   {"close",
                    [](JobContext&, const Task&) -> Outcome {
                      for (int descriptor = 3; descriptor < 256; ++descriptor) close(descriptor);
                      return Done("nobody will hear of it");
                    }},
                   {"shut down",
                    [](JobContext&, const Task&) -> Outcome {
                      shutdown(kChannel, SHUT_RDWR);
                      HangForEver();
                    }},
                   {"hang up and spin",
                    [](JobContext&, const Task&) -> Outcome {
                      shutdown(kChannel, SHUT_WR);
                      Spin();
                    }},
                   {"kill supervisor",
                    [](JobContext&, const Task&) -> Outcome {
                      kill(getppid(), SIGKILL);
                      raise(SIGSTOP);  // It cannot notice anything by itself any more.
                      HangForEver();
                    }},
                   {"leave an orphan",
                    [](JobContext&, const Task& task) -> Outcome {
                      StartDescendant(task.text, false, true);
                      return Done("done");
                    }},
                   {"leave a zombie", [](JobContext&, const Task&) -> Outcome {
                      if (fork() == 0) _exit(0);
                      return Done("done");
                    }}});
}

const Handlers& AllHandlers() {
  static const Handlers handlers = [] {
    Handlers all;
    AddGood(all);
    AddBad(all);
    AddFamilies(all);
    AddBroken(all);
    return all;
  }();
  return handlers;
}

}  // namespace

Outcome Do(JobContext& job, const Task& task) {
  const auto found = AllHandlers().find(task.what);
  if (found == AllHandlers().end()) return Dead("no such test handler");
  return found->second(job, task);
}

}  // namespace outlive::tests
