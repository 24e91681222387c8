// The header Retry-After of HTTP (RFC 9110 section 10.2.3), from a receiver that is not trusted.
#ifndef OUTLIVE_SRC_NOTIFY_RETRY_AFTER_H_
#define OUTLIVE_SRC_NOTIFY_RETRY_AFTER_H_

#include <absl/time/time.h>

#include <optional>
#include <string>

namespace outlive::internal {

// Seconds or a date, as the time from `now` on, from one second to `max`. Nothing where it is
// neither.
std::optional<absl::Duration> ParseRetryAfter(const std::string& value, absl::Time now,
                                              absl::Duration max);

}  // namespace outlive::internal

#endif  // OUTLIVE_SRC_NOTIFY_RETRY_AFTER_H_
