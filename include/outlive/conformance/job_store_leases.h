// Conformance of sessions and Rescue(): when a lease ends, and what becomes of jobs whose process
// was lost.
#ifndef OUTLIVE_CONFORMANCE_JOB_STORE_LEASES_H_
#define OUTLIVE_CONFORMANCE_JOB_STORE_LEASES_H_

#include <memory>
#include <string>
#include <vector>

#include "outlive/conformance/helpers.h"

namespace outlive::conformance {

inline std::vector<Rescued> RescueSome(JobStore& store, const RescueRequest& request) {
  return Value(Call<std::vector<Rescued>>(
      store, [&](StoreTransaction& transaction) { return transaction.Rescue(request); }));
}

TEST_CASE_TEMPLATE_DEFINE("leases: a lost lease is fenced", Backend, leases_fenced) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  MustInsert(store);
  const ClaimedJob stale = ClaimOne(store, "session-1");

  SUBCASE("once another session holds the job, the first one is refused") {
    clock.Advance(absl::Seconds(61));
    REQUIRE(RescueAll(store) == 1);
    const ClaimedJob fresh = ClaimOne(store, "session-2");
    CHECK(fresh.lease.fence > stale.lease.fence);
    CHECK(absl::IsAborted(FinishOne(store, stale, Transition::kComplete)));
    CHECK(FinishOne(store, fresh, Transition::kComplete).ok());
    CHECK(FinishOne(store, fresh, Transition::kComplete).ok());  // A repeat is harmless.
  }
  SUBCASE("so it is before anybody else holds it") {
    clock.Advance(absl::Seconds(61));
    REQUIRE(RescueAll(store) == 1);
    CHECK(absl::IsAborted(FinishOne(store, stale, Transition::kComplete)));
    CHECK(StateOf(store, stale.lease.job) == JobState::kPending);
  }
  SUBCASE("as long as nobody has rescued the job, a late end is accepted") {
    clock.Advance(absl::Hours(1));
    CHECK(FinishOne(store, stale, Transition::kComplete).ok());
    CHECK(RescueAll(store) == 0);
    CHECK(StateOf(store, stale.lease.job) == JobState::kCompleted);
  }
}

TEST_CASE_TEMPLATE_DEFINE("leases: a session expires at its end, to the microsecond", Backend,
                          leases_expiry) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  InsertAndClaim(store);

  SUBCASE("not before") {
    clock.Advance(kLease - absl::Microseconds(1));
    CHECK(RescueAll(store) == 0);
    CHECK(RenewSession(store).ok());
    clock.Advance(kLease - absl::Microseconds(1));  // From the renewal on.
    CHECK(RescueAll(store) == 0);
    clock.Advance(absl::Microseconds(1));
    CHECK(absl::IsAborted(RenewSession(store)));
    CHECK(RescueAll(store) == 1);
  }
  SUBCASE("then it cannot be renewed") {
    clock.Advance(kLease);
    CHECK(absl::IsAborted(RenewSession(store)));
    CHECK(RescueAll(store) == 1);
    CHECK(absl::IsAborted(RenewSession(store)));
  }
  SUBCASE("a renewal may also shorten it") {
    CHECK(RenewSession(store, kSession, absl::Seconds(1)).ok());
    clock.Advance(absl::Seconds(1));
    CHECK(RescueAll(store) == 1);
  }
}

TEST_CASE_TEMPLATE_DEFINE("leases: only what was opened can be renewed", Backend, leases_open) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  CHECK(absl::IsAborted(RenewSession(store, "never-opened")));
  RequireOk(OpenSession(store));
  CHECK(absl::IsAlreadyExists(OpenSession(store)));
  CHECK(RenewSession(store).ok());

  for (const std::string& name :
       {std::string(), std::string("not ok"), std::string("a\0b", 3), std::string(129, 's')}) {
    CHECK(absl::IsInvalidArgument(OpenSession(store, name)));
  }
  for (const absl::Duration lease : {absl::ZeroDuration(), -absl::Seconds(1),
                                     absl::InfiniteDuration(), kDelayMax + absl::Microseconds(1)}) {
    CHECK(absl::IsInvalidArgument(OpenSession(store, "s", lease)));
    CHECK(absl::IsInvalidArgument(RenewSession(store, kSession, lease)));
  }
  CHECK(OpenSession(store, "longest", kDelayMax).ok());
}

TEST_CASE_TEMPLATE_DEFINE("leases: a closed session gives its jobs up", Backend, leases_close) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  const ClaimedJob claimed = InsertAndClaim(store);
  CHECK(CloseSession(store).ok());
  CHECK(CloseSession(store).ok());
  CHECK(CloseSession(store, "never-opened").ok());
  CHECK(absl::IsAborted(RenewSession(store)));
  CHECK(StateOf(store, claimed.lease.job) == JobState::kRunning);

  SUBCASE("to Rescue()") {
    CHECK(RescueAll(store) == 1);
    CHECK(MustGet(store, claimed.lease.job).crashes == 1);
  }
  SUBCASE("unless they end before that") {
    CHECK(FinishOne(store, claimed, Transition::kComplete).ok());
    CHECK(RescueAll(store) == 0);
  }
}

TEST_CASE_TEMPLATE_DEFINE("leases: a rescue counts a crash and says so", Backend, leases_rescue) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  NewJob job = MakeJob("report.render");
  job.queue = "reports";
  const JobId id = MustInsert(store, job);
  RequireOk(OpenSession(store));
  REQUIRE(Claim(store, RequestOf(kSession, {job.kind}, {{job.queue, 1}})).jobs.size() == 1);
  const Job before = MustGet(store, id);
  clock.Advance(kLease);

  const std::vector<Rescued> rescued =
      RescueSome(store, {.job_count_max = 10, .crash_count_max = 3, .delay = absl::Seconds(5)});
  REQUIRE(rescued.size() == 1);
  CHECK(rescued[0].id == id);
  CHECK(rescued[0].kind == job.kind);
  CHECK(rescued[0].queue == job.queue);
  CHECK(rescued[0].attempt == 1);
  CHECK(rescued[0].state == JobState::kPending);

  const Job after = MustGet(store, id);
  CHECK(after.state == JobState::kPending);
  CHECK(after.session == "");
  CHECK(after.fence > before.fence);
  CHECK(after.attempt == 1);
  CHECK(after.crashes == 1);
  CHECK(after.run_at == clock.Now() + absl::Seconds(5));
  CHECK(after.started_at == before.started_at);
  REQUIRE(after.errors.size() == 1);
  CHECK(after.errors[0] == LostError(1, clock.Now()));
  CHECK(EventsOf(store, id) == "enqueued claimed rescued");
  CHECK(AllEvents(store).back().fence == after.fence);
  CHECK(RescueAll(store) == 0);
}

TEST_CASE_TEMPLATE_DEFINE("leases: a job that loses its process too often is dead", Backend,
                          leases_crash_budget) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  NewJob job = MakeJob();
  job.attempt_count_max = 1;  // Failures have a budget of their own.
  const JobId id = MustInsert(store, job);
  for (int crash = 1; crash <= 3; ++crash) {
    const std::string session = fmt::format("session-{}", crash);
    const ClaimedJob claimed = ClaimOne(store, session);
    CHECK(claimed.attempt == crash);
    CHECK(claimed.crashes == crash - 1);
    clock.Advance(kLease);
    const std::vector<Rescued> rescued = RescueSome(
        store, {.job_count_max = 1, .crash_count_max = 3, .delay = absl::ZeroDuration()});
    REQUIRE(rescued.size() == 1);
    CHECK(rescued[0].attempt == crash);
    CHECK(rescued[0].state == (crash == 3 ? JobState::kDead : JobState::kPending));
  }
  const Job dead = MustGet(store, id);
  CHECK(dead.state == JobState::kDead);
  CHECK(dead.crashes == 3);
  CHECK(dead.ended_at == clock.Now());
  CHECK(dead.errors.size() == 3);
  CHECK(EventsOf(store, id) == "enqueued claimed rescued claimed rescued claimed dead");

  RequireOk(RequeueJob(store, id).status());
  CHECK(MustGet(store, id).crashes == 0);
  CHECK(ClaimOne(store, "session-9").crashes == 0);
  clock.Advance(kLease);
  CHECK(RescueAll(store, 1) == 1);
  CHECK(StateOf(store, id) == JobState::kDead);
}

TEST_CASE_TEMPLATE_DEFINE("leases: a lost job that was asked to stop is cancelled", Backend,
                          leases_rescue_cancelled) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  const ClaimedJob claimed = InsertAndClaim(store);
  RequireOk(CancelJob(store, claimed.lease.job).status());
  clock.Advance(kLease);
  const std::vector<Rescued> rescued =
      RescueSome(store, {.job_count_max = 1, .crash_count_max = 1, .delay = absl::ZeroDuration()});
  REQUIRE(rescued.size() == 1);
  CHECK(rescued[0].state == JobState::kCancelled);
  const Job job = MustGet(store, claimed.lease.job);
  CHECK(job.state == JobState::kCancelled);
  CHECK(job.fence > claimed.lease.fence);
  CHECK(job.crashes == 1);
  CHECK(job.ended_at == clock.Now());
  CHECK(EventsOf(store, job.id) == "enqueued claimed cancel_requested cancelled");
}

TEST_CASE_TEMPLATE_DEFINE("leases: only expired sessions lose their jobs", Backend,
                          leases_rescue_only_expired) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  const ClaimedJob lost = InsertAndClaim(store, MakeJob(), "lost");
  const ClaimedJob kept = InsertAndClaim(store, MakeJob(), "kept");
  // However long a job runs: its session is what counts.
  for (int i = 0; i < 100; ++i) {
    clock.Advance(kLease / 2);
    RequireOk(RenewSession(store, "kept"));
  }
  CHECK(RescueAll(store) == 1);
  CHECK(StateOf(store, lost.lease.job) == JobState::kPending);
  CHECK(StateOf(store, kept.lease.job) == JobState::kRunning);
  CHECK(FinishOne(store, kept, Transition::kComplete).ok());
}

TEST_CASE_TEMPLATE_DEFINE("leases: a rescue has a limit, and takes lower ids first", Backend,
                          leases_rescue_limit) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  InsertAll(store, {5, MakeJob()});
  std::vector<JobId> ids;
  for (const char* session : {"c", "a", "b", "a", "c"}) {
    ids.push_back(ClaimOne(store, session).lease.job);
  }
  clock.Advance(kLease);
  std::vector<JobId> rescued;
  for (const std::size_t expected : {2, 2, 1, 0}) {
    const std::vector<Rescued> some =
        RescueSome(store, {.job_count_max = 2, .crash_count_max = 3, .delay = absl::Hours(1)});
    CHECK(some.size() == expected);
    for (const Rescued& one : some) rescued.push_back(one.id);
  }
  CHECK(rescued == ids);
}

TEST_CASE_TEMPLATE_DEFINE("leases: an invalid rescue is refused", Backend, leases_rescue_invalid) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  InsertAndClaim(store);
  clock.Advance(kLease);
  const absl::Duration none = absl::ZeroDuration();
  for (const RescueRequest& request : {
           RescueRequest{.job_count_max = 0, .crash_count_max = 3, .delay = none},
           RescueRequest{.job_count_max = -1, .crash_count_max = 3, .delay = none},
           RescueRequest{.job_count_max = 1, .crash_count_max = 0, .delay = none},
           RescueRequest{.job_count_max = 1, .crash_count_max = 3, .delay = -absl::Seconds(1)},
           RescueRequest{
               .job_count_max = 1, .crash_count_max = 3, .delay = absl::InfiniteDuration()},
       }) {
    CHECK(absl::IsInvalidArgument(Begin(store)->Rescue(request).status()));
  }
  CHECK(LaneOf(store).running == 1);
}

TEST_CASE_TEMPLATE_DEFINE("upkeep: its transactions keep leases, rescue and prune", Backend,
                          upkeep_transactions) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  const ClaimedJob lost = InsertAndClaim(store);
  {
    const std::unique_ptr<StoreTransaction> undone = Value(store.BeginUpkeep(Upkeep::kLeases));
    RequireOk(undone->OpenSession("session-2", kLease));
    RequireOk(undone->CloseSession(kSession));
  }
  CHECK(RescueAll(store) == 0);

  clock.Advance(kLease / 2);
  {
    const std::unique_ptr<StoreTransaction> leases = Value(store.BeginUpkeep(Upkeep::kLeases));
    RequireOk(leases->OpenSession("session-2", kLease));
    RequireOk(leases->RenewSession(kSession, kLease));
    RequireOk(leases->CloseSession("session-2"));
    RequireOk(leases->Commit());
    CHECK(absl::IsFailedPrecondition(leases->RenewSession(kSession, kLease)));
  }
  CHECK(absl::IsAborted(RenewSession(store, "session-2")));
  clock.Advance(kLease - absl::Microseconds(1));
  CHECK(RescueAll(store) == 0);
  clock.Advance(absl::Microseconds(1));
  {
    const std::unique_ptr<StoreTransaction> leases = Value(store.BeginUpkeep(Upkeep::kLeases));
    CHECK(absl::IsAborted(leases->RenewSession(kSession, kLease)));
  }
  {
    const std::unique_ptr<StoreTransaction> sweep = Value(store.BeginUpkeep(Upkeep::kSweep));
    const std::vector<Rescued> rescued = Value(
        sweep->Rescue({.job_count_max = 10, .crash_count_max = 1, .delay = absl::ZeroDuration()}));
    REQUIRE(rescued.size() == 1);
    CHECK(rescued[0].state == JobState::kDead);
    RequireOk(sweep->Commit());
  }
  CHECK(EventsOf(store, lost.lease.job) == "enqueued claimed dead");
  CHECK(absl::IsAborted(FinishOne(store, lost, Transition::kComplete)));

  clock.Advance(absl::Hours(1));
  {
    const std::unique_ptr<StoreTransaction> sweep = Value(store.BeginUpkeep(Upkeep::kSweep));
    CHECK(Value(sweep->Prune({.keep_dead = absl::Hours(1)})).job_count == 1);
    RequireOk(sweep->Commit());
  }
  CHECK(absl::IsNotFound(store.Get(lost.lease.job).status()));
}

// A lease must wait neither for a claim that waits nor for a sweep that does.
TEST_CASE_TEMPLATE_DEFINE("upkeep: where it is apart, each kind is open beside all else", Backend,
                          upkeep_apart) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  if (!store.info().upkeep_apart) return;
  const ClaimedJob running = InsertAndClaim(store);
  const JobId waiting = MustInsert(store);
  const ClaimedJob lost = InsertAndClaim(store, MakeJob("other.kind"), "lost");
  clock.Advance(kLease / 2);
  RequireOk(RenewSession(store));
  clock.Advance(kLease / 2);
  {
    const std::unique_ptr<StoreTransaction> work = Begin(store);
    REQUIRE(IdsOf(Value(work->Claim(RequestOf())).jobs) == std::vector<JobId>{waiting});
    const Finished done = EndOf(running.lease, Transition::kComplete);
    RequireOk(Value(work->Finish({&done, 1}))[0]);
    {
      const std::unique_ptr<StoreTransaction> sweep = Value(store.BeginUpkeep(Upkeep::kSweep));
      const std::vector<Rescued> rescued = Value(sweep->Rescue(
          {.job_count_max = 10, .crash_count_max = 3, .delay = absl::ZeroDuration()}));
      REQUIRE(rescued.size() == 1);
      CHECK(rescued[0].id == lost.lease.job);
      CHECK(Value(sweep->Prune({})).job_count == 0);
      {
        const std::unique_ptr<StoreTransaction> leases = Value(store.BeginUpkeep(Upkeep::kLeases));
        RequireOk(leases->RenewSession(kSession, kLease));
        RequireOk(leases->Commit());
      }
      CHECK(StateOf(store, lost.lease.job) == JobState::kRunning);
      RequireOk(sweep->Commit());
    }
    CHECK(StateOf(store, lost.lease.job) == JobState::kPending);
    CHECK(StateOf(store, waiting) == JobState::kPending);
    RequireOk(work->Commit());
  }
  CHECK(StateOf(store, waiting) == JobState::kRunning);
  CHECK(StateOf(store, running.lease.job) == JobState::kCompleted);
  clock.Advance(kLease - absl::Microseconds(1));
  CHECK(RescueAll(store) == 0);
  clock.Advance(absl::Microseconds(1));
  CHECK(RescueAll(store) == 1);
}

}  // namespace outlive::conformance

#define OUTLIVE_JOB_STORE_LEASES_CONFORMANCE(Backend)             \
  namespace outlive::conformance {                                \
  TEST_CASE_TEMPLATE_INVOKE(leases_fenced, Backend);              \
  TEST_CASE_TEMPLATE_INVOKE(leases_expiry, Backend);              \
  TEST_CASE_TEMPLATE_INVOKE(leases_open, Backend);                \
  TEST_CASE_TEMPLATE_INVOKE(leases_close, Backend);               \
  TEST_CASE_TEMPLATE_INVOKE(leases_rescue, Backend);              \
  TEST_CASE_TEMPLATE_INVOKE(leases_crash_budget, Backend);        \
  TEST_CASE_TEMPLATE_INVOKE(leases_rescue_cancelled, Backend);    \
  TEST_CASE_TEMPLATE_INVOKE(leases_rescue_only_expired, Backend); \
  TEST_CASE_TEMPLATE_INVOKE(leases_rescue_limit, Backend);        \
  TEST_CASE_TEMPLATE_INVOKE(leases_rescue_invalid, Backend);      \
  TEST_CASE_TEMPLATE_INVOKE(upkeep_transactions, Backend);        \
  TEST_CASE_TEMPLATE_INVOKE(upkeep_apart, Backend);               \
  }                                                               \
  static_assert(true, "")

#endif  // OUTLIVE_CONFORMANCE_JOB_STORE_LEASES_H_
