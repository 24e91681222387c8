#include "testing/weather.h"

#include <algorithm>
#include <cmath>

namespace outlive::testing::internal {
namespace {

// Some runs are quiet, so that what should never go wrong without a fault is seen, too.
constexpr std::uint64_t kQuietOneIn = 8;

// A fault that is allowed is there in two runs of three.
bool Draw(bool allowed, bool quiet, SeededRandom& random) {
  return random.Below(3) != 0 && allowed && !quiet;
}

// Once in `min` to `max` chances.
std::uint64_t Rate(bool on, std::uint64_t min, std::uint64_t max, SeededRandom& random) {
  const std::uint64_t rate = min + random.Below(max - min + 1);
  return on ? rate : 0;
}

}  // namespace

Weather DrawWeather(const SimulationFaults& allowed, SeededRandom& random) {
  const bool quiet = random.OneIn(kQuietOneIn);
  const auto draw = [&](bool fault) { return Draw(fault, quiet, random); };
  Weather weather;
  weather.refusal = Rate(draw(allowed.refusals), 10, 200, random);
  weather.lost_reply = Rate(draw(allowed.lost_replies), 10, 200, random);
  weather.slow = Rate(draw(allowed.slow_calls), 5, 100, random);
  weather.hold = Rate(draw(allowed.holds), 50, 500, random);
  weather.lost_wakeup = Rate(draw(allowed.lost_wakeups), 2, 20, random);
  weather.double_wakeup = Rate(draw(allowed.lost_wakeups), 2, 20, random);
  weather.late_wakeup = Rate(draw(allowed.lost_wakeups), 2, 20, random);
  weather.outages = draw(allowed.outages);
  weather.kills = draw(allowed.kills);
  weather.stops = draw(allowed.stops);
  weather.pauses = draw(allowed.pauses);
  weather.suspensions = draw(allowed.suspensions);
  weather.clock_steps = draw(allowed.clock_steps);
  weather.storage_faults = draw(allowed.storage_faults);
  weather.event_interval = absl::Seconds(5 + random.Below(40));
  weather.leases_are_safe = quiet;
  return weather;
}

absl::Duration RandomSpan(absl::Duration mean, SeededRandom& random) {
  const double unit = std::max(RandomUnit(random), 2e-9);
  // To the microsecond: what a clock shows is what was drawn.
  return absl::Trunc(-std::log(unit) * mean, absl::Microseconds(1));
}

}  // namespace outlive::testing::internal
