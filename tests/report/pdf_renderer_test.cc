#include "outlive/report/pdf_renderer.h"

#include <absl/status/status.h>
#include <absl/time/civil_time.h>
#include <absl/time/time.h>
#include <doctest/doctest.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/report/helpers.h"

namespace {

using namespace outlive_report_tests;
using outlive::Cell;
using outlive::NumberFormat;
using outlive::PdfOptions;
using outlive::PdfRenderer;
using outlive::Row;

// A document on disk, where programs that are not ours look at it.
class Document {
 public:
  explicit Document(const outlive::Report& report, PdfOptions options = {}) {
    PdfRenderer renderer(std::move(options));
    file_ = dir_.Write("a.pdf", RenderToString(renderer, report));
  }

  // The text of a page, from 1; of all pages: 0.
  std::string Text(int page = 0) const {
    const std::string pages =
        page == 0 ? "" : " -f " + std::to_string(page) + " -l " + std::to_string(page);
    return Run("pdftotext -layout -enc UTF-8" + pages + " '" + file_ + "' -");
  }

  // In the order of drawing, without white space of layout.
  std::string RawText() const { return Run("pdftotext -raw -enc UTF-8 '" + file_ + "' -"); }

  std::string Info() const { return Run("TZ=UTC pdfinfo '" + file_ + "'"); }
  std::string Outline() const {
    const std::string xml = Run("pdftohtml -xml -i -stdout '" + file_ + "'");
    const std::size_t at = xml.find("<outline>");
    return at == std::string::npos ? "" : xml.substr(at);
  }

  int PageCount() const {
    const std::string info = Info();
    return std::stoi(info.substr(info.find("Pages:") + 6));
  }

 private:
  static std::string Run(const std::string& command) {
    const ProgramResult result = RunProgram(command);
    REQUIRE_MESSAGE(result.exit_code == 0, command);
    return result.out;
  }

  TempDir dir_;
  std::string file_;
};

outlive::Table Numbered(std::int64_t row_count) {
  outlive::Table table;
  table.title = "Strikes";
  table.columns = {{.title = "Number"},
                   {.title = "Species", .width = 2},
                   {.title = "Cost", .format = NumberFormat::kMoney}};
  table.row_count = row_count;
  table.rows = MakeRows(row_count, [](std::int64_t i, Row& row) {
    row = {Cell(i), Cell("Bird " + std::to_string(i)), Cell(i * 1000)};
  });
  return table;
}

std::string Words(int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += "word" + std::to_string(i) + " ";
  return text;
}

TEST_CASE("pdf: title, facts, headings, paragraphs and tables can be read back") {
  outlive::Report report = MakeReport({});
  report.title = "Wildlife strikes";
  report.subtitle = "All states";
  report.author = "Ann";
  report.facts = {{"Records", "1,204"}, {"Cost", "$5,678"}};
  report.sections.emplace_back(outlive::Heading{"Summary", 1});
  report.sections.emplace_back(outlive::Paragraph{"First paragraph.\n\nSecond paragraph."});
  report.sections.emplace_back(
      MakeTable("Records", {{.title = "Day"}, {.title = "Cost", .format = NumberFormat::kMoney}},
                {{absl::CivilDay(2024, 1, 31), std::int64_t{1234567}}, {TestTime(), 0.4}}));
  const Document document(report);
  const std::string text = document.Text();
  for (const char* part :
       {"Wildlife strikes", "All states", "Ann", "2024-03-09 14:05 UTC", "Records", "1,204",
        "$5,678", "Summary", "First paragraph.", "Second paragraph.", "2024-01-31", "$1,234,567",
        "2024-03-09 14:05:09", "$0", "Page 1 of 1"}) {
    CAPTURE(part);
    CHECK(Contains(text, part));
  }
}

TEST_CASE("pdf: tables break over pages, repeat their head and lose no row") {
  const Document document(MakeReport({Numbered(150)}));
  const int pages = document.PageCount();
  REQUIRE(pages >= 3);
  for (int page = 1; page <= pages; ++page) {
    CAPTURE(page);
    const std::string text = document.Text(page);
    CHECK(Contains(text, "Number"));
    CHECK(Contains(text, "Species"));
    CHECK(Contains(text, "Page " + std::to_string(page) + " of " + std::to_string(pages)));
    CHECK(Contains(text, "Strikes (continued)") == (page > 1));
  }
  const std::string raw = document.RawText();
  for (int i = 0; i < 150; ++i) {
    CAPTURE(i);
    CHECK(CountOf(raw, "Bird " + std::to_string(i) + " $") == 1);
  }
}

TEST_CASE("pdf: a long paragraph goes on on the next page") {
  const Document document(MakeReport({outlive::Paragraph{Words(3000)}}));
  CHECK(document.PageCount() >= 3);
  const std::string text = document.RawText();
  for (int i = 0; i < 3000; ++i) {
    // A word has a blank after it, or the end of the line.
    const std::string word = "word" + std::to_string(i);
    if (!Contains(text, word + " ") && !Contains(text, word + "\n")) FAIL(word);
  }
}

TEST_CASE("pdf: a heading is never parted from what follows, nor one line from its paragraph") {
  for (int filler = 30; filler < 60; ++filler) {
    CAPTURE(filler);
    std::string lines;
    for (int i = 0; i < filler; ++i) lines += "filler\n";
    outlive::Report report = MakeReport({});
    report.sections.emplace_back(outlive::Paragraph{lines});
    report.sections.emplace_back(outlive::Heading{"Lonely", 1});
    report.sections.emplace_back(outlive::Heading{"Below", 2});
    report.sections.emplace_back(
        outlive::Paragraph{"line one\nline two\nline three\nline four\nline five"});
    const Document document(report);
    for (int page = 1; page <= document.PageCount(); ++page) {
      const std::string text = document.Text(page);
      CHECK(CountOf(text, "line ") != 1);
      if (Contains(text, "Lonely")) CHECK(Contains(text, "Below"));
      if (Contains(text, "Below")) CHECK(Contains(text, "line one"));
    }
  }
}

TEST_CASE("pdf: the labels and the legend of charts are text") {
  outlive::Chart chart;
  chart.title = "By phase";
  chart.y_title = "Upwards";
  chart.x_title = "Across";
  chart.categories = {"Climb", "Approach", "Landing"};
  chart.series = {{.name = "Alpha", .values = {1000, 2000, 3000}},
                  {.name = "Beta", .values = {10, 20, 30}}};
  const std::string text = Document(MakeReport({chart})).RawText();
  for (const char* part : {"By phase", "Upwards", "Across", "Climb", "Approach", "Landing", "Alpha",
                           "Beta", "3,000", "1,000"}) {
    CAPTURE(part);
    CHECK(Contains(text, part));
  }
}

TEST_CASE("pdf: headings are the outline") {
  outlive::Report report = MakeReport({});
  for (const auto& [text, level] : std::vector<std::pair<std::string, int>>{{"Deep first", 3},
                                                                            {"One", 1},
                                                                            {"One A", 2},
                                                                            {"One A i", 3},
                                                                            {"Two & <more>", 1},
                                                                            {"Two ii", 3}}) {
    report.sections.emplace_back(outlive::Heading{text, level});
    report.sections.emplace_back(outlive::Paragraph{Words(300)});
  }
  const Document document(report);
  std::string outline = document.Outline();
  std::string flat;
  for (const char c : outline) {
    if (c != '\n' && c != ' ') flat += c;
  }
  CHECK(Contains(flat, "Deepfirst</item>"));
  // Nested as the levels are.
  CHECK(Contains(flat, "One</item><outline><itempage"));
  CHECK(Contains(flat, "OneA</item><outline><itempage"));
  CHECK(Contains(flat, "OneAi</item></outline></outline><itempage"));
  CHECK(Contains(flat, "Twoii</item></outline></outline>"));
}

TEST_CASE("pdf: the document's properties come from the report") {
  outlive::Report report = MakeReport({});
  report.title = "\u041E\u0442\u0447\u0451\u0442 (1)";
  report.subtitle = "Subtitle";
  report.author = "Ann";
  const std::string info = Document(report).Info();
  CHECK(Contains(info, "Title:           \u041E\u0442\u0447\u0451\u0442 (1)\n"));
  CHECK(Contains(info, "Subject:         Subtitle\n"));
  CHECK(Contains(info, "Author:          Ann\n"));
  CHECK(Contains(info, "CreationDate:    Sat Mar  9 14:05:09 2024 UTC\n"));
}

TEST_CASE("pdf: paper sizes") {
  PdfOptions options;
  CHECK(Contains(Document(MakeReport({}), options).Info(), "595.28 x 841.89 pts (A4)"));
  options.landscape = true;
  CHECK(Contains(Document(MakeReport({}), options).Info(), "841.89 x 595.28 pts (A4)"));
  options.paper = PdfOptions::Paper::kLetter;
  CHECK(Contains(Document(MakeReport({}), options).Info(), "792 x 612 pts (letter)"));
}

TEST_CASE("pdf: a title page of its own") {
  PdfOptions options;
  options.title_page = true;
  const Document document(MakeReport({outlive::Paragraph{"content"}}), options);
  CHECK(document.PageCount() == 2);
  CHECK_FALSE(Contains(document.Text(1), "content"));
  CHECK(Contains(document.Text(2), "content"));
  CHECK(Document(MakeReport({}), options).PageCount() == 1);
}

TEST_CASE("pdf: every option and shape of page takes every kind of section") {
  outlive::Report report = MakeReport({});
  report.facts = {{"A fact", std::string(300, 'x')}, {"B", "2"}};
  report.sections.emplace_back(outlive::Heading{"Heading", 1});
  outlive::Chart chart;
  chart.title = "Chart";
  chart.categories = {"a", "b"};
  chart.series = {{.name = "s", .values = {1, 2}}};
  report.sections.emplace_back(chart);
  report.sections.emplace_back(Numbered(90));
  for (const double margin : {18.0, 144.0}) {
    for (const bool landscape : {false, true}) {
      for (const int lines : {1, 20}) {
        PdfOptions options;
        options.margin = margin;
        options.landscape = landscape;
        options.cell_line_count_max = lines;
        CHECK(Document(report, options).PageCount() >= 2);
      }
    }
  }
}

TEST_CASE("pdf: options and tables that cannot be are refused before anything is written") {
  const auto refuse = [](const outlive::Report& report, const PdfOptions& options) {
    TestProgress progress;
    outlive::StringSink sink;
    PdfRenderer renderer(options);
    const absl::Status status = renderer.Render(report, progress, sink);
    CHECK(absl::IsInvalidArgument(status));
    CHECK(sink.bytes().empty());
    return std::string(status.message());
  };
  for (const double margin : {17.0, 145.0, std::numeric_limits<double>::quiet_NaN()}) {
    PdfOptions options;
    options.margin = margin;
    refuse(MakeReport({}), options);
  }
  for (const int lines : {0, 21}) {
    PdfOptions options;
    options.cell_line_count_max = lines;
    refuse(MakeReport({}), options);
  }
  const std::string message = refuse(TableReport(std::vector<outlive::Column>(35), {}), {});
  CHECK(Contains(message, "35 columns"));
  PdfOptions landscape;
  landscape.landscape = true;
  CHECK(Document(TableReport(std::vector<outlive::Column>(35), {}), landscape).PageCount() == 1);
}

TEST_CASE("pdf: rows that are others the second time are an error, not a wrong page number") {
  outlive::Table table = Numbered(0);
  auto opened = std::make_shared<int>(0);
  table.rows = [opened]() -> absl::StatusOr<std::unique_ptr<outlive::RowSource>> {
    return MakeRows(++*opened * 100, [](std::int64_t i, Row& row) { row = {i}; })();
  };
  TestProgress progress;
  outlive::StringSink sink;
  PdfRenderer renderer;
  const absl::Status status = renderer.Render(MakeReport({table}), progress, sink);
  CHECK(absl::IsUnavailable(status));
  CHECK(*opened == 2);
}

TEST_CASE("pdf: a sink that throws does not tear the library apart") {
  class ThrowingSink final : public outlive::ByteSink {
   public:
    absl::Status Write(std::string_view) override {
      throw std::runtime_error("thrown by the test");
    }
  };
  TestProgress progress;
  ThrowingSink sink;
  PdfRenderer renderer;
  const absl::Status status = renderer.Render(MakeReport({Numbered(2500)}), progress, sink);
  CHECK(absl::IsInternal(status));
  CHECK(Contains({status.message().data(), status.message().size()}, "thrown by the test"));
}

TEST_CASE("pdf: after it was given up nothing more is written") {
  const outlive::Report report = MakeReport({Numbered(4000)});
  TestProgress probe;
  outlive::StringSink whole;
  PdfRenderer renderer;
  REQUIRE(renderer.Render(report, probe, whole).ok());
  // Cancelled near the end, when much of the document has been drawn.
  TestProgress progress(probe.asked() - 3);
  outlive::StringSink sink;
  REQUIRE(absl::IsCancelled(renderer.Render(report, progress, sink)));
  CHECK_FALSE(sink.bytes().empty());
  CHECK(sink.bytes().size() < whole.bytes().size());
  CHECK_FALSE(Contains(sink.bytes(), "%%EOF"));
}

}  // namespace
