#include "report/xlsx_sheet_names.h"

#include <fmt/format.h>

#include <cstddef>
#include <string>
#include <string_view>

#include "report/text.h"

namespace outlive::rendering {
namespace {

constexpr std::size_t kNameLengthMax = 31;  // In UTF-16 units, as Excel counts.

// Small letters of Latin, Greek and Cyrillic: enough to keep names apart that Excel takes for one.
char32_t Lowered(char32_t c) {
  if (c >= 'A' && c <= 'Z') return c + 32;
  if ((c >= 0x00C0 && c <= 0x00DE && c != 0x00D7) || (c >= 0x0391 && c <= 0x03A9)) return c + 32;
  if (c >= 0x0410 && c <= 0x042F) return c + 32;
  if (c >= 0x0400 && c <= 0x040F) return c + 80;
  if (c >= 0x0100 && c <= 0x0177 && c % 2 == 0) return c + 1;
  return c;
}

std::string Lowered(std::string_view text) {
  std::string lowered;
  while (!text.empty()) AppendUtf8(Lowered(TakeCodePoint(text)), lowered);
  return lowered;
}

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kOff = " '";
  const std::size_t first = text.find_first_not_of(kOff);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kOff) - first + 1);
}

}  // namespace

std::string SheetNames::Add(std::string_view title, std::string_view fallback) {
  std::string base = OneLine(title);
  for (char& c : base) {
    if (std::string_view("[]:*?/\\").find(c) != std::string_view::npos) c = '-';
  }
  base = Trimmed(CutToUtf16Length(Trimmed(base), kNameLengthMax));
  if (base.empty()) base = fallback;
  // Excel keeps this name for itself.
  if (Lowered(base) == "history") base += '_';
  std::string name = base;
  for (int number = 2; !taken_.insert(Lowered(name)).second; ++number) {
    const std::string suffix = fmt::format(" ({})", number);
    name = std::string(Trimmed(CutToUtf16Length(base, kNameLengthMax - suffix.size()))) + suffix;
  }
  return name;
}

std::string QuotedSheetName(std::string_view name) { return "'" + Replaced(name, "'", "''") + "'"; }

}  // namespace outlive::rendering
