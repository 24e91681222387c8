#include "report/pdf_lines.h"

#include <absl/status/status.h>
#include <pango/pango.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "report/chart_scene.h"
#include "report/pdf_flow.h"
#include "report/pdf_handles.h"
#include "report/pdf_text.h"
#include "report/text.h"

namespace outlive::rendering {
namespace {

// UTF-16 units that are laid out at once. What Pango needs for a paragraph grows with the square of
// its lines.
constexpr std::size_t kPieceLength = 2000;
constexpr std::size_t kTitleLengthMax = 400;

double FromPango(int units) { return static_cast<double>(units) / PANGO_SCALE; }

// A part of the text, laid out. Only its first `line_count` lines are meant to be drawn.
struct Piece {
  Layout layout;
  int line_count = 0;
  bool is_first = false;  // Of the text.
  bool is_last = false;
};

class LineFlow {
 public:
  LineFlow(PdfFlow& flow, const TextStyle& style, Rgb color)
      : flow_(flow), style_(style), color_(color) {}

  absl::Status Add(std::string_view text) {
    for (bool is_first = true; !text.empty(); is_first = false) {
      const std::string_view part = CutToUtf16Length(text, kPieceLength);
      Piece piece;
      piece.layout = flow_.text().Make(mark_ + std::string(part), style_, {.width = flow_.width()});
      piece.is_first = is_first;
      piece.is_last = part.size() == text.size();
      const int all = pango_layout_get_line_count(piece.layout.get());
      // The last line may go on in the next part: it is laid out once more, with what follows.
      piece.line_count = piece.is_last || all == 1 ? all : all - 1;
      if (absl::Status drawn = Draw(piece); !drawn.ok()) return drawn;
      if (piece.is_last) break;
      std::size_t taken = part.size();
      if (piece.line_count < all) {
        PangoLayoutLine* next =
            pango_layout_get_line_readonly(piece.layout.get(), piece.line_count);
        taken = static_cast<std::size_t>(pango_layout_line_get_start_index(next)) - mark_.size();
      }
      SetMark(piece, text[taken - 1] == '\n');
      text.remove_prefix(taken);
    }
    return absl::OkStatus();
  }

 private:
  // A paragraph that goes on in the next piece keeps its direction there.
  void SetMark(const Piece& piece, bool at_end_of_paragraph) {
    mark_.clear();
    if (at_end_of_paragraph) return;
    PangoLayoutLine* line =
        pango_layout_get_line_readonly(piece.layout.get(), piece.line_count - 1);
    const bool leftward = pango_layout_line_get_resolved_direction(line) == PANGO_DIRECTION_RTL;
    mark_ = leftward ? "\u200F" : "\u200E";
  }

  absl::Status Draw(const Piece& piece) {
    const Handle<PangoLayoutIter> line(pango_layout_get_iter(piece.layout.get()));
    double start = 0;  // Where the part of the layout begins that is on this page.
    double end = 0;
    for (int i = 0; i < piece.line_count; ++i) {
      PangoRectangle extents;
      pango_layout_iter_get_line_extents(line.get(), nullptr, &extents);
      const double y = FromPango(extents.y);
      const double height = FromPango(extents.height);
      if (flow_.room() < y - start + Wanted(piece, i, height)) {
        flow_.Advance(y - start);
        if (!flow_.at_top()) {
          if (absl::Status broken = flow_.BreakPage(); !broken.ok()) return broken;
        }
        start = y;
      }
      end = y + height;
      const double baseline = FromPango(pango_layout_iter_get_baseline(line.get()));
      flow_.canvas().DrawTextLine(
          pango_layout_iter_get_line_readonly(line.get()),
          {flow_.left() + FromPango(extents.x), flow_.y() + baseline - start}, color_);
      pango_layout_iter_next_line(line.get());
    }
    flow_.Advance(end - start);
    return absl::OkStatus();
  }

  // The room that line `index` needs on its page, for itself and for what must stand below it.
  double Wanted(const Piece& piece, int index, double height) const {
    const int left = piece.line_count - index;
    const bool begins = index == 0 && piece.is_first && left > 1;
    // Without the next one, the last line would be alone on the next page.
    const bool next_to_last = piece.is_last && left == 2 && (index > 1 || !piece.is_first);
    // Of three lines two would be left behind, and one would be alone.
    const bool three = begins && piece.is_last && left == 3;
    return three ? 3 * height : begins || next_to_last ? 2 * height : height;
  }

  PdfFlow& flow_;
  const TextStyle style_;
  const Rgb color_;
  std::string mark_;
};

}  // namespace

absl::Status AddLines(PdfFlow& flow, std::string_view text, const TextStyle& style, Rgb color) {
  return LineFlow(flow, style, color).Add(text);
}

std::string TitleLine(std::string_view text) {
  std::string line = OneLine(text.substr(0, 8 * kTitleLengthMax));
  const std::string_view shown = CutToUtf16Length(line, kTitleLengthMax);
  if (shown.size() == line.size() && text.size() <= 8 * kTitleLengthMax) return line;
  return std::string(shown).append("\u2026");
}

}  // namespace outlive::rendering
