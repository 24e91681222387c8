// ClosedPort is a port of the loopback on which nobody listens, nor will as long as it is there: to
// free the port of a server would leave it to whoever comes next, such as another test.
#ifndef OUTLIVE_TESTS_NOTIFY_CLOSED_PORT_H_
#define OUTLIVE_TESTS_NOTIFY_CLOSED_PORT_H_

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace outlive::testing {

class ClosedPort {
 public:
  ClosedPort() {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* const address = reinterpret_cast<sockaddr*>(&address_);
    socklen_t size = sizeof(address_);
    REQUIRE(socket_ >= 0);
    REQUIRE(bind(socket_, address, size) == 0);
    REQUIRE(getsockname(socket_, address, &size) == 0);
  }
  ~ClosedPort() { close(socket_); }
  ClosedPort(const ClosedPort&) = delete;
  ClosedPort& operator=(const ClosedPort&) = delete;

  int port() const { return ntohs(address_.sin_port); }

 private:
  const int socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address_ = {};
};

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTS_NOTIFY_CLOSED_PORT_H_
