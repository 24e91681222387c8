#include "benchmarks/support.h"

#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace outlive::bench {

void Rest(std::chrono::milliseconds pause) {
  // tidy-allow(banned): nothing happens in an idle system that could be waited for.
  std::this_thread::sleep_for(pause);
}

void RunThreads(int thread_count, const std::function<void(int)>& work) {
  if (thread_count == 1) return work(0);
  std::mutex mutex;
  std::exception_ptr error;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < thread_count; ++i) {
      threads.emplace_back([&, i] {
        try {
          work(i);
        } catch (...) {
          const std::lock_guard lock(mutex);
          error = std::current_exception();
        }
      });
    }
  }
  if (error) std::rethrow_exception(error);
}

}  // namespace outlive::bench
