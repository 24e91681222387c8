// Times in JSON: RFC 3339 in UTC with as many digits as they have, "2026-01-31T12:00:00.5Z"; or
// "infinite-future" and "infinite-past". absl::ParseTime() reads both.
#ifndef OUTLIVE_SRC_CORE_TIME_TEXT_H_
#define OUTLIVE_SRC_CORE_TIME_TEXT_H_

#include <absl/time/time.h>

#include <string>

namespace outlive::internal {

inline std::string TimeToText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d%ET%H:%M:%E*SZ", time, absl::UTCTimeZone());
}

}  // namespace outlive::internal

#endif  // OUTLIVE_SRC_CORE_TIME_TEXT_H_
