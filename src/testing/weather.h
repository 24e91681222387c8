// Weather is how bad it is in one run: which faults happen, and how often. Drawn from the seed.
#ifndef OUTLIVE_SRC_TESTING_WEATHER_H_
#define OUTLIVE_SRC_TESTING_WEATHER_H_

#include <absl/time/time.h>

#include <cstdint>

#include "outlive/testing/seeded_random.h"
#include "outlive/testing/simulation.h"

namespace outlive::testing::internal {

// Each "one in so many" chances; 0: never.
struct Weather {
  // For each call of the store.
  std::uint64_t refusal = 0;
  std::uint64_t lost_reply = 0;  // Of commits.
  std::uint64_t slow = 0;
  std::uint64_t hold = 0;

  // For each wake-up.
  std::uint64_t lost_wakeup = 0;
  std::uint64_t double_wakeup = 0;
  std::uint64_t late_wakeup = 0;

  // What happens every now and then.
  bool outages = false;
  bool kills = false;
  bool stops = false;
  bool pauses = false;
  bool suspensions = false;
  bool clock_steps = false;
  bool storage_faults = false;
  absl::Duration event_interval = absl::Seconds(20);  // On average.

  // Nothing that could make a process that lives lose its lease.
  bool leases_are_safe = false;
};

Weather DrawWeather(const SimulationFaults& allowed, SeededRandom& random);

// Exponentially distributed, never more than twenty times `mean`.
absl::Duration RandomSpan(absl::Duration mean, SeededRandom& random);

}  // namespace outlive::testing::internal

#endif  // OUTLIVE_SRC_TESTING_WEATHER_H_
