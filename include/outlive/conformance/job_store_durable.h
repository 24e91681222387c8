// Conformance of stores that outlive their process, for backends with Reopen(), and of stores that
// several processes work on, for backends with second(). Both are instantiated on their own:
// OUTLIVE_JOB_STORE_DURABLE_CONFORMANCE and OUTLIVE_JOB_STORE_SHARED_CONFORMANCE.
#ifndef OUTLIVE_CONFORMANCE_JOB_STORE_DURABLE_H_
#define OUTLIVE_CONFORMANCE_JOB_STORE_DURABLE_H_

#include <map>
#include <string>
#include <thread>
#include <vector>

#include "outlive/conformance/helpers.h"
#include "outlive/conformance/job_store_transactions.h"

namespace outlive::conformance {

TEST_CASE_TEMPLATE_DEFINE("durable: what is committed is there after the store is opened again",
                          Backend, durable_reopen) {
  VirtualClock clock;
  Backend backend(clock);
  const Busy busy = MakeBusy(backend.store());
  {
    const std::unique_ptr<StoreTransaction> transaction = Begin(backend.store());
    DoEverything(*transaction, busy);
    RequireOk(transaction->Commit());
  }
  const std::string before = Snapshot(backend.store());
  const std::string store_id = backend.store().info().store_id;
  const std::int64_t last_event = Value(backend.store().LastEvent());
  CHECK(backend.store().info().durable);

  backend.Reopen();
  JobStore& store = backend.store();
  CHECK(Snapshot(store) == before);
  CHECK(store.info().store_id == store_id);
  CHECK(Value(store.LastEvent()) == last_event);
  CHECK(Value(store.CancelRequests(kSession)) == std::vector<JobId>{busy.running.lease.job});
  CHECK(Value(store.FindArtifact(MakeArtifact('a').id)).job_id == busy.running.lease.job);

  // Keys, sessions, leases and ids go on.
  CHECK(Value(InsertOne(store, KeyedJob("used"))).id == busy.completed);
  CHECK(RenewSession(store).ok());
  CHECK(FinishOne(store, busy.running, Transition::kComplete).ok());
  const JobId newest = ListAll(store)[0].id;
  CHECK(MustInsert(store) > newest);
  CHECK(Value(store.LastEvent()) > last_event);
}

TEST_CASE_TEMPLATE_DEFINE("durable: what was not committed is gone after the store is opened again",
                          Backend, durable_uncommitted) {
  VirtualClock clock;
  Backend backend(clock);
  const Busy busy = MakeBusy(backend.store());
  const std::string before = Snapshot(backend.store());
  DoEverything(*Begin(backend.store()), busy);
  backend.Reopen();
  CHECK(Snapshot(backend.store()) == before);
}

TEST_CASE_TEMPLATE_DEFINE("durable: time does not go back when the store is opened again", Backend,
                          durable_time) {
  VirtualClock clock;
  Backend backend(clock);
  clock.Advance(absl::Hours(1));
  MustInsert(backend.store());
  const absl::Time last = clock.Now();
  clock.SetNow(VirtualClock::Start());
  backend.Reopen();
  CHECK(MustGet(backend.store(), MustInsert(backend.store())).created_at == last);
}

TEST_CASE_TEMPLATE_DEFINE("shared: both see the same, at once", Backend, shared_same) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& first = backend.store();
  JobStore& second = backend.second();
  CHECK(first.info().shared);
  CHECK(first.info().store_id == second.info().store_id);
  const Busy busy = MakeBusy(first);
  CHECK(Snapshot(second) == Snapshot(first));
  {
    const std::unique_ptr<StoreTransaction> transaction = Begin(second);
    DoEverything(*transaction, busy);
    CHECK(Snapshot(second) == Snapshot(first));
    RequireOk(transaction->Commit());
  }
  CHECK(Snapshot(second) == Snapshot(first));
  CHECK(Value(first.CancelRequests(kSession)) == std::vector<JobId>{busy.running.lease.job});
  const JobId older = MustInsert(first);
  CHECK(MustInsert(second) > older);
}

TEST_CASE_TEMPLATE_DEFINE("shared: keys, pauses, fences and sessions hold for both", Backend,
                          shared_rules) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& first = backend.store();
  JobStore& second = backend.second();
  const JobId id = MustInsert(first, KeyedJob("k"));
  CHECK(Value(InsertOne(second, KeyedJob("k"))).id == id);
  CHECK(absl::IsAlreadyExists(InsertOne(second, KeyedJob("k", "other")).status()));

  RequireOk(SetQueue(first, kQueue, true));
  RequireOk(OpenSession(first, "session-1"));
  RequireOk(OpenSession(second, "session-2"));
  CHECK(absl::IsAlreadyExists(OpenSession(second, "session-1")));
  CHECK(Claim(second, RequestOf("session-2")).jobs.empty());
  RequireOk(SetQueue(second, kQueue, false));
  const std::vector<ClaimedJob> lost = Claim(first, RequestOf("session-1")).jobs;
  REQUIRE(lost.size() == 1);
  CHECK(Claim(second, RequestOf("session-2")).jobs.empty());

  clock.Advance(kLease - absl::Seconds(1));
  RequireOk(RenewSession(second, "session-2"));
  clock.Advance(absl::Seconds(1));
  CHECK(RescueAll(second) == 1);
  const std::vector<ClaimedJob> taken = Claim(second, RequestOf("session-2")).jobs;
  REQUIRE(taken.size() == 1);
  CHECK(absl::IsAborted(FinishOne(first, lost[0], Transition::kComplete)));
  CHECK(FinishOne(first, taken[0], Transition::kComplete).ok());
  CHECK(FinishOne(second, taken[0], Transition::kComplete).ok());  // A repeat.
}

TEST_CASE_TEMPLATE_DEFINE("shared: time does not go back between them", Backend, shared_time) {
  VirtualClock clock;
  Backend backend(clock);
  clock.Advance(absl::Hours(1));
  MustInsert(backend.store());
  const absl::Time last = clock.Now();
  clock.SetNow(VirtualClock::Start());
  CHECK(MustGet(backend.second(), MustInsert(backend.second())).created_at == last);
}

TEST_CASE_TEMPLATE_DEFINE("shared: together they end every job exactly once", Backend,
                          shared_drain) {
  VirtualClock clock;
  Backend backend(clock);
  constexpr int kJobCount = 60;
  InsertAll(backend.store(), std::vector<NewJob>(kJobCount, MakeJob()));
  RequireOk(OpenSession(backend.store(), "session-1"));
  RequireOk(OpenSession(backend.second(), "session-2"));
  std::map<JobId, int> first;
  std::map<JobId, int> second;
  std::thread other([&] { Drain(backend.second(), "session-2", second); });
  Drain(backend.store(), "session-1", first);
  other.join();
  CHECK(first.size() + second.size() == kJobCount);
  for (const auto& [id, count] : first) {
    CHECK(count == 1);
    CHECK(second.count(id) == 0);
  }
  CHECK(LaneOf(backend.second()).completed == kJobCount);
}

}  // namespace outlive::conformance

#define OUTLIVE_JOB_STORE_DURABLE_CONFORMANCE(Backend)     \
  namespace outlive::conformance {                         \
  TEST_CASE_TEMPLATE_INVOKE(durable_reopen, Backend);      \
  TEST_CASE_TEMPLATE_INVOKE(durable_uncommitted, Backend); \
  TEST_CASE_TEMPLATE_INVOKE(durable_time, Backend);        \
  }                                                        \
  static_assert(true, "")

#define OUTLIVE_JOB_STORE_SHARED_CONFORMANCE(Backend) \
  namespace outlive::conformance {                    \
  TEST_CASE_TEMPLATE_INVOKE(shared_same, Backend);    \
  TEST_CASE_TEMPLATE_INVOKE(shared_rules, Backend);   \
  TEST_CASE_TEMPLATE_INVOKE(shared_time, Backend);    \
  TEST_CASE_TEMPLATE_INVOKE(shared_drain, Backend);   \
  }                                                   \
  static_assert(true, "")

#endif  // OUTLIVE_CONFORMANCE_JOB_STORE_DURABLE_H_
