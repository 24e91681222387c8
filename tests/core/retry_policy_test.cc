#include "outlive/core/retry_policy.h"

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <doctest/doctest.h>

#include <climits>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "tests/core/message.h"

namespace {

using outlive::RetryDelay;
using outlive::RetryPolicy;
using outlive::ValidateRetryPolicy;
using outlive::testing::Message;
using outlive::testing::MissingIn;

constexpr absl::Duration kYear = absl::Hours(24 * 366);

// The largest number that a unit random number can be.
const double kAlmostOne = std::nextafter(1.0, 0.0);

bool Near(absl::Duration a, absl::Duration b) {
  return absl::AbsDuration(a - b) < absl::Microseconds(1);
}

TEST_CASE("default delays grow by four from one second to one hour, plus and minus a fifth") {
  struct Line {
    int failures;
    double seconds;
  };
  const Line lines[] = {{1, 1},      {2, 4},      {3, 16},     {4, 64},        {5, 256},
                        {6, 1024},   {7, 3600},   {8, 3600},   {9, 3600},      {100, 3600},
                        {511, 3600}, {512, 3600}, {513, 3600}, {10'000, 3600}, {INT_MAX, 3600}};
  const RetryPolicy policy;
  for (const Line& line : lines) {
    CAPTURE(line.failures);
    const absl::Duration middle = absl::Seconds(line.seconds);
    CHECK(Near(RetryDelay(policy, line.failures, 0), middle * 0.8));
    CHECK(Near(RetryDelay(policy, line.failures, 0.5), middle));
    CHECK(Near(RetryDelay(policy, line.failures, kAlmostOne), middle * 1.2));
    CHECK(RetryDelay(policy, line.failures, kAlmostOne) <= middle * 1.2);
  }
}

TEST_CASE("numbers of failures that make no sense count as the first") {
  for (const int failures : {0, -1, INT_MIN}) {
    CHECK(RetryDelay({}, failures, 0.5) == absl::Seconds(1));
    CHECK(RetryDelay({.schedule = {absl::Seconds(7), absl::Seconds(9)}}, failures, 0.5) ==
          absl::Seconds(7));
  }
}

TEST_CASE("without jitter the random number has no say") {
  const RetryPolicy policy{.jitter = 0};
  for (const double unit : {0.0, 0.25, kAlmostOne}) {
    CHECK(RetryDelay(policy, 3, unit) == absl::Seconds(16));
  }
}

TEST_CASE("full jitter goes from nothing to twice the delay") {
  const RetryPolicy policy{.jitter = 1};
  CHECK(RetryDelay(policy, 2, 0) == absl::ZeroDuration());
  CHECK(Near(RetryDelay(policy, 2, kAlmostOne), absl::Seconds(8)));
}

TEST_CASE("a factor of one keeps the delay") {
  const RetryPolicy policy{.initial = absl::Seconds(3), .factor = 1, .jitter = 0};
  for (const int failures : {1, 2, 50, INT_MAX}) {
    CHECK(RetryDelay(policy, failures, 0.5) == absl::Seconds(3));
  }
}

TEST_CASE("an initial delay of nothing stays nothing, however large the power becomes") {
  const RetryPolicy policy{.initial = absl::ZeroDuration()};
  for (const int failures : {1, 2, 600, 10'000, INT_MAX}) {
    CHECK(RetryDelay(policy, failures, 0.5) == absl::ZeroDuration());
  }
}

TEST_CASE("no delay is longer than a store takes, jitter included") {
  const RetryPolicy policy{.initial = kYear, .delay_max = kYear, .jitter = 1};
  REQUIRE(ValidateRetryPolicy(policy).ok());
  CHECK(RetryDelay(policy, 1, kAlmostOne) == kYear);
  CHECK(RetryDelay({.jitter = 1, .schedule = {kYear}}, 1, kAlmostOne) == kYear);
}

TEST_CASE("a schedule is followed, and its last delay repeats") {
  const RetryPolicy policy{.jitter = 0,
                           .schedule = {absl::Seconds(5), absl::Minutes(5), absl::Hours(2)}};
  CHECK(RetryDelay(policy, 1, 0.5) == absl::Seconds(5));
  CHECK(RetryDelay(policy, 2, 0.5) == absl::Minutes(5));
  CHECK(RetryDelay(policy, 3, 0.5) == absl::Hours(2));
  CHECK(RetryDelay(policy, 4, 0.5) == absl::Hours(2));
  CHECK(RetryDelay(policy, 10'000, 0.5) == absl::Hours(2));
  CHECK(RetryDelay(policy, INT_MAX, 0.5) == absl::Hours(2));
}

TEST_CASE("jitter applies to a schedule too") {
  const RetryPolicy policy{.jitter = 0.5, .schedule = {absl::Seconds(10)}};
  CHECK(Near(RetryDelay(policy, 1, 0), absl::Seconds(5)));
  CHECK(Near(RetryDelay(policy, 1, kAlmostOne), absl::Seconds(15)));
}

TEST_CASE("a delay is never negative and never above the cap and its jitter") {
  const RetryPolicy policies[] = {
      {},
      {.initial = absl::Nanoseconds(1), .factor = 1000},
      {.initial = absl::Hours(1), .factor = 1000, .delay_max = kYear, .jitter = 1},
      {.factor = 1.0000001},
  };
  for (const RetryPolicy& policy : policies) {
    REQUIRE(ValidateRetryPolicy(policy).ok());
    for (int failures = 1; failures < 2'000; ++failures) {
      for (const double unit : {0.0, 0.5, kAlmostOne}) {
        const absl::Duration delay = RetryDelay(policy, failures, unit);
        REQUIRE(delay >= absl::ZeroDuration());
        REQUIRE(delay <= policy.delay_max * (1 + policy.jitter));
      }
    }
  }
}

TEST_CASE("valid policies at their bounds") {
  CHECK(ValidateRetryPolicy({}).ok());
  CHECK(ValidateRetryPolicy({.initial = absl::ZeroDuration(), .factor = 1, .jitter = 0}).ok());
  CHECK(ValidateRetryPolicy({.initial = kYear, .factor = 1000, .delay_max = kYear, .jitter = 1})
            .ok());
  CHECK(ValidateRetryPolicy({.initial = absl::ZeroDuration(), .delay_max = absl::ZeroDuration()})
            .ok());
  CHECK(ValidateRetryPolicy({.schedule = std::vector<absl::Duration>(1000, kYear)}).ok());
}

TEST_CASE("each fault of a policy is named with what is allowed") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  struct Fault {
    RetryPolicy policy;
    std::string_view said;
  };
  const Fault faults[] = {
      {{.initial = absl::Seconds(-1)}, "initial must be from 0 to 366 days"},
      {{.initial = absl::InfiniteDuration()}, "initial must be from 0 to 366 days"},
      {{.initial = kYear + absl::Nanoseconds(1)}, "initial must be from 0 to 366 days"},
      {{.initial = absl::Hours(2)}, "delay_max must be from initial to 366 days"},
      {{.delay_max = absl::InfiniteDuration()}, "delay_max must be from initial to 366 days"},
      {{.delay_max = -absl::InfiniteDuration()}, "delay_max must be from initial to 366 days"},
      {{.factor = 0.999}, "factor must be from 1 to 1000"},
      {{.factor = 1000.001}, "factor must be from 1 to 1000"},
      {{.factor = nan}, "factor must be from 1 to 1000"},
      {{.jitter = -0.001}, "jitter must be from 0 to 1"},
      {{.jitter = 1.001}, "jitter must be from 0 to 1"},
      {{.jitter = nan}, "jitter must be from 0 to 1"},
      {{.schedule = {absl::Seconds(1), absl::Seconds(-1)}},
       "each delay of schedule must be from 0 to 366 days"},
      {{.schedule = {absl::InfiniteDuration()}},
       "each delay of schedule must be from 0 to 366 days"},
      {{.schedule = std::vector<absl::Duration>(1001, absl::Seconds(1))},
       "schedule must have at most 1000 delays"},
  };
  for (const Fault& fault : faults) {
    const absl::Status status = ValidateRetryPolicy(fault.policy);
    CHECK(status.code() == absl::StatusCode::kInvalidArgument);
    CHECK(MissingIn(status, fault.said) == "");
  }
}

TEST_CASE("all faults of a policy are told at once") {
  const absl::Status status = ValidateRetryPolicy({.initial = absl::Seconds(-1),
                                                   .factor = 0,
                                                   .delay_max = absl::InfiniteDuration(),
                                                   .jitter = 2,
                                                   .schedule = {absl::Seconds(-1)}});
  CHECK(Message(status) ==
        "retry policy: initial must be from 0 to 366 days; delay_max must be from initial to 366 "
        "days; factor must be from 1 to 1000; jitter must be from 0 to 1; each delay of schedule "
        "must be from 0 to 366 days");
}

TEST_CASE("an encoded policy is read back as it was") {
  const RetryPolicy policies[] = {
      {},
      {.initial = absl::ZeroDuration(),
       .factor = 1,
       .delay_max = absl::ZeroDuration(),
       .jitter = 0},
      {.initial = absl::Microseconds(1), .factor = 1.0 / 3 + 1, .jitter = 1.0 / 7},
      {.initial = kYear, .factor = 999.9999999999999, .delay_max = kYear, .jitter = 1},
      {.schedule = {absl::ZeroDuration(), absl::Seconds(5), kYear}},
      {.schedule = std::vector<absl::Duration>(1000, kYear)},
  };
  for (const RetryPolicy& policy : policies) {
    REQUIRE(ValidateRetryPolicy(policy).ok());
    const absl::StatusOr<RetryPolicy> again =
        outlive::DecodeRetryPolicy(outlive::EncodeRetryPolicy(policy));
    REQUIRE_MESSAGE(again.ok(), Message(again.status()));
    CHECK(*again == policy);
  }
}

TEST_CASE("policies that older versions have stored are read") {
  const absl::StatusOr<RetryPolicy> policy = outlive::DecodeRetryPolicy(
      R"({"initial_us":2000000,"factor":3E0,"delay_max_us":60000000,"jitter":1E-1,)"
      R"("schedule_us":[1000000,5000000],"added_later":true})");
  REQUIRE(policy.ok());
  CHECK(*policy == RetryPolicy{.initial = absl::Seconds(2),
                               .factor = 3,
                               .delay_max = absl::Minutes(1),
                               .jitter = 0.1,
                               .schedule = {absl::Seconds(1), absl::Seconds(5)}});
}

TEST_CASE("policies that encoding did not make are refused") {
  const std::string good = outlive::EncodeRetryPolicy({});
  const std::string bad[] = {
      "",
      "{}",
      "null",
      "[]",
      "7",
      "\"text\"",
      "{",
      good + "x",
      good + good,
      good.substr(0, good.size() - 1),
      std::string("{\"initial_us\":1\0}", 16),
      R"({"initial_us":"1","factor":1,"delay_max_us":1,"jitter":0})",
      R"({"initial_us":1.5,"factor":1,"delay_max_us":2,"jitter":0})",
      R"({"initial_us":1e300,"factor":1,"delay_max_us":2,"jitter":0})",
      R"({"initial_us":1,"factor":1e999,"delay_max_us":2,"jitter":0})",
      R"({"initial_us":1,"factor":null,"delay_max_us":2,"jitter":0})",
      R"({"initial_us":1,"factor":1,"delay_max_us":2})",
      R"({"initial_us":-1,"factor":1,"delay_max_us":2,"jitter":0})",
      R"({"initial_us":9223372036854775807,"factor":1,"delay_max_us":9223372036854775807,)"
      R"("jitter":0})",
      R"({"initial_us":18446744073709551615,"factor":1,"delay_max_us":2,"jitter":0})",
      R"({"initial_us":1,"factor":1,"delay_max_us":2,"jitter":0,"schedule_us":7})",
      R"({"initial_us":1,"factor":1,"delay_max_us":2,"jitter":0,"schedule_us":[null]})",
      R"({"initial_us":1,"factor":1,"delay_max_us":2,"jitter":0,"schedule_us":[[1]]})",
      R"({"initial_us":1,"factor":1,"delay_max_us":2,"jitter":0,"schedule_us":[-5]})",
      std::string(100'000, '['),
      std::string(20'000, '[') + std::string(10'000, ']'),
      "{\"initial_us\":" + std::string(30'000, '9') + "}",
  };
  for (const std::string& text : bad) {
    CAPTURE(text.substr(0, 120));
    const absl::StatusOr<RetryPolicy> policy = outlive::DecodeRetryPolicy(text);
    CHECK(policy.status().code() == absl::StatusCode::kInvalidArgument);
    CHECK_FALSE(policy.status().message().empty());
  }
}

TEST_CASE("a policy's text has a limit, which is checked before it is read") {
  const std::string text = std::string(32 * 1024, ' ') + outlive::EncodeRetryPolicy({});
  CHECK(Message(outlive::DecodeRetryPolicy(text).status()) ==
        "a retry policy must have at most 32768 bytes");
}

}  // namespace
