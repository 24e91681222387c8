#include "outlive/engine/event_relay.h"

#include <thread>
#include <utility>
#include <vector>

#include "engine/backoff.h"
#include "outlive/core/mutex.h"

namespace outlive {
namespace {

constexpr int kBatch = 1'000;

}  // namespace

class EventRelay::Impl {
 public:
  Impl(JobStore& store, OnEvents on_events, absl::Duration poll_interval_max)
      : store_(store), on_events_(std::move(on_events)), poll_interval_max_(poll_interval_max) {}

  absl::Status Start(std::int64_t after) {
    MutexLock lifecycle(lifecycle_);
    if (thread_.joinable()) return absl::FailedPreconditionError("the relay is running");
    if (after < 0) return absl::InvalidArgumentError("relay: after must not be negative");
    if (poll_interval_max_ < absl::Milliseconds(10) || poll_interval_max_ > absl::Hours(1)) {
      return absl::InvalidArgumentError("relay: poll_interval_max must be from 10 ms to 1 h");
    }
    {
      MutexLock lock(mutex_);
      stopping_ = false;
      woken_ = true;
    }
    subscription_ = store_.Subscribe([this](WakeHint hint) {
      if (hint.changed) Wake();
    });
    try {
      thread_ = std::thread([this, after] { Loop(after); });
    } catch (const std::system_error&) {
      subscription_ = nullptr;
      return absl::ResourceExhaustedError("no thread could be started");
    }
    return absl::OkStatus();
  }

  void Stop() {
    MutexLock lifecycle(lifecycle_);
    {
      MutexLock lock(mutex_);
      stopping_ = true;
      changed_.NotifyAll();
    }
    if (thread_.joinable()) thread_.join();
    subscription_ = nullptr;
  }

 private:
  void Wake() {
    MutexLock lock(mutex_);
    woken_ = true;
    changed_.NotifyAll();
  }

  // False once the relay stops. A wake-up cuts the pause short.
  bool Pause(absl::Duration pause) {
    MutexLock lock(mutex_);
    if (!woken_ && !stopping_) changed_.WaitFor(mutex_, absl::ToChronoNanoseconds(pause));
    woken_ = false;
    return !stopping_;
  }

  void Loop(std::int64_t after) {
    int failures = 0;
    bool more = true;
    while (more || Pause(failures > 0 ? internal::StoreBackoff(failures, SystemRandomInstance())
                                      : poll_interval_max_)) {
      const absl::StatusOr<std::vector<Event>> events = store_.EventsAfter(after, kBatch);
      failures = events.ok() ? 0 : failures + 1;
      more = events.ok() && events->size() == static_cast<std::size_t>(kBatch) && !Stopping();
      if (!events.ok() || events->empty()) continue;
      after = events->back().seq;
      on_events_(*events);
    }
  }

  bool Stopping() {
    MutexLock lock(mutex_);
    return stopping_;
  }

  JobStore& store_;
  OnEvents on_events_;
  const absl::Duration poll_interval_max_;

  Mutex lifecycle_;  // Start() and Stop(), one at a time.
  std::thread thread_ ABSL_GUARDED_BY(lifecycle_);
  std::unique_ptr<Subscription> subscription_ ABSL_GUARDED_BY(lifecycle_);

  Mutex mutex_;
  CondVar changed_;
  bool woken_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

EventRelay::EventRelay(JobStore& store, OnEvents on_events, absl::Duration poll_interval_max)
    : impl_(std::make_unique<Impl>(store, std::move(on_events), poll_interval_max)) {}

EventRelay::~EventRelay() { Stop(); }

absl::Status EventRelay::Start(std::int64_t after) { return impl_->Start(after); }

void EventRelay::Stop() { impl_->Stop(); }

}  // namespace outlive
