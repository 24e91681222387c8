#include "outlive/core/clock.h"

#include <absl/time/time.h>
#include <doctest/doctest.h>

namespace {

TEST_CASE("time since boot never goes back") {
  const outlive::Clock& clock = outlive::SystemClockInstance();
  absl::Duration last = clock.SinceBoot();
  CHECK(last > absl::ZeroDuration());
  for (int i = 0; i < 10'000; ++i) {
    const absl::Duration now = clock.SinceBoot();
    REQUIRE(now >= last);
    last = now;
  }
}

TEST_CASE("both clocks move") {
  const outlive::SystemClock clock;
  const absl::Time start = clock.Now();
  const absl::Duration boot = clock.SinceBoot();
  // Ends as soon as they have, however coarse they are.
  while (clock.SinceBoot() == boot) {
  }
  CHECK(clock.SinceBoot() > boot);
  CHECK(start > absl::FromUnixSeconds(1'700'000'000));  // Not a clock that counts from zero.
  CHECK(start < absl::InfiniteFuture());
}

TEST_CASE("there is one instance for those who were given none") {
  CHECK(&outlive::SystemClockInstance() == &outlive::SystemClockInstance());
}

}  // namespace
