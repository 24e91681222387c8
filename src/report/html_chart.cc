#include "report/html_chart.h"

#include <fmt/format.h>

#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <variant>

#include "outlive/core/report.h"
#include "outlive/report/report_locale.h"
#include "report/chart_scene.h"
#include "report/html_escape.h"
#include "report/text.h"

namespace outlive::rendering {
namespace {

constexpr double kWidth = 640;
constexpr double kHeight = 270;

// Width of one character in ems. The browser's font is not known here: these are the widths of
// common sans-serif fonts, rather too wide than too narrow.
double CharacterWidth(char32_t c) {
  if (c < 0x80) {
    if (std::string_view(" !',.:;ijl|Ifrt()[]-").find(static_cast<char>(c)) != std::string::npos) {
      return 0.36;
    }
    if (c >= 'A' && c <= 'Z') return c == 'M' || c == 'W' ? 0.9 : 0.7;
    return c == 'm' || c == 'w' || c == '%' || c == '@' ? 0.88 : 0.58;
  }
  const bool combining = (c >= 0x0300 && c <= 0x036F) || (c >= 0x200B && c <= 0x200F);
  if (combining) return 0;
  const bool wide = (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xD7A3) ||
                    (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFF00 && c <= 0xFF60) || c >= 0x1F300;
  return wide ? 1.0 : 0.62;
}

double EstimatedWidth(std::string_view text, double size) {
  double ems = 0;
  while (!text.empty()) ems += CharacterWidth(TakeCodePoint(text));
  return ems * size;
}

// Adds shapes to an SVG text.
struct SvgWriter {
  std::string& out;

  void operator()(const SceneRect& rect) const {
    fmt::format_to(std::back_inserter(out),
                   R"(<rect x="{:.2f}" y="{:.2f}" width="{:.2f}" height="{:.2f}" fill="#{:06x}"/>)",
                   rect.x, rect.y, rect.width, rect.height, rect.color);
  }

  void operator()(const SceneLine& line) const {
    out += R"(<polyline fill="none" points=")";
    for (const Point& point : line.points) {
      fmt::format_to(std::back_inserter(out), "{:.2f},{:.2f} ", point.x, point.y);
    }
    out.pop_back();
    fmt::format_to(std::back_inserter(out), R"(" stroke="#{:06x}" stroke-width="{:.2f}"/>)",
                   line.color, line.width);
  }

  void operator()(const SceneDot& dot) const {
    fmt::format_to(std::back_inserter(out),
                   R"(<circle cx="{:.2f}" cy="{:.2f}" r="{:.2f}" fill="#{:06x}"/>)", dot.at.x,
                   dot.at.y, dot.radius, dot.color);
  }

  void operator()(const SceneText& text) const {
    constexpr std::string_view kAnchors[] = {"start", "middle", "end"};
    fmt::format_to(std::back_inserter(out),
                   R"(<text x="{:.2f}" y="{:.2f}" font-size="{:.2f}" fill="#{:06x}")", text.at.x,
                   text.at.y, text.size, text.color);
    fmt::format_to(std::back_inserter(out), R"( text-anchor="{}")",
                   kAnchors[static_cast<int>(text.anchor)]);
    if (text.degrees != 0) {
      fmt::format_to(std::back_inserter(out), " transform=\"rotate({:.0f} {:.2f} {:.2f})\"",
                     text.degrees, text.at.x, text.at.y);
    }
    out += '>';
    out += EscapeHtml(text.text);
    out += "</text>";
  }
};

}  // namespace

std::string ChartSvg(const Chart& chart, const ReportLocale& locale, std::uint32_t accent_rgb) {
  const ChartScene scene = LayOutChart(chart, locale, accent_rgb, kWidth, kHeight, EstimatedWidth);
  std::string svg = fmt::format(
      R"(<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {:.0f} {:.0f}" role="img" )"
      R"(direction="ltr" aria-label="{}">)",
      scene.width, scene.height, EscapeHtml(chart.title));
  for (const SceneShape& shape : scene.shapes) {
    std::visit(SvgWriter{svg}, shape);
    svg += '\n';
  }
  svg += "</svg>";
  return svg;
}

}  // namespace outlive::rendering
