#include "tests/postgres/server.h"

#include <doctest/doctest.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/postgres/connection.h"

using namespace outlive::testing;

namespace {

std::string Count(const std::string& conninfo) {
  return Connection(conninfo).Query("SELECT count(*) FROM thing");
}

}  // namespace

TEST_CASE("a private server commits durably, compares text as people do, and has a plain role") {
  PostgresServer server({.settings = {"max_connections = 20"}, .tcp = true});
  Connection connection(server.conninfo());
  CHECK(connection.Query("SHOW fsync") == "on");
  CHECK(connection.Query("SHOW synchronous_commit") == "on");
  CHECK(connection.Query("SHOW max_connections") == "20");
  CHECK(connection.Query("SHOW is_superuser") == "off");
  CHECK(connection.Query("SELECT 'a' < 'B'") == "t");
  CHECK(Connection(server.address().tcp_conninfo()).Query("SELECT 1") == "1");
  CHECK(Connection(server.address().admin_conninfo()).Query("SHOW is_superuser") == "on");
}

TEST_CASE("a server that stopped in either way starts again with what was committed") {
  PostgresServer server({.tcp = true});
  Connection(server.conninfo()).Query("CREATE TABLE thing AS SELECT 1 AS id");
  const std::string address = server.address().tcp_conninfo();
  for (const auto how : {PostgresServer::Shutdown::kFast, PostgresServer::Shutdown::kImmediate}) {
    Connection open(server.conninfo());
    open.Query("BEGIN; INSERT INTO thing VALUES (2)");
    server.Stop(how);
    CHECK(open.Try("COMMIT") != "");
    server.Start();
    CHECK(Count(server.conninfo()) == "1");
    CHECK(Count(address) == "1");
  }
}

TEST_CASE("a standby refuses writes until it is promoted") {
  PostgresServer primary;
  Connection(primary.conninfo()).Query("CREATE TABLE thing AS SELECT 1 AS id");
  const std::unique_ptr<PostgresServer> standby = primary.AddStandby();
  Connection reader(standby->conninfo());
  CHECK(reader.Query("SHOW transaction_read_only") == "on");
  CHECK(Count(standby->conninfo()) == "1");
  CHECK(reader.Try("INSERT INTO thing VALUES (2)") == "25006");
  standby->Promote();
  CHECK(reader.Try("INSERT INTO thing VALUES (2)") == "");
  CHECK(Count(standby->conninfo()) == "2");
  CHECK(Count(primary.conninfo()) == "1");
}

TEST_CASE("a server ends with its test, its folder too") {
  std::string folder;
  {
    PostgresServer server;
    folder = server.address().folder;
    CHECK(std::filesystem::exists(server.address().socket_path()));
  }
  CHECK_FALSE(std::filesystem::exists(folder));
}

TEST_CASE("a server ends when the process that made it is killed") {
  // The orphans of this process's children become its own: it sees them end.
  REQUIRE(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
  int report[2] = {};
  REQUIRE(pipe(report) == 0);
  const pid_t owner = fork();
  REQUIRE(owner >= 0);
  if (owner == 0) {
    PostgresServer server;
    const std::string folder = server.address().folder + "\n";
    if (write(report[1], folder.data(), folder.size()) < 0) _exit(1);
    while (true) pause();
  }
  close(report[1]);
  std::string folder;
  for (char letter = 0; read(report[0], &letter, 1) == 1 && letter != '\n';) folder += letter;
  close(report[0]);
  REQUIRE(std::filesystem::exists(folder));
  REQUIRE(kill(owner, SIGKILL) == 0);
  int children = 0;
  while (waitpid(-1, nullptr, 0) > 0) ++children;
  CHECK(children == 3);  // The owner, the keeper, who waited for the server, and the janitor.
  CHECK_FALSE(std::filesystem::exists(folder));
}

// As where CTest ends a test that takes too long, with all its descendants.
TEST_CASE("a server's folder goes when its keeper is killed") {
  PostgresServer server;
  const std::string folder = server.address().folder;
  std::string postmaster;
  std::ifstream(folder + "/data/postmaster.pid") >> postmaster;
  pid_t keeper = 0;
  std::ifstream status("/proc/" + postmaster + "/status");
  for (std::string word; status >> word;) {
    if (word == "PPid:") status >> keeper;
  }
  REQUIRE(keeper > 1);
  REQUIRE(kill(keeper, SIGKILL) == 0);
  // Nobody tells when; a folder that stays keeps this test for ever.
  while (std::filesystem::exists(folder)) sched_yield();
}

TEST_CASE("a pooler gives a client another connection for each transaction") {
  PostgresServer server;
  const PoolerProcess pooler(server.address(), 1);
  Connection one(pooler.conninfo());
  Connection other(pooler.conninfo());
  one.Query("SET application_name = 'one'");
  CHECK(one.Query("SELECT pg_backend_pid()") == other.Query("SELECT pg_backend_pid()"));
  CHECK(one.Query("SHOW cluster_name") == server.address().name);
}

TEST_CASE("tests on the shared server do not see one another") {
  TestSchema one;
  TestSchema other;
  CHECK(one.name() != other.name());
  Connection connection(one.conninfo());
  connection.Query("CREATE SCHEMA " + one.name() + " CREATE TABLE thing (id int)");
  CHECK(connection.Query("SELECT to_regclass('" + other.name() + ".thing') IS NULL") == "t");
}
