#include "store/sqlite/watcher.h"

#include <algorithm>
#include <optional>
#include <system_error>
#include <utility>

namespace outlive::sqlite {
namespace {

// Between the first sign and the next look; then twice as long, and so on.
constexpr absl::Duration kFirstPause = absl::Microseconds(250);

// Before a look where this process has committed itself: its own writing gives signs all the time,
// and its transactions see foreign commits anyway.
constexpr absl::Duration kBusyPause = absl::Milliseconds(2);

}  // namespace

Watcher::Watcher(Writer& writer, WakeHub& hub, const std::string& path,
                 absl::Duration poll_interval)
    : writer_(writer),
      hub_(hub),
      poll_interval_(poll_interval),
      watch_(MakeFileWatch(path + "-wal")) {}

Watcher::~Watcher() {
  std::thread thread;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
    std::swap(thread, thread_);
  }
  watch_->Interrupt();
  if (thread.joinable()) thread.join();
}

void Watcher::AddSubscriber() {
  MutexLock lock(mutex_);
  ++subscriber_count_;
  changed_.NotifyAll();
  if (thread_.joinable()) return;
  try {
    thread_ = std::thread([this] { Run(); });
  } catch (const std::system_error&) {
    // No thread to be had now. Who waits also polls, and the next subscriber tries again.
  }
}

void Watcher::RemoveSubscriber() {
  MutexLock lock(mutex_);
  if (--subscriber_count_ == 0) watch_->Interrupt();
}

bool Watcher::WaitForSubscribers() {
  MutexLock lock(mutex_);
  while (subscriber_count_ == 0 && !stopping_) changed_.Wait(mutex_);
  return !stopping_;
}

void Watcher::Run() {
  absl::Duration pause = poll_interval_;
  while (WaitForSubscribers()) {
    if (watch_->Wait(pause)) {
      pause = kFirstPause;
    } else if (pause >= poll_interval_) {
      continue;
    }
    pause = Look(pause);
  }
}

absl::Duration Watcher::Look(absl::Duration pause) {
  const std::int64_t commit_count = writer_.commit_count();
  const bool own = std::exchange(commit_count_, commit_count) != commit_count;
  if (own) {
    // All signs up to here are answered by what follows.
    watch_->Rest(kBusyPause);
    while (watch_->Wait(absl::ZeroDuration())) {
    }
  }
  const std::optional<bool> foreign =
      own ? writer_.SettlesForeignCommits() : writer_.SeesForeignCommit();
  if (!foreign) return std::min(std::max(2 * pause, kBusyPause), poll_interval_);
  if (*foreign) {
    hub_.Wake({true, true, true});
    return kFirstPause;
  }
  return own ? poll_interval_ : std::min(2 * pause, poll_interval_);
}

}  // namespace outlive::sqlite
