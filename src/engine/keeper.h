// Keeper looks after what is running, on a thread that no worker can starve: it renews the session,
// passes on requests to stop, enforces time limits, and writes progress.
//
// Thread-safety: may be used from many threads at once; Loop() of each share, Poll() and Renew() by
//                one.
#ifndef OUTLIVE_SRC_ENGINE_KEEPER_H_
#define OUTLIVE_SRC_ENGINE_KEEPER_H_

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <map>
#include <memory>

#include "engine/attempt.h"
#include "engine/dispatcher.h"
#include "engine/progress_writer.h"
#include "engine/services.h"
#include "engine/sessions.h"
#include "outlive/core/mutex.h"

namespace outlive::internal {

class Keeper {
 public:
  Keeper(const Services& services, Sessions& sessions, Dispatcher& dispatcher,
         ProgressWriter& progress)
      : services_(services), sessions_(sessions), dispatcher_(dispatcher), progress_(progress) {}

  // What a thread takes upon itself. Progress is written by the client's commits, and waits for
  // them: where leases do not, they must not wait for progress.
  enum class Share { kAll, kProgress, kAllButProgress };

  // Works until Finish() is called.
  void Loop(Share share);

  // Does what is due.
  void Poll();

  // How long it is until the next duty, unless there comes one before.
  absl::Duration TimeLeft();

  void Finish();
  void Reset();

  // Enforces the attempt's time limit.
  void Watch(const std::shared_ptr<Attempt>& attempt);

  // Somebody may want running jobs to stop.
  void OnCancelHint();

  // There is progress to be written.
  void OnProgress();

  // There is no session to claim with.
  void OnSessionLost();

  // Renews the session, or opens one; attempts of a lost one are asked to stop.
  absl::Status Renew();

  // Asks for a stop where somebody wanted one.
  void PassOnCancelRequests();

 private:
  // When each duty is due, by SinceBoot().
  struct Duties {
    absl::Duration renew = absl::ZeroDuration();
    absl::Duration cancel = absl::InfiniteDuration();
    absl::Duration progress = absl::InfiniteDuration();
    absl::Duration timeout = absl::InfiniteDuration();
  };

  Duties WaitForDuty(Share share);
  Duties DutiesLocked(Share share) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Duration TimeLeftLocked(Share share) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Do(const Duties& due);
  void DoRenew(absl::Duration begun);
  void DoTimeouts(absl::Duration now);
  void WriteProgress();

  const Services& services_;
  Sessions& sessions_;
  Dispatcher& dispatcher_;
  ProgressWriter& progress_;

  Mutex mutex_;
  CondVar changed_;
  Duties duties_ ABSL_GUARDED_BY(mutex_);
  std::multimap<absl::Duration, std::weak_ptr<Attempt>> timeouts_ ABSL_GUARDED_BY(mutex_);
  bool finishing_ ABSL_GUARDED_BY(mutex_) = false;
  int failures_ = 0;           // Renewals in a row that failed. Touched by Do() only.
  int progress_failures_ = 0;  // Writes of progress in a row that failed. As above.
  int unknown_cancels_ = 0;    // Looks in a row that found a job not yet known here. As above.
};

}  // namespace outlive::internal

#endif  // OUTLIVE_SRC_ENGINE_KEEPER_H_
