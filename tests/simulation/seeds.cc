#include "tests/simulation/seeds.h"

#include <fmt/format.h>

#include "tests/simulation/scenario.h"

namespace outlive::simulation {

testing::SimulationReport RunInMemory(std::uint64_t seed) { return Scenario(seed).Run(); }

SeedTally RunSeeds(const SeedRange& range, const RunSeed& run,
                   const std::function<void(const SeedTally&)>& each) {
  SeedTally tally;
  for (std::uint64_t seed = range.first; seed < range.first + range.count; ++seed) {
    const testing::SimulationReport report = run(seed);
    ++tally.counts["seeds"];
    for (const auto& [what, count] : report.counts) tally.counts[what] += count;
    for (const auto& [what, count] : report.check.counts) tally.counts[what] += count;
    if (!report.ok()) tally.failure = report.ToString();
    if (tally.failure.empty() && range.repeat_one_in > 0 && seed % range.repeat_one_in == 0 &&
        run(seed).trace_hash != report.trace_hash) {
      tally.failure = fmt::format("seed {} does not give the same run twice\n", seed);
    }
    if (!tally.failure.empty()) {
      tally.failure +=
          fmt::format("again: tools/simulate --store {} --first {} --seeds 1\n", range.store, seed);
      return tally;
    }
    if (each != nullptr) each(tally);
  }
  return tally;
}

}  // namespace outlive::simulation
