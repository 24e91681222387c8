// Lets requests through to endpoints: some at a time to each, none to one that does not answer or
// has gone. So that a dead endpoint costs the others nothing.
//
// Thread-safety: may be used from many threads at once.
#ifndef OUTLIVE_SRC_NOTIFY_ENDPOINT_GATE_H_
#define OUTLIVE_SRC_NOTIFY_ENDPOINT_GATE_H_

#include <absl/base/thread_annotations.h>
#include <absl/time/time.h>

#include <cstddef>
#include <map>
#include <string>

#include "outlive/core/mutex.h"

namespace outlive::internal {

class EndpointGate {
 public:
  struct Options {
    int concurrent_max = 1;
    absl::Duration busy_pause;
    int failure_count_max = 1;
    absl::Duration pause;
    // Endpoints that are remembered. More: those without requests are forgotten.
    std::size_t endpoint_count_max = 10'000;
  };

  enum class Entry { kGo, kWait, kGone };
  struct Admission {
    Entry entry = Entry::kGo;
    absl::Duration wait;  // kWait.
  };

  // How a request that went through has ended.
  enum class Result { kAnswered, kNoAnswer, kGone, kAbandoned };

  explicit EndpointGate(const Options& options) : options_(options) {}

  // `now` is on a clock that never goes back. Each kGo is followed by one Leave().
  Admission Enter(const std::string& target, absl::Duration now);
  void Leave(const std::string& target, Result result, absl::Duration now);

 private:
  struct Endpoint {
    int under_way = 0;
    int failures = 0;  // In a row.
    absl::Duration paused_until = -absl::InfiniteDuration();
    bool gone = false;
  };

  void ForgetIdle() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Options options_;
  Mutex mutex_;
  std::map<std::string, Endpoint> endpoints_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace outlive::internal

#endif  // OUTLIVE_SRC_NOTIFY_ENDPOINT_GATE_H_
