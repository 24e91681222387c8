// Memory is constant over the number of rows: ten times the rows need no more of it.
#include <doctest/doctest.h>

#include <cstdint>
#include <cstdio>
#include <sstream>
#include <string>

#include "tests/report/helpers.h"

namespace {

using namespace outlive_report_tests;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif
#else
constexpr bool kSanitized = false;
#endif

constexpr std::int64_t kRowCount = 1'000'000;

struct Usage {
  long peak_kib = 0;
  long byte_count = 0;
};

Usage Measure(const std::string& format, std::int64_t row_count) {
  const ProgramResult result =
      RunProgram("'" OUTLIVE_REPORT_MEMORY_PROGRAM "' " + format + " " + std::to_string(row_count));
  REQUIRE(result.exit_code == 0);
  Usage usage;
  std::istringstream(result.out) >> usage.peak_kib >> usage.byte_count;
  REQUIRE(usage.peak_kib > 0);
  return usage;
}

void CheckConstantMemory(const std::string& format, std::int64_t row_count, long growth_kib_max) {
  if (kSanitized) {
    std::puts("[skipped] a sanitizer keeps what was freed, so memory says nothing here");
    return;
  }
  const Usage few = Measure(format, row_count / 10);
  const Usage many = Measure(format, row_count);
  CAPTURE(few.peak_kib);
  CAPTURE(many.peak_kib);
  CHECK(many.byte_count > 9 * few.byte_count);
  CHECK(many.peak_kib < few.peak_kib + growth_kib_max);
}

TEST_SUITE("slow") {
  TEST_CASE("memory: a million rows of csv") { CheckConstantMemory("csv", kRowCount, 4 << 10); }

  TEST_CASE("memory: a million rows of html") { CheckConstantMemory("html", kRowCount, 4 << 10); }

#ifdef OUTLIVE_WITH_XLSX
  TEST_CASE("memory: a million rows of xlsx") { CheckConstantMemory("xlsx", kRowCount, 8 << 10); }
#endif

#ifdef OUTLIVE_WITH_PDF
  // Cairo keeps a few dozen bytes a page until the end: the table of where its objects are.
  TEST_CASE("memory: many rows of pdf") { CheckConstantMemory("pdf", kRowCount / 20, 8 << 10); }
#endif
}

}  // namespace
