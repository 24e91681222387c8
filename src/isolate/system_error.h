// What the system says of a call that failed, as a status.
#ifndef OUTLIVE_SRC_ISOLATE_SYSTEM_ERROR_H_
#define OUTLIVE_SRC_ISOLATE_SYSTEM_ERROR_H_

#include <absl/status/status.h>
#include <fmt/format.h>

#include <cerrno>
#include <string_view>
#include <system_error>

namespace outlive::isolate {

// kUnavailable: "<what>: No such file or directory".
inline absl::Status SystemError(std::string_view what, int error = errno) {
  return absl::UnavailableError(
      fmt::format("{}: {}", what, std::generic_category().message(error)));
}

}  // namespace outlive::isolate

#endif  // OUTLIVE_SRC_ISOLATE_SYSTEM_ERROR_H_
