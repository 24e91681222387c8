#include "http/event_channel.h"

#include <utility>

namespace outlive::http::internal {

absl::Status EventChannel::Send(std::string_view encoded) {
  MutexLock lock(mutex_);
  if (state_ != State::kOpen) return absl::CancelledError("the event stream has ended");
  if (encoded.size() > buffer_bytes_max_ ||
      waiting_.size() + taken_bytes_ > buffer_bytes_max_ - encoded.size()) {
    state_ = State::kDropped;
    waiting_ = {};
    Wake();
    return absl::ResourceExhaustedError("the reader does not keep up: its stream was dropped");
  }
  const bool was_empty = waiting_.empty();
  waiting_.append(encoded);
  if (was_empty) Wake();
  return absl::OkStatus();
}

void EventChannel::Close() {
  MutexLock lock(mutex_);
  if (state_ != State::kOpen) return;
  state_ = State::kEnding;
  Wake();
}

bool EventChannel::closed() const {
  MutexLock lock(mutex_);
  return state_ != State::kOpen;
}

void EventChannel::OnClose(Callback callback) {
  {
    MutexLock lock(mutex_);
    if (state_ != State::kEnded) {
      on_close_.push_back(std::move(callback));
      return;
    }
  }
  callback();
}

void EventChannel::Attach(Callback wake) {
  MutexLock lock(mutex_);
  wake_ = std::move(wake);
}

EventChannel::Taken EventChannel::Take() {
  MutexLock lock(mutex_);
  Taken taken;
  taken.bytes = std::exchange(waiting_, {});
  taken.is_ending = state_ == State::kEnding;
  taken.is_dropped = state_ == State::kDropped;
  taken_bytes_ = taken.bytes.size();
  return taken;
}

bool EventChannel::is_dropped() const {
  MutexLock lock(mutex_);
  return state_ == State::kDropped;
}

std::vector<EventChannel::Callback> EventChannel::End() {
  MutexLock lock(mutex_);
  state_ = State::kEnded;
  waiting_ = {};
  wake_ = nullptr;
  return std::exchange(on_close_, {});
}

void EventChannel::Wake() {
  if (wake_) wake_();
}

}  // namespace outlive::http::internal
