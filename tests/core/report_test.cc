#include "outlive/core/report.h"

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace {

using outlive::Chart;
using outlive::Column;
using outlive::Heading;
using outlive::Paragraph;
using outlive::Report;
using outlive::Row;
using outlive::RowSource;
using outlive::Table;

Table TableOf(std::vector<Column> columns, std::vector<Row> rows) {
  Table table;
  table.title = "Figures";
  table.columns = std::move(columns);
  table.rows = outlive::RowsInMemory(std::move(rows));
  return table;
}

Report ReportOf(outlive::Section section) {
  Report report;
  report.sections.push_back(Paragraph{"first"});
  report.sections.push_back(std::move(section));
  return report;
}

// The message of the refusal; it must be one that names the second section.
std::string Refusal(outlive::Section section) {
  const absl::Status status = outlive::ValidateReport(ReportOf(std::move(section)));
  REQUIRE(absl::IsInvalidArgument(status));
  const std::string message(status.message());
  CHECK(message.find("section 2") != std::string::npos);
  return message;
}

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::vector<std::int64_t> ReadAll(RowSource& source) {
  std::vector<std::int64_t> numbers;
  Row row;
  while (true) {
    const absl::StatusOr<bool> more = source.Next(row);
    REQUIRE(more.ok());
    if (!*more) return numbers;
    REQUIRE(row.size() == 1);
    numbers.push_back(std::get<std::int64_t>(row[0]));
  }
}

Row Number(std::int64_t n) { return {outlive::Cell(n)}; }

Chart ChartOf(std::string title, std::vector<std::string> categories,
              std::vector<Chart::Series> series) {
  Chart chart;
  chart.title = std::move(title);
  chart.categories = std::move(categories);
  chart.series = std::move(series);
  return chart;
}

TEST_CASE("rows in memory can be opened again and again, and at the same time") {
  const auto rows = outlive::RowsInMemory({Number(1), Number(2), Number(3)});
  absl::StatusOr<std::unique_ptr<RowSource>> first = rows();
  absl::StatusOr<std::unique_ptr<RowSource>> second = rows();
  REQUIRE(first.ok());
  REQUIRE(second.ok());
  Row row;
  REQUIRE((*first)->Next(row).value());
  CHECK(ReadAll(**second) == std::vector<std::int64_t>{1, 2, 3});
  CHECK(ReadAll(**first) == std::vector<std::int64_t>{2, 3});
  CHECK_FALSE((*first)->Next(row).value());  // The end stays the end.
}

TEST_CASE("rows in memory outlive the function that opened them") {
  absl::StatusOr<std::unique_ptr<RowSource>> source = outlive::RowsInMemory({Number(7)})();
  REQUIRE(source.ok());
  CHECK(ReadAll(**source) == std::vector<std::int64_t>{7});
}

TEST_CASE("rows in memory may be none") {
  absl::StatusOr<std::unique_ptr<RowSource>> source = outlive::RowsInMemory({})();
  REQUIRE(source.ok());
  CHECK(ReadAll(**source).empty());
}

TEST_CASE("a well-formed report is accepted") {
  CHECK(outlive::ValidateReport(Report{}).ok());

  Report report;
  report.language = "zh-Hant-TW";
  report.sections.push_back(Heading{"One", 1});
  report.sections.push_back(Heading{"Three", 3});
  report.sections.push_back(Paragraph{""});
  report.sections.push_back(TableOf({{.title = "n"}}, {Number(1)}));
  report.sections.push_back(ChartOf("Empty", {}, {}));
  report.sections.push_back(ChartOf("Two", {"a", "b"}, {{.name = "s", .values = {1.0, 2.0}}}));
  CHECK(outlive::ValidateReport(report).ok());
}

TEST_CASE("a heading's level goes from 1 to 3") {
  for (const int level : {0, 4, -1, std::numeric_limits<int>::max()}) {
    CAPTURE(level);
    const std::string message = Refusal(Heading{"Results", level});
    CHECK(Has(message, "Results"));
    CHECK(Has(message, std::to_string(level)));
  }
}

TEST_CASE("a table has columns, rows, and widths above zero") {
  CHECK(Has(Refusal(TableOf({}, {})), "no columns"));

  Table without_rows = TableOf({{.title = "n"}}, {});
  without_rows.rows = nullptr;
  CHECK(Has(Refusal(without_rows), "no rows"));

  Table with_bad_count = TableOf({{.title = "n"}}, {});
  with_bad_count.row_count = -2;
  CHECK(Has(Refusal(with_bad_count), "row_count"));

  for (const double width : {0.0, -1.0, std::numeric_limits<double>::quiet_NaN(),
                             std::numeric_limits<double>::infinity()}) {
    CAPTURE(width);
    const std::string message =
        Refusal(TableOf({{.title = "a"}, {.title = "b", .width = width}}, {}));
    CHECK(Has(message, "Figures"));
    CHECK(Has(message, "column 2"));
  }
}

TEST_CASE("every series of a chart has a value for every category") {
  const std::string message = Refusal(
      ChartOf("Strikes", {"1990", "1991"},
              {{.name = "good", .values = {1.0, 2.0}}, {.name = "short", .values = {1.0}}}));
  CHECK(Has(message, "Strikes"));
  CHECK(Has(message, "short"));
  CHECK(Has(message, "1 values for 2 categories"));
}

TEST_CASE("a language is a tag and a date is finite") {
  Report report;
  report.language = "en\"><script>";
  CHECK(absl::IsInvalidArgument(outlive::ValidateReport(report)));
  report.language = std::string(65, 'a');
  CHECK(absl::IsInvalidArgument(outlive::ValidateReport(report)));

  report = {};
  report.created = absl::InfiniteFuture();
  CHECK(absl::IsInvalidArgument(outlive::ValidateReport(report)));
}

}  // namespace
