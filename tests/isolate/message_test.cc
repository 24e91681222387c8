#include "isolate/message.h"

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "outlive/core/random.h"
#include "outlive/testing/seeded_random.h"

namespace outlive::isolate {
namespace {

Artifact SomeArtifact() {
  Artifact artifact;
  artifact.id = "0123456789abcdef0123456789abcdef";
  artifact.name = "räport.pdf";
  artifact.media_type = "application/pdf";
  artifact.size = 7;
  artifact.sha256 = std::string(64, '0');
  artifact.created_at = absl::FromUnixMicros(1'234'567);
  return artifact;
}

// One of each, no member at its default.
std::vector<Message> Messages() {
  const std::string bytes("\0\xFF bytes", 8);
  return {
      HostHello{3, 42},
      WorkerStarted{43},
      WorkerNotStarted{"no memory"},
      WorkerEnded{true, 3, true, true, absl::Microseconds(12), 1 << 20},
      SetUp{2, "nonce", 44, std::uint64_t{1} << 63, 17, 33},
      Ready{1, bytes},
      RunJob{7, "kind", "queue", 2, 5, 9, "trace", absl::FromUnixNanos(5), absl::Seconds(3), bytes,
             bytes + bytes},
      StopJob{StopReason::kLeaseLost},
      Answer{absl::AbortedError("the lease is lost")},
      ProgressReport{0.25, "a quarter"},
      Checkpoint{bytes},
      Publication{SomeArtifact()},
      JobEnded{Done(bytes), true},
  };
}

template <class Type>
Type ThereAndBack(const Type& message) {
  absl::StatusOr<Message> back = DecodeMessage(EncodeMessage(message));
  REQUIRE(back.ok());
  return std::get<Type>(*back);
}

TEST_CASE("every message comes back as it was, byte for byte") {
  const std::vector<Message> messages = Messages();
  CHECK(messages.size() == std::variant_size_v<Message>);
  for (std::size_t i = 0; i < messages.size(); ++i) {
    CHECK(messages[i].index() == i);
    const std::string bytes = EncodeMessage(messages[i]);
    const absl::StatusOr<Message> back = DecodeMessage(bytes);
    REQUIRE(back.ok());
    CHECK(back->index() == i);
    CHECK(EncodeMessage(*back) == bytes);
  }
}

TEST_CASE("what has members of its own comes back with all of them") {
  CHECK(ThereAndBack(Publication{SomeArtifact()}).artifact == SomeArtifact());
  CHECK(ThereAndBack(Answer{absl::OkStatus()}).status.ok());
  CHECK(ThereAndBack(Answer{absl::UnknownError("in doubt")}).status ==
        absl::UnknownError("in doubt"));
  const RunJob job = ThereAndBack(std::get<RunJob>(Messages()[6]));
  CHECK(job.kind == "kind");
  CHECK(job.deadline == absl::FromUnixNanos(5));
  CHECK(job.args.size() == 16);
  CHECK(ThereAndBack(RunJob{}).deadline == absl::InfiniteFuture());
  CHECK(ThereAndBack(RunJob{}).cpu_time == absl::InfiniteDuration());
}

TEST_CASE("every outcome crosses") {
  const Outcome outcomes[] = {Done(),
                              Done("output"),
                              Retry(absl::NotFoundError("gone")),
                              Retry(absl::NotFoundError("gone"), absl::Seconds(7)),
                              Snooze(absl::Hours(24 * 366)),
                              Cancelled("why"),
                              Dead("why"),
                              Crashed(absl::InternalError("why"))};
  for (const Outcome& outcome : outcomes) {
    const Outcome back = ThereAndBack(JobEnded{outcome, false}).outcome;
    CHECK(back.kind() == outcome.kind());
    CHECK(back.output() == outcome.output());
    CHECK(back.status() == outcome.status());
    CHECK(back.after() == outcome.after());
  }
}

TEST_CASE("bytes that are no message are refused") {
  const std::string good = EncodeMessage(ProgressReport{0.5, "half"});
  CHECK(absl::IsInvalidArgument(DecodeMessage("").status()));
  CHECK(absl::IsInvalidArgument(DecodeMessage("\x7F").status()));
  CHECK(absl::IsInvalidArgument(DecodeMessage(good + "x").status()));
  for (std::size_t size = 1; size < good.size(); ++size) {
    CHECK(absl::IsInvalidArgument(DecodeMessage(good.substr(0, size)).status()));
  }
  std::string reason = EncodeMessage(StopJob{StopReason::kShutdown});
  ++reason[1];
  CHECK(absl::IsInvalidArgument(DecodeMessage(reason).status()));
  std::string flag = EncodeMessage(JobEnded{Done(), true});
  flag.back() = '\2';
  CHECK(absl::IsInvalidArgument(DecodeMessage(flag).status()));
}

TEST_CASE("whatever is made of a message, reading it ends well") {
  testing::SeededRandom random(1);
  const std::vector<Message> messages = Messages();
  int read = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = EncodeMessage(messages[random.Below(messages.size())]);
    for (std::uint64_t i = random.Below(4); i > 0 && !bytes.empty(); --i) {
      switch (random.Below(3)) {
        case 0:
          bytes[random.Below(bytes.size())] = static_cast<char>(random.Below(256));
          break;
        case 1:
          bytes.resize(random.Below(bytes.size() + 1));
          break;
        default:
          bytes.insert(random.Below(bytes.size() + 1), 1, static_cast<char>(random.Below(256)));
      }
    }
    const absl::StatusOr<Message> message = DecodeMessage(bytes);
    // What can be read can be written, and read again.
    if (!message.ok()) continue;
    ++read;
    CHECK(DecodeMessage(EncodeMessage(*message)).ok());
  }
  CHECK(read > 1'000);
}

}  // namespace
}  // namespace outlive::isolate
