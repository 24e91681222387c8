// What PostgresStore::Open() refuses, and what it says.
#include <absl/status/status.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <memory>
#include <string>

#include "outlive/conformance/helpers.h"
#include "outlive/store/postgres_store.h"
#include "tests/postgres/connection.h"
#include "tests/postgres/proxy.h"
#include "tests/postgres/server.h"

namespace outlive::testing {
namespace {

absl::StatusOr<std::unique_ptr<PostgresStore>> Open(const std::string& conninfo,
                                                    const std::string& schema) {
  PostgresStoreOptions options;
  options.schema = schema;
  options.connect_timeout = absl::Seconds(5);
  return PostgresStore::Open(conninfo, options);
}

TEST_CASE("a standby is refused, and is welcome once it is promoted (G10)") {
  PostgresServer primary;
  REQUIRE(Open(primary.conninfo(), "jobs").ok());
  const std::unique_ptr<PostgresServer> standby = primary.AddStandby();
  const auto refused = Open(standby->conninfo(), "jobs");
  CHECK_MESSAGE(absl::IsUnavailable(refused.status()), refused.status().ToString());
  // Of several servers the one that takes writes is found.
  const std::string both =
      fmt::format("host={},{} port={},{} user=app dbname=app", standby->address().folder,
                  primary.address().folder, standby->address().port, primary.address().port);
  const auto found = Open(both, "jobs");
  REQUIRE_MESSAGE(found.ok(), found.status().ToString());
  CHECK(conformance::InsertOne(**found, conformance::MakeJob()).ok());
  standby->Promote();
  CHECK(Open(standby->conninfo(), "jobs").ok());
}

// A machine that is switched off, or a network that drops everything.
TEST_CASE("of several servers one that stays silent is passed, and then asked last (G10)") {
  const TestSchema schema;
  Proxy silent(schema.server());
  Proxy proxy(schema.server());
  silent.BlackHole();
  PostgresStoreOptions options;
  options.schema = schema.name();
  options.watch = false;
  options.connect_timeout = absl::Seconds(3);
  const std::string conninfo =
      fmt::format("postgresql://app@127.0.0.1:{},127.0.0.1:{}/app", silent.port(), proxy.port());
  auto opened = PostgresStore::Open(conninfo, options);
  REQUIRE_MESSAGE(opened.ok(), opened.status().ToString());
  const auto store = *std::move(opened);
  CHECK(conformance::InsertOne(*store, conformance::MakeJob()).ok());
  // The connection that writes has learnt of it.
  const int asked = silent.accepted_count();
  for (int round = 0; round < 3; ++round) {
    proxy.Cut(Proxy::End::kFin);
    CHECK(conformance::InsertOne(*store, conformance::MakeJob()).ok());
  }
  CHECK(silent.accepted_count() == asked);
  // It is asked again where the others are gone.
  silent.Heal();
  proxy.Refuse(true);
  proxy.Cut(Proxy::End::kFin);
  CHECK(conformance::InsertOne(*store, conformance::MakeJob()).ok());
  CHECK(silent.accepted_count() > asked);
}

TEST_CASE("where no server of several can be had, each says why") {
  const auto refused = Open("host=/nowhere,/elsewhere", "jobs");
  CHECK_MESSAGE(absl::IsUnavailable(refused.status()), refused.status().ToString());
  CHECK(refused.status().ToString().find("/nowhere") != std::string::npos);
  CHECK(refused.status().ToString().find("/elsewhere") != std::string::npos);
}

TEST_CASE("a role without rights is told what is missing (G21)") {
  const TestSchema schema;
  REQUIRE(Open(schema.conninfo(), schema.name()).ok());
  Connection admin(schema.server().admin_conninfo());
  const std::string role = schema.name() + "_guest";
  admin.Query("CREATE ROLE " + role + " LOGIN");
  const std::string conninfo = fmt::format("host={} port={} user={} dbname=app",
                                           schema.server().folder, schema.server().port, role);
  const auto refused = Open(conninfo, schema.name());
  CHECK_MESSAGE(absl::IsFailedPrecondition(refused.status()), refused.status().ToString());
  const auto no_schema = Open(conninfo, schema.name() + "_other");
  CHECK_MESSAGE(absl::IsFailedPrecondition(no_schema.status()), no_schema.status().ToString());
  admin.Query("DROP ROLE " + role);
}

TEST_CASE("a password is in no error") {
  const PostgresServer server({.tcp = true});
  std::string conninfo = server.address().tcp_conninfo();
  REQUIRE(Open(conninfo, "jobs").ok());
  const std::string wrong = "hunter2" + server.address().password;
  conninfo.replace(conninfo.find(server.address().password), server.address().password.size(),
                   wrong);
  const auto refused = Open(conninfo, "jobs");
  CHECK_MESSAGE(absl::IsFailedPrecondition(refused.status()), refused.status().ToString());
  CHECK(refused.status().ToString().find("hunter2") == std::string::npos);
  const auto nonsense = Open("host=127.0.0.1 password='" + wrong + " nonsense", "jobs");
  CHECK_FALSE(nonsense.ok());
  CHECK(nonsense.status().ToString().find("hunter2") == std::string::npos);
}

TEST_CASE("where nobody answers, opening takes no longer than it may") {
  PostgresServer server;
  server.Stop(PostgresServer::Shutdown::kFast);
  CHECK(absl::IsUnavailable(Open(server.conninfo(), "jobs").status()));
  server.Start();
  CHECK(Open(server.conninfo(), "jobs").ok());
}

TEST_CASE("ids beyond 2^53 come back as they are (G20)") {
  const TestSchema schema;
  const auto store = conformance::Value(Open(schema.conninfo(), schema.name()));
  constexpr std::int64_t kLarge = (std::int64_t{1} << 53) + 1;
  Connection(schema.conninfo())
      .Query(fmt::format("SELECT setval('{}.job_id', {}, false)", schema.name(), kLarge));
  const ClaimedJob job = conformance::InsertAndClaim(*store);
  CHECK(job.lease.job == kLarge);
  CHECK(conformance::FinishOne(*store, job, Transition::kComplete).ok());
  CHECK(conformance::StateOf(*store, kLarge) == JobState::kCompleted);
}

}  // namespace
}  // namespace outlive::testing
