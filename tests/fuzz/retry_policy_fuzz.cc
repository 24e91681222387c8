// Retry policies in rows of unknown origin: what is read is valid, and its delays are within bounds
// after any number of failures.
#include <string>
#include <string_view>

#include "outlive/core/retry_policy.h"
#include "outlive/core/store_rules.h"
#include "tests/fuzz/target.h"

namespace outlive::fuzz {

void RetryPolicy(std::string_view input) {
  const auto policy = DecodeRetryPolicy(input);
  if (!policy.ok()) return Require(absl::IsInvalidArgument(policy.status()), "it is the input");
  Require(ValidateRetryPolicy(*policy).ok(), "what was read is valid");
  for (const int failures : {-1, 0, 1, 2, 17, 10'000, 2'147'483'647}) {
    for (const double unit : {0.0, 0.5, 1.0}) {
      const absl::Duration delay = RetryDelay(*policy, failures, unit);
      Require(delay >= absl::ZeroDuration() && delay <= kDelayMax, "a delay is within its bounds");
    }
  }
  const std::string written = EncodeRetryPolicy(*policy);
  const auto again = DecodeRetryPolicy(written);
  Require(again.ok(), "what was read can be written");
  Require(EncodeRetryPolicy(*again) == written, "and is the same");
}

}  // namespace outlive::fuzz
