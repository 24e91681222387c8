#include "isolate/child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string_view>
#include <utility>
#include <variant>

#include "isolate/process.h"
#include "isolate/role.h"
#include "isolate/spawn.h"
#include "isolate/system_error.h"

namespace outlive::isolate {
namespace {

constexpr std::size_t kTailBytesMax = 4'096;
constexpr std::size_t kReadBytes = std::size_t{64} << 10;

// What a pipe or a socket holds, and more: a child that goes on writing is not read for ever.
constexpr int kDrainReadsMax = 32;

// How long a supervisor may take to kill what it has to kill. It does nothing else; it may not
// get to run.
constexpr absl::Duration kKillPatience = absl::Seconds(10);

// How long it may take to end after it has said that all is done.
constexpr absl::Duration kReapPatience = absl::Seconds(1);

using Received = MessageReader::Received;

constexpr const char* kOwnProgram = "/proc/self/exe";

// Two ends of a socket, or of a pipe (first the one to read from).
using Ends = std::array<Descriptor, 2>;

absl::StatusOr<Ends> MakeSocket() {
  std::array<int, 2> ends = {};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return SystemError("cannot make a socket");
  }
  return Ends{Descriptor(ends[0]), Descriptor(ends[1])};
}

absl::StatusOr<Ends> MakePipe() {
  std::array<int, 2> ends = {};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return SystemError("cannot make a pipe");
  Ends made{Descriptor(ends[0]), Descriptor(ends[1])};
  // Of this end only.
  if (fcntl(ends[0], F_SETFL, O_NONBLOCK) != 0) return SystemError("cannot set up a pipe");
  return made;
}

std::string PathOfThisProgram() {
  std::array<char, 4'096> path = {};
  const ssize_t size = readlink(kOwnProgram, path.data(), path.size());
  return size <= 0 ? kOwnProgram : std::string(path.data(), static_cast<std::size_t>(size));
}

// Of two entries for a name the later one counts.
std::vector<std::string> EnvironmentOf(const IsolateOptions& options) {
  std::map<std::string, std::string> values;
  for (const std::string& entry : options.environment) {
    if (const std::size_t end = entry.find('='); end != std::string::npos) {
      values[entry.substr(0, end)] = entry.substr(end + 1);
    } else if (const char* value = std::getenv(entry.c_str()); value != nullptr) {
      values[entry] = value;
    }
  }
  values[kChildMark] = "1";
  std::vector<std::string> environment;
  for (const auto& [name, value] : values) environment.push_back(name + "=" + value);
  return environment;
}

}  // namespace

// -- Starting -----------------------------------------------------------------------------------

absl::StatusOr<std::unique_ptr<Child>> Child::Start(const IsolateOptions& options) {
  std::unique_ptr<Child> child(new Child(*options.clock));
  if (absl::Status launched = child->Launch(options); !launched.ok()) return launched;
  if (absl::Status met = child->MeetWorker(options); !met.ok()) return met;
  return child;
}

absl::Status Child::Launch(const IsolateOptions& options) {
  if (OpenProcess(getpid()).get() < 0) return SystemError("this system cannot watch a process");
  // What the program says before it is a child goes where the host's complaints go.
  const int complaints = fcntl(STDERR_FILENO, F_GETFD) < 0 ? -1 : STDERR_FILENO;
  absl::StatusOr<Ends> control = MakeSocket();
  if (!control.ok()) return control.status();
  absl::StatusOr<Ends> channel = MakeSocket();
  if (!channel.ok()) return channel.status();
  absl::StatusOr<Ends> output = MakePipe();
  if (!output.ok()) return output.status();
  wake_ = Descriptor(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (wake_.get() < 0) return SystemError("cannot make an eventfd");

  SpawnRequest request;
  request.program = options.program.empty() ? kOwnProgram : options.program;
  request.arguments = {options.program.empty() ? PathOfThisProgram() : options.program,
                       std::string(kSupervisorArgument)};
  request.environment = EnvironmentOf(options);
  request.descriptors = {
      -1, -1, complaints, (*control)[1].get(), (*channel)[1].get(), (*output)[1].get()};
  const absl::StatusOr<pid_t> pid = Spawn(request);
  if (!pid.ok()) return pid.status();
  supervisor_pid_ = *pid;
  supervisor_ = OpenProcess(*pid);
  control_ = std::move((*control)[0]);
  channel_ = std::move((*channel)[0]);
  output_ = std::move((*output)[0]);
  from_supervisor_ = MessageReader(control_.get());
  from_worker_ = MessageReader(channel_.get());
  to_worker_ = MessageWriter(channel_.get());
  return absl::OkStatus();
}

absl::Status Child::MeetWorker(const IsolateOptions& options) {
  MessageWriter to_supervisor(control_.get());
  to_supervisor.Add(HostHello{kProtocolVersion, getpid()});
  to_supervisor.FlushAll();
  SetUp set_up;
  set_up.nonce = RandomHex(*options.random, 16);
  set_up.supervisor_pid = supervisor_pid_;
  set_up.memory_bytes = options.memory_bytes;
  set_up.file_bytes = options.file_bytes;
  set_up.open_files = options.open_files;
  Send(set_up);

  const absl::Duration until = clock_.SinceBoot() + options.start_timeout;
  bool is_ready = false;
  while (!is_ready || worker_pid_ <= 0) {  // The worker may be faster than its supervisor.
    const absl::StatusOr<std::optional<Message>> message = Next();
    if (!message.ok()) return WhyNotReady("it does not speak the protocol");
    if (message->has_value()) {
      const auto* ready = std::get_if<Ready>(&**message);
      is_ready =
          ready != nullptr && ready->version == kProtocolVersion && ready->nonce == set_up.nonce;
      if (!is_ready) return WhyNotReady("it speaks another protocol");
      continue;
    }
    if (is_gone()) return WhyNotReady("it ended");
    const absl::Duration left = until - clock_.SinceBoot();
    if (left <= absl::ZeroDuration()) {
      return WhyNotReady(
          "it was not ready in time; does its main() call outlive::RunAsChild() first?");
    }
    Wait(left);
  }
  return absl::OkStatus();
}

absl::Status Child::WhyNotReady(std::string_view otherwise) {
  End();
  std::string why = "a child could not be started: ";
  why.append(not_started_.empty() ? otherwise : not_started_);
  if (ended_) why += fmt::format(" ({} {})", ended_->exited ? "exit code" : "signal", ended_->code);
  if (!output_tail_.empty()) why += "; its last output: " + output_tail_;
  return absl::UnavailableError(why);
}

// -- Talking ------------------------------------------------------------------------------------

void Child::Send(const Message& message) {
  if (is_silent()) return;
  to_worker_.Add(message);
  static_cast<void>(to_worker_.Flush());
}

void Child::Wait(absl::Duration timeout) {
  const short to_send = to_worker_.pending() ? POLLOUT : 0;
  // A child that is being killed is not listened to: nobody would take out what comes.
  const int channel = killed_ ? -1 : channel_.get();
  std::array<pollfd, 4> sources = {
      pollfd{channel, static_cast<short>(POLLIN | to_send), 0}, pollfd{control_.get(), POLLIN, 0},
      pollfd{output_.get(), POLLIN, 0}, pollfd{wake_.get(), POLLIN, 0}};
  const timespec longest = absl::ToTimespec(std::max(timeout, absl::ZeroDuration()));
  const bool forever = timeout == absl::InfiniteDuration();
  if (ppoll(sources.data(), sources.size(), forever ? nullptr : &longest, nullptr) <= 0) return;
  if (sources[2].revents != 0) ReadOutput();
  // Where the other end is closed, reading says so.
  if ((sources[0].revents & POLLOUT) != 0) static_cast<void>(to_worker_.Flush());
  if ((sources[0].revents & ~POLLOUT) != 0 && from_worker_.Receive() == Received::kEnd) {
    channel_.Close();
  }
  if (sources[1].revents != 0) ReadControl();
  std::uint64_t count = 0;
  if (sources[3].revents != 0) static_cast<void>(read(wake_.get(), &count, sizeof count));
}

void Child::Wake() const {
  const std::uint64_t one = 1;
  static_cast<void>(write(wake_.get(), &one, sizeof one));
}

void Child::ReadControl() {
  const bool open = from_supervisor_.Receive() != Received::kEnd;
  absl::StatusOr<std::optional<Message>> message = from_supervisor_.Next();
  for (; message.ok() && message->has_value(); message = from_supervisor_.Next()) {
    if (const auto* started = std::get_if<WorkerStarted>(&**message)) {
      worker_pid_ = static_cast<pid_t>(started->pid);
    } else if (auto* failed = std::get_if<WorkerNotStarted>(&**message)) {
      not_started_ = std::move(failed->why);
    } else if (const auto* ended = std::get_if<WorkerEnded>(&**message)) {
      ended_ = *ended;
    }
  }
  if (!open || !message.ok() || ended_) OnGone();
}

void Child::OnGone() {
  // What it said last is still to be read.
  for (int reads = 0; reads < kDrainReadsMax && !is_silent(); ++reads) {
    if (from_worker_.Receive() != Received::kSomething) break;
  }
  channel_.Close();
  DrainOutput();
  control_.Close();
  WaitForEnd(supervisor_, kReapPatience);
}

bool Child::ReadOutput() {
  std::array<char, kReadBytes> buffer;
  const ssize_t count = read(output_.get(), buffer.data(), buffer.size());
  if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) output_.Close();
  if (count <= 0) return false;
  output_tail_.append(buffer.data(), static_cast<std::size_t>(count));
  if (output_tail_.size() > kTailBytesMax) {
    output_tail_.erase(0, output_tail_.size() - kTailBytesMax);
  }
  return true;
}

void Child::DrainOutput() {
  for (int reads = 0; reads < kDrainReadsMax && ReadOutput(); ++reads) {
  }
}

void Child::ForgetOutput() {
  DrainOutput();
  output_tail_.clear();
}

// -- Ending -------------------------------------------------------------------------------------

void Child::LetGo() {
  if (is_silent()) return;
  // Closing alone would do nothing where the host has forked.
  shutdown(channel_.get(), SHUT_RDWR);
  channel_.Close();
}

void Child::Kill() {
  // The supervisor sees the end of what it hears, and can still say how it went.
  killed_ = true;
  if (!is_gone()) shutdown(control_.get(), SHUT_WR);
}

bool Child::WaitUntilGone(absl::Duration timeout) {
  const absl::Duration until = clock_.SinceBoot() + timeout;
  while (!is_gone()) {
    const absl::Duration left = until - clock_.SinceBoot();
    if (left <= absl::ZeroDuration()) return false;
    Wait(left);
  }
  return true;
}

void Child::End() {
  if (is_gone()) return;
  Kill();
  // One that has not said that it is a supervisor may be anything, and does not listen.
  if (worker_pid_ > 0 && WaitUntilGone(kKillPatience)) return;
  // As long as nobody has waited for it, its number is nobody else's.
  if (isolate::Kill(supervisor_)) kill(-supervisor_pid_, SIGKILL);
  // The worker process follows its supervisor: that is what PR_SET_PDEATHSIG is for.
  if (!WaitUntilGone(kKillPatience)) OnGone();
}

}  // namespace outlive::isolate
