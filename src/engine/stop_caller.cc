#include "engine/stop_caller.h"

#include <system_error>
#include <utility>

#include "engine/attempt.h"

namespace outlive::internal {

absl::Status StopCaller::Start() {
  MutexLock lock(mutex_);
  try {
    thread_ = std::thread([this] { Loop(); });
  } catch (const std::system_error&) {
    return absl::ResourceExhaustedError("no thread could be started");
  }
  running_ = true;
  return absl::OkStatus();
}

void StopCaller::Add(std::shared_ptr<Attempt> attempt) {
  {
    MutexLock lock(mutex_);
    if (running_) {
      waiting_.push_back(std::move(attempt));
      changed_.NotifyOne();
      return;
    }
  }
  attempt->CallOnStop();
}

void StopCaller::Stop() {
  {
    MutexLock lock(mutex_);
    running_ = false;
    changed_.NotifyOne();
  }
  if (thread_.joinable()) thread_.join();
}

void StopCaller::Loop() {
  while (true) {
    std::shared_ptr<Attempt> attempt;
    {
      MutexLock lock(mutex_);
      while (waiting_.empty() && running_) changed_.Wait(mutex_);
      if (waiting_.empty()) return;
      attempt = std::move(waiting_.front());
      waiting_.pop_front();
    }
    attempt->CallOnStop();
  }
}

}  // namespace outlive::internal
