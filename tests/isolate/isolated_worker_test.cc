// What crosses between a job and its child, where nothing goes wrong.
#include "outlive/isolate/isolated_worker.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "outlive/core/limits.h"
#include "tests/isolate/rig.h"

namespace outlive::tests {
namespace {

using Kind = Outcome::Kind;

TEST_CASE("arguments go to another process, and the output comes back") {
  Rig rig;
  const std::string text("bytes of any kind: \xC3\xA9, \"quotes\"");
  const Outcome outcome = rig.Run({"echo", text});
  CHECK(outcome.kind() == Kind::kDone);
  CHECK(outcome.output() == text);
  CHECK(rig.Run({"pid"}).output() != std::to_string(getpid()));
  CHECK(rig.observer().started().size() == 1);
}

TEST_CASE("the largest arguments, checkpoint and output fit") {
  Rig rig;
  testing::FakeJobContext job(
      {.kind = std::string(Task::kKind), .checkpoint = std::string(limits::kPayloadBytesMax, 'c')});
  const std::string text(limits::kPayloadBytesMax - 1'000, 'a');
  CHECK(rig.Run(job, {"echo", text}).output() == text);
  const auto largest = static_cast<std::int64_t>(limits::kPayloadBytesMax);
  CHECK(rig.Run({"big output", "", largest}).output().size() == limits::kPayloadBytesMax);
}

TEST_CASE("every outcome a worker may return comes back as it is") {
  Rig rig;
  const Outcome retry = rig.Run({"outcome", "gone", 0});
  CHECK(retry.kind() == Kind::kRetry);
  CHECK(retry.status() == absl::NotFoundError("gone"));
  CHECK(retry.after() == absl::Seconds(7));
  CHECK(rig.Run({"outcome", "", 1}).after() == absl::Minutes(3));
  CHECK(rig.Run({"outcome", "not wanted", 2}).status() == absl::CancelledError("not wanted"));
  CHECK(rig.Run({"outcome", "no such file", 3}).kind() == Kind::kDead);
  CHECK(rig.observer().started().size() == 1);
}

TEST_CASE("an exception is a failure, and the child goes on (K01)") {
  Rig rig;
  CHECK(rig.Run({"throw", "boom"}).status() == absl::UnknownError("an exception: boom"));
  CHECK(rig.Run({"throw 7"}).status() == absl::UnknownError("an exception of type i"));
  CHECK(rig.Run({"echo", "well"}).output() == "well");
  CHECK(rig.observer().started().size() == 1);
}

TEST_CASE("progress, checkpoint and artifact reach the host's job, and its answers the child") {
  Rig rig;
  testing::FakeJobContext job({.kind = std::string(Task::kKind),
                               .queue = "reports",
                               .attempt = 2,
                               .attempt_count_max = 7,
                               .fence = 11,
                               .traceparent = "00-ab-cd-01",
                               .deadline = absl::FromUnixSeconds(2'000'000'000),
                               .checkpoint = "page 40, "});
  const Outcome outcome = rig.Run(job, {"report", "page 41", 1'000});
  CHECK(outcome.output() ==
        "OK OK INVALID_ARGUMENT UNIMPLEMENTED 2 of 7 fence 11 queue reports trace 00-ab-cd-01 "
        "deadline 2033-05-18T03:33:20+00:00");
  CHECK(job.progress() == 1);
  CHECK(job.progress_note() == "row 1000");
  CHECK(job.saved_checkpoints() == std::vector<std::string>{"page 40, page 41"});
  REQUIRE(job.artifacts().size() == 1);
  CHECK(job.artifacts()[0].name == "a.txt");
  CHECK(job.artifacts()[0].fence == 11);
  CHECK_FALSE(job.completed_output().has_value());
}

TEST_CASE("a child is told by its host that the lease is lost") {
  Rig rig;
  testing::FakeJobContext job({.kind = std::string(Task::kKind)});
  job.Stop(StopReason::kLeaseLost);
  const std::string output = rig.Run(job, {"report", "", 1}).output();
  CHECK(output.starts_with("ABORTED"));
}

TEST_CASE("progress starts anew with each job of a child (K18)") {
  Rig rig;
  for (int round = 0; round < 3; ++round) {
    testing::FakeJobContext job({.kind = std::string(Task::kKind)});
    CHECK(rig.Run(job, {"report", "", 100'000}).kind() == Kind::kDone);
    CHECK(job.progress() == 1);
    CHECK(job.progress_note() == "row 100000");
  }
  CHECK(rig.observer().started().size() == 1);
}

TEST_CASE("an output over the limit is dead, and is not carried over (K09)") {
  Rig rig;
  const Outcome outcome = rig.Run({"big output", "", 5 << 20});
  CHECK(outcome.kind() == Kind::kDead);
  CHECK(MessageOf(outcome) == "the output must have at most 1048576 bytes, and has 5242880");
  CHECK(rig.Run({"echo", "well"}).output() == "well");
  CHECK(rig.observer().started().size() == 1);
}

TEST_CASE("a worker program of its own runs the same jobs") {
  IsolateOptions options = TestOptions();
  options.program = OUTLIVE_TEST_WORKER;
  ObserverOfTest observer;
  options.observer = &observer;
  WorkerSet workers;
  AddIsolated(workers, Task::kKind, nullptr, options);
  AddIsolated(workers, "test.other", nullptr, options);
  REQUIRE(workers.status().ok());
  testing::FakeJobContext job({.kind = std::string(Task::kKind)});
  Worker& worker = *workers.entries().at(std::string(Task::kKind)).worker;
  const std::string args = EncodeArgs(Task{"read", "/proc/self/cmdline", 0}).value();
  const std::string line = worker.Run(job, args).output();
  CHECK(line == std::string(OUTLIVE_TEST_WORKER) + '\0' + "--outlive-child=worker" + '\0');
  observer.started();

  options.observer = nullptr;
  WorkerSet others;
  AddIsolated(others, "test.other", nullptr, options);
  testing::FakeJobContext other({.kind = "test.other"});
  const Outcome unknown = others.entries().at("test.other").worker->Run(other, "{}");
  CHECK(unknown.kind() == Kind::kRetry);
  CHECK(MessageOf(unknown) == "the child's program has no worker for this kind");
}

TEST_CASE("wrong options are told by the set of workers, all at once") {
  IsolateOptions options;
  options.memory_bytes = 1'000;
  options.cpu_time = absl::ZeroDuration();
  options.wall_time = -absl::Seconds(1);
  options.open_files = 3;
  options.jobs_per_child = 0;
  options.grace = absl::InfiniteDuration();
  options.start_timeout = absl::ZeroDuration();
  options.idle_count_max = -1;
  options.program = std::string("a\0b", 3);
  options.environment = {"=x"};
  WorkerSet workers;
  AddIsolated<Task>(workers, Do, options);
  const absl::Status status = workers.status();
  CHECK(absl::IsInvalidArgument(status));
  CHECK(
      std::string(status.message()) ==
      "worker \"test.task\": isolation: memory_bytes must be 0, or at least 16 MiB; cpu_time must "
      "be positive; wall_time must be positive; open_files must be 0, or at least 16; "
      "jobs_per_child must be 1 or more; grace must be 0 or more, and finite; start_timeout must "
      "be positive and finite; idle_count_max must be 0 or more; program must have no NUL; "
      "environment must have names, or NAME=value, without NUL");
  WorkerSet none;
  AddIsolated(none, "k", nullptr);
  CHECK(std::string(none.status().message()) ==
        "worker \"k\": isolation: there is neither a worker nor a program");
}

}  // namespace
}  // namespace outlive::tests
