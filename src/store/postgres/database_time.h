// DatabaseTime is the clock of a store: the server's, or the one that the host has given, but never
// earlier than any time the store has been seen at. Whole microseconds.
//
// Thread-safety: may be used from many threads at once.
#ifndef OUTLIVE_SRC_STORE_POSTGRES_DATABASE_TIME_H_
#define OUTLIVE_SRC_STORE_POSTGRES_DATABASE_TIME_H_

#include <absl/time/time.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <optional>

#include "core/store_time.h"
#include "outlive/core/clock.h"
#include "store/postgres/rows.h"
#include "store/postgres/session.h"

namespace outlive::postgres {

// The server's clock as far as it is known here: from what it says, and what has passed since.
class ServerClock final : public Clock {
 public:
  absl::Time Now() const override {
    return absl::UnixEpoch() + SinceBoot() +
           absl::Microseconds(ahead_.load(std::memory_order_relaxed));
  }
  absl::Duration SinceBoot() const override { return SystemClockInstance().SinceBoot(); }

  // It was `server_now` there at some moment since `asked`. An answer that took long says little:
  // what is known stays as it is, as far as it agrees.
  void Learn(std::int64_t server_now, absl::Duration asked) {
    const std::int64_t least = server_now - absl::ToInt64Microseconds(SinceBoot());
    const std::int64_t most = server_now - absl::ToInt64Microseconds(asked);
    const std::int64_t known = ahead_.load(std::memory_order_relaxed);
    ahead_.store(std::clamp(known, least, std::max(least, most)), std::memory_order_relaxed);
  }

 private:
  std::atomic<std::int64_t> ahead_{INT64_MIN};  // Of SinceBoot().
};

class DatabaseTime {
 public:
  // Null: the server's clock. It outlives it.
  explicit DatabaseTime(const Clock* clock)
      : given_(clock), time_(clock == nullptr ? server_ : *clock) {}

  // By the host's clock, where it has given one.
  std::optional<absl::Time> Given() const {
    if (given_ == nullptr) return std::nullopt;
    return given_->Now();
  }

  // Asks for the time of a transaction, as its first statement. `given` is what Given() said when
  // it began. `refuses_move`: it fails, and all that follows it, in a store that is closed for a
  // move, with what StoreIsOpen() says.
  Query Ask(std::optional<absl::Time> given, bool refuses_move) const {
    Query query{.name = "transaction/now"};
    given ? query.params.Int(absl::ToUnixMicros(*given)) : query.params.Null();
    query.params.Int(time_.last()).Int(refuses_move ? 1 : 0);
    return query;
  }

  // The time of the transaction, by the answer. `asked` is when Ask() was called, since boot.
  absl::Time See(const Rows& now, absl::Duration asked) {
    if (given_ == nullptr) server_.Learn(now.Int(0, 1), asked);
    time_.See(now.Int(0, 0));
    return now.Time(0, 0);
  }

  // How far the server's clock is ahead of this machine's, where the store goes by it; it has just
  // said `server_now` to a question that was asked at `asked`, since boot.
  absl::Duration Ahead(std::int64_t server_now, absl::Duration asked) {
    if (given_ != nullptr) return absl::ZeroDuration();
    server_.Learn(server_now, asked);
    return server_.Now() - SystemClockInstance().Now();
  }

  const Clock& clock() const { return time_.clock(); }

 private:
  const Clock* const given_;
  ServerClock server_;
  internal::StoreTime time_;
};

}  // namespace outlive::postgres

#endif  // OUTLIVE_SRC_STORE_POSTGRES_DATABASE_TIME_H_
