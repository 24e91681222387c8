// Cells as people read them: in PDF and HTML, and on the axes of charts.
#ifndef OUTLIVE_SRC_REPORT_CELL_TEXT_H_
#define OUTLIVE_SRC_REPORT_CELL_TEXT_H_

#include <absl/time/time.h>

#include <cstdint>
#include <string>

#include "outlive/core/report.h"
#include "outlive/report/report_locale.h"

namespace outlive::rendering {

// Halves are rounded away from zero, as spreadsheets do. NaN is an en dash. What is too large to
// be read digit by digit is written as 1.5e+18.
std::string NumberText(double value, NumberFormat format, const ReportLocale& locale);
std::string NumberText(std::int64_t value, NumberFormat format, const ReportLocale& locale);

// Dates are 2024-01-31, times are 2024-01-31 14:05:09 in UTC.
std::string CellText(const Cell& cell, NumberFormat format, const ReportLocale& locale);

// "2024-01-31 14:05 UTC": the same in every language.
std::string CreatedText(absl::Time created);

// Whether kAuto puts the cell to the right.
bool IsNumber(const Cell& cell);

// Never kAuto. For a column's title give the first cell below it.
Align ResolveAlign(const Column& column, const Cell& cell);

}  // namespace outlive::rendering

#endif  // OUTLIVE_SRC_REPORT_CELL_TEXT_H_
