#include "tests/postgres/postmaster.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <memory>

namespace outlive::testing {
namespace {

constexpr int kPortTriesMax = 5;

// Without TCP it is only the name of a socket in the folder.
constexpr int kDefaultPort = 5432;

std::string Binary(const std::string& name) {
  return std::string(OUTLIVE_POSTGRES_BINARIES "/") + name;
}

// A port of 127.0.0.1 that nobody uses at this moment; zero where there is none.
int FreePort() {
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  int port = 0;
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
      getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) == 0) {
    port = ntohs(address.sin_port);
  }
  close(listener);
  return port;
}

// Whether the server with this id says, in its own file, that it takes connections.
bool SaysReady(const std::string& path, pid_t id) {
  std::ifstream file(path);
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    if (number == 1 && line != std::to_string(id)) return false;
    if (number == 8) return line.starts_with("ready") || line.starts_with("standby");
  }
  return false;
}

}  // namespace

Postmaster::~Postmaster() { Stop(SIGQUIT); }

std::string Postmaster::Create() {
  std::string error = folder_.Make();
  if (!error.empty()) return error;
  address_.folder = folder_.path();
  address_.tcp = options_.tcp;
  address_.port = kDefaultPort;
  address_.name = "outlive-test-" + RandomHex(8);
  address_.password = RandomHex(16);
  error = options_.standby_of.empty() ? InitDb() : BaseBackup();
  if (error.empty()) error = Configure();
  if (error.empty()) error = Start();
  if (error.empty() && options_.standby_of.empty()) error = AddRole();
  return error;
}

// Linguistic collation, as databases in the field have it: whoever compares text there and bytes
// elsewhere finds out. On loopback there is a password; the folder is nobody else's.
std::string Postmaster::InitDb() const {
  const std::string error = folder_.Write("password", address_.password + "\n");
  if (!error.empty()) return error;
  return folder_.Run({Binary("initdb"), "-D", data(), "-U", "admin", "-E", "UTF8", "--no-sync",
                      "--locale=C", "--locale-provider=icu", "--icu-locale=en-US",
                      "--auth-local=trust", "--auth-host=scram-sha-256",
                      "--pwfile=" + folder_.path() + "/password"});
}

std::string Postmaster::BaseBackup() const {
  return folder_.Run({Binary("pg_basebackup"), "-D", data(), "-d", options_.standby_of, "-R", "-X",
                      "stream", "-c", "fast", "--no-sync"});
}

std::string Postmaster::Configure() const {
  std::vector<std::string> lines = {
      "listen_addresses = ''",
      "unix_socket_directories = '" + address_.folder + "'",
      "cluster_name = '" + address_.name + "'",
      "shared_buffers = 16MB",
      "max_connections = 100",
      "fsync = on",
      "synchronous_commit = on",
      "wal_level = replica",
      "max_wal_senders = 4",
      "max_wal_size = 256MB",
      "log_line_prefix = '%m [%p] %a '",
      "log_lock_waits = on",
      "timezone = 'UTC'",
  };
  lines.insert(lines.end(), options_.settings.begin(), options_.settings.end());
  std::ofstream file(data() + "/postgresql.conf", std::ios::app);
  file << fmt::format("\n{}\n", fmt::join(lines, "\n"));
  file.flush();
  return file ? "" : "cannot write postgresql.conf";
}

std::string Postmaster::AddRole() const {
  const std::unique_ptr<PGconn, void (*)(PGconn*)> connection(
      PQconnectdb(address_.admin_conninfo("postgres").c_str()), PQfinish);
  if (PQstatus(connection.get()) != CONNECTION_OK) return PQerrorMessage(connection.get());
  const std::string role = "CREATE ROLE app LOGIN PASSWORD '" + address_.password + "'";
  for (const std::string& statement : {role, std::string("CREATE DATABASE app OWNER app")}) {
    PGresult* result = PQexec(connection.get(), statement.c_str());
    const bool is_done = PQresultStatus(result) == PGRES_COMMAND_OK;
    PQclear(result);
    if (!is_done) return PQerrorMessage(connection.get());
  }
  return "";
}

std::string Postmaster::Start() {
  if (id_ != 0) return "it runs already";
  if (!options_.tcp) return StartOnce();
  std::string error;
  const bool has_port = address_.port != kDefaultPort;  // Who starts again keeps its port.
  for (int tries = 0; tries < kPortTriesMax; ++tries) {
    if (!has_port) address_.port = FreePort();
    error = StartOnce();
    if (error.empty() || has_port) return error;
  }
  return error;
}

std::string Postmaster::StartOnce() {
  std::vector<std::string> words;
  if (options_.clock_offset != 0) {
    // Only what time of day it is: how long things take stays what it is.
    words = {"/usr/bin/env", "LD_PRELOAD=" OUTLIVE_LIBFAKETIME, "FAKETIME_DONT_FAKE_MONOTONIC=1",
             "FAKETIME_DISABLE_SHM=1", fmt::format("FAKETIME={:+}", options_.clock_offset)};
  }
  words.insert(words.end(),
               {Binary("postgres"), "-D", data(), "-p", std::to_string(address_.port)});
  if (options_.tcp) words.insert(words.end(), {"-c", "listen_addresses=127.0.0.1"});
  id_ = folder_.Spawn(words, SIGQUIT);
  return id_ == 0 ? "cannot fork" : WaitUntilReady();
}

std::string Postmaster::WaitUntilReady() {
  const int changes = inotify_init1(IN_CLOEXEC);
  inotify_add_watch(changes, data().c_str(), IN_MODIFY | IN_CREATE | IN_CLOSE_WRITE);
  const int end = EndOf(id_);
  bool is_ready = false;
  while (!is_ready) {
    is_ready = SaysReady(data() + "/postmaster.pid", id_);
    if (is_ready) break;
    std::array<pollfd, 2> wait = {pollfd{changes, POLLIN, 0}, pollfd{end, POLLIN, 0}};
    if (poll(wait.data(), wait.size(), kPatienceMs) <= 0 || wait[1].revents != 0) break;
    std::array<char, 4'096> ignored = {};
    if (read(changes, ignored.data(), ignored.size()) <= 0) break;
  }
  close(changes);
  close(end);
  if (is_ready) return "";
  Stop(SIGQUIT);
  return folder_.Failure("the server does not get ready");
}

std::string Postmaster::Stop(int how) {
  if (id_ == 0) return "";
  const bool ended = End(id_, how);
  id_ = 0;
  return ended ? "" : folder_.Failure("the server does not stop");
}

std::string Postmaster::Promote() {
  return folder_.Run({Binary("pg_ctl"), "promote", "-w", "-D", data()});
}

}  // namespace outlive::testing
