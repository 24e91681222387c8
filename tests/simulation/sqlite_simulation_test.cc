// Several processes, each with its own SqliteStore, on one file of a disk that fails.
#include <doctest/doctest.h>

#include "tests/simulation/scenario.h"
#include "tests/simulation/seeds.h"

namespace outlive::simulation {
namespace {

SeedTally RunMany(std::uint64_t count) {
  return RunSeeds({.first = 1, .count = count, .store = "sqlite"}, RunOnSqlite);
}

TEST_CASE("20 seeds hold on SQLite") {
  const SeedTally tally = RunMany(20 / OUTLIVE_SIMULATION_DIVISOR);
  CHECK_MESSAGE(tally.failure.empty(), tally.failure);
}

TEST_SUITE("slow") {
  TEST_CASE("400 seeds hold on SQLite, with power cuts, and everything went wrong that can") {
    const SeedTally tally = RunMany(400 / OUTLIVE_SIMULATION_DIVISOR);
    CHECK_MESSAGE(tally.failure.empty(), tally.failure);
    if (OUTLIVE_SIMULATION_DIVISOR == 1) CHECK(Missing(tally.counts, true) == "");
  }
}

}  // namespace
}  // namespace outlive::simulation
