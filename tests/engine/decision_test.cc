#include "engine/decision.h"

#include <doctest/doctest.h>

#include <string>

#include "outlive/core/limits.h"
#include "outlive/core/store_rules.h"

namespace outlive::internal {
namespace {

ClaimedJob JobAt(int attempt, int crashes = 0, int attempt_count_max = 5) {
  ClaimedJob job;
  job.lease = {7, 3};
  job.attempt = attempt;
  job.crashes = crashes;
  job.attempt_count_max = attempt_count_max;
  return job;
}

// Jitter's random number 0.5 is no jitter.
Finished DecideFor(const Outcome& outcome, StopReason stop = StopReason::kNone,
                   const ClaimedJob& job = JobAt(1)) {
  return Decide(outcome, stop, job, RetryPolicy{},
                {.crash_count_max = 4, .delay = absl::Seconds(7)}, 0.5);
}

TEST_CASE("what a worker returns decides, where nobody asked for a stop") {
  const absl::Status broken = absl::InternalError("broken");
  CHECK(DecideFor(Done("result")).transition == Transition::kComplete);
  CHECK(DecideFor(Done("result")).output == "result");
  CHECK(DecideFor(Outcome(broken)).transition == Transition::kRetry);
  CHECK(DecideFor(Outcome(broken)).error->message == "broken");
  CHECK(DecideFor(Outcome(broken)).error->code == absl::StatusCode::kInternal);
  CHECK(DecideFor(Snooze(absl::Seconds(9))).transition == Transition::kSnooze);
  CHECK(DecideFor(Snooze(absl::Seconds(9))).delay == absl::Seconds(9));
  CHECK(DecideFor(Cancelled("why")).transition == Transition::kCancel);
  CHECK(DecideFor(Dead("why")).transition == Transition::kDie);
  CHECK(DecideFor(Dead("why")).lease.job == 7);
  CHECK(DecideFor(Dead("why")).lease.fence == 3);
}

TEST_CASE("a failed attempt waits by the worker's policy, the job's own, or what it asked for") {
  ClaimedJob job = JobAt(3);
  CHECK(DecideFor(absl::InternalError("x"), StopReason::kNone, job).delay == absl::Seconds(16));
  CHECK(
      DecideFor(Retry(absl::InternalError("x"), absl::Seconds(5)), StopReason::kNone, job).delay ==
      absl::Seconds(5));
  RetryPolicy own;
  own.initial = absl::Minutes(2);
  job.retry_policy = EncodeRetryPolicy(own);
  CHECK(DecideFor(absl::InternalError("x"), StopReason::kNone, job).delay == absl::Minutes(32));
}

// A store refuses longer delays, and a refused end would leave the job running.
TEST_CASE("a delay that was asked for is at most what a store takes") {
  for (const absl::Duration after : {absl::Hours(24 * 366) + absl::Nanoseconds(1),
                                     absl::Hours(24 * 366 * 1000), absl::InfiniteDuration()}) {
    const Finished snoozed = DecideFor(Snooze(after));
    CHECK(snoozed.delay == kDelayMax);
    CHECK(ValidateFinished(snoozed).ok());
    const Finished retried = DecideFor(Retry(absl::InternalError("x"), after));
    CHECK(ValidateFinished(retried).ok());
  }
  CHECK(DecideFor(Retry(absl::InternalError("x"), absl::Hours(24 * 400))).delay == kDelayMax);
  CHECK(DecideFor(Retry(absl::InternalError("x"), absl::InfiniteDuration())).delay ==
        absl::Seconds(1));  // By the policy.
}

TEST_CASE("the last attempt that fails is dead, and crashes are not attempts") {
  const Outcome failed(absl::InternalError("x"));
  CHECK(DecideFor(failed, StopReason::kNone, JobAt(4)).transition == Transition::kRetry);
  CHECK(DecideFor(failed, StopReason::kNone, JobAt(5)).transition == Transition::kDie);
  CHECK(DecideFor(failed, StopReason::kNone, JobAt(6, 2)).transition == Transition::kRetry);
  CHECK(DecideFor(failed, StopReason::kNone, JobAt(7, 2)).transition == Transition::kDie);
  CHECK(DecideFor(failed, StopReason::kTimeout, JobAt(5)).transition == Transition::kDie);
}

TEST_CASE("a crash waits like a rescue, and never uses up the attempts") {
  const Outcome crashed = Crashed(absl::InternalError("killed by SIGSEGV"));
  for (const ClaimedJob& job : {JobAt(1), JobAt(5), JobAt(6, 5)}) {
    const Finished finished = DecideFor(crashed, StopReason::kNone, job);
    CHECK(finished.transition == Transition::kCrash);
    CHECK(finished.delay == absl::Seconds(7));
    CHECK(finished.crash_count_max == 4);
    CHECK(finished.error->code == absl::StatusCode::kInternal);
    CHECK(finished.error->message == "killed by SIGSEGV");
  }
}

TEST_CASE("what was killed for its time limit says how it went") {
  const Finished finished =
      DecideFor(Retry(absl::DeadlineExceededError("killed after 3 s")), StopReason::kTimeout);
  CHECK(finished.transition == Transition::kRetry);
  CHECK(finished.error->message == "killed after 3 s");
  CHECK(DecideFor(Crashed(absl::InternalError("x")), StopReason::kTimeout).error->message ==
        "the attempt took longer than its time limit");
}

TEST_CASE("why a stop was asked for decides what a stopped attempt is") {
  for (const Outcome& stopped :
       {Outcome(absl::CancelledError("stopped")), Cancelled("stopped"), Snooze(absl::Seconds(1)),
        Crashed(absl::InternalError("killed"))}) {
    CHECK(DecideFor(stopped, StopReason::kCancelled).transition == Transition::kCancel);
    CHECK(DecideFor(stopped, StopReason::kTimeout).transition == Transition::kRetry);
    CHECK(DecideFor(stopped, StopReason::kTimeout).error->code ==
          absl::StatusCode::kDeadlineExceeded);
    CHECK(DecideFor(stopped, StopReason::kShutdown).transition == Transition::kRelease);
    CHECK(DecideFor(stopped, StopReason::kLeaseLost).transition == Transition::kRelease);
  }
  for (const StopReason stop : {StopReason::kCancelled, StopReason::kTimeout, StopReason::kShutdown,
                                StopReason::kLeaseLost}) {
    CHECK(DecideFor(Done(), stop).transition == Transition::kComplete);
    CHECK(DecideFor(Dead("no"), stop).transition == Transition::kDie);
  }
}

TEST_CASE("an output over the limit is dead, not cut") {
  const Finished finished = DecideFor(Done(std::string(limits::kPayloadBytesMax + 1, 'x')));
  CHECK(finished.transition == Transition::kDie);
  CHECK(finished.output.empty());
  CHECK(finished.error->message.find("1048576") != std::string::npos);
}

TEST_CASE("error texts are made fit for logs") {
  const Finished finished = DecideFor(absl::InternalError("a\r\nb\x1b[31m"));
  CHECK(finished.error->message == "a\\x0d\\x0ab\\x1b[31m");
}

}  // namespace
}  // namespace outlive::internal
