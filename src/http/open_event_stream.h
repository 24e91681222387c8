// OpenEventStream is one of the server's places for event streams, taken. Letting go of it ends the
// channel, has the host's OnClose() callbacks called on a handler thread, and frees the place.
#ifndef OUTLIVE_SRC_HTTP_OPEN_EVENT_STREAM_H_
#define OUTLIVE_SRC_HTTP_OPEN_EVENT_STREAM_H_

#include <memory>

#include "http/event_channel.h"
#include "outlive/http/event_stream.h"

namespace outlive::http {

class ServerCore;

class OpenEventStream {
 public:
  // Null where the server has as many as it may. May be called on any thread.
  static std::unique_ptr<OpenEventStream> TryOpen(ServerCore& core,
                                                  const EventStreamOptions& options);

  ~OpenEventStream();
  OpenEventStream(const OpenEventStream&) = delete;
  OpenEventStream& operator=(const OpenEventStream&) = delete;

  const EventStreamOptions& options() const { return options_; }
  internal::EventChannel& channel() { return *channel_; }
  EventSender sender() const { return EventSender(channel_); }

 private:
  OpenEventStream(ServerCore& core, const EventStreamOptions& options);

  ServerCore& core_;
  const EventStreamOptions options_;
  const std::shared_ptr<internal::EventChannel> channel_;
};

}  // namespace outlive::http

#endif  // OUTLIVE_SRC_HTTP_OPEN_EVENT_STREAM_H_
