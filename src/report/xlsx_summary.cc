#include "report/xlsx_summary.h"

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <fmt/format.h>
#include <xlsxwriter.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "outlive/core/report.h"
#include "outlive/report/report_locale.h"
#include "report/c_locale.h"
#include "report/cell_text.h"
#include "report/chart_scene.h"
#include "report/paragraphs.h"
#include "report/text.h"
#include "report/xlsx_sheet_names.h"
#include "report/xlsx_workbook.h"

namespace outlive::rendering {
namespace {

// Column A holds names, B their values; together they are as wide as a page.
constexpr double kNameWidth = 26;
constexpr double kValueWidth = 74;
constexpr double kLineHeight = 15;     // Points, of 11-point text.
constexpr double kRowHeightMax = 409;  // Excel's.
constexpr int kChartWidth = 720;       // Pixels.
constexpr int kChartHeight = 300;
constexpr int kRowPixels = 20;                // Of a row that has no height of its own.
constexpr std::size_t kSeriesCountMax = 255;  // Of one chart, Excel's.

// About how many lines `text` fills in a cell of `width` characters.
double LineCount(std::string_view text, double width) {
  double lines = 0;
  while (true) {
    const std::size_t end = text.find('\n');
    const auto length = static_cast<double>(Utf16Length(text.substr(0, end)));
    lines += std::max(1.0, std::ceil(length / (width * 0.95)));
    if (end == std::string_view::npos) return lines;
    text.remove_prefix(end + 1);
  }
}

double HeightOf(std::string_view text, double width) {
  return std::min(kRowHeightMax, LineCount(text, width) * kLineHeight);
}

// The library takes a name that starts with '=' for a formula.
std::string ChartText(std::string_view text) {
  std::string line = OneLine(text);
  if (line.starts_with('=')) line = fmt::format(" {}", line);
  return std::string(CutToUtf16Length(line, 255));
}

std::string Range(const lxw_worksheet* sheet, lxw_row_t first, lxw_row_t last, lxw_col_t column) {
  char from[LXW_MAX_CELL_NAME_LENGTH];
  char to[LXW_MAX_CELL_NAME_LENGTH];
  lxw_rowcol_to_cell_abs(from, first, column, LXW_TRUE, LXW_TRUE);
  lxw_rowcol_to_cell_abs(to, last, column, LXW_TRUE, LXW_TRUE);
  return fmt::format("={}!{}:{}", QuotedSheetName(sheet->name), from, to);
}

const char* AxisFormat(NumberFormat format) {
  switch (format) {
    case NumberFormat::kPercent:
      return "0.# %";
    case NumberFormat::kPlain:
      return "General";
    default:
      return "#,##0";
  }
}

}  // namespace

absl::Status XlsxSummary::Open(const Report& report) {
  absl::StatusOr<lxw_worksheet*> sheet = workbook_.AddSheet(locale_.summary, "Summary", false);
  if (!sheet.ok()) return sheet.status();
  sheet_ = *sheet;
  const CLocale::Scope scope(workbook_.locale());
  const XlsxFormats& formats = workbook_.formats();
  worksheet_set_column(sheet_, 0, 0, kNameWidth, nullptr);
  worksheet_set_column(sheet_, 1, 1, kValueWidth, nullptr);
  worksheet_gridlines(sheet_, LXW_HIDE_ALL_GRIDLINES);
  worksheet_fit_to_pages(sheet_, 1, 0);
  if (IsRightToLeft(report.language)) worksheet_right_to_left(sheet_);

  if (!report.title.empty()) WriteLine(OneLine(report.title), formats.title, 30);
  if (!report.subtitle.empty()) WriteLine(OneLine(report.subtitle), formats.subtitle, 20);
  ++next_row_;
  if (!report.author.empty()) WriteFact(locale_.author, report.author);
  WriteFact(locale_.created, CreatedText(report.created));
  for (const auto& [name, value] : report.facts) WriteFact(name, value);
  return absl::OkStatus();
}

void XlsxSummary::Add(const Section& section) {
  const CLocale::Scope scope(workbook_.locale());
  std::visit([this](const auto& s) { AddSection(s); }, section);
}

void XlsxSummary::AddTable(const Table& table, const XlsxTableResult& result) {
  const CLocale::Scope scope(workbook_.locale());
  ++next_row_;
  const std::string name = result.sheet_name;
  const std::string target = fmt::format("internal:{}!A1", QuotedSheetName(name));
  const std::string title = table.title.empty() ? name : XlsxText(OneLine(table.title));
  worksheet_write_url(sheet_, next_row_, 0, target.c_str(), workbook_.formats().link);
  worksheet_write_string(sheet_, next_row_, 0, title.c_str(), workbook_.formats().link);
  if (result.row_count == 0) {
    worksheet_write_string(sheet_, next_row_, 1, XlsxText(locale_.no_rows).c_str(),
                           workbook_.formats().label);
  } else {
    worksheet_write_number(sheet_, next_row_, 1, static_cast<double>(result.row_count),
                           workbook_.formats()
                               .cells[static_cast<std::size_t>(Align::kLeft)]
                               .wholes[static_cast<std::size_t>(NumberFormat::kInteger)]);
  }
  ++next_row_;
}

void XlsxSummary::AddSection(const Heading& heading) {
  ++next_row_;
  WriteLine(OneLine(heading.text),
            workbook_.formats().headings[static_cast<std::size_t>(heading.level) - 1], 22);
}

void XlsxSummary::AddSection(const Paragraph& paragraph) {
  for (const std::string& text : SplitParagraphs(paragraph.text)) {
    const std::string shown = XlsxText(text);
    worksheet_merge_range(sheet_, next_row_, 0, next_row_, 1, "", workbook_.formats().paragraph);
    WriteLine(shown, workbook_.formats().paragraph, HeightOf(shown, kNameWidth + kValueWidth) + 4);
  }
}

void XlsxSummary::AddSection(const Chart& chart) {
  ++next_row_;
  if (chart.categories.empty() || chart.series.empty()) {
    WriteLine(OneLine(chart.title), workbook_.formats().headings[2], kLineHeight);
    WriteLine(locale_.no_data, workbook_.formats().label, kLineHeight);
    return;
  }
  charts_.push_back({&chart, next_row_});
  next_row_ += kChartHeight / kRowPixels + 1;
}

void XlsxSummary::WriteLine(std::string_view text, lxw_format* format, double height) {
  worksheet_set_row(sheet_, next_row_, std::min(height, kRowHeightMax), nullptr);
  worksheet_write_string(sheet_, next_row_, 0, XlsxText(text).c_str(), format);
  ++next_row_;
}

void XlsxSummary::WriteFact(std::string_view name, std::string_view value) {
  const std::string shown = XlsxText(value);
  worksheet_set_row(sheet_, next_row_, HeightOf(shown, kValueWidth), nullptr);
  worksheet_write_string(sheet_, next_row_, 0, XlsxText(OneLine(name)).c_str(),
                         workbook_.formats().label);
  worksheet_write_string(sheet_, next_row_, 1, shown.c_str(), workbook_.formats().value);
  ++next_row_;
}

void XlsxSummary::StyleChart(const Chart& chart, lxw_chart* object) {
  if (chart.title.empty()) {
    chart_title_off(object);
  } else {
    chart_title_set_name(object, ChartText(chart.title).c_str());
  }
  lxw_chart_font font{};
  font.size = 12;
  font.bold = LXW_TRUE;
  chart_title_set_name_font(object, &font);
  if (!chart.x_title.empty()) chart_axis_set_name(object->x_axis, ChartText(chart.x_title).c_str());
  if (!chart.y_title.empty()) chart_axis_set_name(object->y_axis, ChartText(chart.y_title).c_str());
  chart_axis_set_num_format(object->y_axis, AxisFormat(chart.format));
  lxw_chart_line grid{};
  grid.color = 0xE5E7EB;
  grid.width = 0.75;
  chart_axis_major_gridlines_set_line(object->y_axis, &grid);
  chart_legend_set_position(
      object, chart.series.size() > 1 ? LXW_CHART_LEGEND_BOTTOM : LXW_CHART_LEGEND_NONE);
}

absl::Status XlsxSummary::WriteFigures() {
  if (charts_.empty()) return absl::OkStatus();
  absl::StatusOr<lxw_worksheet*> sheet = workbook_.AddSheet(locale_.figures, "Figures", false);
  if (!sheet.ok()) return sheet.status();
  const CLocale::Scope scope(workbook_.locale());
  worksheet_set_column(*sheet, 0, 0, kNameWidth, nullptr);
  worksheet_set_column(*sheet, 1, 20, 16, nullptr);
  for (const PlacedChart& placed : charts_) {
    WriteChartFigures(*placed.chart, *sheet);
    InsertChart(placed, *sheet);
    next_figures_ += static_cast<lxw_row_t>(placed.chart->categories.size()) + 3;
  }
  return absl::OkStatus();
}

// The title, then the names of the series, then a row for every category.
void XlsxSummary::WriteChartFigures(const Chart& chart, lxw_worksheet* sheet) {
  const XlsxFormats& formats = workbook_.formats();
  const lxw_row_t head = next_figures_ + 1;
  worksheet_write_string(sheet, next_figures_, 0, XlsxText(chart.title).c_str(),
                         formats.headings[2]);
  worksheet_write_string(sheet, head, 0, XlsxText(chart.x_title).c_str(), formats.heads[0]);
  for (std::size_t i = 0; i < chart.categories.size(); ++i) {
    worksheet_write_string(sheet, head + 1 + static_cast<lxw_row_t>(i), 0,
                           XlsxText(chart.categories[i]).c_str(), formats.cells[0].text);
  }
  for (std::size_t s = 0; s < chart.series.size(); ++s) {
    const auto column = static_cast<lxw_col_t>(s + 1);
    const std::string& name = chart.series[s].name;
    worksheet_write_string(sheet, head, column,
                           XlsxText(name.empty() ? chart.y_title : name).c_str(), formats.heads[1]);
    for (std::size_t i = 0; i < chart.series[s].values.size(); ++i) {
      const double value = chart.series[s].values[i];
      if (!std::isfinite(value)) continue;  // A gap.
      worksheet_write_number(sheet, head + 1 + static_cast<lxw_row_t>(i), column, value,
                             formats.cells[0].doubles[static_cast<std::size_t>(chart.format)]);
    }
  }
}

void XlsxSummary::InsertChart(const PlacedChart& placed, const lxw_worksheet* sheet) {
  lxw_chart* object = workbook_.AddChart(placed.chart->type);
  if (object == nullptr) return;
  AddSeries(*placed.chart, sheet, object);
  StyleChart(*placed.chart, object);
  lxw_chart_options options{};
  options.x_scale = kChartWidth / 480.0;  // Of the library's default size.
  options.y_scale = kChartHeight / 288.0;
  worksheet_insert_chart_opt(sheet_, placed.row, 0, object, &options);
}

void XlsxSummary::AddSeries(const Chart& chart, const lxw_worksheet* sheet, lxw_chart* object) {
  const lxw_row_t first = next_figures_ + 2;
  const lxw_row_t last = first + static_cast<lxw_row_t>(chart.categories.size()) - 1;
  const std::string categories = Range(sheet, first, last, 0);
  const std::size_t count = std::min(chart.series.size(), kSeriesCountMax);
  for (std::size_t s = 0; s < count; ++s) {
    const std::string values = Range(sheet, first, last, static_cast<lxw_col_t>(s + 1));
    lxw_chart_series* series = chart_add_series(object, categories.c_str(), values.c_str());
    if (series == nullptr) continue;
    if (!chart.series[s].name.empty()) {
      chart_series_set_name(series, ChartText(chart.series[s].name).c_str());
    }
    const Rgb color = SeriesColor(s, accent_rgb_);
    lxw_chart_line line{};
    line.color = XlsxColor(color);
    line.width = 2;
    lxw_chart_fill fill{};
    fill.color = line.color;
    if (chart.type == Chart::Type::kLine) {
      chart_series_set_line(series, &line);
    } else {
      chart_series_set_fill(series, &fill);
    }
  }
}

}  // namespace outlive::rendering
