#include "outlive/core/log.h"

#include <fmt/format.h>

#include "core/utf8.h"
#include "outlive/core/limits.h"

namespace outlive {

namespace {

// Whether the sequence at the start of `text`, of `size` bytes, would steer a terminal or break the
// line: C0, DEL, C1 (U+0080 to U+009F), and the line and paragraph separators.
bool IsControl(std::string_view text, std::size_t size) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  if (size == 1) return byte(0) < 0x20 || byte(0) == 0x7F;
  if (size == 2) return byte(0) == 0xC2 && byte(1) < 0xA0;
  return size == 3 && byte(0) == 0xE2 && byte(1) == 0x80 && (byte(2) == 0xA8 || byte(2) == 0xA9);
}

}  // namespace

std::string EscapeForLog(std::string_view text) {
  std::string escaped;
  while (!text.empty()) {
    const std::size_t size = internal::Utf8SequenceSize(text);
    std::string part;
    if (size == 0 || IsControl(text, size)) {
      part = fmt::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
      text.remove_prefix(1);
    } else {
      part = text.substr(0, size);
      text.remove_prefix(size);
    }
    // Whole characters only: what was text stays text.
    if (escaped.size() + part.size() > limits::kMessageBytesMax) break;
    escaped += part;
  }
  return escaped;
}

}  // namespace outlive
