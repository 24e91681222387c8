#include "http/event_producer.h"

#include <absl/status/status.h>
#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

namespace outlive::http {
namespace {

// A comment: browsers pass over it.
constexpr std::string_view kHeartbeat = ":\n\n";

}  // namespace

EventProducer::EventProducer(std::unique_ptr<OpenEventStream> stream, boost::asio::io_context& io)
    : stream_(std::move(stream)), io_(io), heartbeat_(io) {}

void EventProducer::Attach(absl::AnyInvocable<void()> on_dropped) {
  on_dropped_ = std::move(on_dropped);
  stream_->channel().Attach([weak = weak_from_this(), &io = io_] {
    boost::asio::post(io, [weak] {
      if (const auto self = weak.lock()) self->OnWake();
    });
  });
}

void EventProducer::Next(Callback callback) {
  waiter_ = std::move(callback);
  if (!has_begun_) {
    // Something at once, so that the head goes out and the browser knows that it is connected.
    has_begun_ = true;
    const absl::Duration retry = stream_->options().retry;
    piece_ = retry > absl::ZeroDuration()
                 ? fmt::format("retry: {}\n\n", absl::ToInt64Milliseconds(retry))
                 : std::string(kHeartbeat);
    return Answer(BodyPiece{piece_, false});
  }
  TryAnswer();
}

void EventProducer::TryAnswer() {
  internal::EventChannel::Taken taken = stream_->channel().Take();
  if (taken.is_dropped) return Answer(absl::ResourceExhaustedError("the reader did not keep up"));
  piece_ = std::move(taken.bytes);
  if (!piece_.empty() || taken.is_ending) return Answer(BodyPiece{piece_, taken.is_ending});
  heartbeat_.Start(std::min(stream_->options().heartbeat, absl::Hours(24)),
                   [this] { Answer(BodyPiece{kHeartbeat, false}); });
}

void EventProducer::Answer(absl::StatusOr<BodyPiece> piece) {
  heartbeat_.Stop();
  Callback waiter = std::exchange(waiter_, nullptr);
  waiter(std::move(piece));
}

void EventProducer::OnWake() {
  if (waiter_) return TryAnswer();
  if (stream_->channel().is_dropped()) on_dropped_();
}

void EventProducer::Cancel() {
  if (waiter_) Answer(absl::CancelledError("the connection has ended"));
}

}  // namespace outlive::http
