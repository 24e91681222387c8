// The operations of the simulation's engines give the same on PostgreSQL as in memory.
#include <doctest/doctest.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "outlive/store/postgres_store.h"
#include "outlive/testing/simulation.h"
#include "tests/postgres/mirror_storage.h"
#include "tests/postgres/server.h"
#include "tests/simulation/scenario.h"

namespace outlive::testing {
namespace {

constexpr std::uint64_t kSeedCount = 5;

// Another count: OUTLIVE_CONFORMANCE_SEED_COUNT.
std::uint64_t SeedCount() {
  const char* const count = std::getenv("OUTLIVE_CONFORMANCE_SEED_COUNT");
  return count == nullptr ? kSeedCount : std::strtoull(count, nullptr, 10);
}

TEST_CASE("what engines ask for in bad weather gives the same on PostgreSQL as in memory" *
          doctest::test_suite("slow")) {
  int call_count = 0;
  for (std::uint64_t seed = 1; seed <= SeedCount(); ++seed) {
    CAPTURE(seed);
    const TestSchema schema;
    MirrorStorage storage([&](const Clock& clock, RandomSource&) {
      PostgresStoreOptions options;
      options.clock = &clock;
      options.schema = schema.name();
      options.watch = false;
      return PostgresStore::Open(schema.conninfo() + " options='-c synchronous_commit=off'",
                                 options);
    });
    const SimulationReport report = simulation::Scenario(seed, &storage).Run();
    REQUIRE_MESSAGE(report.ok(), report.ToString());
    call_count += storage.call_count();
  }
  CHECK(call_count > 500 * static_cast<int>(SeedCount()));
}

}  // namespace
}  // namespace outlive::testing
