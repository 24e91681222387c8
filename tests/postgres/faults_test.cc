// What a server and a network do to hosts at work. After each of it the judge has the last word:
// nothing lost, nothing done twice, nobody stuck.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "outlive/conformance/helpers.h"
#include "outlive/testing/seeded_random.h"
#include "tests/postgres/connection.h"
#include "tests/postgres/fleet.h"
#include "tests/postgres/proxy.h"
#include "tests/postgres/server.h"

TEST_SUITE_BEGIN("slow");

namespace outlive::testing {
namespace {

using std::chrono::milliseconds;

constexpr int kRounds = 40;

// Where nothing may cost anybody its lease: long beside what a busy disk takes for a commit.
constexpr absl::Duration kLeaseToKeep = absl::Seconds(10);

// -- The server ----------------------------------------------------------------------------------

TEST_CASE("backends are terminated every 100 ms under load (G02)") {
  PostgresServer server;
  Fleet fleet(server.address());
  Connection admin(server.address().admin_conninfo());
  {
    Nemesis nemesis(milliseconds(100), [&] {
      if (!fleet.HasTakenMore()) return false;
      admin.Query(
          "SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity"
          " WHERE usename = 'app' ORDER BY random() LIMIT 3) victim");
      return true;
    });
    fleet.LoadUntilTaken(kRounds, [&] { return nemesis.strike_count() < 30; });
  }
  fleet.Finish();
  CheckOptions options = Host::Options();
  options.exercised = {"unavailable", "duplicates", "retried", "checkpoints"};
  fleet.Pronounce(options);
}

TEST_CASE("the server is restarted under load, in order and as in a crash (G01)") {
  PostgresServer server;
  Fleet fleet(server.address());
  std::atomic<int> restarts = 0;
  std::thread nemesis([&] {
    for (const auto how : {PostgresServer::Shutdown::kFast, PostgresServer::Shutdown::kImmediate,
                           PostgresServer::Shutdown::kImmediate, PostgresServer::Shutdown::kFast}) {
      // Between two restarts something gets done.
      const std::string done =
          Connection(server.conninfo())
              .Query(fmt::format("SELECT count(*) FROM {}.ended", kFleetSchema));
      while (Connection(server.conninfo())
                 .Query(fmt::format("SELECT count(*) >= {} + 10 FROM {}.ended", done,
                                    kFleetSchema)) != "t") {
      }
      server.Stop(how);
      server.Start();
      ++restarts;
    }
  });
  fleet.LoadUntilTaken(kRounds, [&] { return restarts < 4; });
  nemesis.join();
  fleet.Finish();
  CheckOptions options = Host::Options();
  // How much is asked for meanwhile depends on how long restarts take: duplicates are rare.
  options.exercised = {"unavailable", "retried", "checkpoints"};
  fleet.Pronounce(options);
}

TEST_CASE("a database that is serializable by default changes nothing (G07)") {
  PostgresServer server;
  Connection(server.conninfo())
      .Query("ALTER DATABASE app SET default_transaction_isolation = 'serializable'");
  REQUIRE(Connection(server.conninfo()).Query("SHOW transaction_isolation") == "serializable");
  Fleet fleet(server.address(), {.lease = kLeaseToKeep});
  fleet.Load(kRounds);
  fleet.Finish();
  CheckOptions options = Host::Options();
  options.live_processes_keep_leases = true;
  options.exercised = {"duplicates", "retried"};
  fleet.Pronounce(options);
  // The hosts' own transactions are serializable, and may fail so; the store's are not.
  CHECK(server.Log().find(" outlive ERROR:  could not serialize") == std::string::npos);
}

// Takes every connection that a plain role can have, and keeps it.
class Hoard {
 public:
  explicit Hoard(const ServerAddress& server) : server_(server) { TakeAll(); }

  // A backend ends some time after its connection: until then its place is taken.
  ~Hoard() {
    std::string pids;
    for (const auto& connection : connections_) {
      pids += fmt::format("{}{}", pids.empty() ? "" : ",", PQbackendPID(connection.get()));
    }
    connections_.clear();
    if (pids.empty()) return;
    Connection admin(server_.admin_conninfo());
    const std::string left =
        fmt::format("SELECT count(*) FROM pg_stat_activity WHERE pid IN ({})", pids);
    while (admin.Query(left) != "0") {
    }
  }

  void TakeAll() {
    while (true) {
      connections_.emplace_back(PQconnectdb(server_.conninfo().c_str()), PQfinish);
      if (PQstatus(connections_.back().get()) != CONNECTION_OK) break;
    }
    connections_.pop_back();
  }
  std::size_t size() const { return connections_.size(); }

 private:
  const ServerAddress server_;
  std::vector<std::unique_ptr<PGconn, void (*)(PGconn*)>> connections_;
};

TEST_CASE("while nobody can connect any more, hosts go on with what they have (G11)") {
  PostgresServer server({.settings = {"max_connections = 40"}});
  Fleet fleet(server.address(), {.lease = kLeaseToKeep});
  fleet.Load(kRounds / 2);
  {
    const Hoard hoard(server.address());
    REQUIRE(hoard.size() > 0);
    fleet.Load(kRounds / 2);
  }
  fleet.Finish();
  CheckOptions options = Host::Options();
  options.live_processes_keep_leases = true;
  options.exercised = {"duplicates", "retried"};
  fleet.Pronounce(options);
}

TEST_CASE("hosts whose connections were lost while nobody can connect come back afterwards (G11)") {
  PostgresServer server({.settings = {"max_connections = 40"}});
  Fleet fleet(server.address());
  fleet.Load(kRounds / 2);
  {
    Hoard hoard(server.address());
    Connection admin(server.address().admin_conninfo());
    const std::size_t before = hoard.size();
    while (hoard.size() == before) {
      admin.Query(
          "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
          " WHERE usename = 'app' AND application_name <> ''");
      hoard.TakeAll();
    }
    fleet.Load(kRounds / 4);
  }
  fleet.Finish();
  CheckOptions options = Host::Options();
  options.exercised = {"unavailable", "retried"};
  fleet.Pronounce(options);
}

// Longer than the lease. What the jobs' tables are needed for gives up at each lock_timeout, and
// lets the heartbeat pass, which needs none of them.
TEST_CASE("a table that is locked for longer than a lease costs nobody its lease (G17)") {
  PostgresServer server;
  FleetOptions fleet_options;
  fleet_options.lease = absl::Seconds(4);
  fleet_options.store.lock_timeout = absl::Milliseconds(100);
  Fleet fleet(server.address(), fleet_options);
  fleet.Load(kRounds / 4);
  {
    Connection owner(server.conninfo());
    owner.Query(fmt::format("BEGIN; LOCK TABLE {}.live IN ACCESS EXCLUSIVE MODE", kFleetSchema));
    std::thread load([&] { fleet.Load(4); });
    owner.Query("SELECT pg_sleep(6)");
    owner.Query("COMMIT");
    load.join();
  }
  fleet.Load(kRounds / 4);
  fleet.Finish();
  CheckOptions options = Host::Options();
  options.live_processes_keep_leases = true;
  options.exercised = {"unavailable"};
  fleet.Pronounce(options);
}

// -- The network ---------------------------------------------------------------------------------

TEST_CASE("connections are cut under load, in order and not") {
  PostgresServer server;
  Proxy proxy(server.address());
  Fleet fleet(server.address(), {.conninfo = proxy.conninfo()});
  {
    std::atomic<int> turn = 0;
    Nemesis nemesis(milliseconds(100), [&] {
      if (!fleet.HasTakenMore()) return false;
      proxy.Cut(++turn % 2 == 0 ? Proxy::End::kFin : Proxy::End::kReset);
      return true;
    });
    fleet.LoadUntilTaken(kRounds, [&] { return nemesis.strike_count() < 30; });
  }
  fleet.Finish();
  CheckOptions options = Host::Options();
  options.exercised = {"unavailable", "duplicates", "retried"};
  fleet.Pronounce(options);
}

TEST_CASE(
    "commits are lost on their way there and back, with the connection or without a word (G03)") {
  PostgresServer server;
  Proxy proxy(server.address());
  FleetOptions fleet_options;
  fleet_options.conninfo = proxy.conninfo();
  // Where nothing comes back, it is not for long; nor for those who wait for its locks.
  fleet_options.store.statement_timeout = absl::Milliseconds(500);
  fleet_options.store.idle_timeout = absl::Seconds(1);
  fleet_options.lease = absl::Seconds(4);
  Fleet fleet(server.address(), fleet_options);
  {
    int count = 0;
    Nemesis nemesis(milliseconds(100), [&] {
      ++count;
      proxy.LoseCommit(
          {.what = count % 3 == 0 ? LostCommit::What::kRequest : LostCommit::What::kReply,
           .cut = count % 10 != 0});
      proxy.WaitUntilLost();
      return true;
    });
    fleet.LoadUntilTaken(kRounds / 2, [&] { return nemesis.strike_count() < 30; });
  }
  fleet.Finish();
  CheckOptions options = Host::Options();
  options.exercised = {"in_doubt", "retried"};
  fleet.Pronounce(options);
}

TEST_CASE("a network that goes silent is given up, and work resumes when it is back (G04)") {
  PostgresServer server;
  Proxy proxy(server.address());
  FleetOptions fleet_options;
  fleet_options.conninfo = proxy.conninfo();
  fleet_options.store.statement_timeout = absl::Milliseconds(500);
  Fleet fleet(server.address(), fleet_options);
  fleet.Load(kRounds / 2);
  proxy.BlackHole();
  // Returns: whoever waited for ever would keep this test for ever.
  fleet.Load(1);
  CHECK_FALSE(fleet.host(0).store().Check(absl::Seconds(1)).ok());
  // Until all leases have run out.
  const std::string held = fmt::format(
      "SELECT count(*) FROM {}.session"
      " WHERE expires_at > extract(epoch FROM clock_timestamp()) * 1e6",
      kFleetSchema);
  while (Connection(server.conninfo()).Query(held) != "0") {
  }
  proxy.Heal();
  fleet.Load(kRounds / 2);
  fleet.Finish();
  CheckOptions options = Host::Options();
  options.exercised = {"unavailable"};
  fleet.Pronounce(options);
}

TEST_CASE("a slow network costs time, and nobody its lease (G05)") {
  PostgresServer server;
  Proxy proxy(server.address());
  FleetOptions fleet_options;
  fleet_options.conninfo = proxy.conninfo();
  fleet_options.lease = kLeaseToKeep;
  Fleet fleet(server.address(), fleet_options);
  proxy.SetDelay(milliseconds(100));
  fleet.Load(2);
  proxy.SetDelay(milliseconds(0));
  proxy.SetRate(20'000);
  fleet.Load(2);
  proxy.SetRate(0);
  fleet.Load(kRounds / 4);
  fleet.Finish();
  CheckOptions options = Host::Options();
  options.live_processes_keep_leases = true;
  fleet.Pronounce(options);
}

// -- Failover ------------------------------------------------------------------------------------

// Synchronous replication: what was acknowledged is on both. (Without it the latest commits go with
// the primary; the store cannot know.)
TEST_CASE("a standby is promoted under load, and nothing that was acknowledged is lost (G09)") {
  PostgresServer primary;
  const std::unique_ptr<PostgresServer> standby = primary.AddStandby();
  Connection(primary.address().admin_conninfo())
      .Query("ALTER SYSTEM SET synchronous_standby_names = '*'");
  Connection(primary.address().admin_conninfo()).Query("SELECT pg_reload_conf()");
  Proxy proxy(primary.address());
  Fleet fleet(primary.address(), {.conninfo = proxy.conninfo()});
  std::atomic<bool> is_over = false;
  std::thread nemesis([&] {
    while (Connection(primary.conninfo())
               .Query(fmt::format("SELECT count(*) >= 20 FROM {}.ended", kFleetSchema)) != "t") {
    }
    // Nobody gets through to the old one any more, whatever it still does.
    proxy.PointAt(standby->address());
    proxy.Cut(Proxy::End::kReset);
    primary.Stop(PostgresServer::Shutdown::kImmediate);
    // For a while hosts meet a server that takes no writes.
    while (proxy.open_count() == 0) {
    }
    standby->Promote();
    is_over = true;
  });
  fleet.LoadUntilTaken(kRounds, [&] { return !is_over; });
  nemesis.join();
  fleet.Load(kRounds / 4);
  fleet.Finish(standby->address());
  CheckOptions options = Host::Options();
  options.exercised = {"unavailable", "retried"};
  fleet.Pronounce(standby->address(), options);
}

}  // namespace
}  // namespace outlive::testing

TEST_SUITE_END();
