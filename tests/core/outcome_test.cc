#include "outlive/core/outcome.h"

#include <absl/status/status.h>
#include <absl/time/time.h>
#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <type_traits>

namespace {

using outlive::Outcome;
using Kind = outlive::Outcome::Kind;

TEST_CASE("an outcome by default is done, with nothing") {
  static_assert(std::is_default_constructible_v<Outcome>);
  const Outcome outcome;
  CHECK(outcome.kind() == Kind::kDone);
  CHECK(outcome.output().empty());
  CHECK(outcome.status().ok());
  CHECK(outcome.after() == std::nullopt);
}

TEST_CASE("done carries its output, bytes of any kind") {
  const std::string bytes("a\0\xFF", 3);
  const Outcome outcome = outlive::Done(bytes);
  CHECK(outcome.kind() == Kind::kDone);
  CHECK(outcome.output() == bytes);
  CHECK(outcome.status().ok());
}

TEST_CASE("a status is an outcome: ok is done, anything else is a retry") {
  static_assert(std::is_convertible_v<absl::Status, Outcome>);
  const Outcome done = absl::OkStatus();
  CHECK(done.kind() == Kind::kDone);
  for (int code = 1; code <= 16; ++code) {
    const absl::Status status(static_cast<absl::StatusCode>(code), "why");
    const Outcome outcome = status;
    CHECK(outcome.kind() == Kind::kRetry);
    CHECK(outcome.status() == status);
    CHECK(outcome.after() == std::nullopt);
  }
}

TEST_CASE("a retry keeps its reason and its delay") {
  const Outcome outcome = outlive::Retry(absl::UnavailableError("busy"), absl::Minutes(5));
  CHECK(outcome.kind() == Kind::kRetry);
  CHECK(outcome.status() == absl::UnavailableError("busy"));
  CHECK(outcome.after() == absl::Minutes(5));
  CHECK(outlive::Retry(absl::UnavailableError("busy")).after() == std::nullopt);
  CHECK(outlive::Retry(absl::UnavailableError("busy"), absl::ZeroDuration()).after() ==
        absl::ZeroDuration());
}

TEST_CASE("a retry without a reason gets one") {
  const Outcome outcome = outlive::Retry(absl::OkStatus());
  CHECK(outcome.kind() == Kind::kRetry);
  CHECK(outcome.status().code() == absl::StatusCode::kUnknown);
  CHECK_FALSE(outcome.status().message().empty());
}

TEST_CASE("delays of a retry that make no sense count as none given") {
  for (const absl::Duration after :
       {absl::Nanoseconds(-1), -absl::InfiniteDuration(), absl::InfiniteDuration()}) {
    CHECK(outlive::Retry(absl::UnavailableError("busy"), after).after() == std::nullopt);
  }
}

TEST_CASE("a snooze says how long") {
  const Outcome outcome = outlive::Snooze(absl::Seconds(30));
  CHECK(outcome.kind() == Kind::kSnooze);
  CHECK(outcome.after() == absl::Seconds(30));
  CHECK(outcome.status().ok());
  CHECK(outlive::Snooze(absl::Seconds(-1)).after() == absl::ZeroDuration());
  CHECK(outlive::Snooze(-absl::InfiniteDuration()).after() == absl::ZeroDuration());
}

TEST_CASE("cancelled and dead say why") {
  const Outcome cancelled = outlive::Cancelled("stopped by the user");
  CHECK(cancelled.kind() == Kind::kCancelled);
  CHECK(cancelled.status() == absl::CancelledError("stopped by the user"));
  const Outcome dead = outlive::Dead("no such customer");
  CHECK(dead.kind() == Kind::kDead);
  CHECK(dead.status() == absl::FailedPreconditionError("no such customer"));
}

TEST_CASE("a crash says why") {
  const Outcome crashed = outlive::Crashed(absl::InternalError("killed by SIGSEGV"));
  CHECK(crashed.kind() == Kind::kCrashed);
  CHECK(crashed.status() == absl::InternalError("killed by SIGSEGV"));
  CHECK(absl::IsUnknown(outlive::Crashed(absl::OkStatus()).status()));
}

}  // namespace
