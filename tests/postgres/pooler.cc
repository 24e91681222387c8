#include "tests/postgres/pooler.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace outlive::testing {
namespace {

// How often it is looked whether somebody listens on a socket: nothing tells.
constexpr int kLookMs = 10;

// Only the name of a socket in the folder.
constexpr int kPort = 6432;

bool Listens(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  const int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const bool listens =
      connect(client, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  close(client);
  return listens;
}

}  // namespace

Pooler::~Pooler() {
  if (id_ != 0) End(id_, SIGTERM);
}

std::string Pooler::Create() {
  std::string error = folder_.Make();
  if (!error.empty()) return error;
  address_ = server_;
  address_.folder = folder_.path();
  address_.port = kPort;
  address_.tcp = false;
  // Whoever connects is the role app: only we get into the folder.
  error = folder_.Write(
      "pgbouncer.ini",
      fmt::format("[databases]\napp = host={} port={} dbname=app user=app\n"
                  "[pgbouncer]\nlisten_addr =\nlisten_port = {}\nunix_socket_dir = {}\n"
                  "auth_type = any\npool_mode = transaction\ndefault_pool_size = {}\n"
                  "max_client_conn = 200\nignore_startup_parameters = extra_float_digits,options\n"
                  "log_connections = 0\nlog_disconnections = 0\n",
                  server_.folder, server_.port, kPort, folder_.path(), size_));
  if (!error.empty()) return error;
  id_ = folder_.Spawn({OUTLIVE_PGBOUNCER, folder_.path() + "/pgbouncer.ini"}, SIGKILL);
  if (id_ == 0) return "cannot fork";
  pollfd end = {EndOf(id_), POLLIN, 0};
  int patience_ms = kPatienceMs;
  bool listens = false;
  while (!listens && patience_ms > 0 && poll(&end, 1, kLookMs) == 0) {
    listens = Listens(address_.socket_path());
    patience_ms -= kLookMs;
  }
  close(end.fd);
  return listens ? "" : folder_.Failure("PgBouncer does not get ready");
}

}  // namespace outlive::testing
