#include "outlive/core/wake_hub.h"

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

using outlive::Subscription;
using outlive::WakeHint;
using outlive::WakeHub;

TEST_CASE("a hint reaches every subscriber, in the order in which they came") {
  WakeHub hub;
  std::vector<int> calls;
  const auto first = hub.Subscribe([&](WakeHint hint) {
    CHECK(hint.work);
    CHECK_FALSE(hint.changed);
    calls.push_back(1);
  });
  const auto second = hub.Subscribe([&](WakeHint) { calls.push_back(2); });
  hub.Wake({.work = true});
  CHECK(calls == std::vector<int>{1, 2});
}

TEST_CASE("a hint that says nothing calls nobody") {
  WakeHub hub;
  int calls = 0;
  const auto subscription = hub.Subscribe([&](WakeHint) { ++calls; });
  hub.Wake({});
  CHECK(calls == 0);
  hub.Wake({.changed = true});
  hub.Wake({.cancel = true});
  CHECK(calls == 2);
}

TEST_CASE("nobody is called after he has left") {
  WakeHub hub;
  hub.Wake({.work = true});
  int calls = 0;
  auto subscription = hub.Subscribe([&](WakeHint) { ++calls; });
  hub.Wake({.work = true});
  subscription.reset();
  hub.Wake({.work = true});
  CHECK(calls == 1);
}

TEST_CASE("a subscriber may leave, and send others away, inside its call") {
  WakeHub hub;
  int calls = 0;
  std::unique_ptr<Subscription> first;
  std::unique_ptr<Subscription> second;
  first = hub.Subscribe([&](WakeHint) {
    ++calls;
    first.reset();
    second.reset();
  });
  second = hub.Subscribe([&](WakeHint) { ++calls; });
  hub.Wake({.work = true});
  hub.Wake({.work = true});
  CHECK(calls == 1);
}

TEST_CASE("a subscriber may subscribe another inside its call") {
  WakeHub hub;
  int calls = 0;
  std::unique_ptr<Subscription> inner;
  const auto outer = hub.Subscribe([&](WakeHint) {
    if (inner == nullptr) inner = hub.Subscribe([&](WakeHint) { ++calls; });
  });
  hub.Wake({.work = true});
  hub.Wake({.work = true});
  CHECK(calls >= 1);
}

TEST_CASE("leaving waits for a call on another thread") {
  WakeHub hub;
  std::atomic<bool> entered = false;
  std::atomic<bool> leave = false;
  std::atomic<bool> left = false;
  auto subscription = hub.Subscribe([&](WakeHint) {
    entered = true;
    while (!leave) std::this_thread::yield();
    left = true;
  });
  std::thread waker([&] { hub.Wake({.work = true}); });
  while (!entered) std::this_thread::yield();
  leave = true;
  subscription.reset();
  CHECK(left);
  waker.join();
}

TEST_CASE("threads that wake, come and go do not disturb each other") {
  WakeHub hub;
  std::atomic<int> calls = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < 500; ++n) hub.Wake({.work = true});
    });
    threads.emplace_back([&] {
      for (int n = 0; n < 500; ++n) {
        auto alive = std::make_unique<int>(1);
        const auto subscription = hub.Subscribe([&](WakeHint) { calls += *alive; });
        hub.Wake({.cancel = true});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(calls >= 1'000);  // That nobody was called too late is for the sanitizers to see.
}
