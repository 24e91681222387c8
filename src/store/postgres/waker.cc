#include "store/postgres/waker.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <system_error>
#include <utility>

#include "outlive/core/clock.h"

namespace outlive::postgres {
namespace {

// At most one NOTIFY in this time: each takes a lock of the whole server at its commit.
constexpr absl::Duration kNotifyPause = absl::Milliseconds(50);

// After a host has written: looks this soon, and each time twice as long after, until the usual
// pause is reached.
constexpr absl::Duration kHostPauseFirst = absl::Milliseconds(5);

constexpr WakeHint kAnything = {.work = true, .changed = true, .cancel = true};

absl::Duration SinceBoot() { return SystemClockInstance().SinceBoot(); }

bool Says(WakeHint hint) { return hint.work || hint.changed || hint.cancel; }

WakeHint Both(WakeHint a, WakeHint b) {
  return {a.work || b.work, a.changed || b.changed, a.cancel || b.cancel};
}

std::string Encode(WakeHint hint) {
  std::string text;
  if (hint.work) text.push_back('w');
  if (hint.changed) text.push_back('c');
  if (hint.cancel) text.push_back('x');
  return text;
}

WakeHint Decode(std::string_view text) {
  const auto has = [text](char letter) { return text.find(letter) != std::string_view::npos; };
  return {has('w'), has('c'), has('x')};
}

}  // namespace

// -- Bell -------------------------------------------------------------------------------------

Waker::Bell::Bell() {
  // Without a pipe the thread only looks now and then.
  if (pipe(ends_) != 0) return;
  for (const int end : ends_) {
    fcntl(end, F_SETFL, O_NONBLOCK);
    fcntl(end, F_SETFD, FD_CLOEXEC);
  }
}

Waker::Bell::~Bell() {
  for (const int end : ends_) {
    if (end >= 0) close(end);
  }
}

void Waker::Bell::Ring() {
  // Full: it rings already.
  [[maybe_unused]] const ssize_t written = write(ends_[1], "!", 1);
}

void Waker::Bell::Quiet() {
  std::array<char, 64> bytes;
  while (read(ends_[0], bytes.data(), bytes.size()) > 0) {
  }
}

// -- For everybody ----------------------------------------------------------------------------

Waker::Waker(const ConnectionOptions& connection, const SqlBook& book, const WakerOptions& options)
    : options_(options), connection_(connection, book) {}

Waker::~Waker() {
  std::thread thread;
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    thread = std::move(thread_);
  }
  bell_.Ring();
  if (thread.joinable()) thread.join();
}

std::unique_ptr<Subscription> Waker::Subscribe(std::function<void(WakeHint)> on_wake) {
  std::unique_ptr<Subscription> subscription = hub_.Subscribe(std::move(on_wake));
  {
    MutexLock lock(mutex_);
    EnsureThread();
  }
  bell_.Ring();
  return subscription;
}

void Waker::Committed(WakeHint hint) {
  if (!Says(hint)) return;
  hub_.Wake(hint);  // First who is here: to tell others takes a connection.
  if (!options_.watch) return;
  {
    MutexLock lock(mutex_);
    // The thread knows already that there is something to tell, and when.
    if (Says(std::exchange(to_notify_, Both(to_notify_, hint))) && thread_.joinable()) return;
    EnsureThread();
  }
  bell_.Ring();
}

void Waker::ExpectHost() {
  {
    MutexLock lock(mutex_);
    host_expected_ = true;
    EnsureThread();
  }
  bell_.Ring();
}

void Waker::EnsureThread() {
  if (!options_.watch || stopping_ || thread_.joinable()) return;
  try {
    thread_ = std::thread([this] { Loop(); });
  } catch (const std::system_error&) {
    // The next call tries again; whoever waits also polls.
  }
}

// -- For the thread ---------------------------------------------------------------------------

void Waker::Loop() {
  WakeHint notify;
  while (TakeOrders(SinceBoot(), notify)) {
    Connect();
    if (Says(notify)) Notify(std::exchange(notify, WakeHint()));
    ReadNotifications();
    const absl::Duration now = SinceBoot();
    if (fresh_ || now >= next_look_) {
      Look();
      next_look_ = NextLook(now);
    }
    absl::Duration until = next_look_;
    {
      MutexLock lock(mutex_);
      if (Says(to_notify_)) until = std::min(until, notify_at_);
    }
    WaitUntil(until);
  }
}

// False: the end.
bool Waker::TakeOrders(absl::Duration now, WakeHint& notify) {
  MutexLock lock(mutex_);
  if (Says(to_notify_) && now >= notify_at_) {
    notify = Both(notify, std::exchange(to_notify_, WakeHint()));
    notify_at_ = now + kNotifyPause;
  }
  if (std::exchange(host_expected_, false)) {
    host_pause_ = kHostPauseFirst;
    next_look_ = std::min(next_look_, now + host_pause_);
  }
  return !stopping_;
}

void Waker::Connect() {
  if (!connection_.connected()) {
    if (!connection_.Ensure(absl::Seconds(5)).ok()) return;
    fresh_ = true;
    listening_ = false;
  }
  if (listening_ || !options_.listen || !hub_.has_subscribers()) return;
  const std::string listen = fmt::format("LISTEN {}", options_.channel);
  listening_ = connection_.RunScript(listen, "listen").ok();
  fresh_ = true;  // Nobody has told of what was committed before.
  if (!listening_) connection_.Close();
}

void Waker::Notify(WakeHint hint) {
  Query query{.name = "read/notify"};
  query.params.Text(options_.channel).Text(Encode(hint));
  // Lost: others look now and then.
  if (connection_.connected()) connection_.RunOne(query).IgnoreError();
}

void Waker::ReadNotifications() {
  if (!connection_.connected()) return;
  if (PQconsumeInput(connection_.handle()) != 1) return connection_.Close();
  WakeHint hint;
  while (PGnotify* const notification = PQnotifies(connection_.handle())) {
    if (notification->be_pid != PQbackendPID(connection_.handle())) {
      hint = Both(hint, Decode(notification->extra));
    }
    PQfreemem(notification);
  }
  hub_.Wake(hint);
}

void Waker::Look() {
  if (!connection_.connected()) return;
  const absl::StatusOr<Rows> rows = connection_.RunOne({.name = "read/news"});
  if (!rows.ok() || rows->size() != 1) return;
  fresh_ = false;
  if (rows->Int(0, 1) != 0) MoveInbox();
  if (rows->Int(0, 0) <= std::exchange(last_seq_, rows->Int(0, 0))) return;
  host_pause_ = absl::InfiniteDuration();
  hub_.Wake(kAnything);
}

void Waker::MoveInbox() {
  std::array queries = {Query{.name = "transaction/begin"}, Query{.name = "transaction/lock"},
                        Query{.name = "transaction/move_inbox"},
                        Query{.name = "transaction/commit"}};
  queries[1].params.Int(options_.log_lock);
  const bool moved = connection_.Run(queries).ok();
  if (!moved) return connection_.Rollback();
  host_pause_ = absl::InfiniteDuration();
  hub_.Wake(kAnything);
  MutexLock lock(mutex_);
  to_notify_ = kAnything;
}

absl::Duration Waker::NextLook(absl::Duration now) {
  const absl::Duration usual = options_.poll_interval * (0.75 + RandomUnit(*options_.random) / 2);
  const absl::Duration pause = std::min(usual, host_pause_);
  host_pause_ = pause < usual ? host_pause_ * 2 : absl::InfiniteDuration();
  return now + pause;
}

void Waker::WaitUntil(absl::Duration until) {
  const absl::Duration left = std::max(until - SinceBoot(), absl::ZeroDuration());
  std::array descriptors = {
      pollfd{bell_.descriptor(), POLLIN, 0},
      pollfd{connection_.connected() ? PQsocket(connection_.handle()) : -1, POLLIN, 0}};
  const auto milliseconds = absl::ToInt64Milliseconds(std::min(left, absl::Hours(1)));
  poll(descriptors.data(), descriptors.size(), static_cast<int>(milliseconds) + 1);
  bell_.Quiet();
}

}  // namespace outlive::postgres
