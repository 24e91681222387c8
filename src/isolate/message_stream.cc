#include "isolate/message_stream.h"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <string_view>

#include "isolate/frame.h"

namespace outlive::isolate {
namespace {

constexpr std::size_t kReadBytes = std::size_t{64} << 10;

}  // namespace

MessageReader::Received MessageReader::Receive() {
  std::array<char, kReadBytes> buffer;
  ssize_t count = 0;
  do {
    count = recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT);
  } while (count < 0 && errno == EINTR);
  if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return Received::kNothing;
  if (count <= 0) return Received::kEnd;
  bytes_.append(buffer.data(), static_cast<std::size_t>(count));
  return Received::kSomething;
}

absl::StatusOr<std::optional<Message>> MessageReader::Next() {
  const std::string_view left = std::string_view(bytes_).substr(begin_);
  const absl::StatusOr<std::optional<std::string_view>> body = FirstFrame(left);
  if (!body.ok()) return body.status();
  if (!body->has_value()) {
    bytes_.erase(0, begin_);
    begin_ = 0;
    return std::nullopt;
  }
  absl::StatusOr<Message> message = DecodeMessage(**body);
  if (!message.ok()) return message.status();
  begin_ += kFrameHeadBytes + (*body)->size();
  return *std::move(message);
}

void MessageWriter::Add(const Message& message) { AppendFrame(bytes_, EncodeMessage(message)); }

bool MessageWriter::Write(bool wait) {
  while (pending()) {
    const ssize_t count = send(socket_, bytes_.data() + begin_, bytes_.size() - begin_,
                               MSG_NOSIGNAL | (wait ? 0 : MSG_DONTWAIT));
    if (count >= 0) {
      begin_ += static_cast<std::size_t>(count);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      if (!wait) return true;
      pollfd until = {socket_, POLLOUT, 0};
      poll(&until, 1, -1);
    } else if (errno != EINTR) {
      return false;
    }
  }
  bytes_.clear();
  begin_ = 0;
  return true;
}

}  // namespace outlive::isolate
