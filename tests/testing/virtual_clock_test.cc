#include "outlive/testing/virtual_clock.h"

#include <doctest/doctest.h>

#include <thread>
#include <vector>

using outlive::testing::VirtualClock;

TEST_CASE("a virtual clock stands still until it is told to move") {
  VirtualClock clock;
  CHECK(clock.Now() == absl::FromCivil(absl::CivilDay(2025, 1, 1), absl::UTCTimeZone()));
  CHECK(clock.Now() == VirtualClock::Start());
  CHECK(clock.SinceBoot() == absl::Hours(1));

  clock.Advance(absl::Seconds(90));
  CHECK(clock.Now() == VirtualClock::Start() + absl::Seconds(90));
  CHECK(clock.SinceBoot() == absl::Hours(1) + absl::Seconds(90));

  clock.Advance(absl::ZeroDuration());
  CHECK(clock.Now() == VirtualClock::Start() + absl::Seconds(90));
}

TEST_CASE("setting a virtual clock moves the civil time only") {
  VirtualClock clock;
  clock.SetNow(VirtualClock::Start() - absl::Hours(24));
  CHECK(clock.Now() == VirtualClock::Start() - absl::Hours(24));
  CHECK(clock.SinceBoot() == absl::Hours(1));

  clock.Advance(absl::Seconds(1));
  CHECK(clock.Now() == VirtualClock::Start() - absl::Hours(24) + absl::Seconds(1));
  CHECK(clock.SinceBoot() == absl::Hours(1) + absl::Seconds(1));
}

TEST_CASE("a virtual clock may start anywhere") {
  const absl::Time then = absl::FromUnixSeconds(4'102'444'800);
  CHECK(VirtualClock(then).Now() == then);
}

TEST_CASE("threads may move a virtual clock at once") {
  VirtualClock clock;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&clock] {
      for (int step = 0; step < 1'000; ++step) clock.Advance(absl::Microseconds(1));
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(clock.Now() == VirtualClock::Start() + absl::Milliseconds(4));
  CHECK(clock.SinceBoot() == absl::Hours(1) + absl::Milliseconds(4));
}
