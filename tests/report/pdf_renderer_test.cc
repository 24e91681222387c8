#include "outlive/report/pdf_renderer.h"

#include <absl/status/status.h>
#include <absl/time/civil_time.h>
#include <absl/time/time.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <limits>
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

  // As people read it, without the marks of direction that pdftotext adds.
  std::string ReadText() const {
    std::string text = Run("pdftotext -enc UTF-8 '" + file_ + "' -");
    for (const std::string_view mark : {"\u202A", "\u202B", "\u202C", "\u200E", "\u200F"}) {
      for (std::size_t at = 0; (at = text.find(mark)) != std::string::npos;) {
        text.erase(at, mark.size());
      }
    }
    return text;
  }

  // Where a word stands on its page, in points. It must be there once.
  struct Box {
    double left = 0;
    double top = 0;
    double right = 0;
  };
  Box BoxOf(const std::string& word) const {
    const std::string words = Run("pdftotext -bbox -enc UTF-8 '" + file_ + "' -");
    const std::string end_tag = ">" + word + "</word>";
    REQUIRE_MESSAGE(CountOf(words, end_tag) == 1, word);
    Box box;
    REQUIRE(std::sscanf(words.c_str() + words.rfind("<word", words.find(end_tag)),
                        "<word xMin=\"%lf\" yMin=\"%lf\" xMax=\"%lf\"", &box.left, &box.top,
                        &box.right) == 3);
    return box;
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

TEST_CASE("pdf: the last row of a table does not stand alone on a page") {
  int last_pages_with_two = 0;
  for (int row_count = 30; row_count < 90; ++row_count) {
    CAPTURE(row_count);
    const Document document(MakeReport({Numbered(row_count)}));
    const int on_last = CountOf(document.Text(document.PageCount()), "Bird ");
    CHECK(on_last != 1);
    if (on_last == 2) ++last_pages_with_two;
  }
  CHECK(last_pages_with_two > 0);
}

TEST_CASE("pdf: numbers stand at the right of their column, text at the left") {
  const auto near = [](double value) { return doctest::Approx(value).epsilon(0.004); };
  const Document document(TableReport(
      {{.title = "Aaa"}, {.title = "Bbb"}, {.title = "Ccc", .align = outlive::Align::kRight}},
      {{"first", std::int64_t{7}, "x"}, {"second", std::int64_t{1234567}, "longer"}}));
  CHECK(document.BoxOf("7").right == near(document.BoxOf("1234567").right));
  CHECK(document.BoxOf("Bbb").right == near(document.BoxOf("7").right));
  CHECK(document.BoxOf("first").left == near(document.BoxOf("second").left));
  CHECK(document.BoxOf("x").right == near(document.BoxOf("longer").right));
}

TEST_CASE("pdf: many scripts, from both sides") {
  outlive::Report report = MakeReport({});
  const std::vector<std::string> texts = {
      "\u041F\u0442\u0438\u0446\u044B",
      "\u03A0\u03BF\u03C5\u03BB\u03B9\u03AC",
      "\u062A\u0642\u0631\u064A\u0631 \u0639\u0646 \u0637\u064A\u0648\u0631",
      "\u05D3\u05D5\u05D7 \u05E6\u05D9\u05E4\u05D5\u05E8\u05D9\u05DD",
  };
  for (const std::string& text : texts) report.sections.emplace_back(outlive::Paragraph{text});
  int warnings = 0;
  PdfOptions options;
  options.on_warning = [&warnings](std::string_view) { ++warnings; };
  // Where one word ends and the next begins is a guess of pdftotext; it guesses wrong for short
  // lines from right to left.
  const auto letters = [](std::string text) {
    std::erase_if(text, [](char c) { return c == ' ' || c == '\n'; });
    return text;
  };
  const std::string read = letters(Document(report, options).ReadText());
  for (const std::string& text : texts) {
    CAPTURE(text);
    CHECK(Contains(read, letters(text)));
  }
  CHECK(warnings == 0);
}

TEST_CASE("pdf: a document in a language from right to left is mirrored") {
  outlive::Report report =
      TableReport({{.title = "name"}, {.title = "cost", .format = NumberFormat::kMoney}},
                  {{"eagle", std::int64_t{1234}}});
  report.language = "ar";
  report.title = "\u062A\u0642\u0631\u064A\u0631";
  report.facts = {{"one", "11"}, {"two", "22"}};
  const Document document(report);
  // The first column and the first fact are the right ones.
  CHECK(document.BoxOf("$1,234").right < document.BoxOf("eagle").left);
  CHECK(document.BoxOf("22").right < document.BoxOf("11").left);
  CHECK(document.BoxOf("11").right > 500);
  CHECK(document.BoxOf("eagle").right > 500);
  CHECK(Contains(document.ReadText(), "2024-03-09 14:05 UTC"));
}

TEST_CASE("pdf: what a machine has no font for is said in the document and to the host") {
  // One font, without any Chinese.
  const TempDir dir;
  const ProgramResult font = RunProgram("fc-match -f '%{file}' 'DejaVu Sans'");
  REQUIRE(Contains(font.out, "DejaVuSans.ttf"));
  const std::string fonts = dir.path() / "fonts";
  std::filesystem::create_directory(fonts);
  std::filesystem::copy(font.out, fonts);
  const auto render = [&dir](const std::string& folder, const std::string& text) {
    const std::string config = dir.Write(
        "fonts.conf", "<?xml version=\"1.0\"?><fontconfig><dir>" + folder + "</dir><cachedir>" +
                          (dir.path() / "cache").string() + "</cachedir></fontconfig>");
    return RunProgram("FONTCONFIG_FILE='" + config + "' '" OUTLIVE_REPORT_PDF_FONTS_PROGRAM "' '" +
                      text + "' '" + (dir.path() / "a.pdf").string() + "'");
  };
  const auto text_of = [&dir] {
    std::string text = RunProgram("pdftotext '" + (dir.path() / "a.pdf").string() + "' -").out;
    std::replace(text.begin(), text.end(), '\n', ' ');
    return text;
  };

  CHECK(render(fonts, "plain").out == "OK\n");
  CHECK_FALSE(Contains(text_of(), "could not be shown"));

  const ProgramResult some = render(fonts, "a \u4E2D\u6587 \u4E2D b");
  CHECK(some.out ==
        "warning: pdf: no font for 2 characters such as U+4E2D, U+6587; install a font such as "
        "fonts-noto-cjk\nOK\n");
  CHECK(Contains(text_of(), "no font for them: U+4E2D, U+6587."));

  std::string many;
  for (int i = 0; i < 20; ++i) many += std::string("\xE4\xB8") + static_cast<char>(0x80 + i);
  CHECK(Contains(render(fonts, many).out, "20 characters such as U+4E00"));
  CHECK(Contains(text_of(), "U+4E07 (+12)."));

  const std::string empty = dir.path() / "empty";
  std::filesystem::create_directory(empty);
  CHECK(
      Contains(render(empty, "plain").out, "FAILED_PRECONDITION: pdf: this machine has no fonts"));
}

TEST_CASE("pdf: a wide number is written smaller, never cut") {
  const auto text_of = [](std::size_t column_count) {
    std::vector<outlive::Column> columns(column_count);
    Row row;
    for (outlive::Column& column : columns) {
      column.title = "n";
      column.format = NumberFormat::kMoney;
      row.emplace_back(std::int64_t{9'223'372'036'854'775'807});
    }
    std::string text = Document(TableReport(columns, {row})).RawText();
    std::erase_if(text, [](char c) { return c == '\n' || c == ' '; });
    return text;
  };
  CHECK(CountOf(text_of(6), "$9,223,372,036,854,775,807") == 6);
  // Where that would be too small to read it takes several lines, and all digits are there.
  const std::string narrow = text_of(20);
  const auto digits = [&narrow] {
    return std::count_if(narrow.begin(), narrow.end(), [](char c) { return c == '7'; });
  };
  CHECK(digits() == 20 * 4);
}

TEST_CASE("pdf: long text in a cell is wrapped, then ends with an ellipsis") {
  const auto height_of = [](int line_count_max) {
    PdfOptions options;
    options.cell_line_count_max = line_count_max;
    const Document document(TableReport({{.title = "a"}}, {{"first"}, {Words(250)}, {"last"}}),
                            options);
    return document.BoxOf("last").top - document.BoxOf("first").top;
  };
  const double one = height_of(1);
  const double line = height_of(2) - one;
  CHECK(line > 5);
  CHECK(height_of(3) - one == doctest::Approx(2 * line).epsilon(0.02));
  CHECK(height_of(6) - one == doctest::Approx(5 * line).epsilon(0.02));
}

TEST_CASE("pdf: text of any length is laid out piece by piece, and reads as one") {
  // Words that stand alone, a word without end, lines, marks on marks, and text from the right.
  // Each cost a hundred times as much when a paragraph was laid out as a whole.
  std::string latin;
  for (int i = 0; i < 2000; ++i) latin += "Latin" + std::to_string(i) + " ";
  const std::string read = Document(MakeReport({outlive::Paragraph{latin}})).RawText();
  for (int i = 0; i < 2000; ++i) {
    const std::string word = "Latin" + std::to_string(i);
    if (CountOf(read, word + " ") + CountOf(read, word + "\n") != 1) FAIL(word);
  }
  for (const char* unit : {"x", "a\n", "e\u0301\u0301", "\u0627"}) {
    std::string text;
    while (text.size() < 60'000) text += unit;
    outlive::Report report = MakeReport({outlive::Paragraph{text}, outlive::Heading{text, 1}});
    report.title = text;
    CHECK(Document(report).PageCount() >= 3);
  }
}

TEST_CASE("pdf: a paragraph from right to left that goes on with Latin stays at the right") {
  std::string text = "\u0637\u064A\u0648\u0631 ";
  for (int i = 0; i < 900; ++i) text += "w" + std::to_string(i) + " ";
  const Document document(MakeReport({outlive::Paragraph{text}}));
  // The last line is short: it stands at the right, although what it says runs to the right.
  CHECK(document.BoxOf("w899").left > 200);
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
