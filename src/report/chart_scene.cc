#include "report/chart_scene.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "outlive/core/report.h"
#include "outlive/report/report_locale.h"
#include "report/cell_text.h"
#include "report/chart_axis.h"
#include "report/text.h"

namespace outlive::rendering {
namespace {

constexpr double kLabelSize = 7.5;
constexpr double kLegendSize = 8;
constexpr double kLegendRowHeight = 14;
constexpr double kSwatch = 7;
constexpr double kTickSpacing = 28;       // Between gridlines, about.
constexpr double kLabelGap = 5;           // Between labels side by side.
constexpr double kTurnedWidthMax = 84;    // Longer turned labels are shortened.
constexpr double kThinnedWidthMax = 32;   // Labels up to this wide are thinned out, not turned.
constexpr double kHalf = 0.70710678;      // sin 45° = cos 45°.
constexpr std::size_t kDotCountMax = 40;  // Lines of more points have no dots.

constexpr Rgb kTextColor = 0x4B5563;
constexpr Rgb kGridColor = 0xE5E7EB;
constexpr Rgb kBaseColor = 0x9CA3AF;

// How the labels of the categories are written.
struct LabelPlan {
  double degrees = 0;      // 0, -45 or -90.
  std::size_t stride = 1;  // Every how many a label stands.
  double width_max = 0;    // Longer ones are shortened.
  double height = 0;       // Room they take below the axis.
};

// No label is wider than some hundred letters, whatever it is given to say.
std::string LabelText(std::string_view text) {
  constexpr std::size_t kLengthMax = 200;
  return std::string(CutToUtf16Length(OneLine(text.substr(0, 8 * kLengthMax)), kLengthMax));
}

class ChartLayout {
 public:
  ChartLayout(const Chart& chart, const ReportLocale& locale, Rgb accent, TextWidth text_width)
      : chart_(chart), locale_(locale), accent_(accent), text_width_(text_width) {
    for (const std::string& category : chart.categories) labels_.push_back(LabelText(category));
  }

  ChartScene Run(double width, double height);

 private:
  std::string Shortened(std::string_view text, double size, double width_max) const;
  std::string TickText(double value) const;
  LabelPlan PlanLabels(double slot) const;
  double X(std::size_t category) const {
    return left_ + slot_ * (static_cast<double>(category) + 0.5);
  }
  double Y(double value) const;
  void PlacePlot();

  void AddText(Point at, std::string text, double size, Anchor anchor, double degrees = 0);
  void AddRule(double y, double width, Rgb color);
  void DrawLegend();
  void DrawTitles();
  void DrawGrid();
  void DrawLabels();
  void DrawBars();
  void DrawBarValues(double bar_width);
  void DrawLines();
  void DrawLine(const Chart::Series& series, Rgb color);

  const Chart& chart_;
  const ReportLocale& locale_;
  const Rgb accent_;
  const TextWidth text_width_;
  std::vector<std::string> labels_;  // The categories, as they are shown at full length.
  ChartScene scene_;
  Axis axis_;
  LabelPlan plan_;
  double top_ = 0;  // The plot's edges.
  double left_ = 0;
  double right_ = 0;
  double bottom_ = 0;
  double slot_ = 0;  // Width of one category.
};

ChartScene ChartLayout::Run(double width, double height) {
  scene_.width = width;
  scene_.height = height;
  const double plot_height = height - 2 * kLegendRowHeight - 2 * kLabelSize;
  axis_ = AxisOf(chart_, std::max(2, static_cast<int>(plot_height / kTickSpacing)));
  if (chart_.series.size() > 1) DrawLegend();
  if (axis_.ticks.empty()) {
    AddText({width / 2, height / 2}, locale_.no_data, kLegendSize, Anchor::kMiddle);
    return std::move(scene_);
  }
  PlacePlot();
  DrawTitles();
  DrawGrid();
  if (chart_.type == Chart::Type::kBar) {
    DrawBars();
  } else {
    DrawLines();
  }
  DrawLabels();
  return std::move(scene_);
}

// `text` cut so that it is at most `width_max` wide, with an ellipsis where something is missing.
std::string ChartLayout::Shortened(std::string_view text, double size, double width_max) const {
  if (text_width_(text, size) <= width_max) return std::string(text);
  std::string shorter;
  std::string_view rest = text;
  while (!rest.empty()) {
    std::string next = shorter;
    AppendUtf8(TakeCodePoint(rest), next);
    if (text_width_(next + "\u2026", size) > width_max) break;
    shorter = std::move(next);
  }
  return shorter + "\u2026";
}

// Ticks are round: their zeros after the decimal point say nothing.
std::string ChartLayout::TickText(double value) const {
  const bool whole = value == std::round(value);
  switch (chart_.format) {
    case NumberFormat::kDecimal:
      return NumberText(value, whole ? NumberFormat::kInteger : NumberFormat::kPlain, locale_);
    case NumberFormat::kPercent:
      // Two digits more than ticks have: 0.07 * 100 is not 7.
      return NumberText(std::round(value * 1e8) / 1e6, NumberFormat::kPlain, locale_) + " %";
    default:
      return NumberText(value, chart_.format, locale_);
  }
}

// The first of these that fits: level labels, fewer level labels (where they are short, as years
// are), labels at 45°, upright ones, fewer upright ones.
LabelPlan ChartLayout::PlanLabels(double slot) const {
  const double line = kLabelSize * 1.25;
  double widest = 0;
  for (const std::string& label : labels_) {
    widest = std::max(widest, text_width_(label, kLabelSize));
  }
  const auto stride = [slot](double room) {
    return std::max<std::size_t>(1, static_cast<std::size_t>(std::ceil(room / slot)));
  };
  if (widest + kLabelGap <= slot) return {0, 1, widest, line + 4};
  if (widest <= kThinnedWidthMax) return {0, stride(widest + kLabelGap), widest, line + 4};
  const double width_max = std::min(kTurnedWidthMax, scene_.height * 0.35);
  const double width = std::min(widest, width_max);
  if (slot * kHalf >= line) return {-45, 1, width_max, width * kHalf + line + 2};
  return {-90, stride(line), width_max, width + 8};
}

double ChartLayout::Y(double value) const {
  const double share =
      (std::clamp(value, axis_.low, axis_.high) - axis_.low) / (axis_.high - axis_.low);
  return bottom_ - share * (bottom_ - top_);
}

void ChartLayout::PlacePlot() {
  const auto count = static_cast<double>(labels_.size());
  top_ += chart_.y_title.empty() ? 10 : 22;
  for (const double tick : axis_.ticks) {
    left_ = std::max(left_, text_width_(TickText(tick), kLabelSize));
  }
  left_ = std::min(left_ + 8, scene_.width / 2);
  right_ = scene_.width - 6;
  slot_ = (right_ - left_) / count;
  plan_ = PlanLabels(slot_);
  if (plan_.degrees == -45) {
    // The first label reaches to the left of its category.
    const double first = std::min(text_width_(labels_[0], kLabelSize), plan_.width_max);
    left_ = std::max(left_, first * kHalf - slot_ / 2 + 4);
    slot_ = (right_ - left_) / count;
    plan_ = PlanLabels(slot_);
  }
  const double titles = chart_.x_title.empty() ? 0 : kLabelSize + 7;
  bottom_ = std::max(scene_.height - plan_.height - titles, top_ + 1);
}

void ChartLayout::AddText(Point at, std::string text, double size, Anchor anchor, double degrees) {
  scene_.shapes.emplace_back(SceneText{at, std::move(text), size, kTextColor, anchor, degrees});
}

void ChartLayout::AddRule(double y, double width, Rgb color) {
  scene_.shapes.emplace_back(SceneLine{{{left_, y}, {right_, y}}, width, color});
}

void ChartLayout::DrawLegend() {
  double x = 0;
  for (std::size_t i = 0; i < chart_.series.size(); ++i) {
    const std::string& given = chart_.series[i].name;
    const std::string name = given.empty() ? fmt::format("{}", i + 1) : LabelText(given);
    const std::string shown = Shortened(name, kLegendSize, scene_.width / 2);
    const double width = kSwatch + 4 + text_width_(shown, kLegendSize);
    if (x > 0 && x + width > scene_.width) {
      x = 0;
      top_ += kLegendRowHeight;
    }
    scene_.shapes.emplace_back(SceneRect{x, top_ + 2, kSwatch, kSwatch, SeriesColor(i, accent_)});
    AddText({x + kSwatch + 4, top_ + 2 + kSwatch}, shown, kLegendSize, Anchor::kStart);
    x += width + 16;
  }
  top_ += kLegendRowHeight;
}

void ChartLayout::DrawTitles() {
  if (!chart_.y_title.empty()) {
    AddText({0, top_ - 12}, Shortened(LabelText(chart_.y_title), kLabelSize, scene_.width),
            kLabelSize, Anchor::kStart);
  }
  if (!chart_.x_title.empty()) {
    AddText({(left_ + right_) / 2, scene_.height - 2},
            Shortened(LabelText(chart_.x_title), kLabelSize, right_ - left_), kLabelSize,
            Anchor::kMiddle);
  }
}

void ChartLayout::DrawGrid() {
  for (const double tick : axis_.ticks) {
    const double y = Y(tick);
    AddRule(y, 0.5, kGridColor);
    AddText({left_ - 5, y + kLabelSize * 0.36}, TickText(tick), kLabelSize, Anchor::kEnd);
  }
}

void ChartLayout::DrawLabels() {
  AddRule(Y(std::clamp(0.0, axis_.low, axis_.high)), 0.8, kBaseColor);
  for (std::size_t i = 0; i < labels_.size(); i += plan_.stride) {
    const double x = X(i);
    const std::string text = Shortened(labels_[i], kLabelSize, plan_.width_max);
    if (plan_.degrees == 0) {
      const double half = text_width_(text, kLabelSize) / 2;
      if (x - half < 0 || x + half > scene_.width) continue;  // Only where labels are thinned out.
      AddText({x, bottom_ + kLabelSize + 4}, text, kLabelSize, Anchor::kMiddle);
    } else if (plan_.degrees == -45) {
      AddText({x + 2, bottom_ + kLabelSize + 2}, text, kLabelSize, Anchor::kEnd, -45);
    } else {
      AddText({x + kLabelSize * 0.36, bottom_ + 5}, text, kLabelSize, Anchor::kEnd, -90);
    }
  }
}

void ChartLayout::DrawBars() {
  const auto series_count = static_cast<double>(chart_.series.size());
  const double group = std::min(slot_ * (series_count > 1 ? 0.78 : 0.66), 56 * series_count);
  const double bar = group / series_count;
  const double drawn = bar > 4 && series_count > 1 ? bar - 1 : bar;
  const double zero = Y(std::clamp(0.0, axis_.low, axis_.high));
  for (std::size_t s = 0; s < chart_.series.size(); ++s) {
    for (std::size_t i = 0; i < labels_.size(); ++i) {
      const double value = chart_.series[s].values[i];
      if (!std::isfinite(value)) continue;
      const double y = Y(value);
      const double x = X(i) - group / 2 + bar * static_cast<double>(s) + (bar - drawn) / 2;
      scene_.shapes.emplace_back(
          SceneRect{x, std::min(y, zero), drawn, std::abs(zero - y), SeriesColor(s, accent_)});
    }
  }
  if (series_count == 1) DrawBarValues(bar);
}

// The figures on top of the bars, where all of them have room.
void ChartLayout::DrawBarValues(double bar_width) {
  const std::vector<double>& values = chart_.series[0].values;
  std::vector<std::string> texts;
  for (const double value : values) {
    texts.push_back(std::isfinite(value) ? NumberText(value, chart_.format, locale_) : "");
    const double width = text_width_(texts.back(), kLabelSize);
    const bool hangs_out = value < 0 && Y(value) + kLabelSize + 3 > bottom_;
    if (width + 3 > slot_ || width > bar_width * 2.2 || hangs_out) return;
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (texts[i].empty()) continue;
    const double y = Y(values[i]) + (values[i] < 0 ? kLabelSize + 1.5 : -3);
    AddText({X(i), y}, texts[i], kLabelSize, Anchor::kMiddle);
  }
}

void ChartLayout::DrawLines() {
  for (std::size_t s = 0; s < chart_.series.size(); ++s) {
    DrawLine(chart_.series[s], SeriesColor(s, accent_));
  }
}

// A value that is not finite leaves a gap. A point between two gaps is a dot.
void ChartLayout::DrawLine(const Chart::Series& series, Rgb color) {
  const bool dots = series.values.size() <= kDotCountMax;
  std::vector<Point> run;
  const auto end_run = [&] {
    for (const Point& at : run) {
      if (dots || run.size() == 1) scene_.shapes.emplace_back(SceneDot{at, 2, color});
    }
    if (run.size() > 1) scene_.shapes.emplace_back(SceneLine{run, 1.5, color});
    run.clear();
  };
  for (std::size_t i = 0; i < series.values.size(); ++i) {
    if (std::isfinite(series.values[i])) {
      run.push_back({X(i), Y(series.values[i])});
    } else {
      end_run();
    }
  }
  end_run();
}

}  // namespace

// Told apart by people who see colors differently, and in grey.
Rgb SeriesColor(std::size_t index, Rgb accent) {
  constexpr std::array<Rgb, 8> kColors = {0x000000, 0xE08A1E, 0x2A9D8F, 0xB23A48,
                                          0x7A5195, 0x6C757D, 0x8AB17D, 0xF2C14E};
  const std::size_t color = index % kColors.size();
  return color == 0 ? accent : kColors[color];
}

ChartScene LayOutChart(const Chart& chart, const ReportLocale& locale, Rgb accent, double width,
                       double height, TextWidth text_width) {
  return ChartLayout(chart, locale, accent, text_width).Run(width, height);
}

}  // namespace outlive::rendering
