#include "benchmarks/end_counter.h"

#include <chrono>

#include "benchmarks/support.h"

namespace outlive::bench {
namespace {

constexpr int kPatienceSeconds = 60;

}  // namespace

void EndCounter::Expect(int job_count) {
  MutexLock lock(mutex_);
  ended_ = 0;
  expected_ = job_count;
  reached_ = false;
}

void EndCounter::Wait() {
  MutexLock lock(mutex_);
  int ended = 0;
  for (int idle = 0; !reached_ && !failed_;) {
    if (changed_.WaitFor(mutex_, std::chrono::seconds(1))) continue;
    const int now = ended_;
    idle = now == ended ? idle + 1 : 0;
    ended = now;
    if (idle == kPatienceSeconds) throw BenchError("no job has ended for a minute");
  }
  if (failed_) throw BenchError("a job has not completed at its first attempt");
}

void EndCounter::OnEnded(JobLabel, Transition end, absl::Duration) {
  if (end != Transition::kComplete) return Fail();
  if (ended_.fetch_add(1, std::memory_order_relaxed) + 1 !=
      expected_.load(std::memory_order_relaxed)) {
    return;
  }
  MutexLock lock(mutex_);
  reached_ = true;
  changed_.NotifyAll();
}

void EndCounter::Fail() {
  MutexLock lock(mutex_);
  failed_ = true;
  changed_.NotifyAll();
}

}  // namespace outlive::bench
