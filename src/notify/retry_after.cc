#include "notify/retry_after.h"

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <curl/curl.h>

#include <algorithm>
#include <cstdint>
#include <limits>

namespace outlive::internal {

std::optional<absl::Duration> ParseRetryAfter(const std::string& value, absl::Time now,
                                              absl::Duration max) {
  const std::string text(absl::StripAsciiWhitespace(value));
  if (text.empty() || text.size() > 64) return std::nullopt;
  absl::Duration after;
  if (text.find_first_not_of("0123456789") == std::string::npos) {
    std::uint64_t seconds = 0;
    // More digits than a number holds mean "very long".
    if (!absl::SimpleAtoi(text, &seconds)) seconds = std::numeric_limits<std::uint64_t>::max();
    after = absl::Seconds(std::min<std::uint64_t>(seconds, std::uint64_t{1} << 40));
  } else {
    const time_t date = curl_getdate(text.c_str(), nullptr);
    if (date == -1) return std::nullopt;
    after = absl::FromTimeT(date) - now;
  }
  return std::clamp(after, absl::Seconds(1), max);
}

}  // namespace outlive::internal
