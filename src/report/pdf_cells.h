// The cells of one table as laid-out text. Columns repeat themselves (states, kinds, dates), and
// shaping text is most of what a PDF costs: what was laid out lately is kept for the next row.
#ifndef OUTLIVE_SRC_REPORT_PDF_CELLS_H_
#define OUTLIVE_SRC_REPORT_PDF_CELLS_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "outlive/core/report.h"
#include "outlive/report/report_locale.h"
#include "report/pdf_text.h"

namespace outlive::rendering {

// Height and baseline are in points.
struct CellLayout {
  Layout layout;
  double height = 0;
  double baseline = 0;
};

class PdfCells {
 public:
  // All is borrowed. `measuring`: nothing will be drawn, so cells may come without a layout.
  PdfCells(PdfText& text, const Table& table, const ReportLocale& locale, double size,
           int line_count_max, bool measuring);

  // Gives a column its width. Before the first Get() for it.
  void SetWidth(std::size_t column, double width) { widths_[column] = width; }

  // The cell as it is shown: wrapped, then cut, to the width of its column. What is not text is
  // never cut, but written smaller, and is on one line where that can be. Valid until EndRow().
  const CellLayout& Get(std::size_t column, const Cell& cell);
  void EndRow();

  // The least width in which no word of the cell is broken, or all of it where it is not text.
  double LeastWidth(std::size_t column, const Cell& cell);

  // Where a cell's text goes: by itself to where lines start, and numbers to the right.
  Align PlacedAlign(std::size_t column, const Cell& cell) const;

 private:
  using Cache = std::unordered_map<std::string, CellLayout>;

  CellLayout Make(std::size_t column, const Cell& cell, std::string_view text);
  std::string TextOf(std::size_t column, const Cell& cell) const;

  PdfText& text_;
  const Table& table_;
  const ReportLocale& locale_;
  const double size_;
  const int line_count_max_;
  const bool measuring_;
  const AsciiLine& ascii_;
  CellLayout ascii_cell_;  // Every cell that takes one line of ASCII, while measuring.
  std::vector<double> widths_;

  // Two generations: what is used moves to the young one, and when that is full the old one goes.
  Cache young_;
  Cache old_;
  std::vector<CellLayout> long_cells_;  // Of this row; too long to be kept.
};

}  // namespace outlive::rendering

#endif  // OUTLIVE_SRC_REPORT_PDF_CELLS_H_
