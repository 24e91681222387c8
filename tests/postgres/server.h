// PostgresServer is a private PostgreSQL server of one test: made for it, stopped, started and
// promoted at its will, and gone with it, also when the test is killed (server_program.cc sees to
// that). Where the test fails, the end of the server's log is printed.
//
// SharedServer() is one for all tests of a run, which CTest sets up and cleans up; each test there
// works in a schema of its own (TestSchema). Only what needs a server's settings or its death has a
// PostgresServer, which takes a second and a half to make.
//
// No other server is ever connected to: conninfo names a folder that was just made, and what is
// found through a file must say the name that the file says.
//
// Thread-safety: none.
// Errors:        what does not work fails the test.
#ifndef OUTLIVE_TESTS_POSTGRES_SERVER_H_
#define OUTLIVE_TESTS_POSTGRES_SERVER_H_

#include <absl/time/time.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/postgres/server_address.h"
#include "tests/processes/worker_process.h"

namespace outlive::testing {

struct PostgresServerOptions {
  // Lines for postgresql.conf, as in "max_connections = 20".
  std::vector<std::string> settings = {};

  // Also listens on 127.0.0.1, on a port that the system chooses.
  bool tcp = false;

  // By how much its clock is ahead of this machine's. Whole seconds; not zero only where
  // CanShiftClock().
  absl::Duration clock_offset = absl::ZeroDuration();
};

// Whether a server's clock can be another one than the machine's: that takes libfaketime.
bool CanShiftClock();

class PostgresServer {
 public:
  enum class Shutdown {
    kFast,       // Ends every connection, and leaves everything in order.
    kImmediate,  // Ends at once, as in a crash: the next start recovers.
  };

  explicit PostgresServer(const PostgresServerOptions& options = {});
  ~PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  // A standby that follows this server, asynchronously, and answers readers.
  std::unique_ptr<PostgresServer> AddStandby(const PostgresServerOptions& options = {});

  // Both wait until it is done. A server that starts again has the same address.
  void Stop(Shutdown how);
  void Start();

  // Makes a standby a server of its own, which takes writes.
  void Promote();

  const ServerAddress& address() const { return address_; }
  std::string conninfo() const { return address_.conninfo(); }

  // All that it has logged.
  std::string Log() const;

 private:
  PostgresServer(const PostgresServerOptions& options, const std::string& standby_of);
  void Ask(const std::string& command);

  std::unique_ptr<WorkerProcess> keeper_;
  ServerAddress address_;
};

// PoolerProcess is a PgBouncer in transaction mode before a server, which outlives it.
class PoolerProcess {
 public:
  PoolerProcess(const ServerAddress& server, int size);
  ~PoolerProcess();
  PoolerProcess(const PoolerProcess&) = delete;
  PoolerProcess& operator=(const PoolerProcess&) = delete;

  std::string conninfo() const { return address_.conninfo(); }

 private:
  std::unique_ptr<WorkerProcess> keeper_;
  ServerAddress address_;
};

// The server of this CTest run. Where there is none, because the test program was started by hand,
// one is made for this process.
const ServerAddress& SharedServer();

// The name of a schema that no other test uses; what is in it is dropped in the end, so connections
// that hold locks there are closed before.
class TestSchema {
 public:
  explicit TestSchema(const ServerAddress& server = SharedServer());
  ~TestSchema();
  TestSchema(const TestSchema&) = delete;
  TestSchema& operator=(const TestSchema&) = delete;

  const std::string& name() const { return name_; }
  const ServerAddress& server() const { return server_; }
  std::string conninfo() const { return server_.conninfo(); }

 private:
  const ServerAddress server_;
  std::string name_;
};

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTS_POSTGRES_SERVER_H_
