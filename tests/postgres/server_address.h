// Where a private server of the tests is, and how to connect to it.
#ifndef OUTLIVE_TESTS_POSTGRES_SERVER_ADDRESS_H_
#define OUTLIVE_TESTS_POSTGRES_SERVER_ADDRESS_H_

#include <string>

namespace outlive::testing {

struct ServerAddress {
  std::string folder;    // Its data, its log, and its socket.
  std::string name;      // What `SHOW cluster_name` says: nobody else's server says it.
  std::string password;  // For connections through TCP.
  int port = 0;          // Of the socket in the folder, and of 127.0.0.1 where it listens there.
  bool tcp = false;

  // As a plain role that owns its database, through the socket in the folder.
  std::string conninfo(const std::string& database = "app") const;

  // The same through 127.0.0.1, with a password. Empty where it does not listen there.
  std::string tcp_conninfo(const std::string& database = "app") const;

  // As a superuser.
  std::string admin_conninfo(const std::string& database = "app") const;

  std::string socket_path() const;
  std::string log_path() const { return folder + "/log"; }

  // One line without its end, and back. What does not parse has no folder.
  std::string ToLine() const;
  static ServerAddress FromLine(const std::string& line);
};

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTS_POSTGRES_SERVER_ADDRESS_H_
