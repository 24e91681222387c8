// TLS between stores and their server is libpq's; here is that nothing gets in its way, and that a
// server that is not the one asked for is refused with words that help.
#include <absl/status/status.h>
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <string_view>

#include "outlive/conformance/helpers.h"
#include "outlive/store/postgres_store.h"
#include "tests/postgres/connection.h"
#include "tests/postgres/server.h"
#include "tests/processes/worker_process.h"

namespace outlive::testing {
namespace {

using conformance::RequireOk;
using conformance::Value;

// A server with the certificate of "localhost", which is its own root, and the root of somebody
// else beside it.
class TlsServer {
 public:
  TlsServer() {
    MakeCertificate("server");
    MakeCertificate("other");
    // A server refuses a key that others might read.
    struct stat folder = {};
    REQUIRE(stat(server_.address().folder.c_str(), &folder) == 0);
    for (const std::string& file : {Path("server.key"), Path("server.crt")}) {
      REQUIRE(chown(file.c_str(), folder.st_uid, folder.st_gid) == 0);
    }
  }

  void TurnOn() {
    const std::string file = "ALTER SYSTEM SET ssl_{}_file = '{}'";
    admin_->Query("ALTER SYSTEM SET ssl = on");
    admin_->Query(fmt::format(fmt::runtime(file), "cert", Path("server.crt")));
    admin_->Query(fmt::format(fmt::runtime(file), "key", Path("server.key")));
    admin_ = nullptr;
    server_.Stop(PostgresServer::Shutdown::kFast);
    server_.Start();
    admin_ = std::make_unique<Connection>(server_.address().admin_conninfo());
  }

  // Through TCP, to a server that calls itself `host`.
  std::string Conninfo(std::string_view sslmode, std::string_view root = "",
                       std::string_view host = "localhost") const {
    const ServerAddress& address = server_.address();
    std::string text =
        fmt::format("host={} hostaddr=127.0.0.1 port={} user=app password={} dbname=app sslmode={}",
                    host, address.port, address.password, sslmode);
    if (!root.empty()) text += " sslrootcert=" + Path(std::string(root) + ".crt");
    return text;
  }

  std::string Path(const std::string& name) const { return server_.address().folder + "/" + name; }
  const std::string& password() const { return server_.address().password; }
  Connection& admin() { return *admin_; }

 private:
  void MakeCertificate(const std::string& name) {
    WorkerProcess openssl(
        OUTLIVE_OPENSSL,
        {"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj",
         "/CN=" + name, "-addext", "subjectAltName=DNS:localhost", "-days", "7", "-keyout",
         Path(name + ".key"), "-out", Path(name + ".crt")});
    REQUIRE(openssl.Wait().code == 0);
  }

  PostgresServer server_{{.tcp = true}};
  std::unique_ptr<Connection> admin_ =
      std::make_unique<Connection>(server_.address().admin_conninfo());
};

// Of those that come through TCP: as many as there are, and as many as are encrypted.
std::string Connections(TlsServer& server, std::string_view which) {
  return server.admin().Query(
      fmt::format("SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)"
                  " WHERE usename = 'app' AND client_addr IS NOT NULL AND {}",
                  which));
}

void CheckWorks(TlsServer& server, const std::string& conninfo) {
  const auto store = Value(PostgresStore::Open(conninfo));
  const auto subscription = store->Subscribe([](WakeHint) {});
  const ClaimedJob job = conformance::InsertAndClaim(*store);
  RequireOk(conformance::FinishOne(*store, job, Transition::kComplete));
  CHECK(conformance::StateOf(*store, job.lease.job) == JobState::kCompleted);
  CHECK(std::stoi(Connections(server, "true")) >= 2);  // One writes, another reads.
  CHECK(Connections(server, "NOT ssl") == "0");
}

void CheckRefused(TlsServer& server, const std::string& conninfo, std::string_view why) {
  const absl::Status refused = PostgresStore::Open(conninfo).status();
  CHECK_FALSE(refused.ok());
  const std::string text = refused.ToString();
  CHECK_MESSAGE(text.find(why) != std::string::npos, text);
  CHECK(text.find(server.password()) == std::string::npos);
}

TEST_CASE("connections are encrypted where the conninfo asks for it, or are none (Z12)") {
  TlsServer server;
  CheckRefused(server, server.Conninfo("require"), "server does not support SSL");
  server.TurnOn();
  CheckWorks(server, server.Conninfo("require"));
}

TEST_CASE("a server has to show a certificate of the root that the conninfo names (Z12)") {
  TlsServer server;
  server.TurnOn();
  CheckWorks(server, server.Conninfo("verify-full", "server"));
  CheckRefused(server, server.Conninfo("verify-full", "other"), "certificate verify failed");
  CheckRefused(server, server.Conninfo("verify-full", "server", "db.example.com"),
               "does not match host name \"db.example.com\"");
  CheckRefused(server, server.Conninfo("verify-full", "missing"), "missing.crt");
}

}  // namespace
}  // namespace outlive::testing
