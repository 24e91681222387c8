// A chart as plain shapes, laid out once for every format that draws.
//
//   Chart ──► LayOutChart() ──► ChartScene ──► Cairo (PDF), SVG (HTML)
//
// Units are points (1/72 inch), y grows downwards. The chart's title is not in the scene.
#ifndef OUTLIVE_SRC_REPORT_CHART_SCENE_H_
#define OUTLIVE_SRC_REPORT_CHART_SCENE_H_

#include <absl/functional/function_ref.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "outlive/core/report.h"
#include "outlive/report/report_locale.h"

namespace outlive::rendering {

using Rgb = std::uint32_t;  // 0xRRGGBB.

enum class Anchor { kStart, kMiddle, kEnd };

struct Point {
  double x = 0;
  double y = 0;
};

struct SceneRect {
  double x = 0;
  double y = 0;
  double width = 0;
  double height = 0;
  Rgb color = 0;
};

struct SceneLine {
  std::vector<Point> points;
  double width = 1;
  Rgb color = 0;
};

struct SceneDot {
  Point at;
  double radius = 1;
  Rgb color = 0;
};

struct SceneText {
  Point at;  // On the baseline, at the anchor.
  std::string text;
  double size = 8;
  Rgb color = 0;
  Anchor anchor = Anchor::kStart;
  double degrees = 0;  // Turned clockwise about `at`.
};

using SceneShape = std::variant<SceneRect, SceneLine, SceneDot, SceneText>;

struct ChartScene {
  double width = 0;
  double height = 0;
  std::vector<SceneShape> shapes;  // In the order of drawing.
};

// How wide `text` is in letters of `size`.
using TextWidth = absl::FunctionRef<double(std::string_view text, double size)>;

// The color of series number `index`; the first one is `accent`.
Rgb SeriesColor(std::size_t index, Rgb accent);

// Labels never overlap: they are turned, shortened or thinned out until they have room.
ChartScene LayOutChart(const Chart& chart, const ReportLocale& locale, Rgb accent, double width,
                       double height, TextWidth text_width);

}  // namespace outlive::rendering

#endif  // OUTLIVE_SRC_REPORT_CHART_SCENE_H_
