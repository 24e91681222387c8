#include "store/sqlite/watcher.h"

#include <algorithm>
#include <system_error>
#include <utility>

namespace outlive::sqlite {
namespace {

// Between the first sign and the next look; then twice as long, and so on.
constexpr absl::Duration kFirstPause = absl::Microseconds(250);

// Before a look while this process commits itself: its own writing gives signs all the time, and
// its transactions see foreign commits anyway.
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
    const bool sign = watch_->Wait(pause);
    if (sign) {
      pause = kFirstPause;
    } else if (pause >= poll_interval_) {
      continue;
    }
    const std::int64_t commit_count = writer_.commit_count();
    if (std::exchange(commit_count_, commit_count) != commit_count) watch_->Rest(kBusyPause);
    pause = Look() ? kFirstPause : std::min(2 * pause, poll_interval_);
  }
}

bool Watcher::Look() {
  if (!writer_.SeesForeignCommit().value_or(false)) return false;
  hub_.Wake({true, true, true});
  return true;
}

}  // namespace outlive::sqlite
