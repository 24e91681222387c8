#include "outlive/report/xlsx_renderer.h"

#include <absl/status/status.h>
#include <absl/time/civil_time.h>
#include <absl/time/time.h>
#include <doctest/doctest.h>
#include <locale.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "report/xlsx_sheet_names.h"
#include "tests/report/helpers.h"

namespace {

using namespace outlive_report_tests;
using outlive::Cell;
using outlive::NumberFormat;
using outlive::Row;
using outlive::XlsxOptions;
using outlive::XlsxRenderer;

std::string Xlsx(const outlive::Report& report, XlsxOptions options = {}) {
  XlsxRenderer renderer(std::move(options));
  return RenderToString(renderer, report);
}

// What a Python program prints that has the workbook as `book`.
std::string Look(const std::string& bytes, const std::string& program) {
  const TempDir dir;
  return RunPython(
      "import sys, warnings, openpyxl, datetime, zipfile\n"
      "warnings.simplefilter('error')\n"
      "book = openpyxl.load_workbook(sys.argv[1])\n" +
          program,
      dir.Write("a.xlsx", bytes));
}

outlive::Chart MakeChart(std::string title, outlive::Chart::Type type) {
  outlive::Chart chart;
  chart.type = type;
  chart.title = std::move(title);
  chart.x_title = "Year";
  chart.y_title = "Strikes";
  chart.categories = {"1990", "1991", "1992"};
  chart.series = {{.name = "all", .values = {3, 2, std::numeric_limits<double>::quiet_NaN()}},
                  {.name = "=some", .values = {1, 2, 3}}};
  return chart;
}

TEST_CASE("xlsx: cells keep their types, values and formats") {
  const outlive::Report report =
      TableReport({{.title = "text"},
                   {.title = "whole"},
                   {.title = "money", .format = NumberFormat::kMoney},
                   {.title = "share", .format = NumberFormat::kPercent},
                   {.title = "double"},
                   {.title = "ok"},
                   {.title = "day"},
                   {.title = "at"}},
                  {{"Ann", std::int64_t{123'456'789'012}, 1234.5, 0.125, 0.1, true,
                    absl::CivilDay(2024, 1, 31), TestTime()},
                   {Cell(), Cell(), Cell(), Cell(), Cell(), false, Cell(), Cell()}});
  CHECK(Look(Xlsx(report), R"(
sheet = book['Records']
for row in sheet.iter_rows(min_row=2):
    for cell in row:
        print(repr(cell.value), cell.data_type, cell.number_format)
)") == "'Ann' s General\n"
       "123456789012 n 0\n"
       "1234.5 n \"$\"#,##0;-\"$\"#,##0\n"
       "0.125 n 0.0 %\n"
       "0.1 n General\n"
       "True b General\n"
       "datetime.datetime(2024, 1, 31, 0, 0) d yyyy-mm-dd\n"
       "datetime.datetime(2024, 3, 9, 14, 5, 9) d yyyy-mm-dd hh:mm:ss\n"
       "None n General\nNone n General\nNone n General\nNone n General\nNone n General\n"
       "False b General\n"
       "None n General\nNone n General\n");
}

TEST_CASE("xlsx: the head is frozen, filtered, repeated in print, and columns have widths") {
  const outlive::Report report = TableReport(
      {{.title = "Name", .width = 3}, {.title = "Day"}, {.title = "A title that is long"}},
      {{"a", absl::CivilDay(2024, 1, 31), 1.0}, {"b", Cell(), 2.0}});
  CHECK(Look(Xlsx(report), R"(
sheet = book['Records']
print(sheet.freeze_panes, sheet.auto_filter.ref, sheet.print_title_rows)
print([cell.value for cell in sheet[1]], [cell.font.b for cell in sheet[1]])
print([cell.alignment.horizontal for cell in sheet[1]])
print([round(sheet.column_dimensions[c].width) for c in 'ABC'])
)") == "A2 A1:C3 $1:$1\n"
       "['Name', 'Day', 'A title that is long'] [True, True, True]\n"
       "['left', 'left', 'right']\n"
       "[30, 13, 25]\n");
}

TEST_CASE("xlsx: the first sheet has title, facts, headings, paragraphs and where the tables are") {
  outlive::Report report = MakeReport({});
  report.title = "Strikes & <birds>";
  report.subtitle = "Subtitle";
  report.author = "Ann";
  report.facts = {{"Records", "1,204"}};
  report.sections.emplace_back(outlive::Heading{"Summary", 1});
  report.sections.emplace_back(outlive::Paragraph{"One.\n\nTwo\nlines."});
  report.sections.emplace_back(MakeTable("Records", {{.title = "a"}}, {{"x"}, {"y"}}));
  report.sections.emplace_back(MakeTable("None", {{.title = "a"}}, {}));
  CHECK(Look(Xlsx(report), R"(
print(book.sheetnames, book.active.title)
for row in book.worksheets[0].iter_rows():
    values = [cell.value for cell in row if cell.value is not None]
    links = [cell.hyperlink.location for cell in row if cell.hyperlink]
    if values: print(values, links)
print([cell.value for cell in book['None'][1]], book['None'].max_row)
)") == "['Summary', 'Records', 'None'] Summary\n"
       "['Strikes & <birds>'] []\n"
       "['Subtitle'] []\n"
       "['Author', 'Ann'] []\n"
       "['Created', '2024-03-09 14:05 UTC'] []\n"
       "['Records', '1,204'] []\n"
       "['Summary'] []\n"
       "['One.'] []\n"
       "['Two\\nlines.'] []\n"
       "['Records', 2] [\"'Records'!A1\"]\n"
       "['None', 'No rows'] [\"'None'!A1\"]\n"
       "['a'] 1\n");
}

TEST_CASE("xlsx: charts are native, with their figures on the last sheet") {
  const outlive::Report report =
      MakeReport({MakeChart("Bars", outlive::Chart::Type::kBar),
                  MakeChart("=Lines", outlive::Chart::Type::kLine), outlive::Chart()});
  CHECK(Look(Xlsx(report), R"(
print(book.sheetnames, [len(sheet._charts) for sheet in book])
for chart in book.worksheets[0]._charts:
    text = ''.join(run.t for p in chart.title.tx.rich.p for run in p.r)
    print(type(chart).__name__, repr(text))
    for series in chart.series:
        print(series.cat.strRef.f, series.val.numRef.f, series.tx.v or series.tx.strRef)
        print([point.v for point in series.cat.strRef.strCache.pt],
              [point.v for point in series.val.numRef.numCache.pt])
print([[cell.value for cell in row] for row in book['Figures'].iter_rows(max_row=5)])
)") == "['Summary', 'Figures'] [2, 0]\n"
       "BarChart 'Bars'\n"
       "'Figures'!$A$3:$A$5 'Figures'!$B$3:$B$5 all\n"
       "['1990', '1991', '1992'] [3.0, 2.0]\n"
       "'Figures'!$A$3:$A$5 'Figures'!$C$3:$C$5  =some\n"
       "['1990', '1991', '1992'] [1.0, 2.0, 3.0]\n"
       "LineChart ' =Lines'\n"
       "'Figures'!$A$9:$A$11 'Figures'!$B$9:$B$11 all\n"
       "['1990', '1991', '1992'] [3.0, 2.0]\n"
       "'Figures'!$A$9:$A$11 'Figures'!$C$9:$C$11  =some\n"
       "['1990', '1991', '1992'] [1.0, 2.0, 3.0]\n"
       "[['Bars', None, None], ['Year', 'all', '=some'], ['1990', 3, 1], ['1991', 2, 2], "
       "['1992', None, 3]]\n");
}

TEST_CASE("xlsx: no text is ever a formula or a link") {
  const std::vector<std::string> evil = {
      "=1+1",        "{=1+1}",       "+1",  "@SUM(A1)", "=cmd|'/C calc'!A0", "http://example.com",
      "internal:A1", "mailto:a@b.c", "\t=1"};
  std::vector<Row> rows;
  for (const std::string& text : evil) rows.push_back({text});
  outlive::Report report = TableReport({{.title = "=A1"}}, rows);
  report.title = report.subtitle = report.author = "=1+1";
  report.facts = {{"=1+1", "=1+1"}};
  report.sections.emplace_back(outlive::Heading{"=1+1", 1});
  report.sections.emplace_back(outlive::Paragraph{"=1+1"});
  outlive::Chart chart = MakeChart("=1+1", outlive::Chart::Type::kBar);
  chart.x_title = chart.y_title = chart.categories[0] = "=1+1";
  report.sections.emplace_back(chart);
  CHECK(Look(Xlsx(report), R"(
import re
for sheet in book:
    for row in sheet.iter_rows():
        for cell in row:
            if cell.data_type == 'f' and cell.value[0] != '=': print('formula', cell.value)
archive = zipfile.ZipFile(sys.argv[1])
for name in archive.namelist():
    text = archive.read(name).decode()
    if '<f>' in text or 'TargetMode="External"' in text: print('formula or link in', name)
    for formula in re.findall('<c:f>(.*?)</c:f>', text):
        if not formula.startswith("'Figures'!$"): print('chart formula', formula)
print([row[0].value for row in book['Records'].iter_rows()])
)") == "['=A1', '=1+1', '{=1+1}', '+1', '@SUM(A1)', \"=cmd|'/C calc'!A0\", "
       "'http://example.com', 'internal:A1', 'mailto:a@b.c', '\\t=1']\n");
}

TEST_CASE("xlsx: what no cell can hold as a number is text") {
  const double infinity = std::numeric_limits<double>::infinity();
  const std::int64_t exact = std::int64_t{1} << 53;
  const outlive::Report report =
      TableReport({{.title = "v"}}, {{exact},
                                     {-exact},
                                     {exact + 1},
                                     {std::numeric_limits<std::int64_t>::min()},
                                     {std::numeric_limits<double>::quiet_NaN()},
                                     {infinity},
                                     {-infinity},
                                     {absl::CivilDay(1899, 12, 31)},
                                     {absl::CivilDay(1900, 1, 1)},
                                     {absl::CivilDay(1900, 2, 28)},
                                     {absl::CivilDay(1900, 3, 1)},
                                     {absl::CivilDay(9999, 12, 31)},
                                     {absl::CivilDay(10000, 1, 1)},
                                     {absl::InfiniteFuture()},
                                     {1e300},
                                     {5e-324}});
  CHECK(Look(Xlsx(report), R"(
for row in book['Records'].iter_rows(min_row=2):
    value = row[0].value
    print(value.date() if isinstance(value, datetime.datetime) else repr(value))
)") == "9007199254740992\n-9007199254740992\n'9007199254740993'\n'-9223372036854775808'\n"
       "'NaN'\n'Infinity'\n'-Infinity'\n'1899-12-31'\n1900-01-01\n1900-02-28\n1900-03-01\n"
       "9999-12-31\n'10000-01-01'\n'infinite-future'\n1e+300\n5e-324\n");
}

TEST_CASE("xlsx: text comes back as it was") {
  const std::vector<std::string> texts = {" padded ", "two\nlines", "\u00E9\u4E2D\U0001F600",
                                          "<&>\"'",   "_x0041_",    "tab\tinside"};
  std::vector<Row> rows;
  for (const std::string& text : texts) rows.push_back({text});
  rows.push_back({"__x0041__x000D_ _x004_"});
  rows.push_back({"cr\r\nlf\rcr"});
  rows.push_back({std::string("nul\0", 4)});
  outlive::Report report = TableReport({{.title = "t"}}, rows);
  report.title = "_x0041_";
  CHECK(Look(Xlsx(report), R"(
from openpyxl.utils.escape import unescape
for row in book['Records'].iter_rows(min_row=2): print(ascii(unescape(row[0].value)))
print(book['Summary']['A1'].value)
)") == "' padded '\n'two\\nlines'\n'\\xe9\\u4e2d\\U0001f600'\n'<&>\"\\''\n'_x0041_'\n"
       "'tab\\tinside'\n'__x0041__x000D_ _x004_'\n'cr\\nlf\\ncr'\n'nul\\ufffd'\n_x0041_\n");
}

TEST_CASE("xlsx: text that is too long for a cell is cut, and says so") {
  const std::string fits(32'767, 'x');
  const std::string wide = [] {
    std::string text;
    for (int i = 0; i < 16'384; ++i) text += "\U0001F600";  // 32,768 UTF-16 units.
    return text;
  }();
  const outlive::Report report = TableReport({{.title = "t"}}, {{fits}, {fits + "y"}, {wide}});
  CHECK(Look(Xlsx(report), R"(
for row in book['Records'].iter_rows(min_row=2):
    value = row[0].value
    print(len(value.encode('utf-16-le')) // 2, ascii(value[-8:]))
)") == "32767 'xxxxxxxx'\n32767 'x\\u2026 [cut]'\n32767 '\\U0001f600\\u2026 [cut]'\n");
}

TEST_CASE("xlsx: a table longer than a sheet goes on on the next one") {
  std::vector<Row> rows;
  for (std::int64_t i = 0; i < 7; ++i) rows.push_back({i});
  XlsxOptions options;
  options.sheet_row_count_max = 4;
  CHECK(Look(Xlsx(TableReport({{.title = "n"}}, rows), options), R"(
for sheet in book.worksheets[1:]:
    print(sheet.title, [row[0].value for row in sheet.iter_rows()], sheet.freeze_panes,
          sheet.auto_filter.ref)
)") == "Records ['n', 0, 1, 2] A2 A1:A4\n"
       "Records (2) ['n', 3, 4, 5] A2 A1:A4\n"
       "Records (3) ['n', 6] A2 A1:A2\n");
}

TEST_CASE("xlsx: names of sheets are valid, and each is another one") {
  outlive::rendering::SheetNames names;
  const auto add = [&names](const std::string& title) { return names.Add(title, "Table"); };
  CHECK(add("Records") == "Records");
  CHECK(add("records") == "records (2)");
  CHECK(add("RECORDS") == "RECORDS (3)");
  CHECK(add("a[b]c:d*e?f/g\\h") == "a-b-c-d-e-f-g-h");
  CHECK(add("'quoted'") == "quoted");
  CHECK(add("Ann's") == "Ann's");
  CHECK(add("") == "Table");
  CHECK(add(" ''  ") == "Table (2)");
  CHECK(add("History") == "History_");
  CHECK(add("two\nlines") == "two lines");
  CHECK(add("1234567890123456789012345678901234") == "1234567890123456789012345678901");
  CHECK(add("1234567890123456789012345678901xyz") == "123456789012345678901234567 (2)");
  CHECK(add(std::string(29, 'z') + " 'tail") == std::string(29, 'z'));
  CHECK(add("\u0414\u0410\u0422\u0410") == "\u0414\u0410\u0422\u0410");
  CHECK(add("\u0434\u0430\u0442\u0430") == "\u0434\u0430\u0442\u0430 (2)");
  std::string emoji;
  for (int i = 0; i < 20; ++i) emoji += "\U0001F600";
  CHECK(add(emoji).size() == 15 * 4);  // 30 UTF-16 units.
  CHECK(outlive::rendering::QuotedSheetName("Ann's") == "'Ann''s'");
}

TEST_CASE("xlsx: sheets whose names look like numbers or cells are quoted where they are named") {
  outlive::Report report = MakeReport({});
  for (const char* title : {"2024", "A1", "R1C1", "Ann's"}) {
    report.sections.emplace_back(MakeTable(title, {{.title = "a"}}, {{"x"}}));
  }
  CHECK(Look(Xlsx(report), R"(
text = zipfile.ZipFile(sys.argv[1]).read('xl/workbook.xml').decode()
import re
print(sorted(set(re.findall('<definedName [^>]*>([^<>]*?)!', text))))
)") == "[\"'2024'\", \"'A1'\", \"'Ann''s'\", \"'R1C1'\"]\n");
}

TEST_CASE("xlsx: the document's properties come from the report") {
  outlive::Report report = MakeReport({});
  report.title = "Title";
  report.subtitle = "Subtitle";
  report.author = "Ann";
  const std::string program = R"(
p = book.properties
print(p.title, p.subject, p.creator, p.created, p.modified)
)";
  CHECK(Look(Xlsx(report), program) ==
        "Title Subtitle Ann 2024-03-09 14:05:09 2024-03-09 14:05:09\n");
  report.created = absl::FromUnixSeconds(std::numeric_limits<std::int64_t>::max() / 2);
  CHECK(Contains(Look(Xlsx(report), program), "9999-12-31"));
}

TEST_CASE("xlsx: options and tables that cannot be are refused") {
  TestProgress progress;
  outlive::StringSink sink;
  for (const std::int64_t rows : {std::int64_t{1}, std::int64_t{1'048'577}}) {
    XlsxOptions options;
    options.sheet_row_count_max = rows;
    CHECK(absl::IsInvalidArgument(XlsxRenderer(options).Render(MakeReport({}), progress, sink)));
  }
  const outlive::Report wide = TableReport(std::vector<outlive::Column>(16'385), {});
  CHECK(absl::IsInvalidArgument(XlsxRenderer().Render(wide, progress, sink)));
  XlsxOptions options;
  options.temp_dir = "/nonexistent/folder";
  CHECK(absl::IsUnavailable(XlsxRenderer(options).Render(MakeReport({}), progress, sink)));
  CHECK(sink.bytes().empty());
}

TEST_CASE("xlsx: leaves no temporary file and no descriptor behind") {
  const TempDir dir;
  const auto descriptor_count = [] {
    const std::filesystem::directory_iterator descriptors("/proc/self/fd");
    return std::distance(begin(descriptors), end(descriptors));
  };
  const auto before = descriptor_count();
  XlsxOptions options;
  options.temp_dir = dir.path();
  XlsxRenderer renderer(options);
  const outlive::Report report = TableReport({{.title = "a"}}, {{"x"}});
  const outlive::Report failing = MakeReport({[] {
    outlive::Table table = MakeTable("t", {{.title = "a"}}, {});
    table.rows =
        MakeRows(100, [](std::int64_t i, Row& row) { row = {i}; }, absl::DataLossError("torn"));
    return table;
  }()});
  for (int round = 0; round < 3; ++round) {
    TestProgress progress;
    outlive::StringSink sink;
    CHECK(renderer.Render(report, progress, sink).ok());
    CHECK_FALSE(renderer.Render(failing, progress, sink).ok());
    FailingSink broken(0);
    CHECK_FALSE(renderer.Render(report, progress, broken).ok());
    TestProgress cancelled(0);
    CHECK_FALSE(renderer.Render(report, cancelled, sink).ok());
  }
  CHECK(std::filesystem::is_empty(dir.path()));
  CHECK(descriptor_count() == before);
}

// What a child process with a limit on the size of its files makes of `report`: as on a full disk,
// every write beyond the limit fails.
enum class Ending { kWhole, kUnavailable, kDifferent, kOtherError, kCrash };

Ending RenderWithFileSizeLimit(const outlive::Report& report, const std::string& expected,
                               rlim_t byte_count_max) {
  std::fflush(nullptr);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{byte_count_max, byte_count_max};
    setrlimit(RLIMIT_FSIZE, &limit);
    TestProgress progress;
    outlive::StringSink sink;
    const absl::Status status = XlsxRenderer().Render(report, progress, sink);
    const Ending ending = !status.ok() && absl::IsUnavailable(status) ? Ending::kUnavailable
                          : !status.ok()                              ? Ending::kOtherError
                          : sink.bytes() == expected                  ? Ending::kWhole
                                                                      : Ending::kDifferent;
    _exit(static_cast<int>(ending));
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? static_cast<Ending>(WEXITSTATUS(status)) : Ending::kCrash;
}

TEST_CASE("xlsx: with no room for temporary files it says so, and never gives a cut file") {
  outlive::Table table = MakeTable("Records", {{.title = "a"}, {.title = "b"}}, {});
  table.rows = MakeRows(1500, [](std::int64_t i, Row& row) {
    row = {i, Cell("A text of some length, number " + std::to_string(i * 7919))};
  });
  const outlive::Report report = MakeReport({MakeChart("Bars", outlive::Chart::Type::kBar), table});
  const std::string expected = Xlsx(report);
  int refused = 0;
  int whole = 0;
  for (rlim_t limit = 0; whole < 3; limit += limit < 8192 ? 512 : 1777) {
    REQUIRE(limit < (rlim_t{4} << 20));
    CAPTURE(limit);
    const Ending ending = RenderWithFileSizeLimit(report, expected, limit);
    REQUIRE((ending == Ending::kUnavailable || ending == Ending::kWhole));
    refused += ending == Ending::kUnavailable ? 1 : 0;
    whole += ending == Ending::kWhole ? 1 : 0;
  }
  CHECK(refused > 20);
}

}  // namespace
