#include "store/sqlite/writer_gate.h"

#include <algorithm>
#include <chrono>

namespace outlive::sqlite {
namespace {

// How often a waiting thread looks at the clock, which need not be that of the machine.
constexpr absl::Duration kLook = absl::Milliseconds(50);

}  // namespace

bool WriterGate::Acquire(Deadline& deadline) {
  MutexLock lock(mutex_);
  const std::uint64_t ticket = ++last_ticket_;
  waiting_.push_back(ticket);
  while (held_ || waiting_.front() != ticket) {
    if (deadline.passed()) {
      waiting_.erase(std::find(waiting_.begin(), waiting_.end(), ticket));
      changed_.NotifyAll();
      return false;
    }
    const auto before = std::chrono::steady_clock::now();
    changed_.WaitFor(mutex_, absl::ToChronoNanoseconds(std::min(deadline.left(), kLook)));
    deadline.AddSleep(absl::FromChrono(std::chrono::steady_clock::now() - before));
  }
  waiting_.pop_front();
  held_ = true;
  return true;
}

bool WriterGate::TryAcquire() {
  MutexLock lock(mutex_);
  if (held_ || !waiting_.empty()) return false;
  held_ = true;
  return true;
}

void WriterGate::Release() {
  MutexLock lock(mutex_);
  held_ = false;
  changed_.NotifyAll();
}

}  // namespace outlive::sqlite
