// Time jumps, and nothing else goes wrong: T01 to T04 of every kind of job, many times.
#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <string>

#include "tests/simulation/scenario.h"

namespace outlive::simulation {
namespace {

using testing::SimulationFaults;
using testing::SimulationReport;

// Runs the scenario with these faults only, and adds up what has happened.
std::map<std::string, std::int64_t> RunWith(const SimulationFaults& faults) {
  std::map<std::string, std::int64_t> counts;
  for (std::uint64_t seed = 1; seed <= 100 / OUTLIVE_SIMULATION_DIVISOR; ++seed) {
    Scenario scenario(seed);
    scenario.options().faults = faults;
    const SimulationReport report = scenario.Run();
    REQUIRE_MESSAGE(report.ok(), report.ToString());
    for (const auto& [what, count] : report.counts) counts[what] += count;
    for (const auto& [what, count] : report.check.counts) counts[what] += count;
  }
  return counts;
}

TEST_CASE("civil time that jumps and strobes: nothing begins early, twice or never (T01 T02 T03)") {
  SimulationFaults faults = SimulationFaults::None();
  faults.clock_steps = true;
  auto counts = RunWith(faults);
  CHECK(counts["clock forward"] > 0);
  CHECK(counts["clock back"] > 0);
  CHECK(counts["in_doubt"] == 0);
}

TEST_CASE("a machine that sleeps: what has lost its lease meanwhile counts no more (T04)") {
  SimulationFaults faults = SimulationFaults::None();
  faults.suspensions = true;
  auto counts = RunWith(faults);
  CHECK(counts["suspension"] > 0);
  CHECK(counts["rescued"] > 0);
}

}  // namespace
}  // namespace outlive::simulation
