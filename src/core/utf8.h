// Reading UTF-8 (RFC 3629), where JSON and log lines need to know whether bytes are text.
#ifndef OUTLIVE_SRC_CORE_UTF8_H_
#define OUTLIVE_SRC_CORE_UTF8_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace outlive::internal {

// Bytes of the well-formed sequence at the start of `text`; 0: there is none.
inline std::size_t Utf8SequenceSize(std::string_view text) {
  if (text.empty()) return 0;
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
  }
  // Overlong forms, surrogates, and beyond U+10FFFF.
  if ((first == 0xE0 && byte(1) < 0xA0) || (first == 0xED && byte(1) > 0x9F) ||
      (first == 0xF0 && byte(1) < 0x90) || (first == 0xF4 && byte(1) > 0x8F)) {
    return 0;
  }
  return size;
}

inline bool IsUtf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t size = Utf8SequenceSize(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

}  // namespace outlive::internal

#endif  // OUTLIVE_SRC_CORE_UTF8_H_
