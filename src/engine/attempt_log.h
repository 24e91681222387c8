// What a runner tells the world about attempts: log lines and the observer, in one place.
#ifndef OUTLIVE_SRC_ENGINE_ATTEMPT_LOG_H_
#define OUTLIVE_SRC_ENGINE_ATTEMPT_LOG_H_

#include <absl/status/status.h>

#include <cstddef>

#include "engine/attempt.h"
#include "engine/services.h"

namespace outlive::internal {

void ReportStart(const Services& services, const Attempt& attempt);

// `stored` is what the store said of the end.
void ReportEnd(const Services& services, const Attempt& attempt, const Finished& finished,
               const absl::Status& stored);

void ReportRescue(const Services& services, const Rescued& rescued);

// A line about the runner itself.
void LogLine(const Services& services, LogLevel level, std::string_view message);

void LogHandBack(const Services& services, std::size_t job_count, const absl::Status& stored);

}  // namespace outlive::internal

#endif  // OUTLIVE_SRC_ENGINE_ATTEMPT_LOG_H_
