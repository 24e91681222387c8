// Waiting for something to become true of a store, by its wake-ups.
#ifndef OUTLIVE_TESTS_ENGINE_EVENTUALLY_H_
#define OUTLIVE_TESTS_ENGINE_EVENTUALLY_H_

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>

#include "outlive/core/job_store.h"

namespace outlive::tests {

// True once `holds` is; false where it is not within a minute. Looks again after each change of the
// store.
inline bool Eventually(JobStore& store, const std::function<bool()>& holds) {
  std::mutex mutex;
  std::condition_variable changed;
  int version = 0;
  const auto subscription = store.Subscribe([&](WakeHint) {
    const std::lock_guard lock(mutex);
    ++version;
    changed.notify_all();
  });
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  int seen = -1;
  while (true) {
    {
      const std::lock_guard lock(mutex);
      seen = version;
    }
    if (holds()) return true;
    std::unique_lock lock(mutex);
    if (!changed.wait_until(lock, deadline, [&] { return version != seen; })) return false;
  }
}

// Opened once; whoever waits goes on.
class Gate {
 public:
  void Open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void Wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return open_; });
  }
  // False where nobody opens it within a minute: the test has failed, and ends.
  bool WaitAMinute() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::minutes(1), [this] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

}  // namespace outlive::tests

#endif  // OUTLIVE_TESTS_ENGINE_EVENTUALLY_H_
