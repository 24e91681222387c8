// std::mutex with the annotations that clang's -Wthread-safety checks. absl::Mutex is not used: the
// version on Debian 12 raises false reports under ThreadSanitizer.
//
// Thread-safety: what they are for. A Mutex is not recursive.
#ifndef OUTLIVE_CORE_MUTEX_H_
#define OUTLIVE_CORE_MUTEX_H_

#include <absl/base/thread_annotations.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>

namespace outlive {

class ABSL_LOCKABLE Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void Lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() { mutex_.lock(); }
  void Unlock() ABSL_UNLOCK_FUNCTION() { mutex_.unlock(); }
  bool TryLock() ABSL_EXCLUSIVE_TRYLOCK_FUNCTION(true) { return mutex_.try_lock(); }

 private:
  friend class CondVar;
  std::mutex mutex_;
};

class ABSL_SCOPED_LOCKABLE MutexLock {
 public:
  explicit MutexLock(Mutex& mutex) ABSL_EXCLUSIVE_LOCK_FUNCTION(mutex) : mutex_(mutex) {
    mutex_.Lock();
  }
  ~MutexLock() ABSL_UNLOCK_FUNCTION() { mutex_.Unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mutex_;
};

// Every wait may end early: callers loop over their condition.
class CondVar {
 public:
  void Wait(Mutex& mutex) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    condition_.wait(lock);
    lock.release();
  }

  // False once `timeout` has passed. As long as you like: what is too long for the machine to add
  // to its time ends early.
  bool WaitFor(Mutex& mutex, std::chrono::nanoseconds timeout)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex) {
    std::unique_lock<std::mutex> lock(mutex.mutex_, std::adopt_lock);
    const bool woken =
        condition_.wait_for(lock, std::min(timeout, kWaitMax)) == std::cv_status::no_timeout;
    lock.release();
    return woken || timeout > kWaitMax;
  }

  void NotifyOne() { condition_.notify_one(); }
  void NotifyAll() { condition_.notify_all(); }

 private:
  static constexpr std::chrono::nanoseconds kWaitMax = std::chrono::hours(24 * 366);

  std::condition_variable condition_;
};

}  // namespace outlive

#endif  // OUTLIVE_CORE_MUTEX_H_
