// EventProducer turns an EventChannel into the body of a response: what was sent, and heartbeats
// in between.
//
// Thread-safety: made on any thread, used on the I/O thread.
#ifndef OUTLIVE_SRC_HTTP_EVENT_PRODUCER_H_
#define OUTLIVE_SRC_HTTP_EVENT_PRODUCER_H_

#include <absl/functional/any_invocable.h>

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>

#include "http/body_producer.h"
#include "http/deadline.h"
#include "http/open_event_stream.h"
#include "outlive/http/event_stream.h"

namespace outlive::http {

class EventProducer final : public BodyProducer,
                            public std::enable_shared_from_this<EventProducer> {
 public:
  EventProducer(std::unique_ptr<OpenEventStream> stream, boost::asio::io_context& io);

  // Starts to listen to the channel. `on_dropped` is called where the buffer overflowed while
  // nobody waited in Next(): the reader is stuck, and its connection has to be cut.
  void Attach(absl::AnyInvocable<void()> on_dropped);

  void Next(Callback callback) override;
  void Cancel() override;

  // Nobody waits in Next(): a piece is on its way to the client.
  bool is_writing() const { return !waiter_; }

  // Ends the stream after what it holds.
  void Close() { stream_->channel().Close(); }

 private:
  // Answers the waiter if there is something to say.
  void TryAnswer();
  void Answer(absl::StatusOr<BodyPiece> piece);
  void OnWake();

  const std::unique_ptr<OpenEventStream> stream_;
  boost::asio::io_context& io_;
  Deadline heartbeat_;
  bool has_begun_ = false;
  std::string piece_;
  Callback waiter_;
  absl::AnyInvocable<void()> on_dropped_;
};

}  // namespace outlive::http

#endif  // OUTLIVE_SRC_HTTP_EVENT_PRODUCER_H_
