// What docs/guides/postgres.md shows.
#include <doctest/doctest.h>
#include <libpq-fe.h>
#include <outlive/store/postgres_store.h>

#include <boost/describe.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "outlive/engine/client.h"
#include "outlive/engine/runner.h"
#include "tests/postgres/connection.h"
#include "tests/postgres/server.h"

namespace {

struct SendInvoice {
  static constexpr std::string_view kKind = "invoice.send";
  std::int64_t invoice_id = 0;
};
BOOST_DESCRIBE_STRUCT(SendInvoice, (), (invoice_id))

// A database of its own, because the guide's store is in the default schema.
class Database {
 public:
  Database() { admin_.Query("CREATE DATABASE guide"); }
  ~Database() { admin_.Query("DROP DATABASE guide WITH (FORCE)"); }

  std::string conninfo() const { return server_.admin_conninfo("guide"); }

  // Waits until so many sessions are in it. False: there are others for too long.
  bool HasSessions(int count) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (std::chrono::steady_clock::now() < give_up) {
      // A session is seen by others a moment after it is there or gone.
      if (admin_.Query("SELECT count(*) FROM pg_stat_activity, pg_sleep(0.01)"
                       " WHERE datname = 'guide'") == std::to_string(count)) {
        return true;
      }
    }
    return false;
  }

 private:
  const outlive::testing::ServerAddress server_ = outlive::testing::SharedServer();
  outlive::testing::Connection admin_{server_.admin_conninfo()};
};

absl::StatusOr<std::unique_ptr<outlive::PostgresStore>> OpenStore(const std::string& conninfo) {
  auto store = outlive::PostgresStore::Open(conninfo);
  if (!store.ok()) return store.status();
  return store;
}

absl::StatusOr<outlive::Enqueued> Enqueue(outlive::Client& client, PGconn* connection) {
  PQclear(PQexec(connection, "BEGIN"));
  PQclear(PQexec(connection, "INSERT INTO invoices VALUES (42)"));
  absl::StatusOr<outlive::Enqueued> job = client.EnqueueIn(connection, SendInvoice{42});
  PQclear(PQexec(connection, job.ok() ? "COMMIT" : "ROLLBACK"));
  return job;
}

outlive::PostgresGauges Gauge(outlive::PostgresStore& store) {
  absl::StatusOr<outlive::PostgresGauges> gauges = store.Gauges();
  REQUIRE_MESSAGE(gauges.ok(), gauges.status().ToString());
  return *gauges;
}

TEST_CASE("postgres guide: what it shows works") {
  const Database database;
  const auto store = OpenStore(database.conninfo());
  REQUIRE_MESSAGE(store.ok(), store.status().ToString());
  outlive::Client client(**store);
  outlive::testing::Connection host(database.conninfo());
  host.Query("CREATE TABLE invoices (id bigint)");
  const auto job = Enqueue(client, host.get());
  REQUIRE_MESSAGE(job.ok(), job.status().ToString());
  CHECK(client.Get(job->id).ok());
  CHECK(host.Query("SELECT count(*) FROM invoices") == "1");

  host.Query(R"(SELECT outlive.enqueue('invoice.send', '{"invoice_id": 42}',
                       '{"queue": "mail", "idempotency_key": "invoice-42"}'))");
  CHECK(host.Query("SELECT sum(pending) FROM outlive.lanes") == "2");
  CHECK(host.Query("SELECT count(*) FROM outlive.jobs WHERE state = 'dead'") == "0");
  CHECK(Gauge(**store).inbox_rows <= 2);  // The watch may have been there.
}

TEST_CASE("postgres guide: a host has as many connections as it says") {
  Database database;
  const auto store = OpenStore(database.conninfo());
  REQUIRE_MESSAGE(store.ok(), store.status().ToString());
  outlive::Client client(**store);
  REQUIRE(client.Enqueue(SendInvoice{42}).ok());
  CHECK(database.HasSessions(3));

  outlive::WorkerSet workers;
  workers.Add<SendInvoice>(
      [](outlive::JobContext&, const SendInvoice&) { return outlive::Outcome(outlive::Done()); });
  outlive::Runner runner(client, workers, {});
  REQUIRE(runner.Start().ok());
  CHECK(database.HasSessions(5));
  runner.Stop(absl::Seconds(30));
}

}  // namespace
