// Pooler is a PgBouncer in transaction mode before one private server, as the program sees it that
// keeps it alive (server_program.cc). Clients find it by a socket in its own folder.
//
// Thread-safety: none, and the process must have one thread: this forks.
// Errors:        a text that says what failed; empty is success.
#ifndef OUTLIVE_TESTS_POSTGRES_POOLER_H_
#define OUTLIVE_TESTS_POSTGRES_POOLER_H_

#include <sys/types.h>

#include <string>

#include "tests/postgres/server_address.h"
#include "tests/postgres/subprocess.h"

namespace outlive::testing {

class Pooler {
 public:
  // `size`: connections to the server, for all clients together.
  Pooler(const ServerAddress& server, int size) : server_(server), size_(size) {}
  ~Pooler();
  Pooler(const Pooler&) = delete;
  Pooler& operator=(const Pooler&) = delete;

  // Starts it, and waits until it takes connections.
  std::string Create();

  // Where clients connect; the server's name and database, but not its log.
  const ServerAddress& address() const { return address_; }

 private:
  const ServerAddress server_;
  const int size_;
  WorkFolder folder_;
  ServerAddress address_;
  pid_t id_ = 0;
};

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTS_POSTGRES_POOLER_H_
