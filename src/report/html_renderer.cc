#include "outlive/report/html_renderer.h"

#include <absl/status/status.h>
#include <absl/time/time.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "outlive/core/byte_stream.h"
#include "outlive/core/progress.h"
#include "outlive/core/report.h"
#include "outlive/report/report_locale.h"
#include "report/buffered_sink.h"
#include "report/cell_text.h"
#include "report/html_chart.h"
#include "report/html_escape.h"
#include "report/html_style.h"
#include "report/paragraphs.h"
#include "report/row_meter.h"
#include "report/table_reader.h"
#include "report/text.h"

namespace outlive {
namespace {

using rendering::BufferedSink;
using rendering::EscapeHtml;
using rendering::RowMeter;
using rendering::TableReader;

// Left is what the browser does by itself, except where the text runs from right to left.
std::string_view ClassOf(const Column& column, Align align) {
  if (align == Align::kRight) return " class=\"r\"";
  if (align == Align::kCenter) return " class=\"c\"";
  return column.align == Align::kLeft ? " class=\"l\"" : "";
}

// Writes one report.
class Document {
 public:
  Document(const Report& report, const HtmlOptions& options, RowMeter& meter, BufferedSink& out)
      : report_(report), options_(options), meter_(meter), out_(out) {}

  absl::Status Write() {
    WriteHead();
    WriteTitle();
    out_.Append("<main>\n");
    for (const Section& section : report_.sections) {
      const absl::Status written =
          std::visit([this](const auto& s) { return WriteSection(s); }, section);
      if (!written.ok()) return written;
      if (!out_.status().ok()) return out_.status();
    }
    out_.Append("</main>\n</body>\n</html>\n");
    return out_.status();
  }

 private:
  void WriteHead();
  void WriteTitle();
  absl::Status WriteSection(const Heading& heading);
  absl::Status WriteSection(const Paragraph& paragraph);
  absl::Status WriteSection(const Table& table);
  absl::Status WriteSection(const Chart& chart);
  void WriteTableHead(const Table& table, const Row& first);
  void WriteFigures(const Chart& chart);

  const Report& report_;
  const HtmlOptions& options_;
  RowMeter& meter_;
  BufferedSink& out_;
  std::string line_;  // Reused from row to row.
};

void Document::WriteHead() {
  const std::string language = report_.language.empty() ? "und" : EscapeHtml(report_.language);
  const bool right_to_left = rendering::IsRightToLeft(report_.language);
  out_.Append(fmt::format("<!DOCTYPE html>\n<html lang=\"{}\" dir=\"{}\">\n<head>\n", language,
                          right_to_left ? "rtl" : "ltr"));
  out_.Append("<meta charset=\"utf-8\">\n");
  out_.Append(
      fmt::format("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src "
                  "'none'; style-src {}; base-uri 'none'; form-action 'none'\">\n",
                  rendering::kHtmlStyleSource));
  out_.Append("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
  if (!report_.author.empty()) {
    out_.Append(fmt::format("<meta name=\"author\" content=\"{}\">\n", EscapeHtml(report_.author)));
  }
  out_.Append("<meta name=\"generator\" content=\"outlive\">\n");
  out_.Append(fmt::format("<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n",
                          EscapeHtml(report_.title), rendering::kHtmlStyle));
}

void Document::WriteTitle() {
  out_.Append(fmt::format("<header>\n<h1>{}</h1>\n", EscapeHtml(report_.title)));
  if (!report_.subtitle.empty()) {
    out_.Append(fmt::format("<p class=\"subtitle\">{}</p>\n", EscapeHtml(report_.subtitle)));
  }
  std::string meta;
  if (!report_.author.empty()) meta = EscapeHtml(report_.author) + " \u00B7 ";
  meta +=
      fmt::format("<time datetime=\"{}\">{}</time>",
                  absl::FormatTime("%Y-%m-%d%ET%H:%M:%SZ", report_.created, absl::UTCTimeZone()),
                  rendering::CreatedText(report_.created));
  out_.Append(fmt::format("<p class=\"meta\">{}</p>\n", meta));
  if (!report_.facts.empty()) {
    out_.Append("<dl class=\"facts\">\n");
    for (const auto& [name, value] : report_.facts) {
      out_.Append(
          fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", EscapeHtml(name), EscapeHtml(value)));
    }
    out_.Append("</dl>\n");
  }
  out_.Append("</header>\n");
}

absl::Status Document::WriteSection(const Heading& heading) {
  // The title of the report is the only h1.
  out_.Append(fmt::format("<h{0}>{1}</h{0}>\n", heading.level + 1, EscapeHtml(heading.text)));
  return absl::OkStatus();
}

absl::Status Document::WriteSection(const Paragraph& paragraph) {
  for (const std::string& text : rendering::SplitParagraphs(paragraph.text)) {
    out_.Append(fmt::format("<p>{}</p>\n", EscapeHtml(text)));
  }
  return absl::OkStatus();
}

void Document::WriteTableHead(const Table& table, const Row& first) {
  const std::string title = EscapeHtml(table.title);
  // It can be scrolled sideways, so it must be possible to reach it by keyboard.
  out_.Append(
      fmt::format("<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{0}\">"
                  "\n<table>\n<caption>{0}</caption>\n<thead>\n<tr>",
                  title));
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const Column& column = table.columns[i];
    const Align align = rendering::ResolveAlign(column, first[i]);
    out_.Append(fmt::format("<th scope=\"col\"{}>{}</th>", ClassOf(column, align),
                            EscapeHtml(column.title)));
  }
  out_.Append("</tr>\n</thead>\n<tbody>\n");
}

absl::Status Document::WriteSection(const Table& table) {
  TableReader reader(table, meter_);
  if (absl::Status opened = reader.Open(); !opened.ok()) return opened;
  bool more = reader.Next();
  if (!reader.status().ok()) return reader.status();
  WriteTableHead(table, reader.row());
  if (!more) {
    out_.Append(fmt::format("<tr><td class=\"none\" colspan=\"{}\">{}</td></tr>\n",
                            table.columns.size(), EscapeHtml(options_.locale.no_rows)));
  }
  for (; more; more = reader.Next()) {
    line_ = "<tr>";
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
      const Column& column = table.columns[i];
      const Cell& cell = reader.row()[i];
      line_ += "<td";
      line_ += ClassOf(column, rendering::ResolveAlign(column, cell));
      line_ += '>';
      line_ += EscapeHtml(rendering::CellText(cell, column.format, options_.locale));
      line_ += "</td>";
    }
    line_ += "</tr>\n";
    out_.Append(line_);
    if (!out_.status().ok()) return out_.status();
  }
  out_.Append("</tbody>\n</table>\n</div>\n");
  return reader.status();
}

absl::Status Document::WriteSection(const Chart& chart) {
  out_.Append(fmt::format("<figure>\n<figcaption>{}</figcaption>\n", EscapeHtml(chart.title)));
  out_.Append(rendering::ChartSvg(chart, options_.locale, options_.accent_rgb));
  if (!chart.categories.empty()) WriteFigures(chart);
  out_.Append("</figure>\n");
  return absl::OkStatus();
}

// What the picture shows, for those who cannot see it and those who want to know exactly.
void Document::WriteFigures(const Chart& chart) {
  out_.Append(
      fmt::format("<details>\n<summary>{}</summary>\n<table>\n<thead>\n<tr>"
                  "<th scope=\"col\">{}</th>",
                  EscapeHtml(options_.locale.figures), EscapeHtml(chart.x_title)));
  for (const Chart::Series& series : chart.series) {
    const std::string& name = series.name.empty() ? chart.y_title : series.name;
    out_.Append(fmt::format("<th scope=\"col\" class=\"r\">{}</th>", EscapeHtml(name)));
  }
  out_.Append("</tr>\n</thead>\n<tbody>\n");
  for (std::size_t i = 0; i < chart.categories.size(); ++i) {
    out_.Append(fmt::format("<tr><th scope=\"row\">{}</th>", EscapeHtml(chart.categories[i])));
    for (const Chart::Series& series : chart.series) {
      out_.Append(fmt::format(
          "<td class=\"r\">{}</td>",
          EscapeHtml(rendering::NumberText(series.values[i], chart.format, options_.locale))));
    }
    out_.Append("</tr>\n");
  }
  out_.Append("</tbody>\n</table>\n</details>\n");
}

}  // namespace

absl::Status HtmlRenderer::Render(const Report& report, Progress& progress, ByteSink& out) {
  if (absl::Status valid = ValidateReport(report); !valid.ok()) return valid;
  BufferedSink buffer(out);
  RowMeter meter(rendering::TablesOf(report), progress, 0.0, 1.0);
  if (absl::Status go_on = meter.CheckCancelled(); !go_on.ok()) return go_on;
  const absl::Status written = Document(report, options_, meter, buffer).Write();
  if (!written.ok()) return written;
  if (absl::Status flushed = buffer.Flush(); !flushed.ok()) return flushed;
  progress.ReportProgress(1.0);
  return absl::OkStatus();
}

std::string_view HtmlRenderer::StyleSource() { return rendering::kHtmlStyleSource; }

}  // namespace outlive
