// Small pure helpers on text: percent-encoding, numbers and dates as HTTP writes them.
#ifndef OUTLIVE_SRC_HTTP_TEXT_H_
#define OUTLIVE_SRC_HTTP_TEXT_H_

#include <absl/time/time.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace outlive::http {

inline bool IsDigit(char c) { return c >= '0' && c <= '9'; }
inline bool IsAlpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// C0 controls and DEL.
inline bool IsControl(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

// Without spaces and tabs at both ends.
std::string_view TrimBlanks(std::string_view text);

// `text` with each %XX as its byte. Empty where a '%' is not followed by two hexadecimal digits.
std::optional<std::string> PercentDecode(std::string_view text);

// Bytes outside [A-Za-z0-9] and `kept` as %XX.
std::string PercentEncode(std::string_view text, std::string_view kept);

// Digits only. Values that do not fit become the largest one. Empty: not a number.
std::optional<std::uint64_t> ParseDigits(std::string_view text);

// `Sun, 06 Nov 1994 08:49:37 GMT`, whatever the locale.
std::string HttpDate(absl::Time time);

}  // namespace outlive::http

#endif  // OUTLIVE_SRC_HTTP_TEXT_H_
