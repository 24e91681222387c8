// Listener accepts connections, refuses those over the limits and hands the rest to sessions.
//
// Thread-safety: Open() before the I/O thread runs, everything else on it.
#ifndef OUTLIVE_SRC_HTTP_LISTENER_H_
#define OUTLIVE_SRC_HTTP_LISTENER_H_

#include <absl/status/status.h>

#include <boost/asio/ip/tcp.hpp>
#include <cstdint>

#include "http/deadline.h"

namespace outlive::http {

class ServerCore;

class Listener {
 public:
  explicit Listener(ServerCore& core);

  absl::Status Open();
  std::uint16_t port() const { return port_; }

  // No connection is accepted any more.
  void Close();

 private:
  void Accept();
  void OnAccept(const boost::system::error_code& error, boost::asio::ip::tcp::socket socket);
  void Take(boost::asio::ip::tcp::socket socket);

  ServerCore& core_;
  boost::asio::ip::tcp::acceptor acceptor_;
  Deadline pause_;
  std::uint16_t port_ = 0;
};

}  // namespace outlive::http

#endif  // OUTLIVE_SRC_HTTP_LISTENER_H_
