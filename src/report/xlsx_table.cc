#include "report/xlsx_table.h"

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/civil_time.h>
#include <absl/time/time.h>
#include <fmt/format.h>
#include <xlsxwriter.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "outlive/core/report.h"
#include "report/c_locale.h"
#include "report/cell_text.h"
#include "report/row_meter.h"
#include "report/table_reader.h"
#include "report/text.h"
#include "report/xlsx_workbook.h"

namespace outlive::rendering {
namespace {

constexpr std::size_t kCellLengthMax = 32'767;
constexpr std::string_view kCutMark = "\u2026 [cut]";

// Beyond it a double, which is what a spreadsheet calculates with, has no exact units.
constexpr std::int64_t kWholeMax = std::int64_t{1} << 53;

// Days as Excel counts them: 1 is 1900-01-01, and there is a 1900-02-29 that never was. Nothing
// where Excel has no such day.
std::optional<double> SerialDay(absl::CivilDay day) {
  if (day < absl::CivilDay(1900, 1, 1) || day > absl::CivilDay(9999, 12, 31)) return std::nullopt;
  const auto serial = static_cast<double>(day - absl::CivilDay(1899, 12, 30));
  return day < absl::CivilDay(1900, 3, 1) ? serial - 1 : serial;
}

std::optional<double> SerialTime(absl::Time time) {
  const absl::TimeZone utc = absl::UTCTimeZone();
  const std::optional<double> day = SerialDay(absl::ToCivilDay(time, utc));
  if (!day.has_value()) return std::nullopt;
  const absl::Time midnight = absl::FromCivil(absl::ToCivilDay(time, utc), utc);
  return *day + absl::ToDoubleSeconds(time - midnight) / 86'400;
}

// Excel reads _x0041_ in a file as "A". The first underscore is written in that very way where text
// looks so and means what it says.
std::string Escaped(std::string_view text) {
  const auto is_escape = [](std::string_view at) {
    return at.size() >= 7 && at.starts_with("_x") && at[6] == '_' &&
           at.substr(2, 4).find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
  };
  std::string escaped;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '_' && is_escape(text.substr(i))) {
      escaped += "_x005F_";
    } else {
      escaped += text[i];
    }
  }
  return escaped;
}

// Writes the rows of one table, sheet after sheet.
class TableWriter {
 public:
  TableWriter(const Table& table, const ReportLocale& locale, std::int64_t sheet_row_count_max,
              XlsxWorkbook& workbook)
      : table_(table),
        locale_(locale),
        sheet_row_count_max_(sheet_row_count_max),
        workbook_(workbook) {}

  // `first` is the first row on the sheet, or empty cells.
  absl::Status BeginSheet(const Row& first);
  absl::Status WriteRow(const Row& row);
  void EndSheet();

  bool sheet_full() const { return next_row_ == sheet_row_count_max_; }
  std::string sheet_name() const { return sheet_->name; }

 private:
  double WidthOf(std::size_t column, const Cell& first) const;
  lxw_error Write(std::size_t column, const Cell& cell);

  const Table& table_;
  const ReportLocale& locale_;
  const std::int64_t sheet_row_count_max_;
  XlsxWorkbook& workbook_;
  lxw_worksheet* sheet_ = nullptr;
  std::int64_t next_row_ = 0;  // On the sheet.
};

// In characters of the standard font. Wide enough for the title and for what stands below it.
double TableWriter::WidthOf(std::size_t column, const Cell& first) const {
  double total = 0;
  for (const Column& c : table_.columns) total += c.width;
  const double relative =
      table_.columns[column].width / total * static_cast<double>(table_.columns.size());
  double least = 8;
  if (std::holds_alternative<absl::CivilDay>(first)) least = 12;
  if (std::holds_alternative<absl::Time>(first)) least = 20;
  // The button of the filter takes some of the title's room.
  const auto title = static_cast<double>(Utf16Length(OneLine(table_.columns[column].title))) + 4;
  return std::clamp(16 * relative, std::max(least, std::min(title, 30.0)), 80.0);
}

absl::Status TableWriter::BeginSheet(const Row& first) {
  absl::StatusOr<lxw_worksheet*> sheet = workbook_.AddSheet(table_.title, "Table", true);
  if (!sheet.ok()) return sheet.status();
  sheet_ = *sheet;
  const CLocale::Scope scope(workbook_.locale());
  for (std::size_t i = 0; i < table_.columns.size(); ++i) {
    const auto column = static_cast<lxw_col_t>(i);
    const Align align = ResolveAlign(table_.columns[i], first[i]);
    lxw_format* head = workbook_.formats().heads[static_cast<std::size_t>(align) - 1];
    worksheet_set_column(sheet_, column, column, WidthOf(i, first[i]), nullptr);
    const lxw_error error =
        worksheet_write_string(sheet_, 0, column, XlsxText(table_.columns[i].title).c_str(), head);
    if (error != LXW_NO_ERROR) return FromXlsxError(error);
  }
  worksheet_freeze_panes(sheet_, 1, 0);
  worksheet_repeat_rows(sheet_, 0, 0);
  worksheet_set_landscape(sheet_);
  worksheet_fit_to_pages(sheet_, 1, 0);
  next_row_ = 1;
  return absl::OkStatus();
}

absl::Status TableWriter::WriteRow(const Row& row) {
  const CLocale::Scope scope(workbook_.locale());
  for (std::size_t i = 0; i < row.size(); ++i) {
    const lxw_error error = Write(i, row[i]);
    if (error != LXW_NO_ERROR) return FromXlsxError(error);
  }
  ++next_row_;
  return workbook_.CheckSheet(sheet_);
}

lxw_error TableWriter::Write(std::size_t column, const Cell& cell) {
  const Column& about = table_.columns[column];
  const XlsxFormats::Cells& cells =
      workbook_.formats().cells[static_cast<std::size_t>(about.align)];
  const auto number_format = static_cast<std::size_t>(about.format);
  const auto at_row = static_cast<lxw_row_t>(next_row_);
  const auto at_column = static_cast<lxw_col_t>(column);
  const auto number = [&](double value, lxw_format* format) {
    return worksheet_write_number(sheet_, at_row, at_column, value, format);
  };
  const auto text = [&](std::string_view value) {
    if (value.empty()) return LXW_NO_ERROR;
    return worksheet_write_string(sheet_, at_row, at_column, XlsxText(value).c_str(), cells.text);
  };

  if (const auto* value = std::get_if<std::string>(&cell)) return text(*value);
  if (const auto* whole = std::get_if<std::int64_t>(&cell)) {
    if (*whole > kWholeMax || *whole < -kWholeMax) return text(fmt::format("{}", *whole));
    return number(static_cast<double>(*whole), cells.wholes[number_format]);
  }
  if (const auto* value = std::get_if<double>(&cell)) {
    if (std::isnan(*value)) return text("NaN");
    if (std::isinf(*value)) return text(*value > 0 ? "Infinity" : "-Infinity");
    return number(*value, cells.doubles[number_format]);
  }
  if (const auto* truth = std::get_if<bool>(&cell)) {
    return worksheet_write_boolean(sheet_, at_row, at_column, *truth ? 1 : 0, cells.text);
  }
  if (const auto* day = std::get_if<absl::CivilDay>(&cell)) {
    const std::optional<double> serial = SerialDay(*day);
    return serial.has_value() ? number(*serial, cells.date)
                              : text(CellText(cell, about.format, locale_));
  }
  if (const auto* time = std::get_if<absl::Time>(&cell)) {
    const std::optional<double> serial = SerialTime(*time);
    return serial.has_value() ? number(*serial, cells.time)
                              : text(CellText(cell, about.format, locale_));
  }
  return LXW_NO_ERROR;
}

void TableWriter::EndSheet() {
  const CLocale::Scope scope(workbook_.locale());
  worksheet_autofilter(sheet_, 0, 0,
                       static_cast<lxw_row_t>(std::max<std::int64_t>(next_row_ - 1, 0)),
                       static_cast<lxw_col_t>(table_.columns.size() - 1));
}

}  // namespace

std::string XlsxText(std::string_view text) {
  std::string clean = CleanCopy(text);
  if (clean.find('\r') != std::string::npos) {
    clean = Replaced(Replaced(clean, "\r\n", "\n"), "\r", "\n");
  }
  if (clean.find("_x") != std::string::npos) clean = Escaped(clean);
  if (clean.size() <= kCellLengthMax || Utf16Length(clean) <= kCellLengthMax) return clean;
  const std::size_t kept = kCellLengthMax - Utf16Length(kCutMark);
  return std::string(CutToUtf16Length(clean, kept)).append(kCutMark);
}

absl::StatusOr<XlsxTableResult> WriteXlsxTable(const Table& table, const ReportLocale& locale,
                                               std::int64_t sheet_row_count_max,
                                               XlsxWorkbook& workbook, RowMeter& meter) {
  TableWriter writer(table, locale, sheet_row_count_max, workbook);
  TableReader reader(table, meter);
  if (absl::Status opened = reader.Open(); !opened.ok()) return opened;
  bool more = reader.Next();
  if (!reader.status().ok()) return reader.status();
  if (absl::Status begun = writer.BeginSheet(reader.row()); !begun.ok()) return begun;
  XlsxTableResult result;
  result.sheet_name = writer.sheet_name();
  for (; more; more = reader.Next()) {
    if (writer.sheet_full()) {
      writer.EndSheet();
      if (absl::Status begun = writer.BeginSheet(reader.row()); !begun.ok()) return begun;
    }
    if (absl::Status written = writer.WriteRow(reader.row()); !written.ok()) return written;
  }
  if (!reader.status().ok()) return reader.status();
  writer.EndSheet();
  result.row_count = reader.row_count();
  return result;
}

}  // namespace outlive::rendering
