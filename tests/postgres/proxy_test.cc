#include "tests/postgres/proxy.h"

#include <doctest/doctest.h>
#include <libpq-fe.h>
#include <poll.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "tests/postgres/connection.h"
#include "tests/postgres/server.h"

using namespace outlive::testing;

namespace {

using Milliseconds = std::chrono::milliseconds;

// Long enough for anything on loopback that is not held up.
constexpr int kSilenceMs = 200;

struct Rig {
  Rig() {
    direct.Query("CREATE SCHEMA " + schema.name() + " CREATE TABLE thing (id int)");
    table = schema.name() + ".thing";
  }

  std::string Count() { return direct.Query("SELECT count(*) FROM " + table); }
  std::string Insert() const { return "INSERT INTO " + table + " VALUES (1)"; }

  TestSchema schema;
  Connection direct{schema.conninfo()};
  Proxy proxy{schema.server()};
  std::string table;
};

bool IsSilent(PGconn* connection) {
  pollfd wait = {PQsocket(connection), POLLIN, 0};
  return poll(&wait, 1, kSilenceMs) == 0;
}

// Ways to commit a row. Each returns whether the client was told that it is committed.

bool ByStatements(PGconn* connection, const std::string& insert) {
  bool told = false;
  for (const std::string& statement : {std::string("BEGIN"), insert, std::string("COMMIT")}) {
    PGresult* result = PQexec(connection, statement.c_str());
    told = PQresultStatus(result) == PGRES_COMMAND_OK;
    PQclear(result);
  }
  return told;
}

bool ByPrepared(PGconn* connection, const std::string& insert) {
  PQclear(PQprepare(connection, "write", insert.c_str(), 0, nullptr));
  PQclear(PQprepare(connection, "end", "COMMIT", 0, nullptr));
  PQclear(PQexec(connection, "BEGIN"));
  PQclear(PQexecPrepared(connection, "write", 0, nullptr, nullptr, nullptr, 0));
  PGresult* result = PQexecPrepared(connection, "end", 0, nullptr, nullptr, nullptr, 0);
  const bool told = PQresultStatus(result) == PGRES_COMMAND_OK;
  PQclear(result);
  return told;
}

bool RunPipeline(PGconn* connection, const std::vector<std::string>& statements) {
  PQenterPipelineMode(connection);
  for (const std::string& statement : statements) {
    PQsendQueryParams(connection, statement.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0);
  }
  PQpipelineSync(connection);
  bool told = false;
  while (PQstatus(connection) == CONNECTION_OK && !told) {
    PGresult* result = PQgetResult(connection);
    told = PQresultStatus(result) == PGRES_PIPELINE_SYNC;
    PQclear(result);
  }
  PQexitPipelineMode(connection);
  return told;
}

bool ByPipeline(PGconn* connection, const std::string& insert) {
  return RunPipeline(connection, {"BEGIN", insert, "COMMIT"});
}

bool ByPipelineAlone(PGconn* connection, const std::string& insert) {
  return RunPipeline(connection, {insert});
}

bool ByItself(PGconn* connection, const std::string& insert) {
  PGresult* result = PQexec(connection, insert.c_str());
  const bool told = PQresultStatus(result) == PGRES_COMMAND_OK;
  PQclear(result);
  return told;
}

bool ByOneQuery(PGconn* connection, const std::string& insert) {
  return ByItself(connection, "BEGIN; " + insert + "; COMMIT");
}

struct Way {
  const char* name;
  bool (*commit)(PGconn* connection, const std::string& insert);
};
constexpr Way kWays[] = {
    {"statements", ByStatements},
    {"prepared", ByPrepared},
    {"one query", ByOneQuery},
    {"pipeline", ByPipeline},
    {"pipeline without begin", ByPipelineAlone},
    {"autocommit", ByItself},
};

}  // namespace

TEST_CASE("through the proxy a client notices nothing") {
  Rig rig;
  Connection connection(rig.proxy.conninfo());
  const std::string text(3'000'000, 'x');
  CHECK(connection.Query("SELECT $1::text", {text}) == text);
  CHECK(connection.Try("SELECT 1/0") == "22012");
  for (const Way& way : kWays) {
    CAPTURE(way.name);
    CHECK(way.commit(Connection(rig.proxy.conninfo()).get(), rig.Insert()));
  }
  CHECK(rig.Count() == "6");
  CHECK(rig.proxy.accepted_count() == 7);
}

TEST_CASE("connections are cut in both ways, and new ones come through unless refused") {
  Rig rig;
  for (const Proxy::End how : {Proxy::End::kFin, Proxy::End::kReset}) {
    Connection connection(rig.proxy.conninfo());
    connection.Query("BEGIN; " + rig.Insert());
    rig.proxy.Cut(how);
    CHECK(connection.Try("COMMIT") == "lost");
    CHECK(rig.Count() == "0");
    rig.proxy.Refuse(true);
    PGconn* refused = PQconnectdb(rig.proxy.conninfo().c_str());
    CHECK(PQstatus(refused) == CONNECTION_BAD);
    PQfinish(refused);
    rig.proxy.Refuse(false);
    CHECK(Connection(rig.proxy.conninfo()).Query("SELECT 1") == "1");
  }
}

TEST_CASE("what the server says before it ends a connection arrives") {
  Rig rig;
  Connection connection(rig.proxy.conninfo());
  const std::string id = std::to_string(connection.backend_id());
  CHECK(rig.direct.Query("SELECT pg_terminate_backend(" + id + ", 30000)") == "t");
  CHECK(connection.Try("SELECT 1") == "lost");
  const std::string said = PQerrorMessage(connection.get());
  CHECK(said.find("terminating connection due to administrator command") != std::string::npos);
}

TEST_CASE("a black hole is silent for old and new connections until it heals") {
  Rig rig;
  Connection connection(rig.proxy.conninfo());
  rig.proxy.BlackHole();
  REQUIRE(PQsendQuery(connection.get(), rig.Insert().c_str()) == 1);
  CHECK(IsSilent(connection.get()));
  CHECK(rig.Count() == "0");
  PGconn* late = PQconnectStart(rig.proxy.conninfo().c_str());
  while (PQconnectPoll(late) == PGRES_POLLING_WRITING) {
  }
  CHECK(IsSilent(late));
  rig.proxy.Heal();
  PGresult* result = PQgetResult(connection.get());
  CHECK(PQresultStatus(result) == PGRES_COMMAND_OK);
  PQclear(result);
  CHECK(rig.Count() == "1");
  PQfinish(late);
}

TEST_CASE("a delay holds up both directions, and a rate what is long") {
  Rig rig;
  Connection connection(rig.proxy.conninfo());
  const auto took = [&](const std::string& sql) {
    const auto begin = std::chrono::steady_clock::now();
    connection.Query(sql);
    return std::chrono::steady_clock::now() - begin;
  };
  rig.proxy.SetDelay(Milliseconds(60));
  CHECK(took("SELECT 1") >= Milliseconds(120));
  rig.proxy.SetDelay(Milliseconds(0));
  rig.proxy.SetRate(200'000);
  CHECK(took("SELECT repeat('x', 60000)") >= Milliseconds(300));
  rig.proxy.SetRate(0);
  CHECK(connection.Query("SELECT 1") == "1");
}

TEST_CASE("a commit is lost on its way there or back, however it is asked for") {
  Rig rig;
  int committed = 0;
  for (const Way& way : kWays) {
    for (const bool reply : {false, true}) {
      CAPTURE(way.name);
      CAPTURE(reply);
      Connection other(rig.proxy.conninfo());
      Connection connection(rig.proxy.conninfo());
      rig.proxy.LoseCommit({.what = reply ? LostCommit::What::kReply : LostCommit::What::kRequest,
                            .having = "INTO " + rig.table});
      // Not these: nothing of that text, and not committed.
      CHECK(other.Try("BEGIN; CREATE TEMPORARY TABLE else (); COMMIT") == "42601");
      CHECK(other.Try("CREATE TEMPORARY TABLE other ()") == "");
      if (reply) CHECK(other.Try(rig.Insert() + " RETURNING 1/0") == "22012");
      CHECK_FALSE(way.commit(connection.get(), rig.Insert()));
      rig.proxy.WaitUntilLost();
      CHECK(PQstatus(connection.get()) == CONNECTION_BAD);
      if (reply) ++committed;
      CHECK(rig.Count() == std::to_string(committed));
      CHECK(way.commit(other.get(), rig.Insert()));  // Once only.
      ++committed;
    }
  }
}

TEST_CASE("a commit whose answer is lost may leave its client waiting") {
  Rig rig;
  Connection connection(rig.proxy.conninfo());
  rig.proxy.LoseCommit({.cut = false});
  connection.Query("BEGIN");
  connection.Query(rig.Insert());
  REQUIRE(PQsendQuery(connection.get(), "COMMIT") == 1);
  rig.proxy.WaitUntilLost();
  CHECK(rig.Count() == "1");
  CHECK(IsSilent(connection.get()));
  CHECK(PQstatus(connection.get()) == CONNECTION_OK);
}

TEST_CASE("a proxy can be pointed at another server") {
  Rig rig;
  PostgresServer other;
  Connection old(rig.proxy.conninfo());
  rig.proxy.PointAt(other.address());
  Connection connection(rig.proxy.conninfo());
  CHECK(connection.Query("SHOW cluster_name") == other.address().name);
  CHECK(old.Query("SHOW cluster_name") == rig.schema.server().name);
}
