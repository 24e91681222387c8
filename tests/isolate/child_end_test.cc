#include "outlive/isolate/child_end.h"

#include <doctest/doctest.h>
#include <signal.h>

#include <set>
#include <string>

#include "outlive/core/limits.h"

namespace outlive {
namespace {

using Reason = ChildEnd::Reason;
using Kind = Outcome::Kind;

constexpr Reason kReasons[] = {Reason::kRetired,     Reason::kExited,   Reason::kSignalled,
                               Reason::kOutOfMemory, Reason::kCpuTime,  Reason::kWallTime,
                               Reason::kStopped,     Reason::kProtocol, Reason::kLost};

ChildEnd EndFor(Reason reason, int code = 0) {
  ChildEnd end;
  end.reason = reason;
  end.code = code;
  end.wall_time = absl::Milliseconds(215);
  end.cpu_time = absl::Milliseconds(20);
  end.memory_peak_bytes = 12'900'000;
  return end;
}

TEST_CASE("what an end makes of an attempt") {
  struct Line {
    Reason reason;
    Kind kind;
    absl::StatusCode code;
  };
  const Line lines[] = {
      {Reason::kRetired, Kind::kRetry, absl::StatusCode::kUnavailable},
      {Reason::kExited, Kind::kCrashed, absl::StatusCode::kInternal},
      {Reason::kSignalled, Kind::kCrashed, absl::StatusCode::kInternal},
      {Reason::kOutOfMemory, Kind::kCrashed, absl::StatusCode::kResourceExhausted},
      {Reason::kCpuTime, Kind::kRetry, absl::StatusCode::kDeadlineExceeded},
      {Reason::kWallTime, Kind::kRetry, absl::StatusCode::kDeadlineExceeded},
      {Reason::kStopped, Kind::kRetry, absl::StatusCode::kCancelled},
      {Reason::kProtocol, Kind::kCrashed, absl::StatusCode::kInternal},
      {Reason::kLost, Kind::kCrashed, absl::StatusCode::kUnavailable},
  };
  CHECK(std::size(lines) == std::size(kReasons));
  for (const Line& line : lines) {
    CAPTURE(ChildEndReasonName(line.reason));
    const ChildEnd end = EndFor(line.reason, 9);
    const Outcome outcome = OutcomeOf(end);
    CHECK(outcome.kind() == line.kind);
    CHECK(outcome.status().code() == line.code);
    CHECK(std::string(outcome.status().message()) == Describe(end));
  }
}

TEST_CASE("an end is told in one sentence, with what was used") {
  CHECK(Describe(EndFor(Reason::kSignalled, SIGSEGV)) ==
        "the child was killed by signal 11 (SIGSEGV) after 0.21 s (cpu 0.02 s, memory 12.3 MiB)");
  CHECK(Describe(EndFor(Reason::kExited, 3)) ==
        "the child exited with code 3, without an outcome, after 0.21 s (cpu 0.02 s, memory 12.3 "
        "MiB)");
  CHECK(
      Describe(EndFor(Reason::kSignalled, SIGKILL)).find("perhaps the machine was out of memory") !=
      std::string::npos);
  ChildEnd end = EndFor(Reason::kProtocol);
  end.detail = "a message of\nno known type";
  CHECK(
      Describe(end) ==
      "the child was killed for breaking the protocol after 0.21 s (cpu 0.02 s, memory 12.3 MiB): "
      "a message of\\x0ano known type");
}

TEST_CASE("of what a child wrote the end is kept, on one line") {
  ChildEnd end = EndFor(Reason::kSignalled, SIGABRT);
  end.output_tail = "one\ntwo\n\n";
  CHECK(Describe(end).ends_with("; its last output: one\\x0atwo"));
  // Much of it, and all of it to be escaped.
  for (const char c : {'x', '\n', '\xFF'}) {
    end.output_tail = std::string(100'000, c) + "the end";
    const std::string text = Describe(end);
    CHECK(text.size() <= limits::kMessageBytesMax);
    CHECK(text.size() > limits::kMessageBytesMax / 2);
    CHECK(text.starts_with("the child was killed by signal 6 (SIGABRT)"));
    CHECK(text.ends_with("the end"));
  }
}

TEST_CASE("names of reasons are distinct") {
  std::set<std::string_view> names;
  for (const Reason reason : kReasons) names.insert(ChildEndReasonName(reason));
  CHECK(names.size() == std::size(kReasons));
  CHECK_FALSE(names.contains("unknown"));
  CHECK(ChildEndReasonName(static_cast<Reason>(99)) == "unknown");
}

}  // namespace
}  // namespace outlive
