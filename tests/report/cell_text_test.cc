#include "report/cell_text.h"

#include <absl/time/civil_time.h>
#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <string>

#include "outlive/core/report.h"
#include "tests/report/helpers.h"

namespace {

using namespace outlive::rendering;
using outlive::Align;
using outlive::Cell;
using outlive::Column;
using outlive::NumberFormat;
using outlive::ReportLocale;

const ReportLocale kEnglish;

std::string Text(double value, NumberFormat format) { return NumberText(value, format, kEnglish); }
std::string Text(std::int64_t value, NumberFormat format) {
  return NumberText(value, format, kEnglish);
}

TEST_CASE("cell text: whole numbers") {
  const std::int64_t n = 1234567;
  CHECK(Text(n, NumberFormat::kPlain) == "1234567");
  CHECK(Text(n, NumberFormat::kInteger) == "1,234,567");
  CHECK(Text(n, NumberFormat::kDecimal) == "1,234,567.00");
  CHECK(Text(n, NumberFormat::kMoney) == "$1,234,567");
  CHECK(Text(-n, NumberFormat::kMoney) == "-$1,234,567");
  CHECK(Text(std::int64_t{2}, NumberFormat::kPercent) == "200.0 %");
  CHECK(Text(std::int64_t{-999}, NumberFormat::kInteger) == "-999");
  CHECK(Text(std::int64_t{-1000}, NumberFormat::kInteger) == "-1,000");
  CHECK(Text(std::numeric_limits<std::int64_t>::min(), NumberFormat::kInteger) ==
        "-9,223,372,036,854,775,808");
}

TEST_CASE("cell text: doubles") {
  CHECK(Text(1234.5, NumberFormat::kPlain) == "1234.5");
  CHECK(Text(3.0, NumberFormat::kPlain) == "3");
  CHECK(Text(1234.5, NumberFormat::kInteger) == "1,235");
  CHECK(Text(2.5, NumberFormat::kInteger) == "3");
  CHECK(Text(-2.5, NumberFormat::kInteger) == "-3");
  CHECK(Text(-0.4, NumberFormat::kInteger) == "0");
  CHECK(Text(-0.4, NumberFormat::kMoney) == "$0");
  CHECK(Text(1234.5, NumberFormat::kDecimal) == "1,234.50");
  CHECK(Text(-1234.5, NumberFormat::kMoney) == "-$1,235");
  CHECK(Text(0.125, NumberFormat::kPercent) == "12.5 %");
  CHECK(Text(1.5e18, NumberFormat::kInteger) == "1.5e+18");
  CHECK(Text(-1.5e18, NumberFormat::kMoney) == "-$1.5e+18");
  CHECK(Text(1e-7, NumberFormat::kPlain) == "1e-07");
  CHECK(Text(std::numeric_limits<double>::max(), NumberFormat::kPercent).size() < 24);
  CHECK(Text(std::numeric_limits<double>::quiet_NaN(), NumberFormat::kMoney) == "\u2013");
  CHECK(Text(-std::numeric_limits<double>::infinity(), NumberFormat::kMoney) == "-\u221E");
}

TEST_CASE("cell text: punctuation is the host's") {
  ReportLocale german;
  german.decimal_point = ",";
  german.group_separator = ".";
  german.currency = "\u20AC ";
  german.yes = "ja";
  CHECK(NumberText(1234567.5, NumberFormat::kDecimal, german) == "1.234.567,50");
  CHECK(NumberText(1234.5, NumberFormat::kPlain, german) == "1234,5");
  CHECK(NumberText(std::int64_t{-1234}, NumberFormat::kMoney, german) == "-\u20AC 1.234");
  CHECK(CellText(Cell(true), NumberFormat::kPlain, german) == "ja");
  german.group_separator = "";
  CHECK(NumberText(1234567.0, NumberFormat::kInteger, german) == "1234567");
}

TEST_CASE("cell text: other cells") {
  const auto text = [](const Cell& cell) { return CellText(cell, NumberFormat::kMoney, kEnglish); };
  CHECK(text(Cell()).empty());
  CHECK(text(Cell(std::string("a\xFF"))) == "a\uFFFD");
  CHECK(text(Cell(false)) == "no");
  CHECK(text(Cell(absl::CivilDay(2024, 1, 31))) == "2024-01-31");
  CHECK(text(Cell(outlive_report_tests::TestTime())) == "2024-03-09 14:05:09");
  CHECK(CreatedText(outlive_report_tests::TestTime()) == "2024-03-09 14:05 UTC");
}

TEST_CASE("cell text: numbers go right by themselves, and what the column says goes first") {
  const Column plain;
  const Column money{.title = "m", .format = NumberFormat::kMoney};
  const Column centered{.title = "c", .align = Align::kCenter};
  CHECK(ResolveAlign(plain, Cell(1.0)) == Align::kRight);
  CHECK(ResolveAlign(plain, Cell(std::int64_t{1})) == Align::kRight);
  CHECK(ResolveAlign(plain, Cell(std::string("1"))) == Align::kLeft);
  CHECK(ResolveAlign(plain, Cell(true)) == Align::kLeft);
  CHECK(ResolveAlign(plain, Cell()) == Align::kLeft);
  CHECK(ResolveAlign(money, Cell()) == Align::kRight);
  CHECK(ResolveAlign(centered, Cell(1.0)) == Align::kCenter);
}

}  // namespace
