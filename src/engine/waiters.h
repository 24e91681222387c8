// Threads that wait for something to change in a store: woken by its commits, and by a poll behind
// them, because a wake-up is a hint.
//
// Thread-safety: may be used from many threads at once.
#ifndef OUTLIVE_SRC_ENGINE_WAITERS_H_
#define OUTLIVE_SRC_ENGINE_WAITERS_H_

#include <absl/time/time.h>

#include <cstdint>
#include <memory>
#include <mutex>

#include "outlive/core/job_store.h"
#include "outlive/core/mutex.h"
#include "outlive/engine/client.h"

namespace outlive {

class Client::Waiters {
 public:
  // The store outlives it. Nobody is subscribed before somebody waits.
  explicit Waiters(JobStore& store) : store_(store) {}
  ~Waiters();

  // A number that grows with each change from the first call on. Taken before looking, so that no
  // change is missed.
  std::uint64_t Version();

  // Returns when the version is no longer `seen`, or after `timeout`.
  void WaitFor(std::uint64_t seen, absl::Duration timeout);

 private:
  JobStore& store_;
  std::once_flag subscribed_;

  Mutex mutex_;
  CondVar changed_;
  std::uint64_t version_ ABSL_GUARDED_BY(mutex_) = 0;
  int waiting_ ABSL_GUARDED_BY(mutex_) = 0;
  std::unique_ptr<Subscription> subscription_;  // Last: ends before what it touches.
};

}  // namespace outlive

#endif  // OUTLIVE_SRC_ENGINE_WAITERS_H_
