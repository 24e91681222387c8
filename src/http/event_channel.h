// EventChannel is what an EventSender and the server share: the bounded buffer between them.
//
// Thread-safety: may be used from many threads at once.
#ifndef OUTLIVE_SRC_HTTP_EVENT_CHANNEL_H_
#define OUTLIVE_SRC_HTTP_EVENT_CHANNEL_H_

#include <absl/base/thread_annotations.h>
#include <absl/functional/any_invocable.h>
#include <absl/status/status.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "outlive/core/mutex.h"

namespace outlive::http::internal {

class EventChannel {
 public:
  using Callback = absl::AnyInvocable<void()>;

  // What the server takes out at once.
  struct Taken {
    std::string bytes;
    bool is_ending = false;   // Nothing comes after these bytes.
    bool is_dropped = false;  // The buffer has overflowed: end the connection now.
  };

  explicit EventChannel(std::size_t buffer_bytes_max) : buffer_bytes_max_(buffer_bytes_max) {}

  // -- For senders -------------------------------------------------------------------------
  absl::Status Send(std::string_view encoded);
  void Close();
  bool closed() const;
  void OnClose(Callback callback);

  // -- For the server ----------------------------------------------------------------------

  // `wake` is called when there is something to take, under the channel's lock: it only posts.
  // Never again after End().
  void Attach(Callback wake);

  // Everything that waits. It counts against the limit until the next call.
  Taken Take();

  // Overflowed; what it held is gone.
  bool is_dropped() const;

  // The connection is over. Returns what OnClose() was given, to be called under no lock.
  std::vector<Callback> End();

 private:
  enum class State {
    kOpen,
    kEnding,   // Closed by a sender; the rest is still to be sent.
    kDropped,  // Overflowed.
    kEnded,    // The connection is over.
  };

  void Wake() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::size_t buffer_bytes_max_;

  mutable Mutex mutex_;
  State state_ ABSL_GUARDED_BY(mutex_) = State::kOpen;
  std::string waiting_ ABSL_GUARDED_BY(mutex_);
  std::size_t taken_bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  Callback wake_ ABSL_GUARDED_BY(mutex_);
  std::vector<Callback> on_close_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace outlive::http::internal

#endif  // OUTLIVE_SRC_HTTP_EVENT_CHANNEL_H_
