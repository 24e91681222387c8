#include "observe/probe.h"

#include <fmt/format.h>

#include <exception>
#include <system_error>
#include <utility>

namespace outlive::internal {

Probe::~Probe() {
  std::thread thread;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
    thread = std::move(thread_);
  }
  if (thread.joinable()) thread.join();
}

void Probe::Start() {
  MutexLock lock(mutex_);
  if (running_) return;
  if (has_result_ && clock_.SinceBoot() - ended_at_ < keep_results_) return;
  started_at_ = RealTime::now();
  if (absl::Status ready = EnsureThread(); !ready.ok()) {
    Finish(std::move(ready), absl::ZeroDuration());
    return;
  }
  running_ = true;
  changed_.NotifyAll();
}

CheckReport Probe::Await() {
  MutexLock lock(mutex_);
  while (running_) {
    const absl::Duration left = check_.deadline - Took();
    if (left <= absl::ZeroDuration()) {
      return {check_.name, check_.importance, TooLate(), Took()};
    }
    changed_.WaitFor(mutex_, absl::ToChronoNanoseconds(left));
  }
  return {check_.name, check_.importance, status_, took_};
}

void Probe::Loop() {
  while (true) {
    {
      MutexLock lock(mutex_);
      while (!running_ && !stopping_) changed_.Wait(mutex_);
      if (stopping_) return;
    }
    absl::Status status = RunCheck();
    MutexLock lock(mutex_);
    const absl::Duration took = Took();
    // Whoever asked meanwhile was told so, and a slow success is no success.
    if (took > check_.deadline) status = TooLate();
    Finish(std::move(status), took);
  }
}

absl::Status Probe::RunCheck() const {
  try {
    return check_.check(check_.deadline);
  } catch (const std::exception& error) {
    return absl::InternalError(fmt::format("the check threw: {}", error.what()));
  } catch (...) {
    return absl::InternalError("the check threw something that is not a std::exception");
  }
}

absl::Status Probe::EnsureThread() {
  if (thread_.joinable()) return absl::OkStatus();
  try {
    thread_ = std::thread([this] { Loop(); });
  } catch (const std::system_error& error) {
    return absl::UnavailableError(fmt::format("no thread could be started: {}", error.what()));
  }
  return absl::OkStatus();
}

void Probe::Finish(absl::Status status, absl::Duration took) {
  status_ = std::move(status);
  took_ = took;
  ended_at_ = clock_.SinceBoot();
  has_result_ = true;
  running_ = false;
  changed_.NotifyAll();
}

absl::Duration Probe::Took() const { return absl::FromChrono(RealTime::now() - started_at_); }

absl::Status Probe::TooLate() const {
  return absl::DeadlineExceededError(
      fmt::format("no answer within {}", absl::FormatDuration(check_.deadline)));
}

}  // namespace outlive::internal
