// Several processes on one store in memory, thousands of times.
#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <string>

#include "tests/simulation/scenario.h"

namespace outlive::simulation {
namespace {

TEST_CASE("a few seeds hold") {
  std::map<std::string, std::int64_t> counts;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    const testing::SimulationReport report = Scenario(seed, nullptr).Run();
    REQUIRE_MESSAGE(report.ok(), report.ToString());
    for (const auto& [what, count] : report.counts) counts[what] += count;
    for (const auto& [what, count] : report.check.counts) counts[what] += count;
  }
  CHECK(Missing(counts, false) == "");
}

}  // namespace
}  // namespace outlive::simulation
