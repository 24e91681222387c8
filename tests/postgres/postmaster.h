// Postmaster is a PostgreSQL server in a folder of its own, as the program sees it that keeps it
// alive (server_program.cc): initdb, start, stop, promote, and nothing left when it is destroyed.
//
// The servers here are private: no server that the machine may have is looked at or spoken to.
//
// Thread-safety: none, and the process must have one thread: this forks.
// Errors:        a text that says what failed, with the end of the server's log; empty is success.
#ifndef OUTLIVE_TESTS_POSTGRES_POSTMASTER_H_
#define OUTLIVE_TESTS_POSTGRES_POSTMASTER_H_

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/postgres/server_address.h"
#include "tests/postgres/subprocess.h"

namespace outlive::testing {

struct PostmasterOptions {
  // What is written into postgresql.conf, after our own lines: "name = value".
  std::vector<std::string> settings = {};

  // Also listens on 127.0.0.1, on a port that the system chooses.
  bool tcp = false;

  // Seconds by which its clock is ahead of this machine's.
  int clock_offset = 0;

  // Not empty: a copy of that server which follows it, made by pg_basebackup.
  std::string standby_of = {};
};

class Postmaster {
 public:
  explicit Postmaster(PostmasterOptions options) : options_(std::move(options)) {}

  // Ends the server at once and deletes its folder.
  ~Postmaster();
  Postmaster(const Postmaster&) = delete;
  Postmaster& operator=(const Postmaster&) = delete;

  // Makes the folder and the cluster in it, starts it, and adds the role and the database that its
  // address names.
  std::string Create();

  // Waits until it takes connections.
  std::string Start();

  // `how`: SIGTERM waits for clients, SIGINT ends them (fast), SIGQUIT is a crash (immediate).
  // Waits for the end.
  std::string Stop(int how);

  // Ends a standby's following, and waits until it takes writes.
  std::string Promote();

  const ServerAddress& address() const { return address_; }

  // Zero while it does not run.
  pid_t id() const { return id_; }

 private:
  std::string data() const { return address_.folder + "/data"; }
  std::string InitDb() const;
  std::string BaseBackup() const;
  std::string Configure() const;
  std::string AddRole() const;
  std::string WaitUntilReady();
  std::string StartOnce();

  const PostmasterOptions options_;
  WorkFolder folder_;
  ServerAddress address_;
  pid_t id_ = 0;
};

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTS_POSTGRES_POSTMASTER_H_
