#include "engine/waiters.h"

namespace outlive {

Client::Waiters::~Waiters() = default;

std::uint64_t Client::Waiters::Version() {
  std::call_once(subscribed_, [this] {
    subscription_ = store_.Subscribe([this](WakeHint hint) {
      if (!hint.changed) return;
      MutexLock lock(mutex_);
      ++version_;
      if (waiting_ > 0) changed_.NotifyAll();
    });
  });
  MutexLock lock(mutex_);
  return version_;
}

void Client::Waiters::WaitFor(std::uint64_t seen, absl::Duration timeout) {
  MutexLock lock(mutex_);
  ++waiting_;
  bool in_time = true;
  while (version_ == seen && in_time) {
    in_time = changed_.WaitFor(mutex_, absl::ToChronoNanoseconds(timeout));
  }
  --waiting_;
}

}  // namespace outlive
