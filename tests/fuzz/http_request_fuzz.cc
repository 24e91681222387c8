// Whole connections: the real reader over a socket. However the bytes are cut into pieces, the same
// requests come out, and nothing that was refused gets through.
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "core/utf8.h"
#include "http/request_reader.h"
#include "tests/fuzz/target.h"

namespace outlive::fuzz {
namespace {

constexpr int kRequestCountMax = 8;

http::ServerOptions MakeOptions() {
  http::ServerOptions options;
  options.header_bytes_max = 2'048;
  options.target_bytes_max = 512;
  options.header_count_max = 16;
  options.body_bytes_max = 1'024;
  // The input ends the connection, not the clock.
  options.header_timeout = absl::Hours(1);
  options.body_timeout = absl::Hours(1);
  options.idle_timeout = absl::Hours(1);
  return options;
}

void CheckRequest(const http::ReadOutcome& outcome, const http::ServerOptions& options) {
  const http::Request& request = outcome.request;
  Require(request.path == "*" || request.path.starts_with('/'), "a path is absolute");
  Require(internal::IsUtf8(request.path), "a path is text");
  Require(request.path.find('\\') == std::string::npos, "a path has no backslash");
  Require(request.path.find("/../") == std::string::npos && !request.path.ends_with("/.."),
          "a path goes nowhere but down");
  Require(request.body.size() <= options.body_bytes_max, "a body is within its limit");
  Require(request.headers.Count("Host") == 1 || outcome.is_http_1_0, "there is one host");
  Require(request.headers.Count("Content-Length") + request.headers.Count("Transfer-Encoding") <= 1,
          "there is one length");
  for (const http::HeaderField& field : request.headers.fields()) {
    Require(http::IsToken(field.name) && http::IsFieldValue(field.value), "a field is one line");
  }
}

std::string Describe(const http::ReadOutcome& outcome) {
  const http::Request& request = outcome.request;
  std::string text = std::to_string(static_cast<int>(outcome.kind)) + outcome.method;
  if (outcome.kind == http::ReadOutcome::Kind::kRefused) {
    return text + " " + std::to_string(outcome.error.status) + "\n";
  }
  if (outcome.kind == http::ReadOutcome::Kind::kClosed) return text + "\n";
  text += " " + request.path + "?" + request.query + (outcome.keep_alive ? " keep" : " end");
  for (const http::HeaderField& field : request.headers.fields()) {
    text += "\n" + field.name + ":" + field.value;
  }
  return text + "\n\n" + request.body + "\n";
}

// What comes out of a connection on which `bytes` arrive in pieces.
class Connection {
 public:
  Connection() : socket_(io_) {
    std::array<int, 2> ends{};
    Require(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0, "a socket");
    // To Asio it is a stream like another; addresses are not asked for.
    socket_.assign(boost::asio::ip::tcp::v4(), ends[0]);
    client_ = ends[1];
    reader_ = http::RequestReader::Create(io_, socket_, options_);
  }
  ~Connection() { close(client_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  std::string Run(std::string_view bytes, std::size_t piece) {
    Read();
    while (!bytes.empty()) {
      const std::string_view part = bytes.substr(0, piece);
      bytes.remove_prefix(part.size());
      if (send(client_, part.data(), part.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) break;
      io_.restart();
      io_.poll();
    }
    shutdown(client_, SHUT_WR);
    io_.restart();
    io_.run();
    return std::move(said_);
  }

 private:
  void Read() {
    reader_->Read([this](http::ReadOutcome outcome) {
      said_ += Describe(outcome);
      if (outcome.kind != http::ReadOutcome::Kind::kRequest) return;
      CheckRequest(outcome, options_);
      // As the session does: after an answer, and not where the connection ends with it.
      if (outcome.keep_alive && ++count_ < kRequestCountMax) {
        boost::asio::post(io_, [this] { Read(); });
      }
    });
  }

  const http::ServerOptions options_ = MakeOptions();
  boost::asio::io_context io_;
  boost::asio::ip::tcp::socket socket_;
  int client_ = -1;
  std::unique_ptr<http::RequestReader> reader_;
  std::string said_;
  int count_ = 0;
};

}  // namespace

void HttpRequest(std::string_view input) {
  Input in(input);
  const std::size_t piece = 1 + in.Byte();
  const std::string_view bytes = in.Rest();
  const std::string whole = Connection().Run(bytes, bytes.size() + 1);
  Require(whole == Connection().Run(bytes, piece), "pieces make no difference");
}

}  // namespace outlive::fuzz
