#include "outlive/testing/fake_job_context.h"

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

#include "outlive/core/limits.h"

using outlive::Artifact;
using outlive::StopReason;
using outlive::testing::FakeJobContext;

namespace {

Artifact SomeArtifact() {
  Artifact artifact;
  artifact.id = std::string(32, 'a');
  artifact.name = "invoice.pdf";
  artifact.media_type = "application/pdf";
  artifact.size = 3;
  artifact.sha256 = std::string(64, '0');
  return artifact;
}

}  // namespace

TEST_CASE("a fake job says of itself what it was told") {
  FakeJobContext job({.id = 7,
                      .kind = "invoice.send",
                      .queue = "mail",
                      .attempt = 2,
                      .attempt_count_max = 3,
                      .fence = 9,
                      .traceparent = "00-x",
                      .deadline = absl::FromUnixSeconds(5),
                      .checkpoint = "page 40"});
  CHECK(job.id() == 7);
  CHECK(job.kind() == "invoice.send");
  CHECK(job.queue() == "mail");
  CHECK(job.attempt() == 2);
  CHECK(job.attempt_count_max() == 3);
  CHECK(job.fence() == 9);
  CHECK(job.traceparent() == "00-x");
  CHECK(job.deadline() == absl::FromUnixSeconds(5));
  CHECK(job.checkpoint() == "page 40");
  CHECK_FALSE(job.cancelled());
  CHECK(job.stop_reason() == StopReason::kNone);
}

TEST_CASE("progress of a fake job is clamped and never goes back") {
  FakeJobContext job;
  job.ReportProgress(0.5, "half");
  CHECK(job.progress() == 0.5);
  CHECK(job.progress_note() == "half");

  job.ReportProgress(0.25);
  CHECK(job.progress() == 0.5);
  CHECK(job.progress_note() == "half");

  job.ReportProgress(std::numeric_limits<double>::quiet_NaN(), "odd");
  CHECK(job.progress() == 0.5);
  CHECK(job.progress_note() == "odd");

  job.ReportProgress(-3);
  CHECK(job.progress() == 0.5);
  job.ReportProgress(7);
  CHECK(job.progress() == 1);
}

TEST_CASE("a fake job is stopped once, and its callbacks run") {
  FakeJobContext job;
  job.Stop(StopReason::kNone);
  CHECK_FALSE(job.cancelled());

  StopReason seen = StopReason::kNone;
  std::stop_callback callback(job.stop_token(), [&] { seen = job.stop_reason(); });
  job.Stop(StopReason::kTimeout);
  CHECK(seen == StopReason::kTimeout);
  CHECK(job.cancelled());
  CHECK(job.stop_token().stop_requested());

  job.Stop(StopReason::kCancelled);
  CHECK(job.stop_reason() == StopReason::kTimeout);
}

TEST_CASE("a fake job remembers what is saved, published and completed") {
  FakeJobContext job({.id = 7, .fence = 9, .checkpoint = "old"});
  CHECK(job.SaveCheckpoint("one").ok());
  CHECK(job.SaveCheckpoint("two").ok());
  CHECK(job.saved_checkpoints() == std::vector<std::string>{"one", "two"});
  CHECK(job.checkpoint() == "old");

  CHECK(job.PublishArtifact(SomeArtifact()).ok());
  REQUIRE(job.artifacts().size() == 1);
  CHECK(job.artifacts()[0].name == "invoice.pdf");
  CHECK(job.artifacts()[0].job_id == 7);
  CHECK(job.artifacts()[0].fence == 9);

  CHECK_FALSE(job.completed_output().has_value());
  CHECK(job.CompleteIn(static_cast<sqlite3*>(nullptr), "out").ok());
  CHECK(job.completed_output() == "out");
}

TEST_CASE("a fake job refuses what a store would refuse") {
  FakeJobContext job;
  const std::string large(outlive::limits::kPayloadBytesMax + 1, 'x');
  CHECK(absl::IsInvalidArgument(job.SaveCheckpoint(large)));
  CHECK(absl::IsInvalidArgument(job.CompleteIn(static_cast<sqlite3*>(nullptr), large)));
  Artifact artifact = SomeArtifact();
  artifact.id = "../../etc/passwd";
  CHECK(absl::IsInvalidArgument(job.PublishArtifact(artifact)));

  job.Stop(StopReason::kLeaseLost);
  CHECK(absl::IsAborted(job.SaveCheckpoint("x")));
  CHECK(absl::IsAborted(job.PublishArtifact(SomeArtifact())));
  CHECK(absl::IsAborted(job.CompleteIn(static_cast<sqlite3*>(nullptr))));
  CHECK(job.saved_checkpoints().empty());
  CHECK(job.artifacts().empty());
  CHECK_FALSE(job.completed_output().has_value());
}
