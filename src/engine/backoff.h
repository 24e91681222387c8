// How long the engine waits after the store has refused.
#ifndef OUTLIVE_SRC_ENGINE_BACKOFF_H_
#define OUTLIVE_SRC_ENGINE_BACKOFF_H_

#include <absl/time/time.h>

#include "outlive/core/random.h"
#include "outlive/core/retry_policy.h"

namespace outlive::internal {

// 100 ms after the first failure in a row, doubling up to 5 s, ±20 %.
inline absl::Duration StoreBackoff(int failures, RandomSource& random) {
  RetryPolicy policy;
  policy.initial = absl::Milliseconds(100);
  policy.factor = 2;
  policy.delay_max = absl::Seconds(5);
  return RetryDelay(policy, failures, RandomUnit(random));
}

}  // namespace outlive::internal

#endif  // OUTLIVE_SRC_ENGINE_BACKOFF_H_
