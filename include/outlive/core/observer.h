// Observer sees what a client and a runner do, as it happens in this process. Metrics are built on
// it. Called after the commit it tells about, never under a lock of the library.
//
// Two things it cannot know: whether a host commits what Client::EnqueueIn() has put into its
// transaction, and when it commits JobContext::CompleteIn(). The first is told when it is put in,
// the second when the worker has returned.
//
// Thread-safety: called from many threads at once. It must not throw, and must be quick. It may ask
//                the client and the runner, but not write through them: the thread that calls it
//                may be the one that others' writes wait for.
// Lifetime:      outlives everything it was given to.
#ifndef OUTLIVE_CORE_OBSERVER_H_
#define OUTLIVE_CORE_OBSERVER_H_

#include <absl/time/time.h>

#include <string_view>

#include "outlive/core/lifecycle.h"

namespace outlive {

// A view that is good for the call only.
struct JobLabel {
  std::string_view queue;
  std::string_view kind;
};

class Observer {
 public:
  virtual ~Observer() = default;

  // Jobs were enqueued by this client, repeats of a key not counted.
  virtual void OnEnqueued(JobLabel job, int job_count) = 0;

  // An attempt starts; `wait` is the time since the job became due.
  virtual void OnStarted(JobLabel job, absl::Duration wait) = 0;

  // An attempt has ended and its result is stored. `end` is kComplete, kRetry, kSnooze, kRelease,
  // kCancel, kDie or kCrash.
  virtual void OnEnded(JobLabel job, Transition end, absl::Duration run) = 0;

  // The result of an attempt was refused: its lease is lost.
  virtual void OnLeaseLost(JobLabel job) = 0;

  // A job of a lost session was taken over; it is now pending or dead.
  virtual void OnRescued(JobLabel job, JobState now) = 0;
};

}  // namespace outlive

#endif  // OUTLIVE_CORE_OBSERVER_H_
