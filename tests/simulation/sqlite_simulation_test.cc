// Several processes, each with its own SqliteStore, on one file of a disk that fails.
#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <string>

#include "tests/simulation/scenario.h"
#include "tests/simulation/sqlite_storage.h"

namespace outlive::simulation {
namespace {

TEST_CASE("a few seeds hold on SQLite") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SqliteStorage storage(seed);
    const testing::SimulationReport report = Scenario(seed, &storage).Run();
    REQUIRE_MESSAGE(report.ok(), report.ToString());
  }
}

}  // namespace
}  // namespace outlive::simulation
