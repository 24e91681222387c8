// ThreadPool runs attempts on threads that are started as they are needed: one more whenever work
// waits and nobody is idle.
//
// Threads are called one at a time, woken or started: whoever takes a task calls the next one where
// more are waiting. So a burst of quick jobs is run by those that are awake, and does not wake or
// start hundreds; a burst of slow ones gets a thread each.
//
// Thread-safety: may be used from many threads at once.
// Lifetime:      Stop() returns when every thread has ended; the destructor calls it.
#ifndef OUTLIVE_SRC_ENGINE_THREAD_POOL_H_
#define OUTLIVE_SRC_ENGINE_THREAD_POOL_H_

#include <absl/status/status.h>

#include <deque>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "outlive/core/mutex.h"

namespace outlive::internal {

class Attempt;

class ThreadPool {
 public:
  using Task = std::shared_ptr<Attempt>;

  // `run` is called on a thread of the pool for each task, and must not throw.
  explicit ThreadPool(std::function<void(Task)> run) : run_(std::move(run)) {}
  ~ThreadPool() { Stop(); }

  // Starts the first thread. kResourceExhausted: the system gives none.
  absl::Status Start(int thread_count_max);

  // Runs each of `tasks`, in order as threads are free.
  void Add(std::vector<Task> tasks);

  // Runs what was added, then ends the threads.
  void Stop();

 private:
  void CallAnother() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool StartThread() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Loop();

  const std::function<void(Task)> run_;

  Mutex mutex_;
  CondVar changed_;
  std::deque<Task> tasks_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_ ABSL_GUARDED_BY(mutex_);
  int thread_count_max_ ABSL_GUARDED_BY(mutex_) = 0;
  int idle_ ABSL_GUARDED_BY(mutex_) = 0;
  bool called_ ABSL_GUARDED_BY(mutex_) = false;  // A thread that has not looked yet.
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace outlive::internal

#endif  // OUTLIVE_SRC_ENGINE_THREAD_POOL_H_
