#include "outlive/core/store_rules.h"

#include <absl/status/status.h>
#include <absl/time/time.h>
#include <doctest/doctest.h>

#include <functional>
#include <limits>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "outlive/core/idempotency.h"
#include "outlive/core/limits.h"
#include "tests/core/message.h"

namespace {

using outlive::Artifact;
using outlive::AttemptError;
using outlive::Change;
using outlive::ClaimRequest;
using outlive::EventType;
using outlive::Finished;
using outlive::FollowUp;
using outlive::Job;
using outlive::JobState;
using outlive::kDelayMax;
using outlive::NewJob;
using outlive::Transition;
using outlive::WorkerWrite;
using outlive::testing::Message;

constexpr absl::Duration kTick = absl::Nanoseconds(1);

constexpr Transition kTransitions[] = {
    Transition::kClaim,   Transition::kComplete, Transition::kRetry,  Transition::kSnooze,
    Transition::kRelease, Transition::kRescue,   Transition::kCancel, Transition::kDie,
    Transition::kRequeue, Transition::kUnblock,  Transition::kCrash};

AttemptError Error(int attempt, std::string message,
                   absl::StatusCode code = absl::StatusCode::kUnavailable) {
  return {attempt, absl::UnixEpoch(), code, std::move(message)};
}

Artifact ValidArtifact() {
  return {std::string(32, 'a'), 1, 1, "report.pdf", "application/pdf", 0, std::string(64, '0'),
          absl::UnixEpoch()};
}

// -- What is valid ----------------------------------------------------------------------------

TEST_CASE("a batch has a limit") {
  CHECK(outlive::ValidateBatch(0).ok());
  CHECK(outlive::ValidateBatch(10'000).ok());
  CHECK(Message(outlive::ValidateBatch(10'001)) ==
        "a batch has at most 10000 elements, and this one 10001");
}

TEST_CASE("sessions have a name and a finite lease") {
  CHECK(outlive::ValidateSession("3f2a", kTick).ok());
  CHECK(outlive::ValidateSession("3f2a", kDelayMax).ok());
  for (const absl::Duration lease : {absl::ZeroDuration(), -kTick, -absl::InfiniteDuration(),
                                     kDelayMax + kTick, absl::InfiniteDuration()}) {
    CHECK(Message(outlive::ValidateSession("3f2a", lease)) ==
          "session: lease must be more than 0 and at most 366 days");
  }
  CHECK(Message(outlive::ValidateSession("", absl::ZeroDuration())) ==
        "session: session must have 1 to 128 characters out of A-Z a-z 0-9 . _ : / -, and is \"\"; "
        "lease must be more than 0 and at most 366 days");
}

TEST_CASE("a claim names each queue and kind once") {
  CHECK(outlive::ValidateClaimRequest({}).ok());
  CHECK(outlive::ValidateClaimRequest({"s", {{"a", 0}, {"b", 5}}, {"k", "l"}}).ok());
  CHECK(Message(outlive::ValidateClaimRequest({"s", {{"a", 1}, {"a", 1}}, {"k", "k"}})) ==
        "claim: queue a is there twice; kind k is there twice");
  CHECK(Message(outlive::ValidateClaimRequest({"s", {{"a", -1}}, {}})) ==
        "claim: job_count_max must not be negative");
  CHECK_FALSE(outlive::ValidateClaimRequest({"s", {{"a b", 1}}, {}}).ok());
  CHECK_FALSE(outlive::ValidateClaimRequest({"s", {}, {"'; DROP TABLE job;--"}}).ok());
}

TEST_CASE("rescue requests") {
  CHECK(outlive::ValidateRescueRequest({1, 1, absl::ZeroDuration()}).ok());
  CHECK(outlive::ValidateRescueRequest({1'000, 3, kDelayMax}).ok());
  CHECK(Message(outlive::ValidateRescueRequest({0, 0, -kTick})) ==
        "rescue: job_count_max must be 1 or more; crash_count_max must be 1 or more; delay must be "
        "from 0 to 366 days");
  CHECK_FALSE(outlive::ValidateRescueRequest({1, 1, absl::InfiniteDuration()}).ok());
}

TEST_CASE("prune requests") {
  CHECK(outlive::ValidatePruneRequest({}).ok());
  CHECK(outlive::ValidatePruneRequest(
            {absl::ZeroDuration(), absl::ZeroDuration(), absl::ZeroDuration(), 1})
            .ok());
  CHECK(Message(outlive::ValidatePruneRequest({-kTick, -kTick, -kTick, 0})) ==
        "prune: keep_completed must not be negative; keep_cancelled must not be negative; "
        "keep_dead must not be negative; row_count_max must be 1 or more");
}

TEST_CASE("pages") {
  CHECK(outlive::ValidateJobPage({}).ok());
  CHECK(outlive::ValidateJobPage({std::numeric_limits<std::int64_t>::max(), 1'000}).ok());
  CHECK(Message(outlive::ValidateJobPage({-1, 0})) ==
        "page: before must not be negative; row_count_max must be from 1 to 1000");
  CHECK_FALSE(outlive::ValidateJobPage({0, 1'001}).ok());
}

TEST_CASE("an end of an attempt is made by the transitions of attempts only") {
  const std::set<Transition> ends = {
      Transition::kComplete, Transition::kRetry, Transition::kSnooze, Transition::kRelease,
      Transition::kCancel,   Transition::kDie,   Transition::kCrash};
  for (const Transition transition : kTransitions) {
    CAPTURE(outlive::TransitionName(transition));
    Finished finished;
    finished.lease = {1, 1};
    finished.transition = transition;
    CHECK(outlive::ValidateFinished(finished).ok() == ends.contains(transition));
  }
}

TEST_CASE("what does not belong to the end of an attempt is not looked at") {
  for (const Transition transition : kTransitions) {
    Finished finished;
    finished.lease = {1, 1};
    finished.transition = transition;
    if (!outlive::ValidateFinished(finished).ok()) continue;
    CAPTURE(outlive::TransitionName(transition));
    finished.delay = absl::InfiniteDuration();
    const bool delays = transition == Transition::kRetry || transition == Transition::kSnooze ||
                        transition == Transition::kCrash;
    CHECK(outlive::ValidateFinished(finished).ok() == !delays);
    finished.delay = -kTick;
    CHECK(outlive::ValidateFinished(finished).ok() == !delays);
    finished.delay = kDelayMax;
    finished.crash_count_max = 0;
    CHECK(outlive::ValidateFinished(finished).ok() == (transition != Transition::kCrash));
    finished.crash_count_max = 1;
    finished.output = std::string(outlive::limits::kPayloadBytesMax + 1, 'x');
    CHECK(outlive::ValidateFinished(finished).ok() == (transition != Transition::kComplete));
  }
}

TEST_CASE("a lease names a job and a fence") {
  Finished finished;
  CHECK(Message(outlive::ValidateFinished(finished)) ==
        "end of an attempt: the lease has no job; the lease has no fence");
  finished.lease = {1, 1};
  finished.output = std::string(outlive::limits::kPayloadBytesMax, 'x');
  CHECK(outlive::ValidateFinished(finished).ok());
}

TEST_CASE("each fault of a write is named") {
  struct Fault {
    std::function<void(WorkerWrite&)> break_it;
    std::string_view said;
  };
  const Fault faults[] = {
      {[](WorkerWrite& w) { w.lease.job = -1; }, "the lease has no job"},
      {[](WorkerWrite& w) { w.progress = -0.001; }, "progress must be from 0 to 1"},
      {[](WorkerWrite& w) { w.progress = 1.001; }, "progress must be from 0 to 1"},
      {[](WorkerWrite& w) { w.progress = std::numeric_limits<double>::quiet_NaN(); },
       "progress must be from 0 to 1"},
      {[](WorkerWrite& w) { w.checkpoint = std::string(1'048'577, 'x'); },
       "checkpoint must have at most 1048576 bytes, and has 1048577"},
      {[](WorkerWrite& w) { w.artifact->id = "../../etc/passwd"; },
       "artifact.id must be 32 hexadecimal digits"},
      {[](WorkerWrite& w) { w.artifact->id = std::string(32, 'A'); },
       "artifact.id must be 32 hexadecimal digits"},
      {[](WorkerWrite& w) { w.artifact->sha256 = std::string(63, '0'); },
       "artifact.sha256 must be 64 hexadecimal digits"},
      {[](WorkerWrite& w) { w.artifact->size = -1; }, "artifact.size must not be negative"},
      {[](WorkerWrite& w) { w.artifact->name = ""; },
       "artifact.name must have 1 to 4096 bytes and no NUL"},
      {[](WorkerWrite& w) { w.artifact->name = std::string(4'097, 'x'); },
       "artifact.name must have 1 to 4096 bytes and no NUL"},
      {[](WorkerWrite& w) { w.artifact->media_type = std::string("a\0", 2); },
       "artifact.media_type must have 1 to 4096 bytes and no NUL"},
      {[](WorkerWrite& w) { w.artifact->created_at = absl::InfiniteFuture(); },
       "artifact.created_at must be finite"},
  };
  WorkerWrite valid;
  valid.lease = {1, 1};
  valid.progress = 1;
  valid.checkpoint = "";
  valid.artifact = ValidArtifact();
  CHECK(Message(outlive::ValidateWorkerWrite(valid)) == "");
  for (const Fault& fault : faults) {
    WorkerWrite write = valid;
    fault.break_it(write);
    CHECK(Message(outlive::ValidateWorkerWrite(write)) == "write: " + std::string(fault.said));
  }
}

TEST_CASE("changes") {
  CHECK(
      outlive::ValidateChange({7, Change::Action::kCancel, "why", absl::InfiniteDuration()}).ok());
  CHECK(outlive::ValidateChange({7, Change::Action::kDiscard, "", -kTick}).ok());
  CHECK(outlive::ValidateChange({7, Change::Action::kRequeue, "", kDelayMax}).ok());
  CHECK(Message(outlive::ValidateChange({7, Change::Action::kRequeue, "", -kTick})) ==
        "change: delay must be from 0 to 366 days");
  CHECK(Message(outlive::ValidateChange({7, static_cast<Change::Action>(9), "", {}})) ==
        "change: there is no such action");
}

// -- Time -------------------------------------------------------------------------------------

TEST_CASE("stores keep whole microseconds, rounded down") {
  const auto at = [](std::int64_t nanos) { return absl::FromUnixNanos(nanos); };
  CHECK(outlive::ToStoreTime(at(1'999)) == at(1'000));
  CHECK(outlive::ToStoreTime(at(2'000)) == at(2'000));
  CHECK(outlive::ToStoreTime(at(-1)) == at(-1'000));
  CHECK(outlive::ToStoreTime(at(-1'000)) == at(-1'000));
  CHECK(outlive::ToStoreTime(absl::InfiniteFuture()) == absl::InfiniteFuture());
  CHECK(outlive::ToStoreTime(absl::InfinitePast()) == absl::InfinitePast());
}

TEST_CASE("a job is due when asked for, but not in the past") {
  const absl::Time now = absl::FromUnixSeconds(1'000);
  CHECK(outlive::DueTime(absl::InfinitePast(), now) == now);
  CHECK(outlive::DueTime(now - absl::Seconds(1), now) == now);
  CHECK(outlive::DueTime(now + absl::Seconds(1), now) == now + absl::Seconds(1));
  CHECK(outlive::DueTime(now + kTick, now) == now);
}

// -- Ends of attempts -------------------------------------------------------------------------

TEST_CASE("a wish to stop turns what would come back into a cancellation") {
  for (const Transition transition : kTransitions) {
    CAPTURE(outlive::TransitionName(transition));
    CHECK(outlive::EndTransition(transition, false) == transition);
    const bool comes_back = transition == Transition::kRetry || transition == Transition::kSnooze ||
                            transition == Transition::kRelease;
    CHECK(outlive::EndTransition(transition, true) ==
          (comes_back ? Transition::kCancel : transition));
  }
}

TEST_CASE("a lost process costs a crash, the last one the job, and a wish to stop ends it") {
  for (const Transition by : {Transition::kRescue, Transition::kCrash}) {
    CHECK(outlive::LossTransition(by, 1, 3, false) == by);
    CHECK(outlive::LossTransition(by, 2, 3, false) == by);
    CHECK(outlive::LossTransition(by, 3, 3, false) == Transition::kDie);
    CHECK(outlive::LossTransition(by, 4, 3, false) == Transition::kDie);
    CHECK(outlive::LossTransition(by, 1, 1, false) == Transition::kDie);
    CHECK(outlive::LossTransition(by, 1, 3, true) == Transition::kCancel);
    CHECK(outlive::LossTransition(by, 3, 3, true) == Transition::kCancel);
  }
}

TEST_CASE("failures, deaths, cancellations and crashes leave their error") {
  const std::set<Transition> keep = {Transition::kRetry, Transition::kDie, Transition::kCancel,
                                     Transition::kCrash};
  for (const Transition transition : kTransitions) {
    CHECK(outlive::KeepsError(transition) == keep.contains(transition));
  }
}

TEST_CASE("every transition has its event") {
  const EventType events[] = {EventType::kClaimed,   EventType::kCompleted, EventType::kRetried,
                              EventType::kSnoozed,   EventType::kReleased,  EventType::kRescued,
                              EventType::kCancelled, EventType::kDead,      EventType::kRequeued,
                              EventType::kEnqueued,  EventType::kCrashed};
  for (std::size_t i = 0; i < std::size(kTransitions); ++i) {
    CHECK(outlive::EventOf(kTransitions[i]) == events[i]);
  }
}

// -- Errors -----------------------------------------------------------------------------------

TEST_CASE("errors are kept clean and short") {
  std::vector<AttemptError> errors;
  outlive::AddError(errors, {1, absl::FromUnixNanos(1'999), absl::StatusCode::kInternal,
                             "a\nb" + std::string(10'000, 'x')});
  REQUIRE(errors.size() == 1);
  CHECK(errors[0].message.size() == outlive::limits::kMessageBytesMax);
  CHECK(errors[0].message.substr(0, 6) == "a\\x0ab");
  CHECK(errors[0].at == absl::FromUnixMicros(1));
  CHECK(errors[0].code == absl::StatusCode::kInternal);
}

TEST_CASE("a long history keeps its first half and the latest half") {
  std::vector<AttemptError> errors;
  for (int attempt = 1; attempt <= 1'000; ++attempt) {
    outlive::AddError(errors, Error(attempt, "e"));
  }
  REQUIRE(errors.size() == outlive::limits::kErrorCountMax);
  for (int i = 0; i < 50; ++i) CHECK(errors[i].attempt == i + 1);
  for (int i = 50; i < 100; ++i) CHECK(errors[i].attempt == 900 + i + 1);
}

TEST_CASE("a lost attempt says so") {
  const AttemptError error = outlive::LostError(3, absl::FromUnixSeconds(5));
  CHECK(error.attempt == 3);
  CHECK(error.at == absl::FromUnixSeconds(5));
  CHECK(error.code == absl::StatusCode::kUnavailable);
  CHECK(error.message == "the process that ran it was lost");
}

TEST_CASE("errors that differ in numbers only are one group") {
  const auto key = [](std::string message) {
    return outlive::ErrorGroupKey("mail.send", {Error(1, std::move(message))});
  };
  CHECK(key("row 17 of 40") == key("row 3 of 900000"));
  CHECK(key("timeout after 1.5 s") == key("timeout after 20.25 s"));
  CHECK(key("row 17") != key("row "));
  CHECK(key("row 17") != key("line 17"));
  CHECK(key("a1b") != key("ab"));
}

TEST_CASE("kind and code part groups, and only the last error counts") {
  using outlive::ErrorGroupKey;
  const AttemptError down = Error(1, "down");
  const AttemptError refused = Error(2, "refused");
  CHECK(ErrorGroupKey("a", {down}) != ErrorGroupKey("b", {down}));
  CHECK(ErrorGroupKey("a", {down}) !=
        ErrorGroupKey("a", {Error(1, "down", absl::StatusCode::kInternal)}));
  CHECK(ErrorGroupKey("a", {down, refused}) == ErrorGroupKey("a", {refused}));
  CHECK(ErrorGroupKey("a", {}) == ErrorGroupKey("a", {Error(0, "", absl::StatusCode::kUnknown)}));
}

// Made by another program. Filters that people saved hold them.
TEST_CASE("keys of groups never change") {
  CHECK(outlive::ErrorGroupKey("mail.send", {Error(1, "row 17 of 40")}) ==
        "c565428513f65bc68dbbd12fa84f2e13");
  CHECK(outlive::ErrorGroupKey("mail.send", {}) == "0fd8858887cc5d51860064550735c641");
}

// -- Follow-ups -------------------------------------------------------------------------------

Job Ended(JobState state) {
  Job job;
  job.id = 7;
  job.kind = "report";
  job.queue = "reports";
  job.state = state;
  job.attempt = 2;
  job.generation = 1;
  job.ended_at = absl::FromUnixSeconds(9);
  job.output = "out";
  job.errors = {Error(1, "first"), Error(2, "last")};
  return job;
}

TEST_CASE("an end is followed by those that wanted it, in order") {
  FollowUp on_completed;
  on_completed.kind = "completed";
  on_completed.on_dead = false;
  FollowUp on_dead;
  on_dead.kind = "dead";
  on_dead.on_completed = false;
  FollowUp both;
  both.kind = "both";
  const std::vector<FollowUp> follow_ups = {on_completed, on_dead, both};
  const auto kinds = [&](JobState state) {
    std::string text;
    for (const NewJob& job : outlive::FollowUpJobs(follow_ups, Ended(state)))
      text += job.kind + " ";
    return text;
  };
  CHECK(kinds(JobState::kCompleted) == "completed both ");
  CHECK(kinds(JobState::kDead) == "dead both ");
  CHECK(kinds(JobState::kCancelled) == "");
  CHECK(kinds(JobState::kPending) == "");
}

TEST_CASE("a follow-up is told the output of a completed job, and the error of others") {
  FollowUp follow_up;
  follow_up.kind = "k";
  follow_up.on_cancelled = true;
  const auto told = [&](const Job& job) {
    const std::vector<NewJob> jobs = outlive::FollowUpJobs({follow_up}, job);
    REQUIRE(jobs.size() == 1);
    return outlive::DecodeFollowUpArgs(jobs[0].args)->end;
  };
  const outlive::JobEnd completed = told(Ended(JobState::kCompleted));
  CHECK(completed.job_id == 7);
  CHECK(completed.output == "out");
  CHECK(completed.error == "");
  CHECK(completed.ended_at == absl::FromUnixSeconds(9));
  CHECK(told(Ended(JobState::kDead)).error == "last");
  CHECK(told(Ended(JobState::kCancelled)).error == "last");
  Job without = Ended(JobState::kDead);
  without.errors.clear();
  without.ended_at = std::nullopt;
  CHECK(told(without).error == "");
  CHECK(told(without).ended_at == absl::UnixEpoch());
}

TEST_CASE("an error that had to be cut does not cost the follow-up its words") {
  FollowUp follow_up;
  follow_up.kind = "k";
  follow_up.data = "whom";
  for (std::size_t offset = 0; offset < 4; ++offset) {
    std::string message(offset, 'x');
    for (int i = 0; i < 3'000; ++i) message += "🦉";
    Job job = Ended(JobState::kDead);
    job.errors.clear();
    outlive::AddError(job.errors, Error(1, message));
    const std::vector<NewJob> jobs = outlive::FollowUpJobs({follow_up}, job);
    REQUIRE(jobs.size() == 1);
    const auto args = outlive::DecodeFollowUpArgs(jobs[0].args);
    REQUIRE(args.ok());
    CHECK(args->data == "whom");
    CHECK(args->end.error == job.errors[0].message);
    CHECK(args->end.error.size() > 4'000);
  }
}

}  // namespace
