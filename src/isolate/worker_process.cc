#include "isolate/worker_process.h"

#include <cxxabi.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <malloc.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>

#include "core/exception_text.h"
#include "isolate/child_context.h"
#include "isolate/host_link.h"
#include "isolate/isolated_worker.h"
#include "isolate/process.h"
#include "isolate/role.h"
#include "isolate/system_error.h"
#include "outlive/core/limits.h"

namespace outlive::isolate {
namespace {

// A job can be told from its host by the kernel: it goes first when memory is short.
constexpr int kOomScoreRise = 500;
constexpr int kOomScoreMax = 1'000;

// No allocation and no lock: it is called where there is no memory.
void RaiseAlarm() {
  const std::uint64_t one = 1;
  static_cast<void>(write(kAlarm, &one, sizeof one));
}

void OnNoMemory() {
  RaiseAlarm();
  throw std::bad_alloc();
}

void LowerAlarm() {
  std::uint64_t count = 0;
  static_cast<void>(read(kAlarm, &count, sizeof count));
}

void DoNothing(int) {}

// Not SIG_IGN: that would go on to every program that a job starts.
void OutliveSignalsToAll() {
  struct sigaction action = {};
  action.sa_handler = &DoNothing;
  action.sa_flags = SA_RESTART;
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
    // tidy-allow(banned): in a child, which is ours: its host acts on what is sent to everybody.
    sigaction(signal, &action, nullptr);
  }
}

void RaiseOomScore() {
  const int file = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
  if (file < 0) return;
  std::array<char, 16> text = {};
  const ssize_t count = read(file, text.data(), text.size());
  int score = 0;
  std::from_chars(text.data(), text.data() + std::max<ssize_t>(count, 0), score);
  const std::string risen = std::to_string(std::min(score + kOomScoreRise, kOomScoreMax));
  static_cast<void>(pwrite(file, risen.data(), risen.size(), 0));
  close(file);
}

absl::Status Limit(__rlimit_resource resource, std::string_view what, rlim_t limit) {
  const rlimit both = {limit, limit};
  if (setrlimit(resource, &both) == 0) return absl::OkStatus();
  return SystemError(fmt::format("cannot set {} to {}", what, limit));
}

absl::Status SetLimits(const SetUp& set_up) {
  absl::Status status = Limit(RLIMIT_CORE, "RLIMIT_CORE", 0);
  if (set_up.memory_bytes > 0) {
    const std::uint64_t own = AddressSpaceBytes();
    if (own == 0) return absl::UnavailableError("cannot read /proc/self/statm");
#ifdef __GLIBC__
    mallopt(M_ARENA_MAX, 1);  // Each arena of a thread would set 64 MiB aside.
#endif
    status.Update(Limit(RLIMIT_AS, "RLIMIT_AS", own + set_up.memory_bytes));
  }
  if (set_up.file_bytes > 0) {
    status.Update(Limit(RLIMIT_FSIZE, "RLIMIT_FSIZE", set_up.file_bytes));
  }
  if (set_up.open_files > 0) {
    status.Update(Limit(RLIMIT_NOFILE, "RLIMIT_NOFILE", static_cast<rlim_t>(set_up.open_files)));
  }
  return status;
}

// The host watches the processor time; this is for a host that cannot. Counts since the process
// began, in whole seconds; only the soft limit can be raised again for the next job.
void LimitCpuTime(absl::Duration cpu_time) {
  rlimit limit = {};
  if (getrlimit(RLIMIT_CPU, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  const std::optional<absl::Duration> used = CpuTime(getpid());
  if (used && cpu_time < absl::Hours(24 * 366)) {
    const auto seconds =
        static_cast<rlim_t>(std::ceil(absl::ToDoubleSeconds(*used + cpu_time))) + 1;
    limit.rlim_cur = std::min(seconds, limit.rlim_max);
  }
  setrlimit(RLIMIT_CPU, &limit);
}

// As a subreaper this process is the parent of every orphan among its descendants: where it has no
// child, there is none.
bool HasDescendants() {
  siginfo_t info;
  int result = 0;
  do {
    result = waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT);
  } while (result < 0 && errno == EINTR);
  return result == 0;
}

Worker* FindWorker(const WorkerSet& workers, std::string_view kind) {
  const auto found = workers.entries().find(kind);
  if (found == workers.entries().end() || found->second.worker == nullptr) return nullptr;
  auto* isolated = dynamic_cast<IsolatedWorker*>(found->second.worker.get());
  return isolated == nullptr ? found->second.worker.get() : isolated->inner();
}

Outcome RunWorker(Worker& worker, ChildContext& job) {
  try {
    return worker.Run(job, job.args());
  } catch (abi::__forced_unwind&) {
    throw;
  } catch (const std::bad_alloc&) {
    // What else is missing by now nobody knows. Another child has memory again.
    RaiseAlarm();
    _exit(kExitOutOfMemory);
  } catch (...) {
    return Retry(absl::UnknownError(internal::CurrentExceptionText()));
  }
}

// As the engine has it; the host need not carry the bytes for it.
Outcome Bounded(Outcome outcome) {
  if (outcome.output().size() <= limits::kPayloadBytesMax) return outcome;
  return Dead(fmt::format("the output must have at most {} bytes, and has {}",
                          limits::kPayloadBytesMax, outcome.output().size()));
}

void RunOne(HostLink& host, const WorkerSet& workers, RunJob job) {
  Worker* const worker = FindWorker(workers, job.kind);
  LowerAlarm();
  LimitCpuTime(job.cpu_time);
  const auto context = std::make_shared<ChildContext>(host, std::move(job));
  host.Begin([context](StopReason reason) { context->Stop(reason); });
  Outcome outcome =
      worker == nullptr
          ? Retry(absl::FailedPreconditionError("the child's program has no worker for this kind"))
          : RunWorker(*worker, *context);
  host.End({Bounded(std::move(outcome)), HasDescendants()});
}

int Fail(std::string_view why) {
  const std::string line = fmt::format("{}\n", why);
  static_cast<void>(write(STDERR_FILENO, line.data(), line.size()));
  return kExitSetUp;
}

}  // namespace

int RunWorkerProcess(const WorkerSet& workers) {
  fcntl(kChannel, F_SETFD, FD_CLOEXEC);
  fcntl(kAlarm, F_SETFD, FD_CLOEXEC);
  unsetenv(kChildMark);
  OutliveSignalsToAll();
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  RaiseOomScore();

  HostLink host(kChannel, SystemClockInstance());
  const std::optional<SetUp> set_up = host.ReadSetUp();
  if (!set_up || set_up->version != kProtocolVersion) return kExitHostLost;
  // Its supervisor may have died before the line above that has it follow.
  if (getppid() != set_up->supervisor_pid) return kExitHostLost;
  if (!host.Start()) return Fail("no thread could be started");
  if (absl::Status limited = SetLimits(*set_up); !limited.ok()) _exit(Fail(limited.ToString()));
  std::set_new_handler(&OnNoMemory);
  host.Send(Ready{kProtocolVersion, set_up->nonce});
  while (std::optional<RunJob> job = host.NextJob()) RunOne(host, workers, *std::move(job));
  return 0;
}

}  // namespace outlive::isolate
