#include "report/pdf_table.h"

#include <absl/status/status.h>
#include <fmt/format.h>
#include <pango/pango.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "outlive/core/report.h"
#include "outlive/report/pdf_renderer.h"
#include "report/pdf_canvas.h"
#include "report/pdf_cells.h"
#include "report/pdf_flow.h"
#include "report/pdf_lines.h"
#include "report/pdf_text.h"
#include "report/pdf_theme.h"
#include "report/row_meter.h"
#include "report/table_reader.h"
#include "report/text.h"

namespace outlive::rendering {
namespace {

constexpr double kRowPadding = 2.2;  // Above and below the text.

// Rows that are looked at before a table's columns get their widths.
constexpr std::size_t kSampleCount = 48;

// Widths that add up to `width`, as the table wants them, but none below its `least` one. Where
// there is not enough room for all of that, every one gets its share of what there is.
std::vector<double> ColumnWidths(const Table& table, std::vector<double> least, double width) {
  double least_total = 0;
  for (const double l : least) least_total += l;
  if (least_total > width) {
    const double floor = theme::kColumnWidthMin;
    const double spare = width - floor * static_cast<double>(least.size());
    const double wanted = least_total - floor * static_cast<double>(least.size());
    for (double& l : least) l = floor + (l - floor) * spare / wanted;
    return least;
  }
  std::vector<double> widths(least.size(), 0.0);
  std::vector<bool> fixed(least.size(), false);
  for (bool again = true; again;) {
    again = false;
    double weight = 0;
    double left = width;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      if (fixed[i]) left -= least[i];
      if (!fixed[i]) weight += table.columns[i].width;
    }
    for (std::size_t i = 0; i < widths.size(); ++i) {
      widths[i] = fixed[i] ? least[i] : left * table.columns[i].width / weight;
      if (!fixed[i] && widths[i] < least[i]) fixed[i] = again = true;
    }
  }
  return widths;
}

class TableBlock {
 public:
  TableBlock(PdfFlow& flow, const Table& table, const PdfOptions& options);

  // The title and the head, for a table that starts with the rows of `sample`.
  absl::Status Begin(const std::deque<Row>& sample);
  // `keep_with_next`: on one page with the row that follows.
  absl::Status AddRow(const Row& row, bool keep_with_next);
  void AddEmptyNote();
  void End();

 private:
  void PlaceColumns(const std::deque<Row>& sample);
  void MakeHead(const Row& first);
  void DrawHead(std::string_view title);
  absl::Status BreakPage();

  // Of the text in a column, without the white space beside it.
  struct Slot {
    double x = 0;
    double width = 0;
  };

  PdfFlow& flow_;
  const Table& table_;
  const PdfOptions& options_;
  const double size_;
  const double padding_;  // Left and right of the text.
  PdfCells cells_;
  std::vector<Slot> slots_;
  std::vector<Layout> head_;
  double head_baseline_ = 0;  // Of the last lines, from the top of the head.
  double head_height_ = 0;
  std::int64_t row_count_ = 0;
  bool first_on_page_ = true;
  std::vector<const CellLayout*> row_;  // Of the row that is being added.
};

// Many columns are written small.
double SizeFor(double average_width) {
  if (average_width < 26) return 5;
  if (average_width < 36) return 6;
  if (average_width < 46) return 7;
  return average_width < 56 ? 8 : 8.5;
}

double AverageWidth(const PdfFlow& flow, const Table& table) {
  return flow.width() / static_cast<double>(table.columns.size());
}

// A row must not be higher than a page.
int LineCountMax(const PdfFlow& flow, const PdfOptions& options) {
  return std::clamp(options.cell_line_count_max, 1,
                    std::max(1, static_cast<int>((flow.bottom() - flow.top()) / 30)));
}

TableBlock::TableBlock(PdfFlow& flow, const Table& table, const PdfOptions& options)
    : flow_(flow),
      table_(table),
      options_(options),
      size_(SizeFor(AverageWidth(flow, table))),
      padding_(AverageWidth(flow, table) < 36 ? 2 : 4),
      cells_(flow.text(), table, options.locale, size_, LineCountMax(flow, options),
             !flow.canvas().drawing()),
      row_(table.columns.size(), nullptr) {}

absl::Status TableBlock::Begin(const std::deque<Row>& sample) {
  PlaceColumns(sample);
  MakeHead(sample.empty() ? Row(table_.columns.size()) : sample.front());
  flow_.Space(6);
  const std::string title = TitleLine(table_.title);
  const Layout layout = flow_.text().Make(title, {.size = theme::kBlockTitleSize, .bold = true},
                                          {.width = flow_.width(), .line_count_max = 2});
  const double title_height = title.empty() ? 0 : HeightOf(layout.get()) + 5;
  // The head is not left alone at the foot of a page.
  const double least = title_height + head_height_ + 2 * (size_ * 1.4 + 2 * kRowPadding);
  if (absl::Status fits = flow_.Need(least); !fits.ok()) return fits;
  if (!title.empty()) {
    flow_.canvas().DrawText(layout.get(), {flow_.left(), flow_.y()}, theme::kInk);
    flow_.Advance(title_height);
  }
  DrawHead({});
  return absl::OkStatus();
}

// No column becomes so narrow that words of its title or of its first rows must be broken, as long
// as the others can make room.
void TableBlock::PlaceColumns(const std::deque<Row>& sample) {
  std::vector<double> least(table_.columns.size(), 0.0);
  const double most = flow_.width() / 3;
  for (std::size_t i = 0; i < least.size(); ++i) {
    const TextStyle head{.size = size_ - 0.5, .bold = true};
    double words = flow_.text().WidestWord(TitleLine(table_.columns[i].title), head);
    for (const Row& row : sample) words = std::max(words, cells_.LeastWidth(i, row[i]));
    least[i] = std::clamp(words + 2 * padding_ + 0.1, theme::kColumnWidthMin, most);
  }
  double offset = 0;
  const std::vector<double> widths = ColumnWidths(table_, std::move(least), flow_.width());
  for (std::size_t i = 0; i < widths.size(); ++i) {
    const double x =
        flow_.text().right_to_left() ? flow_.right() - offset - widths[i] : flow_.left() + offset;
    slots_.push_back({x + padding_, widths[i] - 2 * padding_});
    cells_.SetWidth(i, slots_[i].width);
    offset += widths[i];
  }
}

void TableBlock::MakeHead(const Row& first) {
  double above = 0;
  double below = 0;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    head_.push_back(flow_.text().Make(
        TitleLine(table_.columns[i].title), {.size = size_ - 0.5, .bold = true},
        {.width = slots_[i].width, .align = cells_.PlacedAlign(i, first[i]), .line_count_max = 3}));
    PangoLayout* layout = head_.back().get();
    above = std::max(above, LastBaselineOf(layout));
    below = std::max(below, HeightOf(layout) - LastBaselineOf(layout));
  }
  head_baseline_ = kRowPadding + above;
  head_height_ = head_baseline_ + below + kRowPadding + 1;
}

// `title`: written small above the head; empty: nothing is.
void TableBlock::DrawHead(std::string_view title) {
  if (!title.empty()) {
    const Layout layout = flow_.text().Make(title, {.size = theme::kFooterSize},
                                            {.width = flow_.width(), .line_count_max = 1});
    flow_.canvas().DrawText(layout.get(), {flow_.left(), flow_.y()}, theme::kMuted);
    flow_.Advance(HeightOf(layout.get()) + 3);
  }
  const double foot = flow_.y() + head_height_;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    // The last lines stand on one line above the rule.
    const double y = flow_.y() + head_baseline_ - LastBaselineOf(head_[i].get());
    flow_.canvas().DrawText(head_[i].get(), {slots_[i].x, y}, options_.accent_rgb);
  }
  flow_.canvas().DrawLine({{flow_.left(), foot}, {flow_.right(), foot}}, 1, options_.accent_rgb);
  flow_.Advance(head_height_ + 0.5);
}

absl::Status TableBlock::AddRow(const Row& row, bool keep_with_next) {
  double above = 0;
  double below = 0;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    row_[i] = &cells_.Get(i, row[i]);
    above = std::max(above, row_[i]->baseline);
    below = std::max(below, row_[i]->height - row_[i]->baseline);
  }
  const double height = above + below + 2 * kRowPadding;
  // The next one is taken to be as high as this one.
  const bool parts = keep_with_next && !first_on_page_ && flow_.room() < 2 * height;
  if (flow_.room() < height || parts) {
    if (absl::Status broken = BreakPage(); !broken.ok()) return broken;
  }
  if (row_count_++ % 2 == 1) {
    flow_.canvas().FillRect(flow_.left(), flow_.y(), flow_.width(), height, theme::kStripe);
  }
  // All first lines of a row stand on one line, in whatever script they are.
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const double y = flow_.y() + kRowPadding + above - row_[i]->baseline;
    flow_.canvas().DrawText(row_[i]->layout.get(), {slots_[i].x, y}, theme::kInk);
  }
  flow_.Advance(height);
  first_on_page_ = false;
  cells_.EndRow();
  return absl::OkStatus();
}

absl::Status TableBlock::BreakPage() {
  End();
  if (absl::Status broken = flow_.BreakPage(); !broken.ok()) return broken;
  first_on_page_ = true;
  const std::string title = TitleLine(table_.title);
  DrawHead(title.empty() ? "" : Replaced(TitleLine(options_.locale.continued), "{title}", title));
  return absl::OkStatus();
}

void TableBlock::AddEmptyNote() {
  const Layout layout = flow_.text().Make(TitleLine(options_.locale.no_rows), {.size = size_},
                                          {.width = flow_.width(), .align = Align::kCenter});
  flow_.canvas().DrawText(layout.get(), {flow_.left(), flow_.y() + 6}, theme::kMuted);
  flow_.Advance(HeightOf(layout.get()) + 12);
}

// The rule below the last row of the page.
void TableBlock::End() {
  flow_.canvas().DrawLine({{flow_.left(), flow_.y()}, {flow_.right(), flow_.y()}}, 0.5,
                          theme::kRule);
}

}  // namespace

absl::Status CheckTableWidth(const Table& table, double width) {
  const auto column_count_max = static_cast<std::size_t>(width / theme::kColumnWidthMin);
  if (table.columns.size() <= column_count_max) return absl::OkStatus();
  return absl::InvalidArgumentError(
      fmt::format("table \"{}\" has {} columns; a page has room for {}. Turn the page, or write a "
                  "spreadsheet",
                  table.title, table.columns.size(), column_count_max));
}

absl::Status AddTable(PdfFlow& flow, const Table& table, const PdfOptions& options,
                      RowMeter& meter) {
  TableReader reader(table, meter);
  if (absl::Status opened = reader.Open(); !opened.ok()) return opened;
  std::deque<Row> ahead;
  const auto read = [&](std::size_t count) {
    while (ahead.size() < count && reader.Next()) ahead.push_back(reader.row());
    return reader.status();
  };
  if (absl::Status status = read(kSampleCount); !status.ok()) return status;

  TableBlock block(flow, table, options);
  if (absl::Status begun = block.Begin(ahead); !begun.ok()) return begun;
  if (ahead.empty()) block.AddEmptyNote();
  while (!ahead.empty()) {
    // The last row is not left alone on a page.
    const bool last_but_one = ahead.size() == 2;
    if (absl::Status added = block.AddRow(ahead.front(), last_but_one); !added.ok()) return added;
    ahead.pop_front();
    if (absl::Status status = read(3); !status.ok()) return status;
  }
  block.End();
  flow.Advance(theme::kBlockGap);
  return absl::OkStatus();
}

}  // namespace outlive::rendering
