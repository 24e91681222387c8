// Conformance of StoreTransaction::Claim(): which jobs, in which order, to whom, and what the claim
// says of them.
#ifndef OUTLIVE_CONFORMANCE_JOB_STORE_CLAIM_H_
#define OUTLIVE_CONFORMANCE_JOB_STORE_CLAIM_H_

#include <algorithm>
#include <string>
#include <tuple>
#include <vector>

#include "outlive/conformance/helpers.h"
#include "outlive/core/retry_policy.h"
#include "outlive/testing/seeded_random.h"

namespace outlive::conformance {

inline NewJob JobAt(absl::Time run_at, int priority = limits::kPriorityDefault,
                    std::string queue = kQueue, std::string kind = kKind) {
  NewJob job = MakeJob(std::move(kind));
  job.run_at = run_at;
  job.priority = priority;
  job.queue = std::move(queue);
  return job;
}

TEST_CASE_TEMPLATE_DEFINE("claim: a lease has everything a worker needs", Backend, claim_fields) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  NewJob in = MakeJob("report.render", "{\"n\":1}");
  in.queue = "reports";
  in.priority = 3;
  in.attempt_count_max = 7;
  in.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  in.retry_policy = EncodeRetryPolicy({});
  const JobId id = MustInsert(store, in);
  const absl::Time due = clock.Now();
  clock.Advance(absl::Seconds(5));
  RequireOk(OpenSession(store));
  const ClaimResult result =
      Claim(store, RequestOf(kSession, {"other", "report.render"}, {{kQueue, 1}, {"reports", 1}}));

  REQUIRE(result.jobs.size() == 1);
  const ClaimedJob& claimed = result.jobs[0];
  CHECK(claimed.lease.job == id);
  CHECK(claimed.lease.fence > 0);
  CHECK(claimed.queue == 1);
  CHECK(claimed.kind == 1);
  CHECK(claimed.priority == 3);
  CHECK(claimed.attempt == 1);
  CHECK(claimed.attempt_count_max == 7);
  CHECK(claimed.crashes == 0);
  CHECK(claimed.run_at == due);
  CHECK(claimed.started_at == clock.Now());
  CHECK(claimed.args == in.args);
  CHECK(claimed.checkpoint == "");
  CHECK(claimed.retry_policy == in.retry_policy);
  CHECK(claimed.traceparent == in.traceparent);

  const Job job = MustGet(store, id);
  CHECK(job.state == JobState::kRunning);
  CHECK(job.session == kSession);
  CHECK(job.fence == claimed.lease.fence);
  CHECK(job.attempt == 1);
  CHECK(job.run_at == due);
  CHECK(job.started_at == clock.Now());
  CHECK_FALSE(job.ended_at.has_value());

  CHECK(EventsOf(store, id) == "enqueued claimed");
  CHECK(AllEvents(store).back().fence == claimed.lease.fence);
  CHECK(AllEvents(store).back().at == clock.Now());
}

TEST_CASE_TEMPLATE_DEFINE("claim: priority, then due time, then id", Backend, claim_order) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  testing::SeededRandom random(20250101);
  std::vector<std::tuple<int, absl::Time, JobId>> expected;
  for (int i = 0; i < 200; ++i) {
    const int priority = static_cast<int>(random.Below(limits::kPriorityMax + 1));
    const absl::Time run_at = clock.Now() + absl::Seconds(random.Below(5));
    const std::string kind = random.OneIn(2) ? "kind.a" : "kind.b";
    expected.emplace_back(priority, run_at,
                          MustInsert(store, JobAt(run_at, priority, kQueue, kind)));
  }
  clock.Advance(absl::Seconds(5));
  std::sort(expected.begin(), expected.end());

  std::vector<JobId> ids;
  for (const int count_max : {1, 7, 50, 500}) {
    for (const JobId id : IdsOf(ClaimDue(store, kSession, count_max, {"kind.b", "kind.a"}))) {
      ids.push_back(id);
    }
  }
  REQUIRE(ids.size() == expected.size());
  for (std::size_t i = 0; i < ids.size(); ++i) CHECK(ids[i] == std::get<2>(expected[i]));
}

TEST_CASE_TEMPLATE_DEFINE("claim: a priority of jobs that are not due does not hold others up",
                          Backend, claim_not_due_first) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  MustInsert(store, JobAt(clock.Now() + absl::Hours(1), 0));
  const JobId due = MustInsert(store, JobAt(clock.Now(), 9));
  CHECK(IdsOf(ClaimDue(store)) == std::vector<JobId>{due});
}

TEST_CASE_TEMPLATE_DEFINE("claim: due times are kept to the microsecond", Backend, claim_due) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  const absl::Time due = clock.Now() + absl::Seconds(10);
  const JobId id = MustInsert(store, JobAt(due));
  RequireOk(OpenSession(store));

  clock.Advance(absl::Seconds(10) - absl::Microseconds(1));
  const ClaimResult early = Claim(store, RequestOf());
  CHECK(early.jobs.empty());
  CHECK(early.next_run_at == due);
  clock.Advance(absl::Microseconds(1));
  const ClaimResult now = Claim(store, RequestOf());
  REQUIRE(now.jobs.size() == 1);
  CHECK(now.jobs[0].lease.job == id);
  CHECK(now.jobs[0].run_at == due);
}

TEST_CASE_TEMPLATE_DEFINE("claim: queues and kinds that are not asked for are left", Backend,
                          claim_lanes) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  const JobId wanted = MustInsert(store, JobAt(clock.Now(), 5, "q1", "k1"));
  MustInsert(store, JobAt(clock.Now(), 0, "q1", "k2"));
  MustInsert(store, JobAt(clock.Now(), 0, "q2", "k1"));
  RequireOk(OpenSession(store));

  CHECK(Claim(store, RequestOf(kSession, {}, {{"q1", 9}})).jobs.empty());
  CHECK(Claim(store, RequestOf(kSession, {"k1"}, {})).jobs.empty());
  CHECK(Claim(store, RequestOf(kSession, {"k3"}, {{"q1", 9}})).jobs.empty());
  CHECK(Claim(store, RequestOf(kSession, {"k1"}, {{"q3", 9}})).jobs.empty());
  CHECK(IdsOf(Claim(store, RequestOf(kSession, {"k1"}, {{"q1", 9}})).jobs) ==
        std::vector<JobId>{wanted});
  CHECK(LaneOf(store, "q1", "k2").pending == 1);
  CHECK(LaneOf(store, "q2", "k1").pending == 1);
}

TEST_CASE_TEMPLATE_DEFINE("claim: each queue has its own limit, in the request's order", Backend,
                          claim_queues) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  std::vector<JobId> a;
  std::vector<JobId> b;
  for (int i = 0; i < 3; ++i) {
    a.push_back(MustInsert(store, JobAt(clock.Now(), 0, "a")));
    b.push_back(MustInsert(store, JobAt(clock.Now(), 9, "b")));
    MustInsert(store, JobAt(clock.Now(), 0, "c"));
  }
  RequireOk(OpenSession(store));
  const ClaimResult result =
      Claim(store, RequestOf(kSession, {kKind}, {{"b", 2}, {"c", 0}, {"a", 9}}));
  CHECK(IdsOf(result.jobs) == std::vector<JobId>{b[0], b[1], a[0], a[1], a[2]});
  for (const ClaimedJob& job : result.jobs) CHECK(job.queue == (job.priority == 9 ? 0 : 2));
  CHECK(LaneOf(store, "c").pending == 3);
}

TEST_CASE_TEMPLATE_DEFINE("claim: a paused queue is not claimed", Backend, claim_paused) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  const ClaimedJob running = InsertAndClaim(store);
  const JobId waiting = MustInsert(store);
  RequireOk(SetQueue(store, kQueue, true));

  const ClaimResult paused = Claim(store, RequestOf());
  CHECK(paused.jobs.empty());
  CHECK(paused.next_run_at == absl::InfiniteFuture());
  CHECK(StateOf(store, running.lease.job) == JobState::kRunning);
  CHECK(FinishOne(store, running, Transition::kComplete).ok());
  MustInsert(store);  // Inserting is allowed.

  RequireOk(SetQueue(store, kQueue, false));
  REQUIRE(Claim(store, RequestOf()).jobs.size() == 2);
  CHECK(StateOf(store, waiting) == JobState::kRunning);
}

TEST_CASE_TEMPLATE_DEFINE("claim: it says when there will be more to do", Backend, claim_next) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  const absl::Time soon = clock.Now() + absl::Microseconds(1'234'567);
  RequireOk(OpenSession(store));
  const auto next = [&store](const ClaimRequest& request) {
    return Claim(store, request).next_run_at;
  };

  CHECK(next(RequestOf()) == absl::InfiniteFuture());
  MustInsert(store, JobAt(soon + absl::Seconds(1), 0));
  MustInsert(store, JobAt(soon, 9));
  CHECK(next(RequestOf()) == soon);
  CHECK(next(RequestOf(kSession, {"mail.other"})) == absl::InfiniteFuture());
  CHECK(next(RequestOf(kSession, {kKind}, {{"other", 5}})) == absl::InfiniteFuture());
  CHECK(next(RequestOf(kSession, {kKind}, {{kQueue, 0}})) == absl::InfiniteFuture());
  MustInsert(store, JobAt(soon - absl::Microseconds(1), 9, "other"));
  CHECK(next(RequestOf(kSession, {kKind}, {{kQueue, 5}, {"other", 5}})) ==
        soon - absl::Microseconds(1));

  SUBCASE("more are due than were asked for") {
    InsertAll(store, {3, MakeJob()});
    const ClaimResult result = Claim(store, RequestOf(kSession, {kKind}, {{kQueue, 2}}));
    CHECK(result.jobs.size() == 2);
    CHECK(result.next_run_at == absl::InfinitePast());
  }
  SUBCASE("fewer are due than were asked for") {
    InsertAll(store, {3, MakeJob()});
    const ClaimResult result = Claim(store, RequestOf(kSession, {kKind}, {{kQueue, 4}}));
    CHECK(result.jobs.size() == 3);
    CHECK(result.next_run_at == soon);
  }
  SUBCASE("running and ended jobs do not count") {
    clock.Advance(absl::Minutes(1) - absl::Microseconds(1));
    for (const ClaimedJob& job : ClaimDue(store)) {
      RequireOk(FinishOne(store, job, Transition::kComplete));
    }
    CHECK(next(RequestOf()) == absl::InfiniteFuture());
  }
}

TEST_CASE_TEMPLATE_DEFINE("claim: one claim has a limit", Backend, claim_limit) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  const std::size_t most = limits::kClaimJobCountMax;
  InsertAll(store, std::vector<NewJob>(most + 10, MakeJob()));
  RequireOk(OpenSession(store));
  const ClaimResult first =
      Claim(store, RequestOf(kSession, {kKind}, {{"empty", 1'000'000}, {kQueue, 1'000'000}}));
  CHECK(first.jobs.size() == most);
  CHECK(first.next_run_at == absl::InfinitePast());
  CHECK(Claim(store, RequestOf(kSession, {kKind}, {{kQueue, 1'000'000}})).jobs.size() == 10);
}

TEST_CASE_TEMPLATE_DEFINE("claim: only an open session may claim", Backend, claim_session) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  MustInsert(store);
  CHECK(absl::IsAborted(TryClaim(store, RequestOf("never-opened")).status()));

  RequireOk(OpenSession(store, "short", absl::Seconds(10)));
  RequireOk(OpenSession(store, "closed"));
  RequireOk(CloseSession(store, "closed"));
  CHECK(absl::IsAborted(TryClaim(store, RequestOf("closed")).status()));
  clock.Advance(absl::Seconds(10));
  CHECK(absl::IsAborted(TryClaim(store, RequestOf("short")).status()));
  CHECK(LaneOf(store).pending == 1);

  RequireOk(OpenSession(store, "other", absl::Seconds(10)));
  clock.Advance(absl::Seconds(10) - absl::Microseconds(1));
  CHECK(Claim(store, RequestOf("other")).jobs.size() == 1);
}

TEST_CASE_TEMPLATE_DEFINE("claim: an invalid request is refused as a whole", Backend,
                          claim_invalid) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  MustInsert(store);
  RequireOk(OpenSession(store));
  const std::vector<ClaimRequest> requests = {
      RequestOf(kSession, {kKind}, {{kQueue, -1}}),
      RequestOf(kSession, {kKind}, {{kQueue, 1}, {kQueue, 1}}),
      RequestOf(kSession, {kKind}, {{"not ok", 1}}),
      RequestOf(kSession, {kKind, kKind}),
      RequestOf(kSession, {kKind, ""}),
  };
  for (const ClaimRequest& request : requests) {
    CHECK(absl::IsInvalidArgument(TryClaim(store, request).status()));
  }
  CHECK(LaneOf(store).pending == 1);
}

TEST_CASE_TEMPLATE_DEFINE("claim: a job is leased to one holder at a time", Backend, claim_once) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  InsertAll(store, {4, MakeJob()});
  const std::vector<ClaimedJob> first = ClaimDue(store, "session-1", 3);
  const std::vector<ClaimedJob> second = ClaimDue(store, "session-2", 3);
  CHECK(first.size() == 3);
  REQUIRE(second.size() == 1);
  for (const ClaimedJob& job : first) CHECK(job.lease.job != second[0].lease.job);
  CHECK(ClaimDue(store, "session-1").empty());
}

TEST_CASE_TEMPLATE_DEFINE("claim: fences grow with every claim, attempts are counted", Backend,
                          claim_fences) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  ClaimedJob last = InsertAndClaim(store);
  for (const Transition end : {Transition::kRetry, Transition::kRetry, Transition::kSnooze,
                               Transition::kRelease, Transition::kRetry}) {
    const bool burnt = end == Transition::kRetry;
    RequireOk(FinishOne(store, last, end));
    CHECK(MustGet(store, last.lease.job).attempt == last.attempt - (burnt ? 0 : 1));
    const ClaimedJob next = ClaimOne(store);
    CHECK(next.lease.job == last.lease.job);
    CHECK(next.lease.fence > last.lease.fence);
    CHECK(next.attempt == last.attempt + (burnt ? 1 : 0));
    last = next;
  }
}

TEST_CASE_TEMPLATE_DEFINE("claim: ended jobs are not claimed", Backend, claim_ended) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  for (const JobState state : {JobState::kCompleted, JobState::kCancelled, JobState::kDead}) {
    JobIn(store, state);
  }
  clock.Advance(absl::Hours(1));
  const ClaimResult result = [&] {
    RequireOk(OpenSession(store, "late"));
    return Claim(store, RequestOf("late"));
  }();
  CHECK(result.jobs.empty());
  CHECK(result.next_run_at == absl::InfiniteFuture());
}

}  // namespace outlive::conformance

#define OUTLIVE_JOB_STORE_CLAIM_CONFORMANCE(Backend)       \
  namespace outlive::conformance {                         \
  TEST_CASE_TEMPLATE_INVOKE(claim_fields, Backend);        \
  TEST_CASE_TEMPLATE_INVOKE(claim_order, Backend);         \
  TEST_CASE_TEMPLATE_INVOKE(claim_not_due_first, Backend); \
  TEST_CASE_TEMPLATE_INVOKE(claim_due, Backend);           \
  TEST_CASE_TEMPLATE_INVOKE(claim_lanes, Backend);         \
  TEST_CASE_TEMPLATE_INVOKE(claim_queues, Backend);        \
  TEST_CASE_TEMPLATE_INVOKE(claim_paused, Backend);        \
  TEST_CASE_TEMPLATE_INVOKE(claim_next, Backend);          \
  TEST_CASE_TEMPLATE_INVOKE(claim_limit, Backend);         \
  TEST_CASE_TEMPLATE_INVOKE(claim_session, Backend);       \
  TEST_CASE_TEMPLATE_INVOKE(claim_invalid, Backend);       \
  TEST_CASE_TEMPLATE_INVOKE(claim_once, Backend);          \
  TEST_CASE_TEMPLATE_INVOKE(claim_fences, Backend);        \
  TEST_CASE_TEMPLATE_INVOKE(claim_ended, Backend);         \
  }                                                        \
  static_assert(true, "")

#endif  // OUTLIVE_CONFORMANCE_JOB_STORE_CLAIM_H_
