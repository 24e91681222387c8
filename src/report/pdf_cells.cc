#include "report/pdf_cells.h"

#include <pango/pango.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "outlive/core/report.h"
#include "outlive/report/report_locale.h"
#include "report/cell_text.h"
#include "report/pdf_text.h"
#include "report/text.h"

namespace outlive::rendering {
namespace {

constexpr double kSizeMin = 4;                 // Of a number that is written smaller to fit.
constexpr std::size_t kKeptCount = 512;        // Of one generation.
constexpr std::size_t kKeptLengthMax = 160;    // Longer cells seldom come twice.
constexpr std::size_t kShownLengthMax = 2000;  // UTF-16 units; more hardly fits in a cell.
constexpr std::size_t kSampleLengthMax = 200;  // Enough to find a long word in.

// Line breaks become U+2028, which Pango counts as lines of one paragraph: it would put an ellipsis
// into each paragraph on its own.
std::string CellLines(std::string text) {
  if (text.find_first_of("\r\n") == std::string::npos) return text;
  return Replaced(Replaced(Replaced(text, "\r\n", "\u2028"), "\n", "\u2028"), "\r", "\u2028");
}

bool IsText(const Cell& cell) { return std::holds_alternative<std::string>(cell); }

}  // namespace

PdfCells::PdfCells(PdfText& text, const Table& table, const ReportLocale& locale, double size,
                   int line_count_max, bool measuring)
    : text_(text),
      table_(table),
      locale_(locale),
      size_(size),
      line_count_max_(line_count_max),
      measuring_(measuring),
      ascii_(text.Ascii(size)),
      ascii_cell_{nullptr, ascii_.height, ascii_.baseline},
      widths_(table.columns.size(), 0.0) {
  // Cells are pointed to while a row is drawn.
  long_cells_.reserve(table.columns.size());
}

Align PdfCells::PlacedAlign(std::size_t column, const Cell& cell) const {
  const Align align = ResolveAlign(table_.columns[column], cell);
  const bool start = table_.columns[column].align == Align::kAuto && align == Align::kLeft;
  return start && text_.right_to_left() ? Align::kRight : align;
}

std::string PdfCells::TextOf(std::size_t column, const Cell& cell) const {
  std::string text = CellText(cell, table_.columns[column].format, locale_);
  if (!IsText(cell)) return text_.LeftToRight(std::move(text));
  text = CellLines(std::move(text));
  if (text.size() <= kShownLengthMax) return text;
  const std::string_view shown = CutToUtf16Length(text, kShownLengthMax);
  return shown.size() == text.size() ? text : std::string(shown).append("\u2026");
}

const CellLayout& PdfCells::Get(std::size_t column, const Cell& cell) {
  std::string key = TextOf(column, cell);
  if (measuring_ && FitsOnOneLine(ascii_, key, widths_[column])) return ascii_cell_;
  const std::size_t length = key.size();
  if (length > kKeptLengthMax) return long_cells_.emplace_back(Make(column, cell, key));
  // The kind of a cell has a say in how it is laid out. No text has a byte of 0xFF.
  key += '\xFF';
  key += static_cast<char>(cell.index());
  key.append(reinterpret_cast<const char*>(&column), sizeof column);
  const auto young = young_.find(key);
  if (young != young_.end()) return young->second;
  if (Cache::node_type node = old_.extract(key); !node.empty()) {
    return young_.insert(std::move(node)).position->second;
  }
  CellLayout made = Make(column, cell, std::string_view(key).substr(0, length));
  return young_.emplace(std::move(key), std::move(made)).first->second;
}

void PdfCells::EndRow() {
  long_cells_.clear();
  if (young_.size() < kKeptCount) return;
  old_ = std::move(young_);
  young_.clear();
}

CellLayout PdfCells::Make(std::size_t column, const Cell& cell, std::string_view text) {
  TextBox box{.width = widths_[column],
              .align = PlacedAlign(column, cell),
              .line_count_max = line_count_max_};
  CellLayout made;
  made.layout = text_.Make(text, {.size = size_}, box);
  PangoLayout* layout = made.layout.get();
  const bool whole =
      pango_layout_get_line_count(layout) <= 1 && pango_layout_is_ellipsized(layout) == FALSE;
  if (!whole && !IsText(cell)) {
    // A number that has lost a digit is another number.
    const double natural = text_.Width(text, {.size = size_});
    box.line_count_max = 0;
    const double size = std::max(kSizeMin, 0.98 * size_ * box.width / natural);
    made.layout = text_.Make(text, {.size = size}, box);
  }
  made.height = HeightOf(made.layout.get());
  made.baseline = BaselineOf(made.layout.get());
  return made;
}

double PdfCells::LeastWidth(std::size_t column, const Cell& cell) {
  const std::string text = TextOf(column, cell);
  return IsText(cell) ? text_.WidestWord(CutToUtf16Length(text, kSampleLengthMax), {.size = size_})
                      : text_.Width(text, {.size = size_});
}

}  // namespace outlive::rendering
