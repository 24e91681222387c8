#include "report/chart_scene.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "outlive/core/report.h"
#include "outlive/report/report_locale.h"
#include "report/text.h"

namespace {

using namespace outlive::rendering;
using outlive::Chart;

constexpr double kWidth = 480;
constexpr double kHeight = 200;
constexpr double kPi = 3.14159265358979;

// A font all of whose letters are half as wide as they are high.
double HalfWidth(std::string_view text, double size) {
  return static_cast<double>(Utf16Length(text)) * size / 2;
}

ChartScene LayOut(const Chart& chart) {
  return LayOutChart(chart, outlive::ReportLocale(), 0x123456, kWidth, kHeight, HalfWidth);
}

Chart MakeChart(Chart::Type type, std::vector<std::string> categories,
                std::vector<Chart::Series> series) {
  Chart chart;
  chart.type = type;
  chart.categories = std::move(categories);
  chart.series = std::move(series);
  return chart;
}

template <typename Shape>
std::vector<Shape> Only(const ChartScene& scene) {
  std::vector<Shape> found;
  for (const SceneShape& shape : scene.shapes) {
    if (const auto* it = std::get_if<Shape>(&shape)) found.push_back(*it);
  }
  return found;
}

// The corners of a text, without what hangs below its baseline.
std::vector<Point> Corners(const SceneText& text) {
  const double width = HalfWidth(text.text, text.size);
  const double start = text.anchor == Anchor::kStart    ? 0
                       : text.anchor == Anchor::kMiddle ? -width / 2
                                                        : -width;
  const double turn = text.degrees * kPi / 180;
  std::vector<Point> corners;
  for (const auto& [x, y] : {std::pair{start, 0.0},
                             {start + width, 0.0},
                             {start + width, -text.size * 0.75},
                             {start, -text.size * 0.75}}) {
    corners.push_back({text.at.x + x * std::cos(turn) - y * std::sin(turn),
                       text.at.y + x * std::sin(turn) + y * std::cos(turn)});
  }
  return corners;
}

// Two rectangles are apart if some side of one of them parts them.
bool Overlap(const SceneText& a, const SceneText& b) {
  const std::vector<Point> ca = Corners(a);
  const std::vector<Point> cb = Corners(b);
  for (const auto* corners : {&ca, &cb}) {
    for (std::size_t i = 0; i < 4; ++i) {
      const Point& from = (*corners)[i];
      const Point& to = (*corners)[(i + 1) % 4];
      const Point normal{to.y - from.y, from.x - to.x};
      const auto span = [&normal](const std::vector<Point>& points) {
        std::pair<double, double> s{1e9, -1e9};
        for (const Point& p : points) {
          const double at = p.x * normal.x + p.y * normal.y;
          s = {std::min(s.first, at), std::max(s.second, at)};
        }
        return s;
      };
      const auto sa = span(ca);
      const auto sb = span(cb);
      if (sa.second < sb.first || sb.second < sa.first) return false;
    }
  }
  return true;
}

void CheckNothingOverlaps(const ChartScene& scene) {
  const std::vector<SceneText> texts = Only<SceneText>(scene);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    for (const Point& corner : Corners(texts[i])) {
      CAPTURE(texts[i].text);
      CHECK(corner.x >= -0.5);
      CHECK(corner.x <= kWidth + 0.5);
      CHECK(corner.y >= -0.5);
      CHECK(corner.y <= kHeight + 0.5);
    }
    for (std::size_t j = i + 1; j < texts.size(); ++j) {
      CAPTURE(texts[i].text);
      CAPTURE(texts[j].text);
      CHECK_FALSE(Overlap(texts[i], texts[j]));
    }
  }
}

std::vector<std::string> Labels(std::size_t count, std::size_t length) {
  std::vector<std::string> labels;
  for (std::size_t i = 0; i < count; ++i) {
    std::string label = std::to_string(i);
    label.resize(std::max(label.size(), length), 'x');
    labels.push_back(std::move(label));
  }
  return labels;
}

std::vector<double> Values(std::size_t count, double low, double high) {
  std::vector<double> values;
  for (std::size_t i = 0; i < count; ++i) {
    values.push_back(low + (high - low) * static_cast<double>(i * 7 % 11) / 10);
  }
  return values;
}

TEST_CASE("chart scene: texts do not overlap and stay on the picture") {
  for (const Chart::Type type : {Chart::Type::kBar, Chart::Type::kLine}) {
    for (const std::size_t count : {1U, 2U, 5U, 12U, 27U, 50U, 120U}) {
      for (const std::size_t length : {1U, 4U, 9U, 16U, 80U}) {
        for (const double high : {3.0, 1200.0, 12'000'000.0}) {
          CAPTURE(count);
          CAPTURE(length);
          CAPTURE(high);
          Chart chart = MakeChart(type, Labels(count, length),
                                  {{.name = "", .values = Values(count, -high / 3, high)}});
          chart.format = outlive::NumberFormat::kMoney;
          chart.x_title = "Across";
          chart.y_title = "Upwards";
          CheckNothingOverlaps(LayOut(chart));
        }
      }
    }
  }
}

TEST_CASE("chart scene: a legend of many series wraps and does not overlap") {
  std::vector<Chart::Series> series;
  for (int i = 0; i < 9; ++i) {
    series.push_back(
        {.name = "A series with a long name " + std::to_string(i), .values = {1.0 + i, 2.0}});
  }
  const ChartScene scene = LayOut(MakeChart(Chart::Type::kBar, {"a", "b"}, series));
  CheckNothingOverlaps(scene);
  int named = 0;
  for (const SceneText& text : Only<SceneText>(scene)) named += text.text.starts_with("A series");
  CHECK(named == 9);
}

TEST_CASE("chart scene: one series has no legend, several have") {
  const auto has_text = [](const ChartScene& scene, std::string_view wanted) {
    const std::vector<SceneText> texts = Only<SceneText>(scene);
    return std::any_of(texts.begin(), texts.end(),
                       [&](const SceneText& text) { return text.text == wanted; });
  };
  const ChartScene one =
      LayOut(MakeChart(Chart::Type::kBar, {"a"}, {{.name = "only", .values = {1}}}));
  CHECK_FALSE(has_text(one, "only"));
  const ChartScene two = LayOut(MakeChart(
      Chart::Type::kBar, {"a"}, {{.name = "p", .values = {1}}, {.name = "q", .values = {2}}}));
  CHECK(has_text(two, "p"));
  CHECK(has_text(two, "q"));
}

TEST_CASE("chart scene: bars are as high as their values") {
  const ChartScene scene =
      LayOut(MakeChart(Chart::Type::kBar, {"a", "b", "c"}, {{.name = "", .values = {10, 5, -10}}}));
  const std::vector<SceneRect> bars = Only<SceneRect>(scene);
  REQUIRE(bars.size() == 3);
  CHECK(bars[0].height == doctest::Approx(2 * bars[1].height));
  CHECK(bars[2].height == doctest::Approx(bars[0].height));
  CHECK(bars[2].y == doctest::Approx(bars[0].y + bars[0].height));  // Hangs from the zero line.
  CHECK(bars[0].color == 0x123456);
}

TEST_CASE("chart scene: a missing value leaves a gap in a line") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const ChartScene scene = LayOut(MakeChart(Chart::Type::kLine, {"a", "b", "c", "d", "e", "f"},
                                            {{.name = "", .values = {1, 2, nan, 3, nan, nan}}}));
  std::vector<std::size_t> lengths;
  for (const SceneLine& line : Only<SceneLine>(scene)) {
    if (line.color == 0x123456) lengths.push_back(line.points.size());
  }
  CHECK(lengths == std::vector<std::size_t>{2});
  CHECK(Only<SceneDot>(scene).size() == 3);
}

TEST_CASE("chart scene: nothing to show is said") {
  const auto texts = [](const Chart& chart) { return Only<SceneText>(LayOut(chart)); };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const Chart& chart :
       {MakeChart(Chart::Type::kBar, {}, {}),
        MakeChart(Chart::Type::kLine, {}, {{.name = "s", .values = {}}}),
        MakeChart(Chart::Type::kLine, {"a"}, {{.name = "s", .values = {nan}}})}) {
    REQUIRE(texts(chart).size() == 1);
    CHECK(texts(chart)[0].text == "No data");
  }
}

TEST_CASE("chart scene: values on top of the bars only where all have room") {
  const auto count = [](std::size_t bars) {
    const ChartScene scene = LayOut(MakeChart(Chart::Type::kBar, Labels(bars, 1),
                                              {{.name = "", .values = Values(bars, 10, 3333)}}));
    return std::count_if(scene.shapes.begin(), scene.shapes.end(), [](const SceneShape& shape) {
      const auto* text = std::get_if<SceneText>(&shape);
      return text != nullptr && text->text == "3,333";
    });
  };
  CHECK(count(11) == 1);
  CHECK(count(100) == 0);
}

}  // namespace
