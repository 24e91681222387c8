#include "tests/postgres/postmaster.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <grp.h>
#include <libpq-fe.h>
#include <netinet/in.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

namespace outlive::testing {
namespace {

// After this a server that does not start or stop hangs. Nothing else depends on it.
constexpr int kPatienceMs = 60'000;
constexpr int kPortTriesMax = 5;

// Without TCP it is only the name of a socket in the folder.
constexpr int kDefaultPort = 5432;

// Who PostgreSQL runs as. Nothing to change where we are not root.
struct Identity {
  bool change = false;
  uid_t user = 0;
  gid_t group = 0;
};

Identity ServerIdentity() {
  if (geteuid() != 0) return {};
  for (const char* name : {"postgres", "nobody"}) {
    if (const passwd* entry = getpwnam(name)) return {true, entry->pw_uid, entry->pw_gid};
  }
  return {};
}

// A child's side of fork(): another identity, our signals undone, and an end with its parent.
// Returns only where that failed.
void Become(const Identity& identity, const std::string& folder, const std::string& log,
            pid_t parent, int death_signal, char* const* words) {
  const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  const int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (out < 0 || in < 0 || dup2(in, STDIN_FILENO) < 0) return;
  if (dup2(out, STDOUT_FILENO) < 0 || dup2(out, STDERR_FILENO) < 0) return;
  if (identity.change) {
    if (fchown(out, identity.user, identity.group) != 0) return;
    if (setgroups(0, nullptr) != 0 || setgid(identity.group) != 0) return;
    if (setuid(identity.user) != 0) return;
  }
  // After setuid(), which takes it back.
  if (prctl(PR_SET_PDEATHSIG, death_signal) != 0 || getppid() != parent) return;
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (chdir(folder.c_str()) != 0) return;
  execv(words[0], words);
}

std::string Binary(const std::string& name) {
  return std::string(OUTLIVE_POSTGRES_BINARIES "/") + name;
}

std::string RandomHex(std::size_t byte_count) {
  std::string bytes(byte_count, '\0');
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) std::abort();
  std::string hex;
  for (const char byte : bytes) hex += fmt::format("{:02x}", static_cast<std::uint8_t>(byte));
  return hex;
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

std::string Tail(const std::string& path, std::size_t bytes_max) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  std::string all = text.str();
  if (all.size() > bytes_max) all.erase(0, all.size() - bytes_max);
  return all;
}

}  // namespace

Postmaster::~Postmaster() {
  Stop(SIGQUIT);
  if (address_.folder.empty()) return;
  std::error_code ignored;
  std::filesystem::remove_all(address_.folder, ignored);
}

std::string Postmaster::Create() {
  std::string path = (std::filesystem::temp_directory_path() / "outlive-pg-XXXXXX").string();
  if (mkdtemp(path.data()) == nullptr) return "cannot make the folder " + path;
  address_.folder = path;
  address_.tcp = options_.tcp;
  address_.port = kDefaultPort;
  address_.name = "outlive-test-" + RandomHex(8);
  address_.password = RandomHex(16);
  const std::string password_file = address_.folder + "/password";
  std::ofstream(password_file) << address_.password << "\n";
  if (const Identity identity = ServerIdentity(); identity.change) {
    for (const std::string& owned : {address_.folder, password_file}) {
      if (chown(owned.c_str(), identity.user, identity.group) != 0) return "cannot chown " + owned;
    }
  }
  std::string error;
  if (options_.standby_of.empty()) {
    // Linguistic collation, as databases in the field have it: whoever compares text there and
    // bytes elsewhere finds out. On loopback there is a password; the folder is nobody else's.
    error = Run({Binary("initdb"), "-D", data(), "-U", "admin", "-E", "UTF8", "--no-sync",
                 "--locale=C", "--locale-provider=icu", "--icu-locale=en-US", "--auth-local=trust",
                 "--auth-host=scram-sha-256", "--pwfile=" + password_file});
  } else {
    error = Run({Binary("pg_basebackup"), "-D", data(), "-d", options_.standby_of, "-R", "-X",
                 "stream", "-c", "fast", "--no-sync"});
  }
  if (error.empty()) error = Configure();
  if (error.empty()) error = Start();
  if (error.empty() && options_.standby_of.empty()) error = AddRole();
  return error;
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
  for (const std::string& statement : {"CREATE ROLE app LOGIN PASSWORD '" + address_.password + "'",
                                       std::string("CREATE DATABASE app OWNER app")}) {
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
  const bool has_port =
      address_.port != kDefaultPort;  // A server that starts again keeps its port.
  for (int tries = 0; tries < kPortTriesMax; ++tries) {
    if (!has_port) address_.port = FreePort();
    error = StartOnce();
    if (error.empty() || has_port) return error;
  }
  return error;
}

std::string Postmaster::StartOnce() {
  std::vector<std::string> words = {Binary("postgres"), "-D", data(), "-p",
                                    std::to_string(address_.port)};
  if (options_.tcp) words.insert(words.end(), {"-c", "listen_addresses=127.0.0.1"});
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const Identity identity = ServerIdentity();
  const pid_t parent = getpid();
  id_ = fork();
  if (id_ == 0) {
    Become(identity, address_.folder, address_.log_path(), parent, SIGQUIT, pointers.data());
    _exit(127);
  }
  if (id_ < 0) {
    id_ = 0;
    return "cannot fork";
  }
  return WaitUntilReady();
}

std::string Postmaster::WaitUntilReady() {
  const int changes = inotify_init1(IN_CLOEXEC);
  inotify_add_watch(changes, data().c_str(), IN_MODIFY | IN_CREATE | IN_CLOSE_WRITE);
  const int end = static_cast<int>(syscall(SYS_pidfd_open, id_, 0));
  std::string error = "it does not get ready";
  while (true) {
    if (SaysReady(data() + "/postmaster.pid", id_)) {
      error.clear();
      break;
    }
    std::array<pollfd, 2> wait = {pollfd{changes, POLLIN, 0}, pollfd{end, POLLIN, 0}};
    if (poll(wait.data(), wait.size(), kPatienceMs) <= 0) break;
    if (wait[1].revents != 0) break;
    std::array<char, 4'096> ignored = {};
    if (read(changes, ignored.data(), ignored.size()) <= 0) break;
  }
  close(changes);
  close(end);
  if (error.empty()) return "";
  Stop(SIGQUIT);
  return Failure(error);
}

std::string Postmaster::Stop(int how) {
  if (id_ == 0) return "";
  kill(id_, how);
  const int end = static_cast<int>(syscall(SYS_pidfd_open, id_, 0));
  pollfd wait = {end, POLLIN, 0};
  const bool ended = poll(&wait, 1, kPatienceMs) == 1;
  close(end);
  if (!ended) kill(id_, SIGKILL);
  waitpid(id_, nullptr, 0);
  id_ = 0;
  return ended ? "" : Failure("it does not stop");
}

std::string Postmaster::Promote() { return Run({Binary("pg_ctl"), "promote", "-w", "-D", data()}); }

std::string Postmaster::Run(const std::vector<std::string>& words) const {
  std::vector<std::string> copy = words;
  std::vector<char*> pointers;
  for (std::string& word : copy) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const Identity identity = ServerIdentity();
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) return "cannot fork";
  if (child == 0) {
    Become(identity, address_.folder, address_.log_path(), parent, SIGKILL, pointers.data());
    _exit(127);
  }
  int status = 0;
  if (waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
    return "";
  }
  return Failure(words[0] + " failed");
}

std::string Postmaster::Failure(const std::string& what) const {
  return fmt::format("{}; its log ends with:\n{}", what, Tail(address_.log_path(), 4'096));
}

}  // namespace outlive::testing
