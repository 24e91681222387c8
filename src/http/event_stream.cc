#include "outlive/http/event_stream.h"

#include <fmt/format.h>

#include <algorithm>

#include "http/event_channel.h"
#include "outlive/http/message.h"

namespace outlive::http {
namespace {

bool IsOneLine(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) == std::string_view::npos;
}

// CRLF, LF and CR each end a line, and a text without any is one line.
void AppendData(std::string_view data, std::string& encoded) {
  while (true) {
    const std::size_t end = std::min(data.find_first_of("\r\n"), data.size());
    encoded += fmt::format("data: {}\n", data.substr(0, end));
    if (end == data.size()) return;
    const bool is_crlf = data.substr(end, 2) == "\r\n";
    data.remove_prefix(end + (is_crlf ? 2 : 1));
  }
}

}  // namespace

absl::StatusOr<std::string> EncodeEvent(const ServerSentEvent& event) {
  if (!IsOneLine(event.id) || !IsOneLine(event.name)) {
    return absl::InvalidArgumentError("the id or name of an event has a CR, LF or NUL");
  }
  std::string encoded;
  if (!event.id.empty()) encoded += fmt::format("id: {}\n", event.id);
  if (!event.name.empty()) encoded += fmt::format("event: {}\n", event.name);
  AppendData(event.data, encoded);
  encoded += '\n';
  return encoded;
}

EventSender::EventSender(std::shared_ptr<internal::EventChannel> channel)
    : channel_(std::move(channel)) {}

absl::Status EventSender::Send(const ServerSentEvent& event) const {
  absl::StatusOr<std::string> encoded = EncodeEvent(event);
  if (!encoded.ok()) return encoded.status();
  return channel_->Send(*encoded);
}

void EventSender::Close() const { channel_->Close(); }

bool EventSender::closed() const { return channel_->closed(); }

void EventSender::OnClose(absl::AnyInvocable<void()> callback) const {
  channel_->OnClose(std::move(callback));
}

std::string LastEventId(const Request& request) {
  return std::string(request.headers.Get("Last-Event-ID").value_or(""));
}

}  // namespace outlive::http
