#include "report/cell_text.h"

#include <absl/time/civil_time.h>
#include <absl/time/time.h>
#include <fmt/format.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>

#include "outlive/core/report.h"
#include "outlive/report/report_locale.h"
#include "report/text.h"

namespace outlive::rendering {
namespace {

// Above it a double has no exact units any more.
constexpr double kDigitsMax = 1e15;

// `digits` as made by fmt ("-1234.50"), with the separators of the locale. `grouped`: between
// thousands too.
std::string Punctuated(std::string_view digits, bool grouped, const ReportLocale& locale) {
  std::string out;
  if (digits.starts_with('-')) {
    // A number that was rounded to zero has no sign.
    if (digits.find_first_of("123456789") != std::string_view::npos) out += '-';
    digits.remove_prefix(1);
  }
  const std::size_t point = digits.find('.');
  const std::string_view whole = digits.substr(0, point);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    if (grouped && i > 0 && (whole.size() - i) % 3 == 0) out += locale.group_separator;
    out += whole[i];
  }
  if (point != std::string_view::npos) {
    out += locale.decimal_point;
    out += digits.substr(point + 1);
  }
  return out;
}

// With a fixed number of decimals, halves away from zero.
std::string Fixed(double value, int decimals, bool grouped, const ReportLocale& locale) {
  const double scale = std::pow(10.0, decimals);
  const double rounded = std::round(value * scale) / scale;
  return Punctuated(fmt::format("{:.{}f}", rounded, decimals), grouped, locale);
}

std::string WithCurrency(std::string amount, const ReportLocale& locale) {
  const bool negative = amount.starts_with('-');
  return fmt::format("{}{}{}", negative ? "-" : "", locale.currency,
                     std::string_view(amount).substr(negative ? 1 : 0));
}

}  // namespace

std::string NumberText(double value, NumberFormat format, const ReportLocale& locale) {
  if (std::isnan(value)) return "\u2013";
  if (std::isinf(value)) return value > 0 ? "\u221E" : "-\u221E";
  if (std::abs(value) >= kDigitsMax) {
    const double shown = format == NumberFormat::kPercent ? value * 100 : value;
    std::string text = Replaced(fmt::format("{:.6g}", shown), ".", locale.decimal_point);
    if (format == NumberFormat::kMoney) return WithCurrency(std::move(text), locale);
    return format == NumberFormat::kPercent ? text + " %" : text;
  }
  switch (format) {
    case NumberFormat::kPlain: {
      const std::string shortest = fmt::format("{}", value);
      if (shortest.find('e') != std::string::npos) {
        return Replaced(shortest, ".", locale.decimal_point);
      }
      // fmt writes a whole double as "3.0" or as "3", by its version.
      const bool whole = shortest.ends_with(".0");
      return Punctuated(whole ? std::string_view(shortest).substr(0, shortest.size() - 2)
                              : std::string_view(shortest),
                        false, locale);
    }
    case NumberFormat::kInteger:
      return Fixed(value, 0, true, locale);
    case NumberFormat::kDecimal:
      return Fixed(value, 2, true, locale);
    case NumberFormat::kMoney:
      return WithCurrency(Fixed(value, 0, true, locale), locale);
    case NumberFormat::kPercent:
      return Fixed(value * 100, 1, true, locale) + " %";
  }
  return {};
}

std::string NumberText(std::int64_t value, NumberFormat format, const ReportLocale& locale) {
  const std::string digits = fmt::format("{}", value);
  switch (format) {
    case NumberFormat::kPlain:
      return digits;
    case NumberFormat::kInteger:
      return Punctuated(digits, true, locale);
    case NumberFormat::kDecimal:
      return Punctuated(digits + ".00", true, locale);
    case NumberFormat::kMoney:
      return WithCurrency(Punctuated(digits, true, locale), locale);
    case NumberFormat::kPercent:
      return NumberText(static_cast<double>(value), format, locale);
  }
  return {};
}

std::string CellText(const Cell& cell, NumberFormat format, const ReportLocale& locale) {
  const auto text_of = [&](const auto& value) -> std::string {
    using T = std::decay_t<decltype(value)>;
    if constexpr (std::is_same_v<T, std::monostate>) {
      return {};
    } else if constexpr (std::is_same_v<T, std::string>) {
      return CleanCopy(value);
    } else if constexpr (std::is_same_v<T, bool>) {
      return value ? locale.yes : locale.no;
    } else if constexpr (std::is_same_v<T, absl::CivilDay>) {
      return absl::FormatCivilTime(value);
    } else if constexpr (std::is_same_v<T, absl::Time>) {
      return absl::FormatTime("%Y-%m-%d %H:%M:%S", value, absl::UTCTimeZone());
    } else {
      return NumberText(value, format, locale);
    }
  };
  return std::visit(text_of, cell);
}

std::string CreatedText(absl::Time created) {
  return absl::FormatTime("%Y-%m-%d %H:%M UTC", created, absl::UTCTimeZone());
}

bool IsNumber(const Cell& cell) {
  return std::holds_alternative<std::int64_t>(cell) || std::holds_alternative<double>(cell);
}

Align ResolveAlign(const Column& column, const Cell& cell) {
  if (column.align != Align::kAuto) return column.align;
  const bool empty = std::holds_alternative<std::monostate>(cell);
  const bool right = IsNumber(cell) || (empty && column.format != NumberFormat::kPlain);
  return right ? Align::kRight : Align::kLeft;
}

}  // namespace outlive::rendering
