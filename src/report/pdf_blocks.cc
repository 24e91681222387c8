#include "report/pdf_blocks.h"

#include <absl/status/status.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <variant>

#include "outlive/core/report.h"
#include "outlive/report/pdf_renderer.h"
#include "report/cell_text.h"
#include "report/chart_scene.h"
#include "report/paragraphs.h"
#include "report/pdf_canvas.h"
#include "report/pdf_flow.h"
#include "report/pdf_lines.h"
#include "report/pdf_text.h"
#include "report/pdf_theme.h"
#include "report/text.h"

namespace outlive::rendering {
namespace {

// A box for every fact, as many side by side as have room.
class FactGrid {
 public:
  FactGrid(PdfFlow& flow, const Report& report) : flow_(flow), report_(report) {}

  // Whether all values are short enough to be written large.
  bool Fits() const {
    return std::all_of(report_.facts.begin(), report_.facts.end(), [this](const auto& fact) {
      return flow_.text().Width(TitleLine(fact.second), ValueStyle()) <= BoxWidth() - kGap &&
             flow_.text().Width(TitleLine(fact.first), NameStyle()) <= BoxWidth() - kGap;
    });
  }

  absl::Status Draw() {
    const std::size_t columns = ColumnCount();
    for (std::size_t i = 0; i < report_.facts.size(); i += columns) {
      if (absl::Status fits = flow_.Need(kBoxHeight); !fits.ok()) return fits;
      flow_.canvas().DrawLine({{flow_.left(), flow_.y()}, {flow_.right(), flow_.y()}}, 0.5,
                              theme::kRule);
      for (std::size_t c = 0; c < columns && i + c < report_.facts.size(); ++c) DrawBox(i + c, c);
      flow_.Advance(kBoxHeight);
    }
    return absl::OkStatus();
  }

 private:
  static constexpr double kGap = 10;
  static constexpr double kBoxHeight = 41;
  static TextStyle NameStyle() { return {.size = theme::kSmallSize}; }
  static TextStyle ValueStyle() { return {.size = theme::kFactSize, .bold = true}; }

  std::size_t ColumnCount() const {
    const std::size_t most = flow_.width() > 600 ? 6 : 4;
    return std::clamp<std::size_t>(report_.facts.size(), 1, most);
  }
  double BoxWidth() const { return flow_.width() / static_cast<double>(ColumnCount()); }

  void DrawBox(std::size_t index, std::size_t column) {
    const bool mirrored = flow_.text().right_to_left();
    const double offset = BoxWidth() * static_cast<double>(column);
    const double x = mirrored ? flow_.right() - offset - BoxWidth() : flow_.left() + offset;
    const TextBox box{.width = BoxWidth() - kGap,
                      .align = mirrored ? Align::kRight : Align::kLeft,
                      .line_count_max = 1};
    const auto& [name, value] = report_.facts[index];
    const Layout name_text = flow_.text().Make(TitleLine(name), NameStyle(), box);
    const Layout value_text = flow_.text().Make(TitleLine(value), ValueStyle(), box);
    flow_.canvas().DrawTextOnBaseline(name_text.get(), {x, flow_.y() + 14}, theme::kMuted);
    flow_.canvas().DrawTextOnBaseline(value_text.get(), {x, flow_.y() + 32}, theme::kInk);
  }

  PdfFlow& flow_;
  const Report& report_;
};

// A line for every fact, for values that are too long to be written large.
absl::Status AddFactList(PdfFlow& flow, const Report& report) {
  const double name_width = flow.width() * 0.28;
  const double value_width = flow.width() - name_width - 8;
  const bool mirrored = flow.text().right_to_left();
  for (const auto& [name, value] : report.facts) {
    const TextStyle style{.size = theme::kBodySize};
    const Align align = mirrored ? Align::kRight : Align::kLeft;
    const Layout name_text = flow.text().Make(
        TitleLine(name), style, {.width = name_width, .align = align, .line_count_max = 2});
    const Layout value_text =
        flow.text().Make(TitleLine(value), {.size = theme::kBodySize, .bold = true},
                         {.width = value_width, .align = align, .line_count_max = 12});
    const double height = std::max(HeightOf(name_text.get()), HeightOf(value_text.get())) + 7;
    if (absl::Status fits = flow.Need(height); !fits.ok()) return fits;
    flow.canvas().DrawLine({{flow.left(), flow.y()}, {flow.right(), flow.y()}}, 0.5, theme::kRule);
    const double name_x = mirrored ? flow.right() - name_width : flow.left();
    const double value_x = mirrored ? flow.left() : flow.right() - value_width;
    flow.canvas().DrawText(name_text.get(), {name_x, flow.y() + 3.5}, theme::kMuted);
    flow.canvas().DrawText(value_text.get(), {value_x, flow.y() + 3.5}, theme::kInk);
    flow.Advance(height);
  }
  return absl::OkStatus();
}

absl::Status AddNote(PdfFlow& flow, std::string_view note) {
  constexpr double kPadding = 8;
  const Layout text = flow.text().Make(note, {.size = theme::kSmallSize},
                                       {.width = flow.width() - 2 * kPadding - 3});
  const double height = HeightOf(text.get()) + 2 * kPadding - 3;
  flow.Space(10);
  if (absl::Status fits = flow.Need(height); !fits.ok()) return fits;
  flow.canvas().FillRect(flow.left(), flow.y(), flow.width(), height, theme::kNote);
  flow.canvas().FillRect(flow.left(), flow.y(), 3, height, theme::kNoteEdge);
  flow.canvas().DrawText(text.get(), {flow.left() + kPadding + 3, flow.y() + kPadding - 1.5},
                         theme::kInk);
  flow.Advance(height);
  return absl::OkStatus();
}

// Draws the shapes of a chart.
struct SceneDrawer {
  PdfFlow& flow;
  Point origin;

  Point At(Point p) const { return {origin.x + p.x, origin.y + p.y}; }

  void operator()(const SceneRect& rect) const {
    const Point at = At({rect.x, rect.y});
    flow.canvas().FillRect(at.x, at.y, rect.width, rect.height, rect.color);
  }

  void operator()(const SceneLine& line) const {
    std::vector<Point> points = line.points;
    for (Point& point : points) point = At(point);
    flow.canvas().DrawLine(points, line.width, line.color);
  }

  void operator()(const SceneDot& dot) const {
    flow.canvas().FillDot(At(dot.at), dot.radius, dot.color);
  }

  void operator()(const SceneText& text) const {
    const Layout layout = flow.text().Make(text.text, {.size = text.size});
    const double width = WidthOf(layout.get());
    const double back = text.anchor == Anchor::kStart    ? 0
                        : text.anchor == Anchor::kMiddle ? width / 2
                                                         : width;
    flow.canvas().DrawTurnedText(layout.get(), At(text.at), {-back, -BaselineOf(layout.get())},
                                 text.degrees, text.color);
  }
};

}  // namespace

absl::Status AddTitle(PdfFlow& flow, const Report& report, const PdfOptions& options,
                      std::string_view note) {
  const bool mirrored = flow.text().right_to_left();
  constexpr double kBarWidth = 44;
  flow.canvas().FillRect(mirrored ? flow.right() - kBarWidth : flow.left(), flow.y(), kBarWidth, 4,
                         options.accent_rgb);
  flow.Advance(14);
  if (!report.title.empty()) {
    const TextStyle style{.size = theme::kTitleSize, .bold = true};
    absl::Status added = AddLines(flow, TitleLine(report.title), style, theme::kInk);
    if (!added.ok()) return added;
  }
  if (!report.subtitle.empty()) {
    flow.Advance(3);
    const TextStyle style{.size = theme::kSubtitleSize};
    absl::Status added = AddLines(flow, TitleLine(report.subtitle), style, theme::kMuted);
    if (!added.ok()) return added;
  }
  flow.Advance(5);
  std::string about = flow.text().LeftToRight(CreatedText(report.created));
  if (!report.author.empty())
    about = fmt::format("{}  \u00B7  {}", TitleLine(report.author), about);
  absl::Status added = AddLines(flow, about, {.size = theme::kSmallSize}, theme::kMuted);
  if (!added.ok()) return added;
  flow.Advance(12);

  if (!report.facts.empty()) {
    FactGrid grid(flow, report);
    added = grid.Fits() ? grid.Draw() : AddFactList(flow, report);
    if (!added.ok()) return added;
  }
  if (!note.empty()) added = AddNote(flow, note);
  flow.Advance(8);
  return added;
}

absl::Status AddHeading(PdfFlow& flow, const Heading& heading, const PdfOptions& options,
                        double follower_height) {
  const auto level = static_cast<std::size_t>(heading.level) - 1;
  const std::string title = TitleLine(heading.text);
  const TextStyle style{.size = theme::kHeadingSizes[level], .bold = true};
  const Layout layout = flow.text().Make(title, style, {.width = flow.width()});
  const double below = heading.level == 1 ? 8 : 4;
  flow.Space(heading.level == 1 ? 18 : 12);
  const double height = HeightOf(layout.get()) + below;
  if (absl::Status fits = flow.Need(height + follower_height); !fits.ok()) return fits;
  flow.canvas().AddOutline(title, heading.level, flow.page(), flow.y());
  const Rgb color = heading.level == 1   ? options.accent_rgb
                    : heading.level == 2 ? theme::kInk
                                         : theme::kMuted;
  absl::Status added = AddLines(flow, title, style, color);
  if (heading.level == 1) {
    const double y = flow.y() + 2;
    flow.canvas().DrawLine({{flow.left(), y}, {flow.right(), y}}, 0.75, theme::kRule);
  }
  flow.Advance(below);
  return added;
}

absl::Status AddParagraph(PdfFlow& flow, const Paragraph& paragraph) {
  for (const std::string& text : SplitParagraphs(paragraph.text)) {
    const TextStyle style{.size = theme::kBodySize};
    if (absl::Status s = AddLines(flow, text, style, theme::kInk); !s.ok()) return s;
    flow.Advance(theme::kParagraphGap);
  }
  return absl::OkStatus();
}

absl::Status AddChart(PdfFlow& flow, const Chart& chart, const PdfOptions& options) {
  flow.Space(6);
  const Layout title =
      flow.text().Make(TitleLine(chart.title), {.size = theme::kBlockTitleSize, .bold = true},
                       {.width = flow.width(), .line_count_max = 2});
  const double title_height = chart.title.empty() ? 0 : HeightOf(title.get()) + 6;
  // What is left of this page, if that is enough. The smallest page that the options allow has
  // room for one chart at least.
  const double page = flow.bottom() - flow.top() - title_height - 1;
  const double left = flow.room() - title_height - 1;
  const bool empty = chart.categories.empty() || chart.series.empty();
  const double height =
      empty ? theme::kEmptyChartHeight
            : std::min({theme::kChartHeight, page,
                        left < theme::kChartHeightMin ? theme::kChartHeight : left});
  if (absl::Status fits = flow.Need(title_height + height); !fits.ok()) return fits;
  if (!chart.title.empty()) {
    flow.canvas().DrawText(title.get(), {flow.left(), flow.y()}, theme::kInk);
    flow.Advance(title_height);
  }
  const auto width = [&flow](std::string_view text, double size) {
    return flow.text().Width(text, {.size = size});
  };
  const ChartScene scene =
      LayOutChart(chart, options.locale, options.accent_rgb, flow.width(), height, width);
  const SceneDrawer drawer{flow, {flow.left(), flow.y()}};
  for (const SceneShape& shape : scene.shapes) std::visit(drawer, shape);
  flow.Advance(height + theme::kBlockGap);
  return absl::OkStatus();
}

double LeastHeight(const Section& section) {
  if (std::holds_alternative<Chart>(section)) return theme::kChartHeightMin + 40;
  if (std::holds_alternative<Table>(section)) return 84;
  return 36;
}

}  // namespace outlive::rendering
