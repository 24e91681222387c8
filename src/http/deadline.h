// Deadline calls a function unless it is stopped or started again in time.
//
// Thread-safety: the I/O thread only.
// Lifetime:      the function is not called after the Deadline is gone.
#ifndef OUTLIVE_SRC_HTTP_DEADLINE_H_
#define OUTLIVE_SRC_HTTP_DEADLINE_H_

#include <absl/functional/any_invocable.h>
#include <absl/time/time.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <utility>

namespace outlive::http {

class Deadline {
 public:
  explicit Deadline(boost::asio::io_context& io) : state_(std::make_shared<State>(io)) {}
  ~Deadline() { Stop(); }
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

  void Start(absl::Duration after, absl::AnyInvocable<void()> on_expired) {
    state_->on_expired = std::move(on_expired);
    const std::uint64_t generation = ++state_->generation;
    state_->timer.expires_after(absl::ToChronoNanoseconds(after));
    // A handler that is queued when Stop() comes still runs: the generation tells it apart.
    state_->timer.async_wait([state = state_, generation](const boost::system::error_code&) {
      if (state->generation == generation) state->on_expired();
    });
  }

  void Stop() {
    ++state_->generation;
    state_->timer.cancel();
  }

 private:
  struct State {
    explicit State(boost::asio::io_context& io) : timer(io) {}

    boost::asio::steady_timer timer;
    std::uint64_t generation = 0;
    absl::AnyInvocable<void()> on_expired;
  };

  const std::shared_ptr<State> state_;
};

}  // namespace outlive::http

#endif  // OUTLIVE_SRC_HTTP_DEADLINE_H_
