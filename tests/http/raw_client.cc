#include "tests/http/raw_client.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <utility>

namespace outlive::http {
namespace {

// After this the server hangs. Nothing else depends on it.
constexpr int kPatienceMs = 120'000;

sockaddr_in Address(const std::string& ip, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  REQUIRE(inet_pton(AF_INET, ip.c_str(), &address.sin_addr) == 1);
  return address;
}

// Splits the head of a response into a status and fields.
void ParseHead(std::string_view head, RawReply& reply) {
  REQUIRE(head.starts_with("HTTP/1.1 "));
  reply.status = std::atoi(std::string(head.substr(9, 3)).c_str());
  while (true) {
    head.remove_prefix(head.find("\r\n") + 2);
    if (head == "\r\n") return;
    const std::string_view line = head.substr(0, head.find("\r\n"));
    const std::size_t colon = line.find(':');
    REQUIRE(colon != std::string_view::npos);
    REQUIRE(reply.headers.Add(line.substr(0, colon), line.substr(colon + 1)).ok());
  }
}

}  // namespace

RawClient::RawClient(std::uint16_t port, const RawClientOptions& options)
    : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  REQUIRE(socket_ >= 0);
  if (options.receive_buffer_bytes > 0) {
    const int bytes = options.receive_buffer_bytes;
    REQUIRE(::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)) == 0);
  }
  const sockaddr_in from = Address(options.from, 0);
  REQUIRE(::bind(socket_, reinterpret_cast<const sockaddr*>(&from), sizeof(from)) == 0);
  const sockaddr_in to = Address("127.0.0.1", port);
  REQUIRE(::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) == 0);
}

RawClient::~RawClient() { ::close(socket_); }

bool RawClient::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    pollfd waiting{socket_, POLLOUT, 0};
    if (::poll(&waiting, 1, kPatienceMs) != 1) return false;
    const ssize_t size = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (size < 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(size));
  }
  return true;
}

void RawClient::CloseWrite() { ::shutdown(socket_, SHUT_WR); }

bool RawClient::ReadMore() {
  if (has_ended_) return false;
  pollfd waiting{socket_, POLLIN, 0};
  if (::poll(&waiting, 1, kPatienceMs) != 1) {
    FAIL_CHECK("the server neither answers nor closes the connection");
    has_ended_ = true;
    return false;
  }
  std::array<char, 64 * 1024> bytes;
  const ssize_t size = ::recv(socket_, bytes.data(), bytes.size(), 0);
  has_ended_ = is_closed_ = size <= 0;
  if (size > 0) buffered_.append(bytes.data(), static_cast<std::size_t>(size));
  return !has_ended_;
}

std::string RawClient::ReadUntil(std::string_view marker) {
  std::size_t found = buffered_.find(marker);
  while (found == std::string::npos) {
    if (!ReadMore()) return std::exchange(buffered_, {});
    found = buffered_.find(marker);
  }
  const std::string bytes = buffered_.substr(0, found + marker.size());
  buffered_.erase(0, bytes.size());
  return bytes;
}

std::string RawClient::ReadChunk() {
  const std::string line = ReadUntil("\r\n");
  const auto size = static_cast<std::size_t>(std::strtoull(line.c_str(), nullptr, 16));
  while (buffered_.size() < size + 2) {
    if (!ReadMore()) return {};
  }
  const std::string chunk = buffered_.substr(0, size);
  buffered_.erase(0, size + 2);
  return chunk;
}

std::string RawClient::ReadToEnd() {
  while (ReadMore()) {
  }
  return std::exchange(buffered_, {});
}

bool RawClient::HasInput(int patience_ms) const {
  pollfd ready{socket_, POLLIN, 0};
  return !buffered_.empty() || has_ended_ || ::poll(&ready, 1, patience_ms) == 1;
}

bool RawClient::IsClosedByServer() {
  while (ReadMore()) buffered_.clear();
  return is_closed_;
}

RawReply RawClient::ReadReply(bool head_only) {
  RawReply reply;
  std::string head;
  do {
    head = ReadUntil("\r\n\r\n");
  } while (head.starts_with("HTTP/1.1 100"));
  if (!head.ends_with("\r\n\r\n")) return reply;
  ParseHead(head, reply);
  if (head_only || reply.status == 204 || reply.status == 304) {
    reply.is_whole = true;
  } else if (reply.Header("Transfer-Encoding") == "chunked") {
    for (std::string chunk = ReadChunk(); !chunk.empty(); chunk = ReadChunk()) reply.body += chunk;
    reply.is_whole = !has_ended_ || !buffered_.empty();
  } else if (reply.headers.Has("Content-Length")) {
    const auto size = static_cast<std::size_t>(std::atoll(reply.Header("Content-Length").c_str()));
    while (buffered_.size() < size && ReadMore()) {
    }
    reply.body = buffered_.substr(0, size);
    buffered_.erase(0, reply.body.size());
    reply.is_whole = reply.body.size() == size;
  } else {
    reply.body = ReadToEnd();
    reply.is_whole = true;
  }
  return reply;
}

std::string GetRequest(std::string_view target, std::string_view more) {
  return fmt::format("GET {} HTTP/1.1\r\nHost: 127.0.0.1\r\n{}\r\n", target, more);
}

std::string PostRequest(std::string_view target, std::string_view body, std::string_view more) {
  return fmt::format("POST {} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\n{}\r\n{}",
                     target, body.size(), more, body);
}

}  // namespace outlive::http
