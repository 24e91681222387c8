// XlsxRenderer writes a report as an Excel workbook, with libxlsxwriter.
//
//   first sheet     title, facts, headings, paragraphs and native charts, and where each table is
//   a sheet a table its rows: typed cells, a frozen head, filters, column widths, number formats
//   last sheet      the figures behind the charts
//
// Cells keep their types: whole numbers, doubles, truth values, dates and times (UTC) can be
// calculated with. What a spreadsheet cannot hold as a number is written as text: whole numbers
// beyond 2^53, NaN and infinities, dates before 1900 or after 9999. Text is never taken for a
// formula. Text longer than the 32,767 characters of a cell is cut and ends with "… [cut]".
//
// A table that is longer than a sheet (1,048,576 rows) goes on on a next sheet, "Name (2)". Names
// of sheets are the titles of the tables, made valid: at most 31 characters, none of []:*?/\, and
// told apart by numbers.
//
// The same report gives the same bytes. Report::created is the document's date.
//
// Memory:        constant over rows. They are gathered in temporary files, which need several
//                times the room of the document and are gone when Render() returns, or dies.
// Thread-safety: one renderer may render several reports at once on several threads. The end of
//                each, when the file is put together, is done by one thread at a time, because
//                libxlsxwriter is not safe there.
// Cancellation:  see Renderer; not while the file is put together (about a second for a hundred
//                thousand rows).
// Errors:        see Renderer. kUnavailable: no room for, or no access to, temporary files.
//                kInvalidArgument: more than 16,384 columns, or the options are wrong.
#ifndef OUTLIVE_REPORT_XLSX_RENDERER_H_
#define OUTLIVE_REPORT_XLSX_RENDERER_H_

#include <absl/status/status.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "outlive/core/byte_stream.h"
#include "outlive/core/progress.h"
#include "outlive/core/renderer.h"
#include "outlive/core/report.h"
#include "outlive/report/report_locale.h"

namespace outlive {

struct XlsxOptions {
  // Words and currency. How numbers are punctuated is up to the program that opens the file.
  ReportLocale locale;

  // The color of heads and of the first series of a chart, 0xRRGGBB.
  std::uint32_t accent_rgb = 0x1F4E79;

  // Where temporary files go. Empty: $TMPDIR, or /tmp. Must exist.
  std::string temp_dir;

  // Rows of a sheet, its head among them, before a table goes on on the next one. From 2 to
  // 1,048,576, which is all that Excel can open.
  std::int64_t sheet_row_count_max = 1'048'576;
};

class XlsxRenderer final : public Renderer {
 public:
  explicit XlsxRenderer(XlsxOptions options = {}) : options_(std::move(options)) {}

  absl::Status Render(const Report& report, Progress& progress, ByteSink& out) override;
  std::string_view media_type() const override {
    return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
  }
  std::string_view file_extension() const override { return ".xlsx"; }

 private:
  const XlsxOptions options_;
};

}  // namespace outlive

#endif  // OUTLIVE_REPORT_XLSX_RENDERER_H_
