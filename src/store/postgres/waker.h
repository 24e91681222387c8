// Waker tells subscribers of this process and of others that something was committed: at once in
// this process; elsewhere by NOTIFY, outside of the transactions that it tells of and at most once
// in kNotifyPause; and by looking at the log now and then, in case a word was lost or cannot
// come through (a pooler, a host's own transaction).
//
//   Committed ──► WakeHub                        subscribers here
//             └─► the thread ──► NOTIFY ──► other processes' threads ──► their WakeHub
//
// It also puts the events of hosts' transactions into the log: see migrations/0001_initial.sql.
//
// Thread-safety: may be used from many threads at once.
#ifndef OUTLIVE_SRC_STORE_POSTGRES_WAKER_H_
#define OUTLIVE_SRC_STORE_POSTGRES_WAKER_H_

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "outlive/core/job_store.h"
#include "outlive/core/mutex.h"
#include "outlive/core/random.h"
#include "outlive/core/wake_hub.h"
#include "store/postgres/connection.h"

namespace outlive::postgres {

struct WakerOptions {
  bool watch = true;  // False: only Committed(), only here.
  bool listen = true;
  absl::Duration poll_interval;
  std::string channel;
  std::int64_t log_lock = 0;
  RandomSource* random = nullptr;
};

class Waker {
 public:
  // All outlive it.
  Waker(const ConnectionOptions& connection, const SqlBook& book, const WakerOptions& options);
  ~Waker();
  Waker(const Waker&) = delete;
  Waker& operator=(const Waker&) = delete;

  std::unique_ptr<Subscription> Subscribe(std::function<void(WakeHint)> on_wake);

  // A transaction of this store was committed.
  void Committed(WakeHint hint);

  // A host's transaction has written something, and will be committed at a time that only the host
  // knows: looks more often for a while.
  void ExpectHost();

 private:
  // A pipe that poll() wakes up by.
  class Bell {
   public:
    Bell();
    ~Bell();
    void Ring();
    void Quiet();
    int descriptor() const { return ends_[0]; }

   private:
    int ends_[2] = {-1, -1};
  };

  void EnsureThread() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Loop();
  bool TakeOrders(absl::Duration now, WakeHint& notify);
  void Connect();
  void Notify(WakeHint hint);
  void ReadNotifications();
  void Look();
  void MoveInbox();
  void WaitUntil(absl::Duration until);
  absl::Duration NextLook(absl::Duration now);

  const WakerOptions options_;
  WakeHub hub_;
  Bell bell_;

  // For the thread.
  Connection connection_;
  bool fresh_ = false;         // Nobody has looked since it was made, or since it listens.
  bool listening_ = false;     // From the first subscriber on: a NOTIFY costs for each listener.
  std::int64_t last_seq_ = 0;  // Of the log, as far as it was seen.
  absl::Duration next_look_;   // Since boot.
  absl::Duration host_pause_ = absl::InfiniteDuration();

  Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool host_expected_ ABSL_GUARDED_BY(mutex_) = false;
  WakeHint to_notify_ ABSL_GUARDED_BY(mutex_);
  absl::Duration notify_at_ ABSL_GUARDED_BY(mutex_) = absl::ZeroDuration();
  std::thread thread_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace outlive::postgres

#endif  // OUTLIVE_SRC_STORE_POSTGRES_WAKER_H_
