#include "outlive/core/mutex.h"

#include <doctest/doctest.h>

#include <chrono>
#include <thread>
#include <vector>

namespace {

using outlive::CondVar;
using outlive::Mutex;
using outlive::MutexLock;

TEST_CASE("one thread at a time is inside") {
  Mutex mutex;
  int count = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 10'000; ++i) {
        MutexLock lock(mutex);
        ++count;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(count == 80'000);
}

TEST_CASE("a mutex that is held cannot be taken") {
  Mutex mutex;
  bool taken = true;
  {
    MutexLock lock(mutex);
    std::thread([&] {
      const bool got = mutex.TryLock();
      if (got) mutex.Unlock();
      taken = got;
    }).join();
  }
  CHECK_FALSE(taken);
  const bool free = mutex.TryLock();
  CHECK(free);
  if (free) mutex.Unlock();
}

TEST_CASE("a condition is waited for, and the mutex is held again afterwards") {
  Mutex mutex;
  CondVar changed;
  bool ready = false;
  bool answered = false;
  std::thread other([&] {
    MutexLock lock(mutex);
    ready = true;
    changed.NotifyAll();
    while (!answered) changed.Wait(mutex);
  });
  {
    MutexLock lock(mutex);
    while (!ready) changed.Wait(mutex);
    answered = true;
    changed.NotifyOne();
  }
  other.join();
  CHECK(answered);
}

TEST_CASE("a wait ends after its time") {
  Mutex mutex;
  CondVar changed;
  MutexLock lock(mutex);
  CHECK_FALSE(changed.WaitFor(mutex, std::chrono::nanoseconds(0)));
  CHECK_FALSE(changed.WaitFor(mutex, std::chrono::nanoseconds(-1)));
  CHECK_FALSE(changed.WaitFor(mutex, std::chrono::nanoseconds::min()));
}

TEST_CASE("the longest wait there is does not end at once") {
  Mutex mutex;
  CondVar changed;
  bool ready = false;
  std::thread other;
  {
    MutexLock lock(mutex);
    other = std::thread([&] {
      MutexLock inner(mutex);
      ready = true;
      changed.NotifyAll();
    });
    // False would mean that 292 years have passed.
    while (!ready) CHECK(changed.WaitFor(mutex, std::chrono::nanoseconds::max()));
  }
  other.join();
}

}  // namespace
