// Conformance of transactions: all or nothing, seen by readers when committed, one moment each, and
// whom a commit wakes.
#ifndef OUTLIVE_CONFORMANCE_JOB_STORE_TRANSACTIONS_H_
#define OUTLIVE_CONFORMANCE_JOB_STORE_TRANSACTIONS_H_

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "outlive/conformance/helpers.h"
#include "outlive/core/mutex.h"

namespace outlive::conformance {

// Jobs in every state, a session and a key to work on.
struct Busy {
  ClaimedJob running;
  JobId pending = 0;
  JobId completed = 0;
  JobId dead = 0;
};

inline Busy MakeBusy(JobStore& store) {
  Busy busy;
  busy.completed = JobIn(store, JobState::kCompleted, KeyedJob("used"));
  busy.dead = JobIn(store, JobState::kDead);
  JobIn(store, JobState::kCancelled);
  busy.running = InsertAndClaim(store);
  busy.pending = MustInsert(store);
  RequireOk(SetQueue(store, "quiet", false));
  return busy;
}

// Does one of everything.
inline void DoEverything(StoreTransaction& transaction, const Busy& busy) {
  NewJob follow = KeyedJob("new key");
  follow.follow_ups.push_back({.on_cancelled = true, .kind = "tell"});
  const std::vector<NewJob> jobs = {follow, MakeJob("new.kind"), KeyedJob("used", "other")};
  REQUIRE(Value(transaction.Insert(jobs))[0].ok());

  RequireOk(transaction.OpenSession("new-session", kLease));
  const ClaimResult claimed = Value(transaction.Claim(RequestOf("new-session")));
  REQUIRE(claimed.jobs.size() == 2);  // `busy.pending`, and the first of the new ones.

  WorkerWrite write;
  write.lease = busy.running.lease;
  write.progress = 0.5;
  write.checkpoint = "page 5";
  write.artifact = MakeArtifact('a');
  RequireOk(Value(transaction.Write({&write, 1}))[0]);

  const std::vector<Finished> ends = {EndOf(claimed.jobs[1].lease, Transition::kComplete),
                                      Failed(claimed.jobs[0].lease, Transition::kDie, "why")};
  for (const absl::Status& status : Value(transaction.Finish(ends))) RequireOk(status);

  const std::vector<Change> changes = {
      {.id = busy.running.lease.job, .action = Change::Action::kCancel, .reason = "not wanted"},
      {.id = busy.completed, .action = Change::Action::kRequeue, .reason = {}},
      {.id = busy.dead, .action = Change::Action::kDiscard, .reason = {}}};
  for (const auto& result : Value(transaction.Apply(changes))) RequireOk(result.status());

  RequireOk(transaction.RenewSession(kSession, kLease * 2));
  RequireOk(transaction.CloseSession("new-session"));
  RequireOk(transaction.SetQueue({.queue = "quiet", .paused = true}));
  RequireOk(transaction.SetQueue({.queue = "other", .paused = true}));
  const PruneRequest everything{.keep_completed = absl::ZeroDuration(),
                                .keep_cancelled = absl::ZeroDuration(),
                                .keep_dead = absl::ZeroDuration()};
  CHECK(Value(transaction.Prune(everything)).job_count > 0);
}

TEST_CASE_TEMPLATE_DEFINE("transactions: what is not committed never was", Backend, tx_rollback) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  const Busy busy = MakeBusy(store);
  const std::string before = Snapshot(store);
  const std::int64_t last = Value(store.LastEvent());
  {
    const std::unique_ptr<StoreTransaction> transaction = Begin(store);
    DoEverything(*transaction, busy);
    // Readers, also on this thread, see what is committed.
    CHECK(Snapshot(store) == before);
    CHECK(Value(store.LastEvent()) == last);
    CHECK(Value(store.CancelRequests(kSession)).empty());
    CHECK(absl::IsNotFound(store.FindArtifact(MakeArtifact('a').id).status()));
  }
  CHECK(Snapshot(store) == before);
  CHECK(Value(store.LastEvent()) == last);
  CHECK(Value(store.CancelRequests(kSession)).empty());
  CHECK(absl::IsNotFound(store.FindArtifact(MakeArtifact('a').id).status()));

  // Neither the key nor the session's name is used up, and the lease is as long as it was.
  MustInsert(store, KeyedJob("new key", "other"));
  RequireOk(OpenSession(store, "new-session"));
  CHECK(Value(InsertOne(store, KeyedJob("used"))).id == busy.completed);
  clock.Advance(kLease);
  CHECK(RescueAll(store) == 1);
}

TEST_CASE_TEMPLATE_DEFINE("transactions: what is committed is there, all at once", Backend,
                          tx_commit) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  const Busy busy = MakeBusy(store);
  {
    const std::unique_ptr<StoreTransaction> transaction = Begin(store);
    DoEverything(*transaction, busy);
    RequireOk(transaction->Commit());
  }
  CHECK(absl::IsNotFound(store.Get(busy.dead).status()));
  CHECK(StateOf(store, busy.completed) == JobState::kPending);
  CHECK(Value(store.CancelRequests(kSession)) == std::vector<JobId>{busy.running.lease.job});
  CHECK(Value(store.FindArtifact(MakeArtifact('a').id)).job_id == busy.running.lease.job);
  CHECK(LaneOf(store, kQueue, "tell").pending == 1);
  CHECK(LaneOf(store, kQueue, "new.kind").pending == 1);
  CHECK(absl::IsAborted(RenewSession(store, "new-session")));
  CHECK(Value(store.Stats()).queues.size() == 2);
  clock.Advance(kLease);
  CHECK(RescueAll(store) == 0);  // It was renewed.
}

TEST_CASE_TEMPLATE_DEFINE("transactions: a transaction sees its own work", Backend, tx_own_work) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  const std::unique_ptr<StoreTransaction> transaction = Begin(store);
  RequireOk(transaction->OpenSession(kSession, kLease));
  const NewJob job = MakeJob();
  const JobId id = Value(Value(transaction->Insert({&job, 1}))[0]).id;
  const ClaimResult claimed = Value(transaction->Claim(RequestOf()));
  REQUIRE(claimed.jobs.size() == 1);
  CHECK(claimed.jobs[0].lease.job == id);
  const Finished finished = EndOf(claimed.jobs[0].lease, Transition::kDie);
  RequireOk(Value(transaction->Finish({&finished, 1}))[0]);
  const Change requeue{.id = id, .action = Change::Action::kRequeue, .reason = {}};
  CHECK(Value(Value(transaction->Apply({&requeue, 1}))[0]) == JobState::kPending);
  CHECK(Value(transaction->Claim(RequestOf())).jobs.size() == 1);
  RequireOk(transaction->CloseSession(kSession));
  CHECK(Value(transaction->Rescue(
                  {.job_count_max = 9, .crash_count_max = 1, .delay = absl::ZeroDuration()}))
            .size() == 1);
  const Change discard{.id = id, .action = Change::Action::kDiscard, .reason = {}};
  CHECK(Value(Value(transaction->Apply({&discard, 1}))[0]) == JobState::kDead);
  CHECK(absl::IsNotFound(Value(transaction->Apply({&discard, 1}))[0].status()));
  CHECK(ListAll(store).empty());
  RequireOk(transaction->Commit());
  CHECK(ListAll(store).empty());
  CHECK(EventsOf(store, id) == "enqueued claimed dead requeued claimed dead discarded");
}

// Every method, as it answers in a transaction that is over.
inline void CheckOver(StoreTransaction& transaction) {
  const auto over = [](const absl::Status& status) { return absl::IsFailedPrecondition(status); };
  const NewJob job = MakeJob();
  CHECK(over(transaction.Insert({&job, 1}).status()));
  CHECK(over(transaction.Claim(RequestOf()).status()));
  CHECK(over(transaction.Finish({}).status()));
  CHECK(over(transaction.Write({}).status()));
  CHECK(over(transaction.Apply({}).status()));
  CHECK(over(transaction.OpenSession("late", kLease)));
  CHECK(over(transaction.RenewSession(kSession, kLease)));
  CHECK(over(transaction.CloseSession(kSession)));
  CHECK(
      over(transaction.Rescue({.job_count_max = 1, .crash_count_max = 1, .delay = absl::Seconds(1)})
               .status()));
  CHECK(over(transaction.Prune({}).status()));
  CHECK(over(transaction.SetQueue({.queue = kQueue, .paused = true})));
  CHECK(over(transaction.Commit()));
}

TEST_CASE_TEMPLATE_DEFINE("transactions: after an error of the whole call nothing is kept", Backend,
                          tx_failed) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  RequireOk(OpenSession(store));
  MustInsert(store);
  const std::string before = Snapshot(store);
  const std::vector<std::function<absl::Status(StoreTransaction&)>> failures = {
      [](StoreTransaction& tx) { return tx.Claim(RequestOf("unknown")).status(); },
      [](StoreTransaction& tx) { return tx.RenewSession("unknown", kLease); },
      [](StoreTransaction& tx) { return tx.OpenSession(kSession, kLease); },
      [](StoreTransaction& tx) { return tx.SetQueue({.queue = "not ok", .paused = true}); },
      [](StoreTransaction& tx) { return tx.Prune({.row_count_max = 0}).status(); },
      [](StoreTransaction& tx) {
        return tx.Apply(std::vector<Change>(limits::kInsertJobCountMax + 1)).status();
      },
      [](StoreTransaction& tx) {
        return tx.Write(std::vector<WorkerWrite>(limits::kInsertJobCountMax + 1)).status();
      },
  };
  for (const auto& fail : failures) {
    const std::unique_ptr<StoreTransaction> transaction = Begin(store);
    const NewJob job = MakeJob();
    REQUIRE(transaction->Insert({&job, 1}).ok());
    CHECK_FALSE(fail(*transaction).ok());
    CheckOver(*transaction);
    CHECK(Snapshot(store) == before);
  }
  CHECK(Snapshot(store) == before);
}

TEST_CASE_TEMPLATE_DEFINE("transactions: after the commit it is over", Backend, tx_over) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  const std::unique_ptr<StoreTransaction> transaction = Begin(store);
  const NewJob job = MakeJob();
  REQUIRE(transaction->Insert({&job, 1}).ok());
  RequireOk(transaction->Commit());
  const std::string before = Snapshot(store);
  CheckOver(*transaction);
  CHECK(Snapshot(store) == before);
  MustInsert(store);  // The next one does not wait for its destruction.
}

TEST_CASE_TEMPLATE_DEFINE("time: it never goes back, and has whole microseconds", Backend,
                          time_monotone) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  clock.SetNow(VirtualClock::Start() + absl::Nanoseconds(1'999));
  const absl::Time first = VirtualClock::Start() + absl::Microseconds(1);
  const JobId early = MustInsert(store);
  CHECK(MustGet(store, early).created_at == first);
  CHECK(Value(store.Stats()).now == first);

  clock.SetNow(VirtualClock::Start() - absl::Hours(1));
  const JobId late = MustInsert(store);
  CHECK(MustGet(store, late).created_at == first);
  CHECK(Value(store.Stats()).now == first);
  CHECK(AllEvents(store).back().at == first);
  CHECK(IdsOf(ClaimDue(store)) == std::vector<JobId>{early, late});

  // A jump of the clock back does not end a lease early, nor make it last for ever.
  clock.SetNow(VirtualClock::Start() + kLease);
  CHECK(RescueAll(store) == 0);
  clock.Advance(absl::Microseconds(1));
  CHECK(RescueAll(store) == 2);
}

TEST_CASE_TEMPLATE_DEFINE("time: it is one moment in a transaction", Backend, time_one_moment) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  const absl::Time begun = clock.Now();
  const std::unique_ptr<StoreTransaction> transaction = Begin(store);
  const NewJob job = MakeJob();
  REQUIRE(transaction->Insert({&job, 1}).ok());
  clock.Advance(absl::Hours(1));
  REQUIRE(transaction->Insert({&job, 1}).ok());
  RequireOk(transaction->Commit());
  for (const Job& row : ListAll(store)) CHECK(row.created_at == begun);
  CHECK(AllEvents(store).size() == 2);
  for (const Event& event : AllEvents(store)) CHECK(event.at == begun);
}

// What a subscriber was told.
class Woken {
 public:
  std::function<void(WakeHint)> callback() {
    return [this](WakeHint hint) {
      MutexLock lock(mutex_);
      ++call_count_;
      seen_.work = seen_.work || hint.work;
      seen_.changed = seen_.changed || hint.changed;
      seen_.cancel = seen_.cancel || hint.cancel;
    };
  }

  // Since it was asked last.
  WakeHint Take() {
    MutexLock lock(mutex_);
    return std::exchange(seen_, WakeHint());
  }

  int call_count() {
    MutexLock lock(mutex_);
    return call_count_;
  }

 private:
  Mutex mutex_;
  WakeHint seen_ ABSL_GUARDED_BY(mutex_);
  int call_count_ ABSL_GUARDED_BY(mutex_) = 0;
};

TEST_CASE_TEMPLATE_DEFINE("wake-ups: a commit says what may be of interest", Backend, wake_hints) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  Woken woken;
  const std::unique_ptr<Subscription> subscription = store.Subscribe(woken.callback());

  const JobId id = MustInsert(store);
  WakeHint hint = woken.Take();
  CHECK(hint.work);
  CHECK(hint.changed);
  ClaimedJob claimed = ClaimOne(store);
  CHECK(woken.Take().changed);
  RequireOk(CancelJob(store, id).status());
  CHECK(woken.Take().cancel);
  RequireOk(FinishOne(store, claimed, Transition::kComplete));
  CHECK(woken.Take().changed);
  RequireOk(RequeueJob(store, id).status());
  CHECK(woken.Take().work);
  for (const Transition end : {Transition::kRetry, Transition::kSnooze, Transition::kRelease}) {
    claimed = ClaimOne(store);
    woken.Take();
    RequireOk(FinishOne(store, claimed, end));
    CHECK(woken.Take().work);
  }
  ClaimOne(store);
  clock.Advance(kLease);
  woken.Take();
  REQUIRE(RescueAll(store) == 1);
  CHECK(woken.Take().work);
  RequireOk(SetQueue(store, kQueue, true));
  woken.Take();
  RequireOk(SetQueue(store, kQueue, false));
  CHECK(woken.Take().work);
}

TEST_CASE_TEMPLATE_DEFINE("wake-ups: everybody is called until he leaves", Backend,
                          wake_subscribers) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  Woken first;
  Woken second;
  std::unique_ptr<Subscription> first_subscription = store.Subscribe(first.callback());
  const std::unique_ptr<Subscription> second_subscription = store.Subscribe(second.callback());
  MustInsert(store);
  CHECK(first.call_count() >= 1);
  CHECK(second.call_count() >= 1);

  first_subscription.reset();
  const int first_count = first.call_count();
  const int second_count = second.call_count();
  MustInsert(store);
  CHECK(first.call_count() == first_count);
  CHECK(second.call_count() > second_count);
}

TEST_CASE_TEMPLATE_DEFINE("wake-ups: a subscription may end itself inside its call", Backend,
                          wake_leave) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  std::atomic<int> call_count = 0;
  std::atomic<bool> left = false;
  std::unique_ptr<Subscription> subscription;
  {
    // Set before anybody can call: nobody else commits.
    const std::unique_ptr<StoreTransaction> transaction = Begin(store);
    subscription = store.Subscribe([&](WakeHint) {
      if (call_count++ > 0) return;
      subscription.reset();
      left = true;
    });
    const NewJob job = MakeJob();
    REQUIRE(transaction->Insert({&job, 1}).ok());
    RequireOk(transaction->Commit());
  }
  REQUIRE(call_count >= 1);
  while (!left) std::this_thread::yield();  // The store's own thread may have been first.
  const int count = call_count;
  MustInsert(store);
  CHECK(call_count == count);
}

TEST_CASE_TEMPLATE_DEFINE("threads: the next transaction waits for the one before", Backend,
                          threads_wait) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  std::unique_ptr<StoreTransaction> transaction = Begin(store);
  const NewJob job = MakeJob();
  REQUIRE(transaction->Insert({&job, 1}).ok());

  std::atomic<bool> ending = false;
  std::atomic<bool> waited = false;
  std::thread other([&] {
    const absl::StatusOr<std::unique_ptr<StoreTransaction>> next = store.Begin();
    waited = next.ok() && ending;
  });
  // Readers do not wait.
  CHECK(ListAll(store).empty());
  ending = true;
  SUBCASE("for its commit") { RequireOk(transaction->Commit()); }
  SUBCASE("for its end") {}
  transaction.reset();
  other.join();
  CHECK(waited);
}

// Claims and ends jobs until there are none; how often each was completed.
inline void Drain(JobStore& store, const std::string& session, std::map<JobId, int>& completed) {
  while (true) {
    std::vector<Finished> ends;
    {
      absl::StatusOr<std::unique_ptr<StoreTransaction>> tx = store.Begin();
      if (!tx.ok()) return;
      const absl::StatusOr<ClaimResult> claimed =
          (*tx)->Claim(RequestOf(session, {kKind}, {{kQueue, 3}}));
      if (!claimed.ok() || claimed->jobs.empty() || !(*tx)->Commit().ok()) return;
      for (const ClaimedJob& job : claimed->jobs) {
        ends.push_back(EndOf(job.lease, Transition::kComplete));
      }
    }
    absl::StatusOr<std::unique_ptr<StoreTransaction>> tx = store.Begin();
    if (!tx.ok()) return;
    const absl::StatusOr<std::vector<absl::Status>> results = (*tx)->Finish(ends);
    if (!results.ok() || !(*tx)->Commit().ok()) return;
    for (std::size_t i = 0; i < ends.size(); ++i) {
      if ((*results)[i].ok()) ++completed[ends[i].lease.job];
    }
  }
}

TEST_CASE_TEMPLATE_DEFINE("threads: many threads end every job exactly once", Backend,
                          threads_drain) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  constexpr int kThreadCount = 4;
  constexpr int kJobCount = 25;  // Of each thread.
  for (int i = 0; i < kThreadCount; ++i) RequireOk(OpenSession(store, fmt::format("t-{}", i)));
  std::vector<std::map<JobId, int>> completed(kThreadCount);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreadCount; ++i) {
    threads.emplace_back([&store, &completed, i] {
      for (int n = 0; n < kJobCount; ++n) {
        absl::StatusOr<std::unique_ptr<StoreTransaction>> tx = store.Begin();
        const NewJob job = MakeJob();
        if (!tx.ok() || !(*tx)->Insert({&job, 1}).ok() || !(*tx)->Commit().ok()) return;
        if (n % 8 == 0) (void)store.Stats();
      }
      Drain(store, fmt::format("t-{}", i), completed[static_cast<std::size_t>(i)]);
    });
  }
  for (std::thread& thread : threads) thread.join();
  Drain(store, "t-0", completed[0]);

  std::map<JobId, int> total;
  for (const std::map<JobId, int>& some : completed) {
    for (const auto& [id, count] : some) total[id] += count;
  }
  CHECK(total.size() == kThreadCount * kJobCount);
  for (const auto& [id, count] : total) CHECK(count == 1);
  CHECK(LaneOf(store).completed == kThreadCount * kJobCount);
  CHECK(AllEvents(store).size() == 3 * kThreadCount * kJobCount);
}

TEST_CASE_TEMPLATE_DEFINE("threads: one key used by all makes one job", Backend, threads_key) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  constexpr std::size_t kThreadCount = 8;
  std::vector<JobId> ids(kThreadCount);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kThreadCount; ++i) {
    threads.emplace_back([&store, &ids, i] {
      absl::StatusOr<std::unique_ptr<StoreTransaction>> tx = store.Begin();
      const NewJob job = KeyedJob("one");
      if (!tx.ok()) return;
      const auto results = (*tx)->Insert({&job, 1});
      if (results.ok() && (*tx)->Commit().ok() && (*results)[0].ok()) ids[i] = (*results)[0]->id;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(ListAll(store).size() == 1);
  for (const JobId id : ids) CHECK(id == ListAll(store)[0].id);
}

}  // namespace outlive::conformance

#define OUTLIVE_JOB_STORE_TRANSACTIONS_CONFORMANCE(Backend) \
  namespace outlive::conformance {                          \
  TEST_CASE_TEMPLATE_INVOKE(tx_rollback, Backend);          \
  TEST_CASE_TEMPLATE_INVOKE(tx_commit, Backend);            \
  TEST_CASE_TEMPLATE_INVOKE(tx_own_work, Backend);          \
  TEST_CASE_TEMPLATE_INVOKE(tx_failed, Backend);            \
  TEST_CASE_TEMPLATE_INVOKE(tx_over, Backend);              \
  TEST_CASE_TEMPLATE_INVOKE(time_monotone, Backend);        \
  TEST_CASE_TEMPLATE_INVOKE(time_one_moment, Backend);      \
  TEST_CASE_TEMPLATE_INVOKE(wake_hints, Backend);           \
  TEST_CASE_TEMPLATE_INVOKE(wake_subscribers, Backend);     \
  TEST_CASE_TEMPLATE_INVOKE(wake_leave, Backend);           \
  TEST_CASE_TEMPLATE_INVOKE(threads_wait, Backend);         \
  TEST_CASE_TEMPLATE_INVOKE(threads_drain, Backend);        \
  TEST_CASE_TEMPLATE_INVOKE(threads_key, Backend);          \
  }                                                         \
  static_assert(true, "")

#endif  // OUTLIVE_CONFORMANCE_JOB_STORE_TRANSACTIONS_H_
