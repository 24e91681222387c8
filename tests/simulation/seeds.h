// RunSeeds runs a scenario once for each of many seeds, and adds up what has happened in them.
#ifndef OUTLIVE_TESTS_SIMULATION_SEEDS_H_
#define OUTLIVE_TESTS_SIMULATION_SEEDS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "outlive/testing/simulation.h"

namespace outlive::simulation {

// One run.
using RunSeed = std::function<testing::SimulationReport(std::uint64_t seed)>;

testing::SimulationReport RunInMemory(std::uint64_t seed);
testing::SimulationReport RunOnSqlite(std::uint64_t seed);

struct SeedRange {
  std::uint64_t first = 1;
  std::uint64_t count = 1;

  // One seed in so many is run twice, and must give the same run. 0: none.
  std::uint64_t repeat_one_in = 20;

  // The argument of tools/simulate that says where: "memory" or "sqlite".
  std::string store = {};
};

struct SeedTally {
  // Of faults, of what the checker has seen, and "seeds".
  std::map<std::string, std::int64_t> counts = {};

  // The report of the first run that did not hold, and how to repeat it; empty: all did. It ends
  // the others.
  std::string failure = {};
};

// `each` is called after each seed.
SeedTally RunSeeds(const SeedRange& range, const RunSeed& run,
                   const std::function<void(const SeedTally&)>& each = nullptr);

}  // namespace outlive::simulation

#endif  // OUTLIVE_TESTS_SIMULATION_SEEDS_H_
