#include "tests/simulation/scenario.h"
#include "tests/simulation/seeds.h"
#include "tests/simulation/sqlite_storage.h"

namespace outlive::simulation {

testing::SimulationReport RunOnSqlite(std::uint64_t seed) {
  SqliteStorage storage(seed);
  return Scenario(seed, &storage, &storage.host()).Run();
}

}  // namespace outlive::simulation
