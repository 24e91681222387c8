// Connection is one libpq connection of a test, for what no store is asked to do.
#ifndef OUTLIVE_TESTS_POSTGRES_CONNECTION_H_
#define OUTLIVE_TESTS_POSTGRES_CONNECTION_H_

#include <libpq-fe.h>

#include <memory>
#include <string>
#include <vector>

namespace outlive::testing {

class Connection {
 public:
  // The test fails where it does not connect.
  explicit Connection(const std::string& conninfo);

  // The first column of the first row, empty where there is none. The test fails where the
  // statement does.
  std::string Query(const std::string& sql, const std::vector<std::string>& values = {});

  // The first column of every row.
  std::vector<std::string> Column(const std::string& sql);

  // The SQLSTATE it failed with, "lost" where the connection has ended, or empty.
  std::string Try(const std::string& sql);

  int backend_id() const { return PQbackendPID(connection_.get()); }
  PGconn* get() const { return connection_.get(); }

 private:
  std::unique_ptr<PGconn, void (*)(PGconn*)> connection_;
};

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTS_POSTGRES_CONNECTION_H_
