// Keeps a private PostgreSQL server alive for tests, and ends it whatever becomes of them.
//
//   outlive_postgres_server attend [--tcp] [--set LINE]... [--clock-offset SECONDS]
//                                  [--standby-of CONNINFO]
//       A server for the one who holds our standard input. Says "ok ADDRESS", then answers each of
//       the commands start, stop SIGNAL and promote by "ok" or "failed WHY". When the input ends,
//       also because its other side was killed, the server goes, and its folder with it.
//
//   outlive_postgres_server pool SIZE ADDRESS
//       A PgBouncer in transaction mode before the server of that ServerAddress, in the same way.
//       There are no commands.
//
//   outlive_postgres_server setup FILE
//       Leaves a server running that other processes find through FILE (ServerAddress, one line).
//       It goes with `cleanup FILE`, with the process that started us (ctest, a shell), or when
//       nobody has connected to it for a while.
//
//   outlive_postgres_server cleanup FILE
//
// If this program itself is killed, the kernel ends the server; only its folder is left behind.
#include <fcntl.h>
#include <fmt/format.h>
#include <libpq-fe.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/postgres/pooler.h"
#include "tests/postgres/postmaster.h"
#include "tests/postgres/subprocess.h"

namespace {

using outlive::testing::EndOf;
using outlive::testing::Pooler;
using outlive::testing::Postmaster;
using outlive::testing::PostmasterOptions;
using outlive::testing::ServerAddress;

// How often a server that was set up asks itself whether anybody has connected, and how many times
// the answer may be no.
constexpr int kIdleCheckMs = 60'000;
constexpr int kIdleChecksMax = 15;

int Fail(const std::string& why) {
  std::fprintf(stderr, "outlive_postgres_server: %s\n", why.c_str());
  return 1;
}

std::string OneLine(std::string text) {
  for (char& letter : text) {
    if (letter == '\n') letter = '|';
  }
  return text;
}

// Signals that end a process are read from a descriptor: what we keep is put away first.
int TakeSignals() {
  sigset_t ending;
  sigemptyset(&ending);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&ending, number);
  sigprocmask(SIG_BLOCK, &ending, nullptr);
  return signalfd(-1, &ending, SFD_CLOEXEC);
}

// ---- attend ----------------------------------------------------------------------------------

std::string Obey(Postmaster& server, const std::string& command) {
  if (command == "start") return server.Start();
  if (command == "promote") return server.Promote();
  if (command.starts_with("stop ")) return server.Stop(std::atoi(command.c_str() + 5));
  return "no such command: " + command;
}

void Answer(const std::string& error, const std::string& result = "") {
  std::printf("%s %s\n", error.empty() ? "ok" : "failed",
              OneLine(error.empty() ? result : error).c_str());
  std::fflush(stdout);
}

// Keeps `server`, a Postmaster or a Pooler, for whoever holds our standard input.
template <class Server>
int Attend(Server& server, const std::function<std::string(const std::string&)>& obey) {
  signal(SIGPIPE, SIG_IGN);
  const int signals = TakeSignals();
  const std::string error = server.Create();
  Answer(error, server.address().ToLine());
  if (!error.empty()) return 1;
  std::string buffer;
  while (true) {
    std::array<pollfd, 2> wait = {pollfd{STDIN_FILENO, POLLIN, 0}, pollfd{signals, POLLIN, 0}};
    if (poll(wait.data(), wait.size(), -1) < 0 || wait[1].revents != 0) return 0;
    std::array<char, 256> bytes = {};
    const ssize_t count = read(STDIN_FILENO, bytes.data(), bytes.size());
    if (count <= 0) return 0;
    buffer.append(bytes.data(), static_cast<std::size_t>(count));
    for (std::size_t end = buffer.find('\n'); end != std::string::npos; end = buffer.find('\n')) {
      Answer(obey(buffer.substr(0, end)));
      buffer.erase(0, end + 1);
    }
  }
}

int AttendServer(const PostmasterOptions& options) {
  Postmaster server(options);
  return Attend(server, [&](const std::string& command) { return Obey(server, command); });
}

int AttendPooler(int size, const ServerAddress& server) {
  Pooler pooler(server, size);
  return Attend(pooler, [](const std::string&) { return std::string("there are no commands"); });
}

// ---- setup and cleanup -----------------------------------------------------------------------

std::string ControlPath(const ServerAddress& address) { return address.folder + "/control"; }

ServerAddress ReadAddress(const std::string& file) {
  std::string line;
  std::ifstream stream(file);
  std::getline(stream, line);
  return ServerAddress::FromLine(line);
}

sockaddr_un SocketAddress(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  return address;
}

// A connection to the keeper of that server; -1 if there is none any more.
int ConnectToKeeper(const ServerAddress& server) {
  const int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_un address = SocketAddress(ControlPath(server));
  if (connect(client, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    return client;
  }
  close(client);
  return -1;
}

// Waits until the keeper has ended.
int CleanUp(const std::string& file) {
  const ServerAddress address = ReadAddress(file);
  if (!address.folder.empty()) {
    if (const int keeper = ConnectToKeeper(address); keeper >= 0) {
      if (send(keeper, "stop", 4, MSG_NOSIGNAL) != 4) return Fail("cannot reach the keeper");
      char ignored = 0;
      while (read(keeper, &ignored, 1) > 0) {
      }
      close(keeper);
    }
  }
  std::filesystem::remove(file);
  return 0;
}

// Whether somebody is connected, or has been since `sessions`, which is brought up to date. Yes,
// where the server does not say.
bool IsUsed(const ServerAddress& address, long& sessions) {
  const std::unique_ptr<PGconn, void (*)(PGconn*)> connection(
      PQconnectdb((address.admin_conninfo() + " connect_timeout=10").c_str()), PQfinish);
  const std::unique_ptr<PGresult, void (*)(PGresult*)> result(
      PQexec(connection.get(),
             "SELECT sum(sessions), (SELECT count(*) FROM pg_stat_activity"
             " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid())"
             " FROM pg_stat_database"),
      PQclear);
  if (PQresultStatus(result.get()) != PGRES_TUPLES_OK) return true;
  const long before = std::exchange(sessions, std::atol(PQgetvalue(result.get(), 0, 0)));
  const bool has_clients = std::string(PQgetvalue(result.get(), 0, 1)) != "0";
  return has_clients || sessions != before + 1;  // One more is our own.
}

// Whether somebody has come to say that the server shall go. The connection of who says so stays
// open: its end, with this process, is the answer.
bool IsToldToStop(int control) {
  const int client = accept4(control, nullptr, nullptr, SOCK_CLOEXEC);
  const timeval patience = {1, 0};
  setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  std::array<char, 4> word = {};
  if (recv(client, word.data(), word.size(), MSG_WAITALL) == 4) return true;
  close(client);
  return false;
}

// Until somebody says stop, the one who wants the server is gone, the server is, or it is idle.
void KeepUntilUnwanted(const Postmaster& server, int wanted_by, int signals, int control) {
  const int end = EndOf(server.id());
  long sessions = -1;
  int idle_checks = 0;
  while (idle_checks < kIdleChecksMax) {
    std::array<pollfd, 4> wait = {pollfd{control, POLLIN, 0}, pollfd{wanted_by, POLLIN, 0},
                                  pollfd{signals, POLLIN, 0}, pollfd{end, POLLIN, 0}};
    const int ready = poll(wait.data(), wait.size(), kIdleCheckMs);
    if (ready == 0) {
      idle_checks = IsUsed(server.address(), sessions) ? 0 : idle_checks + 1;
    } else if (ready < 0 || wait[0].revents == 0 || IsToldToStop(control)) {
      return;
    }
  }
}

// The keeper of a server that was set up. Tells its parent through `report` how it went.
int Keep(const std::string& file, pid_t wanted_by_id, int report) {
  const int wanted_by = EndOf(wanted_by_id);
  const int signals = TakeSignals();
  setsid();
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    const int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
    dup2(nothing, standard);
    close(nothing);
  }
  Postmaster server(PostmasterOptions{});
  std::string error = server.Create();
  const int control = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (error.empty()) {
    const sockaddr_un address = SocketAddress(ControlPath(server.address()));
    if (bind(control, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
        listen(control, 8) != 0) {
      error = "cannot listen on " + ControlPath(server.address());
    }
    std::ofstream(file + ".new") << server.address().ToLine() << "\n";
    std::filesystem::rename(file + ".new", file);
  }
  // From here on the server outlives the one who set it up.
  prctl(PR_SET_PDEATHSIG, 0);
  const std::string line = error.empty() ? "ok" : error;
  if (write(report, line.data(), line.size()) != static_cast<ssize_t>(line.size())) return 1;
  close(report);
  if (!error.empty()) return 1;
  KeepUntilUnwanted(server, wanted_by, signals, control);
  return 0;
}

int SetUp(const std::string& file) {
  const ServerAddress old = ReadAddress(file);
  if (const int keeper = old.folder.empty() ? -1 : ConnectToKeeper(old); keeper >= 0) {
    close(keeper);
    return Fail("another run uses the server of " + file);
  }
  signal(SIGPIPE, SIG_IGN);
  const pid_t wanted_by = getppid();
  const pid_t parent = getpid();
  std::array<int, 2> report = {};
  if (pipe2(report.data(), O_CLOEXEC) != 0) return Fail("no pipe");
  const pid_t child = fork();
  if (child < 0) return Fail("cannot fork");
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) return 1;
    close(report[0]);
    return Keep(file, wanted_by, report[1]);
  }
  close(report[1]);
  std::string said;
  std::array<char, 4'096> bytes = {};
  while (true) {
    const ssize_t count = read(report[0], bytes.data(), bytes.size());
    if (count <= 0) break;
    said.append(bytes.data(), static_cast<std::size_t>(count));
  }
  return said == "ok" ? 0 : Fail("no server: " + said);
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() == 2 && words[0] == "setup") return SetUp(words[1]);
  if (words.size() == 2 && words[0] == "cleanup") return CleanUp(words[1]);
  if (words.size() == 3 && words[0] == "pool") {
    return AttendPooler(std::atoi(words[1].c_str()), ServerAddress::FromLine(words[2]));
  }
  if (words.empty() || words[0] != "attend") return Fail("see the top of server_program.cc");
  PostmasterOptions options;
  for (std::size_t at = 1; at < words.size(); ++at) {
    const bool has_value = at + 1 < words.size();
    if (words[at] == "--tcp") {
      options.tcp = true;
    } else if (words[at] == "--set" && has_value) {
      options.settings.push_back(words[++at]);
    } else if (words[at] == "--clock-offset" && has_value) {
      options.clock_offset = std::atoi(words[++at].c_str());
    } else if (words[at] == "--standby-of" && has_value) {
      options.standby_of = words[++at];
    } else {
      return Fail("unknown argument " + words[at]);
    }
  }
  return AttendServer(options);
}
