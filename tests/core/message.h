// What a status says, as text that doctest can show.
#ifndef OUTLIVE_TESTS_CORE_MESSAGE_H_
#define OUTLIVE_TESTS_CORE_MESSAGE_H_

#include <absl/status/status.h>

#include <string>
#include <string_view>

namespace outlive::testing {

inline std::string Message(const absl::Status& status) { return std::string(status.message()); }

// "" where the message has `part`, else the message.
inline std::string MissingIn(const absl::Status& status, std::string_view part) {
  const std::string message = Message(status);
  return message.find(part) != std::string::npos ? "" : message;
}

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTS_CORE_MESSAGE_H_
