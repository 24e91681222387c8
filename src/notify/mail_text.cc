#include "notify/mail_text.h"

#include <absl/strings/escaping.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>

#include "core/utf8.h"

namespace outlive::internal {
namespace {

// With the longest name of a header of ours in front, a line stays within 76 characters.
constexpr std::size_t kPlainBytesMax = 60;
constexpr std::size_t kEncodedBytesMax = 36;

bool IsAlphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool IsAtomCharacter(char c) {
  return IsAlphanumeric(c) ||
         std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
}

// Whether all parts between dots are good, and there is at least one.
template <class Predicate>
bool AllLabels(std::string_view text, Predicate is_label) {
  for (;;) {
    const std::size_t dot = std::min(text.find('.'), text.size());
    if (!is_label(text.substr(0, dot))) return false;
    if (dot == text.size()) return true;
    text.remove_prefix(dot + 1);
  }
}

std::string EncodedWords(std::string_view text) {
  std::string words;
  while (!text.empty()) {
    std::size_t size = 0;
    while (size < text.size()) {
      const std::size_t step = std::max<std::size_t>(Utf8SequenceSize(text.substr(size)), 1);
      if (size + step > kEncodedBytesMax) break;
      size += step;
    }
    words += fmt::format("{}=?UTF-8?B?{}?=", words.empty() ? "" : "\r\n ",
                         absl::Base64Escape({text.data(), size}));
    text.remove_prefix(size);
  }
  return words;
}

}  // namespace

bool IsHostName(std::string_view text) {
  return text.size() <= 253 && AllLabels(text, [](std::string_view label) {
           return !label.empty() && label.size() <= 63 && label.front() != '-' &&
                  label.back() != '-' && std::all_of(label.begin(), label.end(), [](char c) {
                    return IsAlphanumeric(c) || c == '-';
                  });
         });
}

bool IsDotAtom(std::string_view text) {
  return AllLabels(text, [](std::string_view label) {
    return !label.empty() && std::all_of(label.begin(), label.end(), IsAtomCharacter);
  });
}

bool IsMailAddress(std::string_view text) {
  const std::size_t at = text.rfind('@');
  if (at == std::string_view::npos || at > 64 || text.size() > 254) return false;
  return IsDotAtom(text.substr(0, at)) && IsHostName(text.substr(at + 1));
}

bool IsHeaderText(std::string_view text) {
  if (!IsUtf8(text)) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7F) return false;
    if (byte == 0xC2 && static_cast<unsigned char>(text[i + 1]) < 0xA0) return false;  // C1.
  }
  return true;
}

std::string EncodeHeaderText(std::string_view text) {
  const bool plain =
      text.size() <= kPlainBytesMax && text.find("=?") == std::string_view::npos &&
      std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7F; });
  return plain ? std::string(text) : EncodedWords(text);
}

std::string FormatMailbox(std::string_view name, std::string_view address) {
  if (name.empty()) return std::string(address);
  const bool plain =
      name.size() <= kPlainBytesMax &&
      std::all_of(name.begin(), name.end(), [](char c) { return IsAlphanumeric(c) || c == ' '; });
  return fmt::format("{}\r\n <{}>", plain ? std::string(name) : EncodedWords(name), address);
}

std::string FormatMailDate(absl::Time time) {
  // absl::FormatTime() would ask the host's locale for the names.
  constexpr std::array<std::string_view, 7> kDays = {"Mon", "Tue", "Wed", "Thu",
                                                     "Fri", "Sat", "Sun"};
  constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const absl::CivilSecond civil = absl::ToCivilSecond(time, absl::UTCTimeZone());
  const auto day = static_cast<std::size_t>(absl::GetWeekday(absl::CivilDay(civil)));
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} +0000", kDays[day], civil.day(),
                     kMonths[static_cast<std::size_t>(civil.month() - 1)], civil.year(),
                     civil.hour(), civil.minute(), civil.second());
}

std::string EscapeHtml(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string ToCrlf(std::string_view text) {
  std::string lines;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r') {
      lines += "\r\n";
      if (i + 1 < text.size() && text[i + 1] == '\n') ++i;
    } else if (text[i] == '\n') {
      lines += "\r\n";
    } else {
      lines += text[i];
    }
  }
  return lines;
}

}  // namespace outlive::internal
