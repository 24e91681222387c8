// Pacer makes a fast report slow, so that its progress can be watched: it pauses where it is told
// to, and a pause ends at once when the job is asked to stop.
//
// Thread-safety: for one thread.
#ifndef OUTLIVE_EXAMPLES_REPORT_APP_PACER_H_
#define OUTLIVE_EXAMPLES_REPORT_APP_PACER_H_

#include <absl/time/time.h>

#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <utility>

namespace report_app {

class Pacer {
 public:
  // `pause` may be zero. `stop` is the job's.
  Pacer(absl::Duration pause, std::stop_token stop) : pause_(pause), stop_(std::move(stop)) {}

  // False where the job should stop.
  bool Pause() {
    if (pause_ > absl::ZeroDuration()) {
      std::unique_lock lock(mutex_);
      stopped_.wait_for(lock, stop_, absl::ToChronoNanoseconds(pause_), [] { return false; });
    }
    return !stop_.stop_requested();
  }

 private:
  const absl::Duration pause_;
  const std::stop_token stop_;
  std::mutex mutex_;
  std::condition_variable_any stopped_;  // Nobody notifies: only time or the token ends a wait.
};

}  // namespace report_app

#endif  // OUTLIVE_EXAMPLES_REPORT_APP_PACER_H_
