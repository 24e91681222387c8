// Conformance of StoreTransaction::Finish(): what each end makes of a job, who may end it, and what
// a repeat does.
#ifndef OUTLIVE_CONFORMANCE_JOB_STORE_FINISH_H_
#define OUTLIVE_CONFORMANCE_JOB_STORE_FINISH_H_

#include <algorithm>
#include <string>
#include <vector>

#include "outlive/conformance/helpers.h"

namespace outlive::conformance {

inline constexpr Transition kEnds[] = {
    Transition::kComplete, Transition::kRetry, Transition::kSnooze, Transition::kRelease,
    Transition::kCancel,   Transition::kDie,   Transition::kCrash};

inline std::string NamesOf(std::initializer_list<EventType> types) {
  std::string names;
  for (const EventType type : types) {
    if (!names.empty()) names.push_back(' ');
    names.append(EventTypeName(type));
  }
  return names;
}

TEST_CASE_TEMPLATE_DEFINE("finish: every end leads where the lifecycle says", Backend,
                          finish_lifecycle) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  for (const Transition end : kEnds) {
    CAPTURE(TransitionName(end));
    const ClaimedJob claimed = InsertAndClaim(store);
    clock.Advance(absl::Seconds(1));
    CHECK(FinishOne(store, claimed, end).ok());

    const Job job = MustGet(store, claimed.lease.job);
    const JobState to = *NextState(JobState::kRunning, end);
    CHECK(job.state == to);
    CHECK(job.session == "");
    CHECK(job.fence == claimed.lease.fence);
    CHECK(job.started_at == claimed.started_at);
    CHECK(job.ended_at.has_value() == IsTerminal(to));
    if (IsTerminal(to)) CHECK(*job.ended_at == clock.Now());
    const bool given_back = end == Transition::kSnooze || end == Transition::kRelease;
    CHECK(job.attempt == (given_back ? 0 : 1));
    CHECK(job.crashes == (end == Transition::kCrash ? 1 : 0));
    CHECK(job.generation == 0);
    CHECK(EventsOf(store, job.id) ==
          NamesOf({EventType::kEnqueued, EventType::kClaimed, EventOf(end)}));
    CHECK(AllEvents(store).back().fence == claimed.lease.fence);
    if (to == JobState::kPending) RequireOk(CancelJob(store, job.id).status());
  }
}

TEST_CASE_TEMPLATE_DEFINE("finish: a completed job keeps its output", Backend, finish_output) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  for (const std::string& output :
       {std::string(), std::string("a\0\xff", 3), std::string(limits::kPayloadBytesMax, 'o')}) {
    const ClaimedJob claimed = InsertAndClaim(store);
    Finished finished = EndOf(claimed.lease, Transition::kComplete);
    finished.output = output;
    CHECK(FinishOne(store, finished).ok());
    CHECK(MustGet(store, claimed.lease.job).output == output);
  }
}

TEST_CASE_TEMPLATE_DEFINE("finish: a failed job waits, and keeps the error", Backend,
                          finish_retry) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  const ClaimedJob first = InsertAndClaim(store);
  clock.Advance(absl::Seconds(1));
  Finished failed =
      Failed(first.lease, Transition::kRetry, "smtp: 451", absl::StatusCode::kAborted);
  failed.delay = absl::Seconds(30);
  failed.error->attempt = 99;                 // The store knows better,
  failed.error->at = absl::InfiniteFuture();  // here too.
  failed.output = "nothing looks at this";
  const absl::Time failed_at = clock.Now();
  CHECK(FinishOne(store, failed).ok());

  const Job waiting = MustGet(store, first.lease.job);
  CHECK(waiting.run_at == failed_at + absl::Seconds(30));
  CHECK(waiting.output == "");
  REQUIRE(waiting.errors.size() == 1);
  CHECK(waiting.errors[0] == AttemptError{1, failed_at, absl::StatusCode::kAborted, "smtp: 451"});

  clock.Advance(absl::Seconds(30) - absl::Microseconds(1));
  CHECK(ClaimDue(store).empty());
  clock.Advance(absl::Microseconds(1));
  const ClaimedJob second = ClaimOne(store);
  CHECK(second.attempt == 2);
  CHECK(second.run_at == waiting.run_at);
  CHECK(FinishOne(store, Failed(second.lease, Transition::kDie, "smtp: 550")).ok());
  const Job dead = MustGet(store, first.lease.job);
  REQUIRE(dead.errors.size() == 2);
  CHECK(dead.errors[0].message == "smtp: 451");
  CHECK(dead.errors[1] == AttemptError{2, clock.Now(), absl::StatusCode::kInternal, "smtp: 550"});
}

TEST_CASE_TEMPLATE_DEFINE("finish: a snoozed job waits, a released one has its old place", Backend,
                          finish_hand_back) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  const absl::Time due = clock.Now();
  const ClaimedJob claimed = InsertAndClaim(store);
  const JobId later = MustInsert(store);
  clock.Advance(absl::Seconds(2));

  SUBCASE("snoozed") {
    CHECK(FinishOne(store, EndOf(claimed.lease, Transition::kSnooze, absl::Minutes(5))).ok());
    const Job job = MustGet(store, claimed.lease.job);
    CHECK(job.run_at == clock.Now() + absl::Minutes(5));
    CHECK(job.errors.empty());
    CHECK(IdsOf(ClaimDue(store)) == std::vector<JobId>{later});
  }
  SUBCASE("released") {
    // Its delay is not looked at.
    CHECK(FinishOne(store, EndOf(claimed.lease, Transition::kRelease, absl::Minutes(5))).ok());
    const Job job = MustGet(store, claimed.lease.job);
    CHECK(job.run_at == due);
    CHECK(job.errors.empty());
    CHECK(IdsOf(ClaimDue(store)) == std::vector<JobId>{claimed.lease.job, later});
  }
}

TEST_CASE_TEMPLATE_DEFINE("finish: failures, deaths, cancellations and crashes have an error",
                          Backend, finish_error) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  for (const Transition end : kEnds) {
    CAPTURE(TransitionName(end));
    const ClaimedJob claimed = InsertAndClaim(store);
    CHECK(FinishOne(store, Failed(claimed.lease, end, "why")).ok());
    const bool kept = KeepsError(end);
    const Job job = MustGet(store, claimed.lease.job);
    CHECK(job.errors.size() == (kept ? 1 : 0));
    if (job.state == JobState::kPending) RequireOk(CancelJob(store, job.id).status());
  }
}

TEST_CASE_TEMPLATE_DEFINE("finish: a crash has a budget of its own", Backend, finish_crash) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  NewJob job = MakeJob();
  job.attempt_count_max = 1;
  job.follow_ups.push_back({.on_dead = true, .kind = "tell"});
  const JobId id = MustInsert(store, job);
  for (int crash = 1; crash <= 3; ++crash) {
    const ClaimedJob claimed = ClaimOne(store);
    CHECK(claimed.attempt == crash);
    CHECK(claimed.crashes == crash - 1);
    Finished crashed = Failed(claimed.lease, Transition::kCrash, fmt::format("crash {}", crash));
    crashed.crash_count_max = 3;
    crashed.delay = absl::Seconds(5);
    CHECK(FinishOne(store, crashed).ok());
    const std::string before = Snapshot(store);
    CHECK(FinishOne(store, crashed).ok());  // A repeat.
    CHECK(Snapshot(store) == before);

    const Job now = MustGet(store, id);
    CHECK(now.crashes == crash);
    CHECK(now.attempt == crash);
    CHECK(now.fence == claimed.lease.fence);
    CHECK(now.errors.size() == static_cast<std::size_t>(crash));
    if (crash == 3) break;
    CHECK(now.state == JobState::kPending);
    CHECK(now.run_at == clock.Now() + absl::Seconds(5));
    CHECK(ClaimDue(store).empty());
    clock.Advance(absl::Seconds(5));
  }
  const Job dead = MustGet(store, id);
  CHECK(dead.state == JobState::kDead);
  CHECK(dead.ended_at == clock.Now());
  CHECK(dead.errors.back() == AttemptError{3, clock.Now(), absl::StatusCode::kInternal, "crash 3"});
  CHECK(EventsOf(store, id) == "enqueued claimed crashed claimed crashed claimed dead");
  CHECK(ClaimDue(store, kSession, 9, {"tell"}).size() == 1);

  RequireOk(RequeueJob(store, id).status());
  CHECK(MustGet(store, id).crashes == 0);
}

TEST_CASE_TEMPLATE_DEFINE("finish: crashes of a child and of its runner add up", Backend,
                          finish_crash_adds_up) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  const ClaimedJob first = InsertAndClaim(store, MakeJob(), "session-1");
  CHECK(FinishOne(store, first, Transition::kCrash).ok());
  ClaimOne(store, "session-2");
  clock.Advance(kLease);
  CHECK(RescueAll(store) == 1);
  CHECK(MustGet(store, first.lease.job).crashes == 2);
  CHECK(FinishOne(store, ClaimOne(store, "session-3"), Transition::kCrash).ok());
  const Job dead = MustGet(store, first.lease.job);
  CHECK(dead.state == JobState::kDead);
  CHECK(dead.crashes == 3);
}

TEST_CASE_TEMPLATE_DEFINE("finish: messages are cut and cleaned", Backend, finish_message) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  const auto kept = [&store](std::string message) {
    const ClaimedJob claimed = InsertAndClaim(store);
    RequireOk(FinishOne(store, Failed(claimed.lease, Transition::kDie, std::move(message))));
    return MustGet(store, claimed.lease.job).errors.at(0).message;
  };
  CHECK(kept("plain text, \xc3\xa9") == "plain text, \xc3\xa9");
  CHECK(kept("two\nlines") == EscapeForLog("two\nlines"));
  CHECK(kept(std::string("a\0b\xff", 4)) == EscapeForLog(std::string("a\0b\xff", 4)));
  const std::string cut = kept(std::string(1'000'000, 'x'));
  CHECK(cut.size() <= limits::kMessageBytesMax);
  CHECK(cut.size() > limits::kMessageBytesMax / 2);
  CHECK(cut.find_first_not_of('x') == std::string::npos);
}

TEST_CASE_TEMPLATE_DEFINE("finish: of many errors the first and the latest are kept", Backend,
                          finish_error_cap) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  const int attempt_count = static_cast<int>(limits::kErrorCountMax) + 30;
  NewJob job = MakeJob();
  job.attempt_count_max = limits::kAttemptCountMax;
  const JobId id = MustInsert(store, job);
  for (int attempt = 1; attempt <= attempt_count; ++attempt) {
    const ClaimedJob claimed = ClaimOne(store);
    RequireOk(FinishOne(
        store, Failed(claimed.lease, Transition::kRetry, fmt::format("error {}", attempt))));
  }
  const std::vector<AttemptError> errors = MustGet(store, id).errors;
  REQUIRE(errors.size() == limits::kErrorCountMax);
  const int half = static_cast<int>(limits::kErrorCountMax) / 2;
  for (int i = 0; i < half; ++i) {
    CHECK(errors[i].attempt == 1 + i);
    CHECK(errors[half + i].attempt == attempt_count - half + 1 + i);
    CHECK(errors[half + i].message == fmt::format("error {}", attempt_count - half + 1 + i));
  }
}

TEST_CASE_TEMPLATE_DEFINE("finish: a repeat is harmless, and changes nothing", Backend,
                          finish_repeat) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  for (const Transition end : kEnds) {
    CAPTURE(TransitionName(end));
    NewJob job = MakeJob();
    job.follow_ups.push_back({.on_cancelled = true, .kind = "tell"});
    const ClaimedJob claimed = InsertAndClaim(store, job);
    Finished finished = Failed(claimed.lease, end, "why");
    finished.output = "output";
    finished.delay = absl::Seconds(10);
    CHECK(FinishOne(store, finished).ok());
    const std::string before = Snapshot(store);

    clock.Advance(absl::Microseconds(1));
    CHECK(FinishOne(store, finished).ok());
    finished.output = "another output";
    CHECK(FinishOne(store, finished).ok());
    CHECK(Snapshot(store) == before);

    for (const Transition other : kEnds) {
      if (other != end) CHECK(absl::IsAborted(FinishOne(store, claimed, other)));
    }
    CHECK(Snapshot(store) == before);
    if (!IsTerminal(StateOf(store, claimed.lease.job))) {
      RequireOk(CancelJob(store, claimed.lease.job).status());
      CHECK(FinishOne(store, finished).ok());
    }
  }
}

TEST_CASE_TEMPLATE_DEFINE("finish: a repeat after the next claim is too late", Backend,
                          finish_repeat_late) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  const ClaimedJob first = InsertAndClaim(store);
  CHECK(FinishOne(store, first, Transition::kRelease).ok());
  const ClaimedJob second = ClaimOne(store, "session-2");
  CHECK(second.lease.job == first.lease.job);
  CHECK(absl::IsAborted(FinishOne(store, first, Transition::kRelease)));
  CHECK(absl::IsAborted(FinishOne(store, first, Transition::kComplete)));
  CHECK(StateOf(store, first.lease.job) == JobState::kRunning);

  CHECK(FinishOne(store, second, Transition::kComplete).ok());
  RequireOk(RequeueJob(store, first.lease.job).status());
  CHECK(absl::IsAborted(FinishOne(store, second, Transition::kComplete)));
  CHECK(StateOf(store, first.lease.job) == JobState::kPending);
}

TEST_CASE_TEMPLATE_DEFINE("finish: only the holder of the fence may end a job", Backend,
                          finish_fence) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  const ClaimedJob claimed = InsertAndClaim(store);
  const JobId pending = MustInsert(store);
  const std::string before = Snapshot(store);
  const std::int64_t fence = claimed.lease.fence;

  for (const std::int64_t wrong : {fence + 1, fence + 1'000}) {
    CHECK(absl::IsAborted(
        FinishOne(store, EndOf({claimed.lease.job, wrong}, Transition::kComplete))));
  }
  CHECK(absl::IsAborted(FinishOne(store, EndOf({pending, fence}, Transition::kComplete))));
  CHECK(absl::IsNotFound(FinishOne(store, EndOf({pending + 1'000, fence}, Transition::kComplete))));
  CHECK(Snapshot(store) == before);
  CHECK(FinishOne(store, claimed, Transition::kComplete).ok());
}

TEST_CASE_TEMPLATE_DEFINE("finish: what has been deleted is not found", Backend, finish_gone) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  const ClaimedJob claimed = InsertAndClaim(store);
  RequireOk(FinishOne(store, claimed, Transition::kDie));
  RequireOk(DiscardJob(store, claimed.lease.job).status());
  CHECK(absl::IsNotFound(FinishOne(store, claimed, Transition::kDie)));
}

TEST_CASE_TEMPLATE_DEFINE("finish: a batch is answered one by one, in order", Backend,
                          finish_batch) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  InsertAll(store, {3, MakeJob()});
  const std::vector<ClaimedJob> jobs = ClaimDue(store);
  REQUIRE(jobs.size() == 3);

  std::vector<Finished> batch = {
      EndOf(jobs[2].lease, Transition::kComplete),
      EndOf({jobs[0].lease.job, jobs[0].lease.fence + 1}, Transition::kComplete),
      EndOf({jobs[2].lease.job + 100, 1}, Transition::kComplete),
      EndOf(jobs[1].lease, Transition::kClaim),
      EndOf(jobs[2].lease, Transition::kComplete),
      EndOf(jobs[2].lease, Transition::kDie),
      EndOf(jobs[0].lease, Transition::kRelease),
  };
  const std::vector<absl::Status> results = FinishAll(store, batch);
  REQUIRE(results.size() == batch.size());
  CHECK(results[0].ok());
  CHECK(absl::IsAborted(results[1]));
  CHECK(absl::IsNotFound(results[2]));
  CHECK(absl::IsInvalidArgument(results[3]));
  CHECK(results[4].ok());  // A repeat.
  CHECK(absl::IsAborted(results[5]));
  CHECK(results[6].ok());
  CHECK(StateOf(store, jobs[0].lease.job) == JobState::kPending);
  CHECK(StateOf(store, jobs[1].lease.job) == JobState::kRunning);
  CHECK(StateOf(store, jobs[2].lease.job) == JobState::kCompleted);

  CHECK(FinishAll(store, {}).empty());
  const std::vector<Finished> too_many(limits::kInsertJobCountMax + 1, batch[0]);
  CHECK(absl::IsInvalidArgument(Begin(store)->Finish(too_many).status()));
}

TEST_CASE_TEMPLATE_DEFINE("finish: what is invalid leaves the job running", Backend,
                          finish_invalid) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  const ClaimedJob claimed = InsertAndClaim(store);
  const std::string before = Snapshot(store);
  std::vector<Finished> invalid = {
      EndOf(claimed.lease, Transition::kClaim),
      EndOf(claimed.lease, Transition::kRescue),
      EndOf(claimed.lease, Transition::kRequeue),
      EndOf(claimed.lease, Transition::kUnblock),
      EndOf(claimed.lease, static_cast<Transition>(77)),
      EndOf(claimed.lease, Transition::kRetry, -absl::Microseconds(1)),
      EndOf(claimed.lease, Transition::kRetry, kDelayMax + absl::Microseconds(1)),
      EndOf(claimed.lease, Transition::kCrash, -absl::Microseconds(1)),
      EndOf(claimed.lease, Transition::kSnooze, absl::InfiniteDuration()),
      EndOf(claimed.lease, Transition::kSnooze, -absl::InfiniteDuration()),
      EndOf({claimed.lease.job, 0}, Transition::kComplete),
      EndOf({claimed.lease.job, -1}, Transition::kComplete),
      EndOf({0, claimed.lease.fence}, Transition::kComplete),
      EndOf(claimed.lease, Transition::kComplete),
  };
  invalid.back().output = std::string(limits::kPayloadBytesMax + 1, 'o');
  invalid.push_back(EndOf(claimed.lease, Transition::kCrash));
  invalid.back().crash_count_max = 0;
  for (const Finished& finished : invalid) {
    CHECK(absl::IsInvalidArgument(FinishOne(store, finished)));
  }
  CHECK(Snapshot(store) == before);

  Finished longest = EndOf(claimed.lease, Transition::kSnooze, kDelayMax);
  longest.output = std::string(limits::kPayloadBytesMax + 1, 'o');  // Not of this transition.
  longest.crash_count_max = 0;                                      // Nor is this.
  CHECK(FinishOne(store, longest).ok());
  CHECK(MustGet(store, claimed.lease.job).run_at == clock.Now() + kDelayMax);
}

TEST_CASE_TEMPLATE_DEFINE("finish: a job that was asked to stop does not come back", Backend,
                          finish_cancelled) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  for (const Transition end : kEnds) {
    CAPTURE(TransitionName(end));
    const ClaimedJob claimed = InsertAndClaim(store);
    CHECK(Value(CancelJob(store, claimed.lease.job)) == JobState::kRunning);
    const Finished finished = Failed(claimed.lease, end, "why");
    CHECK(FinishOne(store, finished).ok());
    const Job job = MustGet(store, claimed.lease.job);
    const bool own_way = end == Transition::kComplete || end == Transition::kDie;
    CHECK(job.state == (own_way ? *NextState(JobState::kRunning, end) : JobState::kCancelled));
    CHECK(job.attempt == 1);
    CHECK(job.ended_at == clock.Now());
    CHECK(EventsOf(store, job.id) ==
          NamesOf({EventType::kEnqueued, EventType::kClaimed, EventType::kCancelRequested,
                   EventOf(own_way ? end : Transition::kCancel)}));
    CHECK(job.errors.size() == (KeepsError(end) ? 1 : 0));
    CHECK(job.crashes == (end == Transition::kCrash ? 1 : 0));
    CHECK(FinishOne(store, finished).ok());  // A repeat.
  }
}

}  // namespace outlive::conformance

#define OUTLIVE_JOB_STORE_FINISH_CONFORMANCE(Backend)       \
  namespace outlive::conformance {                          \
  TEST_CASE_TEMPLATE_INVOKE(finish_lifecycle, Backend);     \
  TEST_CASE_TEMPLATE_INVOKE(finish_output, Backend);        \
  TEST_CASE_TEMPLATE_INVOKE(finish_retry, Backend);         \
  TEST_CASE_TEMPLATE_INVOKE(finish_hand_back, Backend);     \
  TEST_CASE_TEMPLATE_INVOKE(finish_error, Backend);         \
  TEST_CASE_TEMPLATE_INVOKE(finish_crash, Backend);         \
  TEST_CASE_TEMPLATE_INVOKE(finish_crash_adds_up, Backend); \
  TEST_CASE_TEMPLATE_INVOKE(finish_message, Backend);       \
  TEST_CASE_TEMPLATE_INVOKE(finish_error_cap, Backend);     \
  TEST_CASE_TEMPLATE_INVOKE(finish_repeat, Backend);        \
  TEST_CASE_TEMPLATE_INVOKE(finish_repeat_late, Backend);   \
  TEST_CASE_TEMPLATE_INVOKE(finish_fence, Backend);         \
  TEST_CASE_TEMPLATE_INVOKE(finish_gone, Backend);          \
  TEST_CASE_TEMPLATE_INVOKE(finish_batch, Backend);         \
  TEST_CASE_TEMPLATE_INVOKE(finish_invalid, Backend);       \
  TEST_CASE_TEMPLATE_INVOKE(finish_cancelled, Backend);     \
  }                                                         \
  static_assert(true, "")

#endif  // OUTLIVE_CONFORMANCE_JOB_STORE_FINISH_H_
