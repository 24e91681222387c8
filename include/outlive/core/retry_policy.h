// RetryPolicy says how long a failed job waits before its next attempt.
//
// The default is exponential backoff with jitter: 1 s × 4^(n−1) before attempt n+1, ±20 %, at most
// 1 h. Jitter keeps jobs that failed together from coming back together.
//
// Thread-safety: a value and pure functions.
// Errors:        kInvalidArgument.
#ifndef OUTLIVE_CORE_RETRY_POLICY_H_
#define OUTLIVE_CORE_RETRY_POLICY_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <string>
#include <string_view>
#include <vector>

namespace outlive {

struct RetryPolicy {
  // Delay after the first failed attempt. From 0 (then every delay is 0) to 366 days.
  absl::Duration initial = absl::Seconds(1);

  // Each delay is the one before times this. From 1 to 1000.
  double factor = 4.0;

  // No delay is longer, before jitter. At least `initial`, at most 366 days.
  absl::Duration delay_max = absl::Hours(1);

  // Each delay is multiplied by a random number in [1 − jitter, 1 + jitter]. From 0 to 1.
  double jitter = 0.2;

  // Instead of the formula, delays one by one; after the last one it repeats. At most 1000, each
  // at most 366 days. Empty: the formula.
  std::vector<absl::Duration> schedule = {};

  bool operator==(const RetryPolicy&) const = default;
};

// OK, or one kInvalidArgument that names every fault.
absl::Status ValidateRetryPolicy(const RetryPolicy& policy);

// The delay after failed attempt number `failures` (1 or more; any int is safe), for a random
// number `unit` in [0, 1). At most 366 days, jitter included. `policy` is valid.
absl::Duration RetryDelay(const RetryPolicy& policy, int failures, double unit);

// As JSON, for stores. Decoding takes what encoding made; anything else is kInvalidArgument.
std::string EncodeRetryPolicy(const RetryPolicy& policy);
absl::StatusOr<RetryPolicy> DecodeRetryPolicy(std::string_view text);

}  // namespace outlive

#endif  // OUTLIVE_CORE_RETRY_POLICY_H_
