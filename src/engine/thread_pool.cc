#include "engine/thread_pool.h"

#include <iterator>
#include <system_error>
#include <utility>

namespace outlive::internal {

absl::Status ThreadPool::Start(int thread_count_max) {
  MutexLock lock(mutex_);
  thread_count_max_ = thread_count_max;
  stopping_ = false;
  if (!StartThread()) return absl::ResourceExhaustedError("no thread could be started");
  return absl::OkStatus();
}

// Where the system gives no more threads, those that are there go on.
bool ThreadPool::StartThread() {
  try {
    threads_.emplace_back([this] { Loop(); });
    called_ = true;
    return true;
  } catch (const std::system_error&) {
    return false;
  }
}

void ThreadPool::Add(std::vector<Task> tasks) {
  MutexLock lock(mutex_);
  std::move(tasks.begin(), tasks.end(), std::back_inserter(tasks_));
  CallAnother();
}

void ThreadPool::CallAnother() {
  if (tasks_.empty() || called_) return;
  if (idle_ > 0) {
    called_ = true;
    changed_.NotifyOne();
  } else if (threads_.size() < static_cast<std::size_t>(thread_count_max_)) {
    StartThread();
  }
}

void ThreadPool::Stop() {
  std::vector<std::thread> threads;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    changed_.NotifyAll();
  }
  while (true) {
    {
      MutexLock lock(mutex_);
      threads.swap(threads_);  // The last ones may have started more.
    }
    if (threads.empty()) return;
    for (std::thread& thread : threads) thread.join();
    threads.clear();
  }
}

void ThreadPool::Loop() {
  bool fresh = true;
  while (true) {
    Task task;
    {
      MutexLock lock(mutex_);
      if (std::exchange(fresh, false)) called_ = false;
      ++idle_;
      while (tasks_.empty() && !stopping_) {
        changed_.Wait(mutex_);
        called_ = false;
      }
      --idle_;
      if (tasks_.empty()) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
      CallAnother();
    }
    run_(std::move(task));
  }
}

}  // namespace outlive::internal
