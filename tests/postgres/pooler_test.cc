// Behind PgBouncer in transaction mode, where each transaction may be on another connection: all
// works but LISTEN, so jobs of others are found by polling.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>

#include "tests/postgres/connection.h"
#include "tests/postgres/fleet.h"
#include "tests/postgres/server.h"

TEST_SUITE_BEGIN("slow");

namespace outlive::testing {
namespace {

TEST_CASE("hosts work behind PgBouncer in transaction mode (G12)") {
  PostgresServer server;
  const PoolerProcess pooler(server.address(), 6);
  FleetOptions options;
  options.conninfo = pooler.conninfo();
  options.store.transaction_pooling = true;
  options.lease = absl::Seconds(4);
  Fleet fleet(server.address(), options);
  fleet.Load(40);
  fleet.Finish();
  CheckOptions check = Host::Options();
  check.live_processes_keep_leases = true;
  check.exercised = {"duplicates", "retried", "checkpoints", "completed"};
  fleet.Pronounce(check);
}

// The clients' connections to the pooler stay; those behind it change under them.
TEST_CASE("behind PgBouncer backends are terminated, and nothing is lost (G12)") {
  PostgresServer server;
  const PoolerProcess pooler(server.address(), 6);
  FleetOptions options;
  options.conninfo = pooler.conninfo();
  options.store.transaction_pooling = true;
  Fleet fleet(server.address(), options);
  Connection admin(server.address().admin_conninfo());
  {
    Nemesis nemesis(std::chrono::milliseconds(100), [&] {
      if (!fleet.HasTakenMore()) return false;
      admin.Query(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'"
          " ORDER BY random() LIMIT 2");
      return true;
    });
    fleet.LoadUntilTaken(40, [&] { return nemesis.strike_count() < 15; });
  }
  fleet.Finish();
  fleet.Pronounce();
}

}  // namespace
}  // namespace outlive::testing

TEST_SUITE_END();
