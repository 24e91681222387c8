// The header Retry-After of a receiver that is not trusted: no answer, or a wait within bounds.
#include <optional>
#include <string>
#include <string_view>

#include "notify/retry_after.h"
#include "tests/fuzz/target.h"

namespace outlive::fuzz {

void RetryAfter(std::string_view input) {
  const absl::Time now = absl::FromUnixSeconds(1'800'000'000);
  const absl::Duration max = absl::Hours(24);
  const std::optional<absl::Duration> after =
      internal::ParseRetryAfter(std::string(input), now, max);
  Require(!after || (*after >= absl::Seconds(1) && *after <= max), "a wait is within its bounds");
}

}  // namespace outlive::fuzz
