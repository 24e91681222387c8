// The part of the dispatcher that brings it to an end.
#include <algorithm>
#include <utility>

#include "engine/attempt_log.h"
#include "engine/dispatcher.h"

namespace outlive::internal {

void Dispatcher::Drain() {
  MutexLock lock(mutex_);
  draining_ = true;
  ReturnAhead(absl::InfiniteDuration());
  changed_.NotifyAll();
}

void Dispatcher::LimitGrace(absl::Duration grace) {
  MutexLock lock(mutex_);
  grace_end_ = std::min(grace_end_, services_.clock.SinceBoot() + grace);
  changed_.NotifyAll();
}

bool Dispatcher::WaitOutGrace(absl::Duration grace) {
  LimitGrace(grace);
  MutexLock lock(mutex_);
  return WaitUntilIdleBefore(grace_end_);
}

bool Dispatcher::WaitUntilIdle(absl::Duration timeout) {
  const absl::Duration end = services_.clock.SinceBoot() + timeout;
  MutexLock lock(mutex_);
  return WaitUntilIdleBefore(end);
}

bool Dispatcher::WaitUntilIdleBefore(const absl::Duration& end) {
  while (executing_ > 0 || !ended_.empty() || turning_) {
    const absl::Duration left = end - services_.clock.SinceBoot();
    if (left <= absl::ZeroDuration()) return false;
    if (left == absl::InfiniteDuration()) {
      changed_.Wait(mutex_);
    } else {
      changed_.WaitFor(mutex_, absl::ToChronoNanoseconds(left));
    }
  }
  return true;
}

void Dispatcher::HandBack() {
  std::vector<AttemptPtr> attempts;
  std::vector<Finished> releases;
  std::vector<Ended> dropped;
  {
    MutexLock lock(mutex_);
    dropped.swap(ended_);
    for (const Ended& ended : dropped) Forget(ended.attempt);
    for (const auto& [id, attempt] : running_) {
      attempt->abandoned = true;
      Finished release;
      release.lease = attempt->job().lease;
      release.transition = Transition::kRelease;
      attempts.push_back(attempt);
      releases.push_back(std::move(release));
    }
  }
  // The log tells it in the same order every time.
  std::sort(releases.begin(), releases.end(),
            [](const Finished& a, const Finished& b) { return a.lease.job < b.lease.job; });
  for (Ended& ended : dropped) releases.push_back(std::move(ended.finished));
  if (releases.empty()) return;
  const absl::Status status = services_.commits.Run(
      static_cast<int>(releases.size()),
      [&](StoreTransaction& transaction) { return transaction.Finish(releases).status(); });
  LogHandBack(services_, releases.size(), status);
}

void Dispatcher::WaitForWorkers() {
  MutexLock lock(mutex_);
  while (executing_ > 0 || turning_) changed_.Wait(mutex_);
}

void Dispatcher::Finish() {
  MutexLock lock(mutex_);
  finishing_ = true;
  changed_.NotifyAll();
}

void Dispatcher::Reset() {
  MutexLock lock(mutex_);
  draining_ = false;
  grace_end_ = absl::InfiniteDuration();
  finishing_ = false;
  failures_ = 0;
  ended_.clear();
  running_.clear();
  for (Slots& slots : slots_) {
    slots.executing = 0;
    slots.may_have_more = true;
    slots.ahead.clear();
  }
  claim_at_ = absl::ZeroDuration();
  paused_until_ = absl::ZeroDuration();
}

}  // namespace outlive::internal
