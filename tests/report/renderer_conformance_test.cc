// What every renderer promises, checked on each of them.
#include "outlive/core/renderer.h"

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/civil_time.h>
#include <doctest/doctest.h>
#include <locale.h>
#include <stdlib.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "outlive/report/csv_renderer.h"
#include "outlive/report/html_renderer.h"
#include "tests/report/helpers.h"
#ifdef OUTLIVE_WITH_PDF
#include "outlive/report/pdf_renderer.h"
#endif
#ifdef OUTLIVE_WITH_XLSX
#include "outlive/report/xlsx_renderer.h"
#endif

namespace {

using namespace outlive_report_tests;
using outlive::Cell;
using outlive::Renderer;
using outlive::Report;
using outlive::Row;

struct Format {
  std::string name;
  std::unique_ptr<Renderer> renderer;
};

std::vector<Format> Formats() {
  std::vector<Format> formats;
  formats.push_back({"csv", std::make_unique<outlive::CsvRenderer>()});
  formats.push_back({"html", std::make_unique<outlive::HtmlRenderer>()});
#ifdef OUTLIVE_WITH_PDF
  formats.push_back({"pdf", std::make_unique<outlive::PdfRenderer>()});
#endif
#ifdef OUTLIVE_WITH_XLSX
  formats.push_back({"xlsx", std::make_unique<outlive::XlsxRenderer>()});
#endif
  return formats;
}

std::vector<outlive::Column> Columns() {
  return {{.title = "Number"}, {.title = "Name"}, {.title = "Day"}};
}

void MakeRow(std::int64_t i, Row& row) {
  row = {Cell(i), Cell("Name " + std::to_string(i)), Cell(absl::CivilDay(2024, 1, 1) + i % 900)};
}

outlive::Table Streamed(std::int64_t row_count, absl::Status failure = absl::OkStatus()) {
  outlive::Table table;
  table.title = "Records";
  table.columns = Columns();
  table.row_count = row_count;
  table.rows = MakeRows(row_count, MakeRow, std::move(failure));
  return table;
}

// One of everything.
Report FullReport(std::int64_t row_count = 300) {
  Report report = MakeReport({});
  report.subtitle = "With a subtitle";
  report.author = "Ann";
  report.facts = {{"Records", "300"}, {"Cost", "$1,204"}};
  report.sections.emplace_back(outlive::Heading{"Summary", 1});
  report.sections.emplace_back(outlive::Paragraph{"Some text.\n\nMore text."});
  outlive::Chart chart;
  chart.title = "By year";
  chart.categories = {"1990", "1991", "1992"};
  chart.series = {{.name = "Strikes", .values = {3, 2, 5}}};
  report.sections.emplace_back(chart);
  chart.type = outlive::Chart::Type::kLine;
  report.sections.emplace_back(chart);
  report.sections.emplace_back(outlive::Heading{"Details", 2});
  report.sections.emplace_back(Streamed(row_count));
  return report;
}

TEST_CASE("renderers: each has a media type and an extension of its own") {
  std::vector<std::string> extensions;
  for (const Format& format : Formats()) {
    CAPTURE(format.name);
    CHECK(Contains(format.renderer->media_type(), "/"));
    CHECK(format.renderer->file_extension() == "." + format.name);
    extensions.emplace_back(format.renderer->file_extension());
  }
  std::sort(extensions.begin(), extensions.end());
  CHECK(std::adjacent_find(extensions.begin(), extensions.end()) == extensions.end());
}

TEST_CASE("renderers: the same report gives the same bytes") {
  for (const Format& format : Formats()) {
    CAPTURE(format.name);
    const std::string first = RenderToString(*format.renderer, FullReport());
    const std::string second = RenderToString(*format.renderer, FullReport());
    CHECK(first.size() > 1000);
    CHECK((first == second));  // In brackets: a difference is too long to print.
  }
}

TEST_CASE("renderers: an empty report is a document too") {
  for (const Format& format : Formats()) {
    CAPTURE(format.name);
    const std::string bytes = RenderToString(*format.renderer, Report{});
    CHECK(bytes.empty() == (format.name == "csv"));
  }
}

TEST_CASE("renderers: a report that is not well formed is refused before anything is written") {
  Report report = FullReport();
  report.sections.emplace_back(outlive::Heading{"bad", 9});
  for (const Format& format : Formats()) {
    CAPTURE(format.name);
    TestProgress progress;
    outlive::StringSink sink;
    CHECK(absl::IsInvalidArgument(format.renderer->Render(report, progress, sink)));
    CHECK(sink.bytes().empty());
  }
}

TEST_CASE("renderers: progress grows from row to row and ends at one") {
  for (const bool count_known : {true, false}) {
    for (const Format& format : Formats()) {
      CAPTURE(format.name);
      CAPTURE(count_known);
      Report report = MakeReport({Streamed(3000), Streamed(2000)});
      if (!count_known) std::get<outlive::Table>(report.sections[1]).row_count = -1;
      TestProgress progress;
      outlive::StringSink sink;
      REQUIRE(format.renderer->Render(report, progress, sink).ok());
      const std::vector<double>& fractions = progress.fractions();
      CHECK(fractions.size() >= 15);
      CHECK(std::is_sorted(fractions.begin(), fractions.end()));
      CHECK(fractions.front() >= 0);
      CHECK(fractions.front() < 0.2);
      CHECK(fractions.back() == 1.0);
      const std::string note = count_known ? "256 of 5000 rows" : "256 rows";
      CHECK(std::count(progress.notes().begin(), progress.notes().end(), note) == 1);
    }
  }
}

TEST_CASE("renderers: can be cancelled at any point") {
  const Report report = MakeReport({Streamed(1500)});
  for (const Format& format : Formats()) {
    CAPTURE(format.name);
    int ask_count = 0;
    {
      TestProgress progress;
      outlive::StringSink sink;
      REQUIRE(format.renderer->Render(report, progress, sink).ok());
      ask_count = progress.asked();
    }
    CHECK(ask_count >= 1500 / 200);  // At least every few hundred rows.
    for (int asks = 0; asks < ask_count; asks += 1 + ask_count / 24) {
      TestProgress progress(asks);
      outlive::StringSink sink;
      const absl::Status status = format.renderer->Render(report, progress, sink);
      CHECK(absl::IsCancelled(status));
      CHECK(progress.asked() == asks + 1);  // Stopped at once.
    }
  }
}

TEST_CASE("renderers: a sink that fails at its n-th write is heard") {
  const Report report = FullReport(3000);
  for (const Format& format : Formats()) {
    CAPTURE(format.name);
    bool succeeded = false;
    int failures = 0;
    for (int writes = 0; !succeeded; writes = writes < 16 ? writes + 1 : writes * 3 / 2) {
      TestProgress progress;
      FailingSink sink(writes);
      const absl::Status status = format.renderer->Render(report, progress, sink);
      succeeded = status.ok();
      CHECK(sink.failed() == !succeeded);
      if (succeeded) break;
      ++failures;
      CHECK(absl::IsUnavailable(status));
      CHECK(Contains({status.message().data(), status.message().size()}, "says the test"));
    }
    CHECK(failures >= 1);
  }
}

TEST_CASE("renderers: an error of the rows is passed on") {
  for (const std::int64_t row_count : {0, 1, 100, 1000}) {
    const Report report = MakeReport(
        {outlive::Heading{"One", 1}, Streamed(row_count, absl::DataLossError("a torn page"))});
    for (const Format& format : Formats()) {
      CAPTURE(format.name);
      CAPTURE(row_count);
      TestProgress progress;
      outlive::StringSink sink;
      const absl::Status status = format.renderer->Render(report, progress, sink);
      CHECK(status == absl::DataLossError("a torn page"));
    }
  }
}

TEST_CASE("renderers: rows that cannot be opened are an error") {
  outlive::Table refused = Streamed(1);
  refused.rows = []() -> absl::StatusOr<std::unique_ptr<outlive::RowSource>> {
    return absl::PermissionDeniedError("not yours");
  };
  outlive::Table null = Streamed(1);
  null.rows = []() -> absl::StatusOr<std::unique_ptr<outlive::RowSource>> { return nullptr; };
  for (const Format& format : Formats()) {
    CAPTURE(format.name);
    TestProgress progress;
    outlive::StringSink sink;
    CHECK(format.renderer->Render(MakeReport({refused}), progress, sink) ==
          absl::PermissionDeniedError("not yours"));
    CHECK(absl::IsInternal(format.renderer->Render(MakeReport({null}), progress, sink)));
  }
}

TEST_CASE("renderers: a row that is too long is an error, one that is too short is filled up") {
  for (const Format& format : Formats()) {
    CAPTURE(format.name);
    TestProgress progress;
    outlive::StringSink sink;
    const Report long_row =
        TableReport({{.title = "a"}, {.title = "b"}}, {{"1", "2"}, {"1", "2", "3"}});
    const absl::Status status = format.renderer->Render(long_row, progress, sink);
    CHECK(absl::IsInvalidArgument(status));
    CHECK(Contains({status.message().data(), status.message().size()}, "row 2 has 3 cells"));
    RenderToString(*format.renderer,
                   TableReport({{.title = "a"}, {.title = "b"}}, {{"1", "2"}, {}, {"1"}}));
  }
}

TEST_CASE("renderers: take whatever a report may hold") {
  const std::vector<std::string> texts = {"",
                                          "\xFF\xFE",
                                          std::string("\0", 1),
                                          std::string(40'000, 'x'),
                                          "\n\n\n",
                                          "\u202E",
                                          "e\u0301\u0302",
                                          "\U0001F468\u200D\U0001F469",
                                          "\u0645\u0631\u062D\u0628\u0627",
                                          "%s%n{}",
                                          "_x0041_",
                                          "A\u00AD\u2028B"};
  const double infinity = std::numeric_limits<double>::infinity();
  for (const std::string& text : texts) {
    Report report = MakeReport({});
    report.title = report.subtitle = report.author = text;
    report.facts = {{text, text}, {text, text}};
    report.created = absl::UnixEpoch();
    report.sections.emplace_back(outlive::Heading{text, 1});
    report.sections.emplace_back(outlive::Heading{text, 3});
    report.sections.emplace_back(outlive::Paragraph{text});
    report.sections.emplace_back(
        MakeTable(text, {{.title = text}, {.title = text, .format = outlive::NumberFormat::kMoney}},
                  {{text, infinity},
                   {text, -infinity},
                   {text, std::numeric_limits<double>::quiet_NaN()},
                   {text, std::numeric_limits<double>::max()},
                   {text, std::numeric_limits<double>::min()},
                   {text, std::numeric_limits<std::int64_t>::min()},
                   {text, absl::CivilDay(-5, 1, 1)},
                   {text, absl::CivilDay(99'999, 1, 1)},
                   {text, absl::InfiniteFuture()},
                   {text, absl::InfinitePast()},
                   {text, absl::UnixEpoch()}}));
    outlive::Chart chart;
    chart.title = chart.x_title = chart.y_title = text;
    chart.categories = {text, text};
    chart.series = {{.name = text, .values = {infinity, 1e308}},
                    {.name = text, .values = {-1e308, -infinity}}};
    report.sections.emplace_back(chart);
    for (const Format& format : Formats()) {
      CAPTURE(format.name);
      CAPTURE(text.substr(0, 20));
      CHECK(RenderToString(*format.renderer, report).size() > 20);
    }
  }
}

TEST_CASE("renderers: several threads render at once, each its own report") {
  for (const Format& format : Formats()) {
    CAPTURE(format.name);
    const auto report_of = [](int i) {
      Report report = FullReport(120 + i);
      report.title = "Report " + std::to_string(i);
      report.created = TestTime() + absl::Hours(i);
      return report;
    };
    constexpr int kThreadCount = 4;
    std::vector<std::string> expected;
    for (int i = 0; i < kThreadCount; ++i) {
      expected.push_back(RenderToString(*format.renderer, report_of(i)));
    }
    std::vector<std::string> got(kThreadCount);
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreadCount; ++i) {
      threads.emplace_back([&, i] {
        for (int round = 0; round < 5; ++round) {
          TestProgress progress;
          outlive::StringSink sink;
          const absl::Status status = format.renderer->Render(report_of(i), progress, sink);
          got[static_cast<std::size_t>(i)] = status.ok() ? sink.bytes() : status.ToString();
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (std::size_t i = 0; i < kThreadCount; ++i) CHECK((got[i] == expected[i]));
  }
}

TEST_CASE("renderers: the host's locale changes nothing, and is not changed") {
  // One with a decimal comma, made when the tests were built.
  const std::string name = "de_DE.UTF-8";
  const std::string before = setlocale(LC_ALL, nullptr);
  REQUIRE(setenv("LOCPATH", OUTLIVE_TEST_LOCALES, 1) == 0);
  REQUIRE(setlocale(LC_ALL, name.c_str()) != nullptr);
  REQUIRE(*localeconv()->decimal_point == ',');
  setlocale(LC_ALL, before.c_str());
  for (const Format& format : Formats()) {
    CAPTURE(format.name);
    const std::string expected = RenderToString(*format.renderer, FullReport());
    setlocale(LC_ALL, name.c_str());
    const std::string got = RenderToString(*format.renderer, FullReport());
    const std::string after = setlocale(LC_ALL, nullptr);
    setlocale(LC_ALL, before.c_str());
    CHECK((got == expected));
    CHECK(after == name);
  }
}

}  // namespace
