#include "isolate/host_link.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <system_error>
#include <utility>
#include <variant>

#include "isolate/role.h"
#include "outlive/core/limits.h"

namespace outlive::isolate {
namespace {

// A job may report as often as it likes; the host hears of it so often.
constexpr absl::Duration kReportInterval = absl::Milliseconds(20);

}  // namespace

HostLink::HostLink(int socket, const Clock& clock)
    : socket_(socket),
      clock_(clock),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      reader_(socket),
      writer_(socket) {}

HostLink::~HostLink() {
  if (thread_.joinable()) thread_.join();
}

std::optional<SetUp> HostLink::ReadSetUp() {
  while (true) {
    absl::StatusOr<std::optional<Message>> message = reader_.Next();
    if (!message.ok()) return std::nullopt;
    if (message->has_value()) {
      auto* set_up = std::get_if<SetUp>(&**message);
      return set_up == nullptr ? std::nullopt : std::optional(std::move(*set_up));
    }
    pollfd source = {socket_, POLLIN, 0};
    poll(&source, 1, -1);
    if (reader_.Receive() == MessageReader::Received::kEnd) return std::nullopt;
  }
}

bool HostLink::Start() {
  try {
    thread_ = std::thread([this] { Loop(); });
    return true;
  } catch (const std::system_error&) {
    return false;
  }
}

std::optional<RunJob> HostLink::NextJob() {
  MutexLock lock(mutex_);
  while (!next_ && !lost_) changed_.Wait(mutex_);
  return std::exchange(next_, std::nullopt);
}

void HostLink::Begin(std::function<void(StopReason)> stop) {
  {
    MutexLock lock(write_mutex_);
    report_ = {};
    has_report_ = false;
  }
  StopReason stopped = StopReason::kNone;
  {
    MutexLock lock(mutex_);
    stopped = stopped_;
    stop_ = stop;
  }
  if (stopped != StopReason::kNone) stop(stopped);
}

void HostLink::End(const JobEnded& message) {
  {
    MutexLock lock(mutex_);
    stop_ = nullptr;
    stopped_ = StopReason::kNone;
    busy_ = false;  // The host may let go as soon as it has the message.
  }
  MutexLock lock(write_mutex_);
  SendReport();
  writer_.Add(message);
  // The job may have closed the socket, and the thread that reads does not notice.
  if (!writer_.FlushAll()) _exit(kExitHostLost);
}

void HostLink::Send(const Message& message) {
  MutexLock lock(write_mutex_);
  SendReport();
  writer_.Add(message);
  if (!writer_.FlushAll()) OnHostLost();
}

absl::Status HostLink::Call(const Message& message) {
  MutexLock one(call_mutex_);
  Send(message);
  MutexLock lock(mutex_);
  while (!answer_) changed_.Wait(mutex_);
  return *std::exchange(answer_, std::nullopt);
}

void HostLink::Report(double fraction, std::string_view note) {
  if (!std::isfinite(fraction)) return;
  fraction = std::clamp(fraction, 0.0, 1.0);
  note = note.substr(0, limits::kMessageBytesMax);
  MutexLock lock(write_mutex_);
  if (fraction < report_.fraction || (fraction == report_.fraction && note == report_.note)) return;
  report_ = {fraction, std::string(note)};
  const bool waits = std::exchange(has_report_, true);
  if (clock_.SinceBoot() - reported_at_ >= kReportInterval) {
    SendReport();
    if (!writer_.FlushAll()) OnHostLost();
  } else if (!waits) {
    const std::uint64_t one = 1;
    static_cast<void>(write(wake_.get(), &one, sizeof one));
  }
}

void HostLink::SendReport() {
  if (!std::exchange(has_report_, false)) return;
  reported_at_ = clock_.SinceBoot();
  writer_.Add(report_);
}

void HostLink::FlushReport() {
  MutexLock lock(write_mutex_);
  if (!has_report_ || clock_.SinceBoot() - reported_at_ < kReportInterval) return;
  SendReport();
  if (!writer_.FlushAll()) OnHostLost();
}

// -- The thread ---------------------------------------------------------------------------------

void HostLink::Loop() {
  while (true) {
    std::array<pollfd, 2> sources = {pollfd{socket_, POLLIN, 0}, pollfd{wake_.get(), POLLIN, 0}};
    if (poll(sources.data(), sources.size(), WaitMillis()) < 0 && errno != EINTR) {
      return OnHostLost();
    }
    FlushReport();
    std::uint64_t count = 0;
    if (sources[1].revents != 0) static_cast<void>(read(wake_.get(), &count, sizeof count));
    if (sources[0].revents == 0) continue;
    if (reader_.Receive() == MessageReader::Received::kEnd) return OnHostLost();
    absl::StatusOr<std::optional<Message>> message = reader_.Next();
    for (; message.ok() && message->has_value(); message = reader_.Next()) {
      OnMessage(**std::move(message));
    }
    if (!message.ok()) return OnHostLost();
  }
}

// Until a report is due.
int HostLink::WaitMillis() {
  MutexLock lock(write_mutex_);
  if (!has_report_) return -1;
  const absl::Duration left = reported_at_ + kReportInterval - clock_.SinceBoot();
  return static_cast<int>(
      absl::ToInt64Milliseconds(std::clamp(left, absl::ZeroDuration(), kReportInterval)) + 1);
}

void HostLink::OnMessage(Message message) {
  if (const auto* stop = std::get_if<StopJob>(&message)) return OnStop(stop->reason);
  MutexLock lock(mutex_);
  if (auto* job = std::get_if<RunJob>(&message)) {
    busy_ = true;
    next_ = std::move(*job);
  } else if (auto* answer = std::get_if<Answer>(&message)) {
    answer_ = std::move(answer->status);
  }
  changed_.NotifyAll();
}

void HostLink::OnStop(StopReason reason) {
  std::function<void(StopReason)> stop;
  {
    MutexLock lock(mutex_);
    if (!busy_) return;  // It crossed the end of the job.
    stopped_ = reason;
    stop = stop_;
  }
  // Outside the lock: the worker's own callbacks run here.
  if (stop) stop(reason);
}

void HostLink::OnHostLost() {
  MutexLock lock(mutex_);
  if (busy_) _exit(kExitHostLost);
  lost_ = true;
  changed_.NotifyAll();
}

}  // namespace outlive::isolate
