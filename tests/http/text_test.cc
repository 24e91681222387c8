#include "http/text.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <ostream>
#include <string>

namespace {

using outlive::http::HttpDate;
using outlive::http::ParseDigits;
using outlive::http::PercentDecode;
using outlive::http::PercentEncode;
using outlive::http::TrimBlanks;

}  // namespace

TEST_CASE("percent-decoding decodes once, and refuses what is cut short or no number") {
  CHECK(PercentDecode("a%20b") == "a b");
  CHECK(PercentDecode("%252e") == "%2e");
  CHECK(PercentDecode("%c3%A4") == "\xc3\xa4");
  CHECK(PercentDecode("%00") == std::string(1, '\0'));
  CHECK(PercentDecode("") == "");
  for (const char* bad : {"%", "%2", "a%", "%zz", "%2g", "%-1", "%+1", "% 1", "%%20"}) {
    CAPTURE(bad);
    CHECK_FALSE(PercentDecode(bad).has_value());
  }
}

TEST_CASE("percent-encoding keeps letters, digits and what it is told to") {
  CHECK(PercentEncode("a b/\xc3\xa4-", "-") == "a%20b%2F%C3%A4-");
}

TEST_CASE("numbers are digits only, and large ones become the largest") {
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
  CHECK(ParseDigits("0") == 0);
  CHECK(ParseDigits("007") == 7);
  CHECK(ParseDigits("18446744073709551615") == kMax);
  CHECK(ParseDigits("18446744073709551616") == kMax);
  CHECK(ParseDigits(std::string(500, '9')) == kMax);
  for (const char* bad : {"", "-1", "+1", " 1", "1 ", "0x1", "1,1", "1.0", "\xd9\xa1"}) {
    CAPTURE(bad);
    CHECK_FALSE(ParseDigits(bad).has_value());
  }
}

TEST_CASE("dates are written as HTTP has them") {
  CHECK(HttpDate(absl::FromUnixSeconds(784111777)) == "Sun, 06 Nov 1994 08:49:37 GMT");
  CHECK(HttpDate(absl::FromUnixSeconds(0)) == "Thu, 01 Jan 1970 00:00:00 GMT");
  CHECK(HttpDate(absl::FromUnixSeconds(1709164800)) == "Thu, 29 Feb 2024 00:00:00 GMT");
  CHECK(HttpDate(absl::FromUnixSeconds(1735689599)) == "Tue, 31 Dec 2024 23:59:59 GMT");
}

TEST_CASE("blanks are trimmed at both ends only") {
  CHECK(TrimBlanks(" \t a b\t ") == "a b");
  CHECK(TrimBlanks(" \t ") == "");
  CHECK(TrimBlanks("") == "");
}
