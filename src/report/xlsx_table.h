// One table as one sheet, or as several where it is longer than a sheet.
#ifndef OUTLIVE_SRC_REPORT_XLSX_TABLE_H_
#define OUTLIVE_SRC_REPORT_XLSX_TABLE_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>

#include "outlive/core/report.h"
#include "outlive/report/report_locale.h"
#include "report/row_meter.h"
#include "report/xlsx_workbook.h"

namespace outlive::rendering {

struct XlsxTableResult {
  std::string sheet_name;  // Of the first one.
  std::int64_t row_count = 0;
};

absl::StatusOr<XlsxTableResult> WriteXlsxTable(const Table& table, const ReportLocale& locale,
                                               std::int64_t sheet_row_count_max,
                                               XlsxWorkbook& workbook, RowMeter& meter);

// Clean text that fits in a cell: without line breaks that Excel does not know, and cut at 32,767
// characters with a mark that says so.
std::string XlsxText(std::string_view text);

}  // namespace outlive::rendering

#endif  // OUTLIVE_SRC_REPORT_XLSX_TABLE_H_
