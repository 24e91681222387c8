#include "notify/retry_after.h"

#include <doctest/doctest.h>

#include <string>

namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'767'225'600);  // Thu, 01 Jan 2026 00:00:00 GMT.

std::optional<absl::Duration> Parse(const std::string& value) {
  return outlive::internal::ParseRetryAfter(value, kNow, absl::Hours(24));
}

}  // namespace

TEST_CASE("Retry-After is seconds or a date, clamped (N05)") {
  CHECK(Parse("120") == absl::Seconds(120));
  CHECK(Parse("  7 \t") == absl::Seconds(7));
  CHECK(Parse("Thu, 01 Jan 2026 00:10:00 GMT") == absl::Minutes(10));
  CHECK(Parse("Thursday, 01-Jan-26 00:10:00 GMT") == absl::Minutes(10));
  CHECK(Parse("Thu Jan  1 00:10:00 2026") == absl::Minutes(10));

  CHECK(Parse("0") == absl::Seconds(1));
  CHECK(Parse("Wed, 31 Dec 2025 23:00:00 GMT") == absl::Seconds(1));
  CHECK(Parse("86401") == absl::Hours(24));
  CHECK(Parse("99999999999999999999999999") == absl::Hours(24));
  CHECK(Parse("18446744073709551615") == absl::Hours(24));
  CHECK(Parse("Fri, 01 Jan 2027 00:00:00 GMT") == absl::Hours(24));
}

TEST_CASE("what is neither seconds nor a date counts as not there (Z07)") {
  for (const std::string& value :
       {std::string(), std::string(" "), std::string("-1"), std::string("1.5"), std::string("soon"),
        std::string("+5"), std::string("0x10"), std::string("1 2 3 4 5 6 7 8"),
        std::string("\xff\xfe"), std::string("Thu, 99 Jan 2026 00:10:00 GMT"),
        std::string(100'000, '9')}) {
    CAPTURE(value);
    CHECK_FALSE(Parse(value).has_value());
  }
}
