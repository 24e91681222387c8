#include "outlive/core/log.h"

#include <fmt/format.h>

#include "core/utf8.h"
#include "outlive/core/limits.h"

namespace outlive {

std::string EscapeForLog(std::string_view text) {
  std::string escaped;
  while (!text.empty() && escaped.size() < limits::kMessageBytesMax) {
    const std::size_t size = internal::Utf8SequenceSize(text);
    const auto first = static_cast<unsigned char>(text.front());
    // C1 control characters (U+0080 to U+009F) steer terminals as the others do.
    const bool c1 = size == 2 && first == 0xC2 && static_cast<unsigned char>(text[1]) < 0xA0;
    if (size == 0 || first < 0x20 || first == 0x7F || c1) {
      fmt::format_to(std::back_inserter(escaped), "\\x{:02x}", first);
      text.remove_prefix(1);
    } else {
      escaped.append(text.substr(0, size));
      text.remove_prefix(size);
    }
  }
  if (escaped.size() > limits::kMessageBytesMax) escaped.resize(limits::kMessageBytesMax);
  return escaped;
}

}  // namespace outlive
