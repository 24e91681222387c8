#include "http/listener.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/address.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "http/server_core.h"
#include "http/session.h"

namespace outlive::http {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;

constexpr std::string_view kTooMany =
    "HTTP/1.1 503 Service Unavailable\r\n"
    "Content-Length: 0\r\n"
    "Retry-After: 10\r\n"
    "Connection: close\r\n\r\n";

// When the process has no descriptor left, accepting fails again at once: not in a busy loop.
constexpr absl::Duration kPauseAfterError = absl::Milliseconds(100);

// Programs that the host starts must not get the socket. Failing is harmless, and not told.
void CloseOnExec(int descriptor) { ::fcntl(descriptor, F_SETFD, FD_CLOEXEC); }

absl::Status ListenError(const error_code& error, const std::string& where) {
  const std::string message = fmt::format("cannot listen on {}: {}", where, error.message());
  if (error == asio::error::address_in_use) return absl::UnavailableError(message);
  if (error == asio::error::access_denied) return absl::PermissionDeniedError(message);
  return absl::InternalError(message);
}

}  // namespace

Listener::Listener(ServerCore& core) : core_(core), acceptor_(core.io()), pause_(core.io()) {}

absl::Status Listener::Open() {
  const ServerOptions& options = core_.options();
  const std::string where = fmt::format("{} port {}", options.address, options.port);
  error_code error;
  const asio::ip::address address = asio::ip::make_address(options.address, error);
  if (error) return ListenError(error, where);
  const tcp::endpoint endpoint(address, options.port);
  acceptor_.open(endpoint.protocol(), error);
  if (error) return ListenError(error, where);
  CloseOnExec(acceptor_.native_handle());
  acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (error) return ListenError(error, where);
  port_ = acceptor_.local_endpoint(error).port();
  if (error) return ListenError(error, where);
  Accept();
  return absl::OkStatus();
}

void Listener::Close() {
  error_code ignored;
  acceptor_.close(ignored);
  pause_.Stop();
}

void Listener::Accept() {
  acceptor_.async_accept(
      [this](const error_code& error, tcp::socket socket) { OnAccept(error, std::move(socket)); });
}

void Listener::OnAccept(const error_code& error, tcp::socket socket) {
  if (core_.is_stopping()) return;
  if (!error) {
    Take(std::move(socket));
    return Accept();
  }
  if (error == asio::error::connection_aborted) return Accept();  // Gone while it waited.
  core_.LogWarning(fmt::format("cannot accept: {}", error.message()));
  pause_.Start(kPauseAfterError, [this] { Accept(); });
}

void Listener::Take(tcp::socket socket) {
  error_code error;
  const tcp::endpoint peer = socket.remote_endpoint(error);
  if (error) return;  // Gone already.
  CloseOnExec(socket.native_handle());
  socket.set_option(tcp::no_delay(true), error);
  const std::string address = peer.address().to_string();
  if (!core_.Admit(address)) {
    // It fits into the system's buffer. If not, the client sees a closed connection, as well.
    socket.non_blocking(true, error);
    socket.write_some(asio::buffer(kTooMany.data(), kTooMany.size()), error);
    socket.shutdown(tcp::socket::shutdown_send, error);
    return;
  }
  auto session = std::make_shared<Session>(core_, std::move(socket), address);
  core_.Add(session);
  session->Start();
}

}  // namespace outlive::http
