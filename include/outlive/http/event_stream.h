// Server-sent events. A handler returns Response::EventStream(on_open); once the server has taken
// the stream on, `on_open` gets an EventSender, which may be kept, copied and used from anywhere.
//
//   EventSender ──► bounded buffer ──► the server's I/O thread ──► one browser
//
// A reader that does not keep up never holds a sender up: when the buffer is full the stream is
// dropped. The browser then reconnects by itself and says in Last-Event-ID what it saw last, so a
// handler that numbers its events goes on from there. Between events the server sends comments,
// so that proxies keep the connection and a lost client is noticed.
//
// Thread-safety: an EventSender may be used from many threads at once. Copies are the same stream.
// Lifetime:      a sender may outlive the stream and the server; it is then closed.
// Time:          heartbeats run on the machine's monotonic clock.
// Errors:        each method says.
#ifndef OUTLIVE_HTTP_EVENT_STREAM_H_
#define OUTLIVE_HTTP_EVENT_STREAM_H_

#include <absl/functional/any_invocable.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace outlive::http {

struct Request;

namespace internal {
class EventChannel;
}  // namespace internal

struct ServerSentEvent {
  // What the browser sends back as Last-Event-ID after a reconnect. Empty: not sent, and the
  // browser keeps the one before. No CR, LF or NUL.
  std::string id = {};

  // Which listeners get it. Empty: `onmessage`. No CR, LF or NUL.
  std::string name = {};

  // Any text; each of its lines becomes a `data:` line, and the browser joins them with LF.
  std::string data = {};
};

// The bytes of one event, with the empty line that ends it.
// Errors: kInvalidArgument (id or name).
absl::StatusOr<std::string> EncodeEvent(const ServerSentEvent& event);

struct EventStreamOptions {
  // How long a browser waits before it reconnects. Zero or less: the browser's own choice.
  absl::Duration retry = absl::Seconds(3);

  // A comment is sent when nothing else was for this long. Positive.
  absl::Duration heartbeat = absl::Seconds(15);

  // Bytes that may wait for one reader, including those being sent. Over it the stream is dropped.
  std::size_t buffer_bytes_max = std::size_t{256} * 1024;
};

class EventSender {
 public:
  // Only the server makes senders.
  explicit EventSender(std::shared_ptr<internal::EventChannel> channel);

  // Takes the event on for sending and returns at once. OK does not say that it arrived.
  //
  // Errors: kInvalidArgument (id or name; nothing was sent), kResourceExhausted (the buffer is
  // full: the stream was dropped by this call), kCancelled (the stream had ended before).
  absl::Status Send(const ServerSentEvent& event) const;

  // Sends what is buffered and ends the stream. Again, or after its end: nothing.
  void Close() const;

  // True once the stream takes no more events, for whatever reason.
  bool closed() const;

  // `callback` is called once, when the connection of this stream is over: on a handler thread,
  // under no lock of the server, before HttpServer::Stop() returns. Where it is over already, the
  // callback is called before OnClose() returns, on this thread. More than one may be set.
  void OnClose(absl::AnyInvocable<void()> callback) const;

 private:
  std::shared_ptr<internal::EventChannel> channel_;
};

using EventStreamOpened = absl::AnyInvocable<void(EventSender)>;

// What the browser saw last: the Last-Event-ID of the request, or empty.
std::string LastEventId(const Request& request);

}  // namespace outlive::http

#endif  // OUTLIVE_HTTP_EVENT_STREAM_H_
