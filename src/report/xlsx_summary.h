// The first and the last sheet of a workbook: what a report says besides its tables, its charts,
// and the figures behind them.
#ifndef OUTLIVE_SRC_REPORT_XLSX_SUMMARY_H_
#define OUTLIVE_SRC_REPORT_XLSX_SUMMARY_H_

#include <absl/status/status.h>
#include <xlsxwriter.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "outlive/core/report.h"
#include "outlive/report/report_locale.h"
#include "report/xlsx_table.h"
#include "report/xlsx_workbook.h"

namespace outlive::rendering {

class XlsxSummary {
 public:
  // All is borrowed; the charts of the report must outlive WriteFigures().
  XlsxSummary(XlsxWorkbook& workbook, const ReportLocale& locale, std::uint32_t accent_rgb)
      : workbook_(workbook), locale_(locale), accent_rgb_(accent_rgb) {}

  // Adds the first sheet, with the title and the facts.
  absl::Status Open(const Report& report);

  // A heading, a paragraph or a chart.
  void Add(const Section& section);

  // A line that leads to the table's sheet.
  void AddTable(const Table& table, const XlsxTableResult& result);

  // Adds the last sheet, if there are charts, and the charts themselves.
  absl::Status WriteFigures();

 private:
  // A chart for which rows were left free on the first sheet. It can be put there only once its
  // figures have a place.
  struct PlacedChart {
    const Chart* chart;
    lxw_row_t row;
  };

  void AddSection(const Heading& heading);
  void AddSection(const Paragraph& paragraph);
  void AddSection(const Chart& chart);
  void AddSection(const Table&) {}

  void WriteLine(std::string_view text, lxw_format* format, double height);
  void WriteFact(std::string_view name, std::string_view value);
  void StyleChart(const Chart& chart, lxw_chart* object);
  void WriteChartFigures(const Chart& chart, lxw_worksheet* sheet);
  void AddSeries(const Chart& chart, const lxw_worksheet* sheet, lxw_chart* object);
  void InsertChart(const PlacedChart& placed, const lxw_worksheet* sheet);

  XlsxWorkbook& workbook_;
  const ReportLocale& locale_;
  const std::uint32_t accent_rgb_;
  lxw_worksheet* sheet_ = nullptr;
  lxw_row_t next_row_ = 0;      // On the first sheet.
  lxw_row_t next_figures_ = 0;  // On the last one.
  std::vector<PlacedChart> charts_;
};

}  // namespace outlive::rendering

#endif  // OUTLIVE_SRC_REPORT_XLSX_SUMMARY_H_
