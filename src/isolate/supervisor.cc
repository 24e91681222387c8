#include "isolate/supervisor.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "isolate/descriptor.h"
#include "isolate/message_stream.h"
#include "isolate/process.h"
#include "isolate/role.h"
#include "isolate/spawn.h"
#include "isolate/system_error.h"

namespace outlive::isolate {
namespace {

// How often a process that is there may be missing from /proc, which is no snapshot.
constexpr int kMissesMax = 1'000;

class Supervisor {
 public:
  explicit Supervisor(const char* program) : program_(program) {}

  void Run() {
    TakePosition();
    if (absl::Status met = MeetHost(); !met.ok()) return Say(WorkerNotStarted{TextOf(met)});
    if (absl::Status started = StartWorker(); !started.ok()) {
      return Say(WorkerNotStarted{TextOf(started)});
    }
    Say(WorkerStarted{worker_pid_});
    WaitForReason();
    KillFamily();
    Say(ended_);
  }

 private:
  static std::string TextOf(const absl::Status& status) {
    return {status.message().data(), status.message().size()};
  }

  void TakePosition() {
    // What is sent to everybody in a service, such as SIGTERM, is for the host to act on.
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, nullptr);
    // Orphans become this process's children: nobody gets away by a second fork or a new session.
    prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    // Nor by a program that runs as somebody else.
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    for (int descriptor = kControl; descriptor < kSupervisorCount; ++descriptor) {
      fcntl(descriptor, F_SETFD, FD_CLOEXEC);
    }
  }

  // The host may be gone by now, and its number somebody else's.
  absl::Status MeetHost() {
    host_ = OpenProcess(getppid());
    if (host_.get() < 0) return SystemError("cannot watch the host");
    const std::optional<Message> message = ReadMessage();
    const auto* hello = message ? std::get_if<HostHello>(&*message) : nullptr;
    if (hello == nullptr) return absl::InternalError("the host does not introduce itself");
    if (hello->version != kProtocolVersion) {
      return absl::FailedPreconditionError("the child's program has another version of outlive");
    }
    if (hello->host_pid != getppid()) return absl::AbortedError("the host is gone");
    return absl::OkStatus();
  }

  std::optional<Message> ReadMessage() {
    while (true) {
      absl::StatusOr<std::optional<Message>> message = reader_.Next();
      if (!message.ok()) return std::nullopt;
      if (message->has_value()) return *std::move(message);
      std::array<pollfd, 2> sources = {pollfd{kControl, POLLIN, 0}, pollfd{host_.get(), POLLIN, 0}};
      poll(sources.data(), sources.size(), -1);
      if (sources[1].revents != 0) return std::nullopt;
      if (reader_.Receive() == MessageReader::Received::kEnd) return std::nullopt;
    }
  }

  absl::Status StartWorker() {
    alarm_ = Descriptor(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    SpawnRequest request;
    request.program = "/proc/self/exe";  // As it was when this process was started.
    request.arguments = {program_, std::string(kWorkerArgument)};
    for (char** variable = environ; *variable != nullptr; ++variable) {
      request.environment.emplace_back(*variable);
    }
    request.descriptors = {-1, kOutputToPass, kOutputToPass, kChannelToPass, alarm_.get()};
    const absl::StatusOr<pid_t> pid = Spawn(request);
    if (!pid.ok()) return pid.status();
    worker_pid_ = *pid;
    worker_ = OpenProcess(worker_pid_);
    if (worker_.get() < 0) {
      const absl::Status error = SystemError("cannot watch the worker");
      KillFamily();
      return error;
    }
    // The host sees the end of these when the worker's family has let them go.
    close(kChannelToPass);
    close(kOutputToPass);
    return absl::OkStatus();
  }

  // The worker has ended, or the host wants it to end, or the host has ended.
  void WaitForReason() const {
    std::array<pollfd, 3> sources = {pollfd{kControl, POLLIN, 0}, pollfd{host_.get(), POLLIN, 0},
                                     pollfd{worker_.get(), POLLIN, 0}};
    while (poll(sources.data(), sources.size(), -1) < 0 && errno == EINTR) {
    }
  }

  // Every descendant of the worker becomes a child of this process when its parent has died.
  void KillFamily() {
    // While nobody has waited for the worker, its number is nobody else's.
    kill(-worker_pid_, SIGKILL);
    kill(worker_pid_, SIGKILL);
    int misses = 0;
    while (TakeInAll()) {
      const std::optional<std::vector<ChildProcess>> children = Children();
      if (!children || (children->empty() && ++misses == kMissesMax)) {
        ended_.left_overs = true;
        return;
      }
      if (children->empty()) continue;
      for (const ChildProcess& child : *children) {
        // A process that hands on to a child and ends, again and again, is gone when it is killed,
        // but for its group: no process of it can fork while that is being killed. In a session
        // that was made by one of the family all groups are the family's.
        if (child.group > 1 && child.session != getsid(0)) kill(-child.group, SIGKILL);
        kill(child.pid, SIGKILL);
      }
      TakeInOne(0);
    }
  }

  // Takes in all children that have ended: whoever leaves them to pile up has more and more to look
  // through, and in the end the system has no number left for a process. False: no child is left.
  bool TakeInAll() {
    while (true) {
      const pid_t pid = TakeInOne(WNOHANG);
      if (pid == 0) return true;
      if (pid < 0 && errno != EINTR) return false;
    }
  }

  // Takes in one child that has ended, and waits for it where `flags` do not say otherwise. As
  // wait().
  pid_t TakeInOne(int flags) {
    int status = 0;
    rusage usage = {};
    const pid_t pid = wait4(-1, &status, flags, &usage);
    if (pid <= 0 || pid != worker_pid_) return pid;
    ended_.exited = WIFEXITED(status);
    ended_.code = ended_.exited ? WEXITSTATUS(status) : WTERMSIG(status);
    ended_.cpu_time =
        absl::DurationFromTimeval(usage.ru_utime) + absl::DurationFromTimeval(usage.ru_stime);
    ended_.memory_peak_bytes = std::int64_t{usage.ru_maxrss} * 1024;
    std::uint64_t count = 0;
    ended_.allocation_failed = read(alarm_.get(), &count, sizeof count) == sizeof count;
    return pid;
  }

  void Say(const Message& message) {
    writer_.Add(message);
    writer_.FlushAll();
  }

  const std::string program_;
  MessageReader reader_{kControl};
  MessageWriter writer_{kControl};
  Descriptor host_;
  Descriptor alarm_;
  Descriptor worker_;
  pid_t worker_pid_ = -1;
  WorkerEnded ended_;
};

}  // namespace

void RunSupervisor(const char* program) {
  Supervisor(program).Run();
  // Not by way of main(): what the host's program does at its end is not for this process.
  _exit(0);
}

}  // namespace outlive::isolate
