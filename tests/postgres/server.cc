#include "tests/postgres/server.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string_view>
#include <utility>

#include "tests/postgres/connection.h"

namespace outlive::testing {
namespace {

constexpr std::size_t kShownLogBytesMax = 16'384;

std::string ReadFrom(const std::string& path, std::streamoff offset) {
  std::ifstream file(path);
  file.seekg(offset);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

void ShowLog(std::string log) {
  if (log.size() > kShownLogBytesMax) log.erase(0, log.size() - kShownLogBytesMax);
  std::cout << "---- the PostgreSQL server's log:\n" << log << "----\n";
}

// Knows whether the running test has failed, before its end.
struct FailureListener final : doctest::IReporter {
  explicit FailureListener(const doctest::ContextOptions&) {}
  void report_query(const doctest::QueryData&) override {}
  void test_run_start() override {}
  void test_run_end(const doctest::TestRunStats&) override { own_server.reset(); }
  void test_case_start(const doctest::TestCaseData&) override { has_failed = false; }
  void test_case_reenter(const doctest::TestCaseData&) override {}
  void test_case_end(const doctest::CurrentTestCaseStats& stats) override {
    if (stats.failure_flags != 0 && !shared_log.empty()) {
      ShowLog(ReadFrom(shared_log, shared_log_offset));
    }
  }
  void test_case_exception(const doctest::TestCaseException&) override { has_failed = true; }
  void subcase_start(const doctest::SubcaseSignature&) override {}
  void subcase_end() override {}
  void log_assert(const doctest::AssertData& data) override {
    if (data.m_failed) has_failed = true;
  }
  void log_message(const doctest::MessageData& data) override {
    if (data.m_severity >= doctest::assertType::is_check) has_failed = true;
  }
  void test_case_skipped(const doctest::TestCaseData&) override {}

  static inline std::atomic<bool> has_failed = false;

  // What the shared server logs from when this process first used it.
  static inline std::string shared_log = {};
  static inline std::streamoff shared_log_offset = 0;

  // The shared server where this process had to make one: it ends with the run, not after main().
  static inline std::unique_ptr<PostgresServer> own_server = nullptr;
};
REGISTER_LISTENER("postgres_server", 1, FailureListener);

std::vector<std::string> Arguments(const PostgresServerOptions& options,
                                   const std::string& standby_of) {
  std::vector<std::string> words = {"attend"};
  if (options.tcp) words.emplace_back("--tcp");
  if (options.clock_offset != absl::ZeroDuration()) {
    REQUIRE(CanShiftClock());
    const std::int64_t seconds = absl::ToInt64Seconds(options.clock_offset);
    words.insert(words.end(), {"--clock-offset", std::to_string(seconds)});
  }
  for (const std::string& line : options.settings) words.insert(words.end(), {"--set", line});
  if (!standby_of.empty()) words.insert(words.end(), {"--standby-of", standby_of});
  return words;
}

// What a keeper says first.
ServerAddress AddressFrom(WorkerProcess& keeper) {
  const std::string line = keeper.ReadLine();
  REQUIRE_MESSAGE(line.starts_with("ok "), "it does not start: ", line);
  ServerAddress address = ServerAddress::FromLine(line.substr(3));
  REQUIRE(!address.folder.empty());
  return address;
}

// The server that the file names, once it has said that it is the one.
ServerAddress FindServer(const std::string& file) {
  std::ifstream stream(file);
  std::string line;
  std::getline(stream, line);
  ServerAddress address = ServerAddress::FromLine(line);
  REQUIRE_MESSAGE(!address.folder.empty(), file, " names no server");
  REQUIRE(Connection(address.conninfo()).Query("SHOW cluster_name") == address.name);
  return address;
}

}  // namespace

bool CanShiftClock() { return std::string_view(OUTLIVE_LIBFAKETIME) != ""; }

PostgresServer::PostgresServer(const PostgresServerOptions& options)
    : PostgresServer(options, "") {}

PostgresServer::PostgresServer(const PostgresServerOptions& options, const std::string& standby_of)
    : keeper_(
          std::make_unique<WorkerProcess>(OUTLIVE_POSTGRES_SERVER, Arguments(options, standby_of))),
      address_(AddressFrom(*keeper_)) {}

PostgresServer::~PostgresServer() {
  if (FailureListener::has_failed || std::uncaught_exceptions() > 0) ShowLog(Log());
  keeper_->Signal(SIGTERM);
  keeper_->Wait();
}

std::unique_ptr<PostgresServer> PostgresServer::AddStandby(const PostgresServerOptions& options) {
  std::unique_ptr<PostgresServer> standby(
      new PostgresServer(options, address_.admin_conninfo("postgres")));
  standby->address_.password = address_.password;  // Roles are copied with everything else.
  return standby;
}

void PostgresServer::Ask(const std::string& command) {
  REQUIRE(keeper_->Send(command));
  const std::string answer = keeper_->ReadLine();
  REQUIRE_MESSAGE(answer.starts_with("ok"), command, ": ", answer);
}

void PostgresServer::Stop(Shutdown how) {
  Ask(fmt::format("stop {}", how == Shutdown::kFast ? SIGINT : SIGQUIT));
}

void PostgresServer::Start() { Ask("start"); }

void PostgresServer::Promote() { Ask("promote"); }

std::string PostgresServer::Log() const { return ReadFrom(address_.log_path(), 0); }

PoolerProcess::PoolerProcess(const ServerAddress& server, int size)
    : keeper_(std::make_unique<WorkerProcess>(
          OUTLIVE_POSTGRES_SERVER,
          std::vector<std::string>{"pool", std::to_string(size), server.ToLine()})),
      address_(AddressFrom(*keeper_)) {}

PoolerProcess::~PoolerProcess() {
  keeper_->Signal(SIGTERM);
  keeper_->Wait();
}

const ServerAddress& SharedServer() {
  static const ServerAddress address = [] {
    const char* file = std::getenv("OUTLIVE_POSTGRES_SERVER_FILE");
    if (file != nullptr) return FindServer(file);
    FailureListener::own_server = std::make_unique<PostgresServer>();
    return FailureListener::own_server->address();
  }();
  if (FailureListener::shared_log.empty()) {
    std::ifstream log(address.log_path(), std::ios::ate);
    FailureListener::shared_log_offset = log.tellg();
    FailureListener::shared_log = address.log_path();
  }
  return address;
}

TestSchema::TestSchema(const ServerAddress& server) : server_(server) {
  static std::atomic<int> count = 0;
  name_ = fmt::format("test_{}_{}", getpid(), ++count);
}

TestSchema::~TestSchema() {
  const std::unique_ptr<PGconn, void (*)(PGconn*)> connection(
      PQconnectdb((server_.conninfo() + " connect_timeout=10").c_str()), PQfinish);
  PQsetNoticeProcessor(connection.get(), [](void*, const char*) {}, nullptr);
  // What cannot be dropped goes with the server.
  PQclear(PQexec(connection.get(), "SET lock_timeout = '10s'"));
  PQclear(PQexec(connection.get(), ("DROP SCHEMA IF EXISTS " + name_ + " CASCADE").c_str()));
}

}  // namespace outlive::testing
