#include "engine/keeper.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "engine/attempt_log.h"
#include "engine/backoff.h"

namespace outlive::internal {

void Keeper::Loop(Share share) {
  while (true) {
    const Duties due = WaitForDuty(share);
    {
      MutexLock lock(mutex_);
      if (finishing_) return;
    }
    Do(due);
  }
}

void Keeper::Poll() {
  Duties due;
  {
    MutexLock lock(mutex_);
    if (TimeLeftLocked(Share::kAll) > absl::ZeroDuration()) return;
    due = DutiesLocked(Share::kAll);
  }
  Do(due);
}

absl::Duration Keeper::TimeLeft() {
  MutexLock lock(mutex_);
  return TimeLeftLocked(Share::kAll);
}

void Keeper::Do(const Duties& due) {
  const absl::Duration now = services_.clock.SinceBoot();
  if (due.renew <= now) DoRenew(now);
  if (due.cancel <= now) PassOnCancelRequests();
  if (due.timeout <= now) DoTimeouts(now);
  if (due.progress <= now) WriteProgress();
}

void Keeper::WriteProgress() {
  {
    MutexLock lock(mutex_);
    duties_.progress = absl::InfiniteDuration();
  }
  // What the store refuses now is reported again by the attempt itself.
  progress_failures_ = progress_.Flush().ok() ? 0 : progress_failures_ + 1;
  if (progress_failures_ == 0) return;
  const absl::Duration pause = StoreBackoff(progress_failures_, services_.random);
  MutexLock lock(mutex_);
  duties_.progress =
      services_.clock.SinceBoot() + std::max(pause, services_.options.progress_interval);
}

// What is due, once something is.
Keeper::Duties Keeper::WaitForDuty(Share share) {
  MutexLock lock(mutex_);
  while (!finishing_) {
    const absl::Duration left = TimeLeftLocked(share);
    if (left == absl::ZeroDuration()) break;
    changed_.WaitFor(mutex_, absl::ToChronoNanoseconds(left));
  }
  return DutiesLocked(share);
}

Keeper::Duties Keeper::DutiesLocked(Share share) const {
  Duties duties{absl::InfiniteDuration(), absl::InfiniteDuration(), absl::InfiniteDuration(),
                absl::InfiniteDuration()};
  if (share != Share::kAllButProgress) duties.progress = duties_.progress;
  if (share == Share::kProgress) return duties;
  duties.renew = duties_.renew;
  duties.cancel = duties_.cancel;
  if (!timeouts_.empty()) duties.timeout = timeouts_.begin()->first;
  return duties;
}

absl::Duration Keeper::TimeLeftLocked(Share share) const {
  const Duties duties = DutiesLocked(share);
  const absl::Duration next =
      std::min({duties.renew, duties.cancel, duties.progress, duties.timeout});
  return std::max(next - services_.clock.SinceBoot(), absl::ZeroDuration());
}

void Keeper::Finish() {
  MutexLock lock(mutex_);
  finishing_ = true;
  changed_.NotifyAll();
}

void Keeper::Reset() {
  MutexLock lock(mutex_);
  finishing_ = false;
  duties_ = Duties{};
  duties_.renew = services_.clock.SinceBoot() + services_.options.lease / 4;
  timeouts_.clear();
}

void Keeper::Watch(const std::shared_ptr<Attempt>& attempt) {
  if (attempt->timeout_at() == absl::InfiniteDuration()) return;
  MutexLock lock(mutex_);
  timeouts_.emplace(attempt->timeout_at(), attempt);
  if (timeouts_.begin()->first == attempt->timeout_at()) changed_.NotifyAll();
}

void Keeper::OnCancelHint() {
  MutexLock lock(mutex_);
  duties_.cancel = absl::ZeroDuration();
  changed_.NotifyAll();
}

void Keeper::OnProgress() {
  MutexLock lock(mutex_);
  duties_.progress =
      std::min(duties_.progress, services_.clock.SinceBoot() + services_.options.progress_interval);
  changed_.NotifyAll();
}

void Keeper::OnSessionLost() {
  MutexLock lock(mutex_);
  duties_.renew = absl::ZeroDuration();
  changed_.NotifyAll();
}

void Keeper::DoRenew(absl::Duration begun) {
  const absl::Status status = Renew();
  absl::Duration pause = services_.options.lease / 4;
  pause = pause * (0.9 + 0.2 * RandomUnit(services_.random));
  failures_ = status.ok() ? 0 : failures_ + 1;
  if (!status.ok()) pause = std::min(pause, StoreBackoff(failures_, services_.random));
  if (failures_ == 1) {
    LogLine(services_, LogLevel::kError,
            fmt::format("the lease could not be renewed, trying again: {}", status.ToString()));
  }
  MutexLock lock(mutex_);
  // From the moment that counts for the lease: what the store takes must not put the next one off.
  duties_.renew = begun + pause;
  // A lost wake-up must not keep a request to stop waiting for longer than this.
  duties_.cancel = absl::ZeroDuration();
}

absl::Status Keeper::Renew() {
  const Sessions::Renewal renewal = sessions_.Renew();
  if (!renewal.lost.empty()) {
    LogLine(services_, LogLevel::kError,
            "the session is lost: running jobs are asked to stop, others may take them over");
    dispatcher_.RequestStop(StopReason::kLeaseLost, [&](const Attempt& attempt) {
      return std::find(renewal.lost.begin(), renewal.lost.end(), attempt.session().name) !=
             renewal.lost.end();
    });
  }
  const bool had_session = sessions_.current() != nullptr;
  if (absl::Status opened = sessions_.Open(); !opened.ok()) return opened;
  if (!had_session) dispatcher_.Wake();
  return renewal.status;
}

void Keeper::PassOnCancelRequests() {
  {
    MutexLock lock(mutex_);
    duties_.cancel = absl::InfiniteDuration();
  }
  if (dispatcher_.running_count() == 0) return;
  bool unknown = false;
  for (const std::string& session : sessions_.Names()) {
    const absl::StatusOr<std::vector<JobId>> requests = services_.store.CancelRequests(session);
    if (!requests.ok()) {
      unknown = true;
      continue;
    }
    for (const JobId id : *requests) {
      const std::shared_ptr<Attempt> attempt = dispatcher_.Find(id);
      if (attempt == nullptr) {
        unknown = true;
      } else {
        attempt->RequestStop(StopReason::kCancelled);
      }
    }
  }
  // Just claimed, and not known here yet; or the store could not be asked.
  unknown_cancels_ = unknown ? unknown_cancels_ + 1 : 0;
  if (!unknown) return;
  MutexLock lock(mutex_);
  duties_.cancel = std::min(duties_.cancel, services_.clock.SinceBoot() +
                                                StoreBackoff(unknown_cancels_, services_.random));
}

void Keeper::DoTimeouts(absl::Duration now) {
  std::vector<std::shared_ptr<Attempt>> late;
  {
    MutexLock lock(mutex_);
    while (!timeouts_.empty() && timeouts_.begin()->first <= now) {
      if (std::shared_ptr<Attempt> attempt = timeouts_.begin()->second.lock()) {
        late.push_back(std::move(attempt));
      }
      timeouts_.erase(timeouts_.begin());
    }
  }
  for (const std::shared_ptr<Attempt>& attempt : late) attempt->RequestStop(StopReason::kTimeout);
}

}  // namespace outlive::internal
