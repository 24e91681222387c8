// CsvRenderer writes the tables of a report as CSV (RFC 4180): UTF-8, lines end with CRLF, fields
// are quoted where they must be. Titles, headings, paragraphs and charts are left out.
//
//   one table       its column titles, then its rows: a file any program can read
//   several tables  each is a line with its title, its column titles and rows; an empty line
//                   stands between them. Use CsvOptions::select to write only one.
//
// Numbers are written in full and without separators between thousands, whatever the column's
// format says (a percentage of 12.5 % is 0.125). Dates are 2024-01-31, times
// 2024-01-31T14:05:09Z, truth values true and false; a number that is not finite is NaN, Infinity
// or -Infinity. An empty cell and an empty text both are an empty field.
//
// Formula injection: a spreadsheet program that opens a CSV file takes text that starts with = + -
// or @ for a formula, which can send the user's data away. Such text gets an apostrophe in front.
//
// Thread-safety: one renderer may render several reports at once on several threads.
// Memory, Cancellation, Errors: see Renderer. kInvalidArgument also where the options are wrong.
#ifndef OUTLIVE_REPORT_CSV_RENDERER_H_
#define OUTLIVE_REPORT_CSV_RENDERER_H_

#include <absl/status/status.h>

#include <functional>
#include <string_view>
#include <utility>

#include "outlive/core/byte_stream.h"
#include "outlive/core/progress.h"
#include "outlive/core/renderer.h"
#include "outlive/core/report.h"

namespace outlive {

struct CsvOptions {
  // Puts an apostrophe before text (never before numbers, dates or truth values) that begins, after
  // any blanks, with = + - @ or one of their full-width forms, or with a tab or a line break. This
  // changes the text: switch it off only where a program reads the file and nobody ever opens it.
  bool formula_protection = true;

  // Starts with a byte order mark, without which Excel takes UTF-8 for the encoding of the
  // user's country. Other programs may take it for a part of the first field.
  bool byte_order_mark = false;

  // Between fields: ',' ';' '|' or a tab. Excel expects ';' in countries that write 1,5.
  char delimiter = ',';

  // Which tables to write. Null: all of them. Called once for each table, before anything is
  // written.
  std::function<bool(const Table&)> select;
};

class CsvRenderer final : public Renderer {
 public:
  explicit CsvRenderer(CsvOptions options = {}) : options_(std::move(options)) {}

  absl::Status Render(const Report& report, Progress& progress, ByteSink& out) override;
  std::string_view media_type() const override { return "text/csv"; }
  std::string_view file_extension() const override { return ".csv"; }

 private:
  const CsvOptions options_;
};

}  // namespace outlive

#endif  // OUTLIVE_REPORT_CSV_RENDERER_H_
