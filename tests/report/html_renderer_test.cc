#include "outlive/report/html_renderer.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tests/report/helpers.h"

namespace {

using namespace outlive_report_tests;
using outlive::HtmlOptions;
using outlive::HtmlRenderer;

std::string Html(const outlive::Report& report, HtmlOptions options = {}) {
  HtmlRenderer renderer(std::move(options));
  return RenderToString(renderer, report);
}

outlive::Chart MakeChart() {
  outlive::Chart chart;
  chart.title = "By year";
  chart.x_title = "Year";
  chart.y_title = "Strikes";
  chart.categories = {"1990", "1991"};
  chart.series = {{.name = "all", .values = {1200, 800}}, {.name = "some", .values = {1, 2}}};
  return chart;
}

// Reads a document as a browser does and prints what is in it, one fact a line.
constexpr const char* kInspect = R"(
import sys
from html.parser import HTMLParser
class Inspector(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.stack, self.texts = [], []
    def handle_starttag(self, tag, attrs):
        print('tag', tag, ' '.join(sorted(name for name, _ in attrs)))
        for name, value in attrs:
            if name in ('href', 'src', 'style') or name.startswith('on'):
                print('FORBIDDEN', tag, name, value)
        if tag in ('script', 'iframe', 'img', 'object', 'embed', 'link', 'a', 'form', 'base'):
            print('FORBIDDEN', tag)
    def handle_comment(self, data):
        print('FORBIDDEN comment')
    def handle_data(self, data):
        if data.strip() and self.lasttag != 'style':
            print('text', ascii(data.strip()))
Inspector().feed(open(sys.argv[1], encoding='utf-8').read())
)";

std::string Inspect(const std::string& html) {
  const TempDir dir;
  return RunPython(kInspect, dir.Write("a.html", html));
}

TEST_CASE("html: title, facts, headings and paragraphs") {
  outlive::Report report = MakeReport({});
  report.title = "Strikes & birds";
  report.subtitle = "A subtitle";
  report.author = "Ann";
  report.facts = {{"Records", "1,204"}, {"Cost", "$5"}};
  report.sections.emplace_back(outlive::Heading{"First", 1});
  report.sections.emplace_back(outlive::Heading{"Third", 3});
  report.sections.emplace_back(outlive::Paragraph{"One.\n\nTwo."});
  const std::string html = Html(report);
  CHECK(html.starts_with("<!DOCTYPE html>\n<html lang=\"en\" dir=\"ltr\">"));
  CHECK(html.ends_with("</html>\n"));
  CHECK(Contains(html, "<title>Strikes &amp; birds</title>"));
  CHECK(Contains(html, "<h1>Strikes &amp; birds</h1>"));
  CHECK(Contains(html, "<p class=\"subtitle\">A subtitle</p>"));
  CHECK(Contains(html, "Ann \u00B7 <time datetime=\"2024-03-09T14:05:09Z\">2024-03-09 14:05 UTC"));
  CHECK(Contains(html, "<dt>Records</dt><dd>1,204</dd>"));
  CHECK(Contains(html, "<h2>First</h2>"));
  CHECK(Contains(html, "<h4>Third</h4>"));
  CHECK(Contains(html, "<p>One.</p>\n<p>Two.</p>"));
}

TEST_CASE("html: a table has a caption, a head with scopes, and numbers to the right") {
  const std::string html = Html(TableReport(
      {{.title = "Name"},
       {.title = "Cost", .format = outlive::NumberFormat::kMoney},
       {.title = "Share", .format = outlive::NumberFormat::kPercent},
       {.title = "Note", .align = outlive::Align::kCenter}},
      {{"Ann", std::int64_t{12345}, 0.5, "x"}, {"Bob", outlive::Cell(), outlive::Cell(), true}}));
  CHECK(Contains(html, "<caption>Records</caption>"));
  CHECK(
      Contains(html,
               "<thead>\n<tr><th scope=\"col\">Name</th><th scope=\"col\" class=\"r\">Cost</th>"
               "<th scope=\"col\" class=\"r\">Share</th><th scope=\"col\" class=\"c\">Note</th>"));
  CHECK(Contains(html,
                 "<tr><td>Ann</td><td class=\"r\">$12,345</td><td class=\"r\">50.0 %</td>"
                 "<td class=\"c\">x</td></tr>\n"
                 "<tr><td>Bob</td><td class=\"r\"></td><td class=\"r\"></td>"
                 "<td class=\"c\">yes</td></tr>\n</tbody>"));
}

TEST_CASE("html: a table without rows says so") {
  const std::string html = Html(TableReport({{.title = "a"}, {.title = "b"}}, {}));
  CHECK(Contains(html, "<td class=\"none\" colspan=\"2\">No rows</td>"));
}

TEST_CASE("html: a chart is a picture with a name and a table of its figures") {
  const std::string html = Html(MakeReport({MakeChart()}));
  CHECK(Contains(html, "<figcaption>By year</figcaption>"));
  CHECK(Contains(html, "role=\"img\" direction=\"ltr\" aria-label=\"By year\""));
  CHECK(CountOf(html, "<rect ") == 4 + 2);  // Bars, and one swatch a series.
  CHECK(Contains(html,
                 "<tr><th scope=\"row\">1990</th><td class=\"r\">1,200</td>"
                 "<td class=\"r\">1</td></tr>"));
}

TEST_CASE("html: nothing of a report is ever markup") {
  const std::vector<std::string> corpus = {
      "<script>alert(1)</script>",
      "\"><script>alert(1)</script>",
      "'><img src=x onerror=alert(1)>",
      "</title><script>alert(1)</script>",
      "</style><script>alert(1)</script>",
      "</text></svg><script>alert(1)</script>",
      "<svg/onload=alert(1)>",
      "<!-- <script>",
      "]]><script>alert(1)</script>",
      "&lt;script&gt;alert(1)&lt;/script&gt;",
      "&#60;script&#62;",
      "javascript:alert(1)",
      "\" onmouseover=\"alert(1)",
      "' style='background:url(x)",
      "\xC0\xBCscript\xC0\xBE",
      "\xFF<iframe>",
      std::string("<scr\0ipt>", 9),
      "{{constructor.constructor('alert(1)')()}}",
      "<base href=//evil>",
  };
  const std::string plain_tags = [] {
    outlive::Report report = MakeReport({});
    return Inspect(Html(report));
  }();
  CHECK_FALSE(Contains(plain_tags, "FORBIDDEN"));
  for (const std::string& evil : corpus) {
    CAPTURE(evil);
    outlive::Report report = MakeReport({});
    report.title = report.subtitle = report.author = evil;
    report.facts = {{evil, evil}};
    report.sections.emplace_back(outlive::Heading{evil, 2});
    report.sections.emplace_back(outlive::Paragraph{evil});
    report.sections.emplace_back(MakeTable(evil, {{.title = evil}}, {{evil}}));
    outlive::Chart chart = MakeChart();
    chart.title = chart.x_title = chart.y_title = chart.categories[0] = evil;
    chart.series[0].name = evil;
    report.sections.emplace_back(chart);
    HtmlOptions options;
    options.locale.currency = options.locale.no_rows = options.locale.figures = evil;
    const std::string html = Html(report, options);
    const std::string seen = Inspect(html);
    CHECK_FALSE(Contains(seen, "FORBIDDEN"));
    CHECK(CountOf(html, "<style>") == 1);
  }
}

TEST_CASE("html: escaped text reads as it was") {
  const std::string html = Html(TableReport({{.title = "a"}}, {{"<b>&amp; \"x\" 'y'"}}));
  CHECK(Contains(Inspect(html), R"(text '<b>&amp; "x" \'y\'')"));
}

TEST_CASE("html: its own policy admits its style sheet and nothing else") {
  const std::string html = Html(MakeReport({}));
  const std::string source(HtmlRenderer::StyleSource());
  CHECK(Contains(html, "content=\"default-src 'none'; style-src " + source +
                           "; base-uri 'none'; "
                           "form-action 'none'\""));
  CHECK_FALSE(Contains(html, "style=\""));
  const TempDir dir;
  const std::string hash = RunPython(R"(
import base64, hashlib, re, sys
html = open(sys.argv[1], encoding='utf-8', newline='').read()
sheet = re.search(r'<style>(.*?)</style>', html, re.S).group(1)
print("'sha256-%s'" % base64.b64encode(hashlib.sha256(sheet.encode()).digest()).decode(), end='')
)",
                                     dir.Write("a.html", html));
  CHECK(hash == source);
}

TEST_CASE("html: language and direction") {
  outlive::Report report = MakeReport({});
  report.language = "ar-EG";
  CHECK(Contains(Html(report), "<html lang=\"ar-EG\" dir=\"rtl\">"));
  report.language = "";
  CHECK(Contains(Html(report), "<html lang=\"und\" dir=\"ltr\">"));
}

}  // namespace
