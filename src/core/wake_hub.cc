#include "outlive/core/wake_hub.h"

#include <algorithm>
#include <thread>
#include <utility>

namespace outlive {

// Shared by the hub and by calls under way, so that it outlives both.
class WakeHub::Subscriber {
 public:
  explicit Subscriber(std::function<void(WakeHint)> on_wake) : on_wake_(std::move(on_wake)) {}

  void Call(WakeHint hint) {
    {
      MutexLock lock(mutex_);
      if (closed_) return;
      callers_.push_back(std::this_thread::get_id());
    }
    on_wake_(hint);
    MutexLock lock(mutex_);
    callers_.erase(std::find(callers_.begin(), callers_.end(), std::this_thread::get_id()));
    left_.NotifyAll();
  }

  // No call begins after this, and none of another thread is under way.
  void Close() {
    MutexLock lock(mutex_);
    closed_ = true;
    while (!OnlyThisThreadCalls()) left_.Wait(mutex_);
  }

 private:
  bool OnlyThisThreadCalls() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return std::all_of(callers_.begin(), callers_.end(),
                       [](std::thread::id caller) { return caller == std::this_thread::get_id(); });
  }

  const std::function<void(WakeHint)> on_wake_;

  Mutex mutex_;
  CondVar left_;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread::id> callers_ ABSL_GUARDED_BY(mutex_);
};

class WakeHub::Handle final : public Subscription {
 public:
  Handle(WakeHub& hub, std::shared_ptr<Subscriber> subscriber)
      : hub_(hub), subscriber_(std::move(subscriber)) {}

  ~Handle() override {
    hub_.Remove(subscriber_.get());
    subscriber_->Close();
  }

 private:
  WakeHub& hub_;
  const std::shared_ptr<Subscriber> subscriber_;
};

WakeHub::WakeHub() = default;
WakeHub::~WakeHub() = default;

std::unique_ptr<Subscription> WakeHub::Subscribe(std::function<void(WakeHint)> on_wake) {
  auto subscriber = std::make_shared<Subscriber>(std::move(on_wake));
  {
    MutexLock lock(mutex_);
    subscribers_.push_back(subscriber);
  }
  return std::make_unique<Handle>(*this, std::move(subscriber));
}

bool WakeHub::has_subscribers() {
  MutexLock lock(mutex_);
  return !subscribers_.empty();
}

void WakeHub::Wake(WakeHint hint) {
  if (!hint.work && !hint.changed && !hint.cancel) return;
  std::vector<std::shared_ptr<Subscriber>> subscribers;
  {
    MutexLock lock(mutex_);
    subscribers = subscribers_;
  }
  for (const std::shared_ptr<Subscriber>& subscriber : subscribers) subscriber->Call(hint);
}

void WakeHub::Remove(const Subscriber* subscriber) {
  MutexLock lock(mutex_);
  std::erase_if(subscribers_, [subscriber](const std::shared_ptr<Subscriber>& other) {
    return other.get() == subscriber;
  });
}

}  // namespace outlive
