// Several processes on one store in memory, thousands of times.
#include <doctest/doctest.h>

#include "tests/simulation/scenario.h"
#include "tests/simulation/seeds.h"

namespace outlive::simulation {
namespace {

SeedTally RunMany(std::uint64_t count) {
  return RunSeeds({.first = 1, .count = count, .store = "memory"}, RunInMemory);
}

TEST_CASE("100 seeds hold in memory") {
  const SeedTally tally = RunMany(100 / OUTLIVE_SIMULATION_DIVISOR);
  CHECK_MESSAGE(tally.failure.empty(), tally.failure);
}

TEST_SUITE("slow") {
  TEST_CASE("2,000 seeds hold in memory, and everything that can go wrong went wrong") {
    // Instrumented, each takes its second.
    const SeedTally tally = RunMany(OUTLIVE_SIMULATION_DIVISOR == 1 ? 2'000 : 25);
    CHECK_MESSAGE(tally.failure.empty(), tally.failure);
    if (OUTLIVE_SIMULATION_DIVISOR == 1) CHECK(Missing(tally.counts, false) == "");
  }
}

}  // namespace
}  // namespace outlive::simulation
