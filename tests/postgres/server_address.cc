#include "tests/postgres/server_address.h"

#include <fmt/format.h>

#include <sstream>

namespace outlive::testing {

std::string ServerAddress::conninfo(const std::string& database) const {
  return fmt::format("host={} port={} user=app dbname={}", folder, port, database);
}

std::string ServerAddress::tcp_conninfo(const std::string& database) const {
  if (!tcp) return "";
  return fmt::format("host=127.0.0.1 port={} user=app password={} dbname={}", port, password,
                     database);
}

std::string ServerAddress::admin_conninfo(const std::string& database) const {
  return fmt::format("host={} port={} user=admin dbname={}", folder, port, database);
}

std::string ServerAddress::socket_path() const {
  return fmt::format("{}/.s.PGSQL.{}", folder, port);
}

std::string ServerAddress::ToLine() const {
  return fmt::format("{} {} {} {} {}", folder, name, password, port, tcp ? 1 : 0);
}

ServerAddress ServerAddress::FromLine(const std::string& line) {
  ServerAddress address;
  std::istringstream words(line);
  words >> address.folder >> address.name >> address.password >> address.port >> address.tcp;
  return words.fail() ? ServerAddress() : address;
}

}  // namespace outlive::testing
