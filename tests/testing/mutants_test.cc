// The checker is checked: each case breaks one rule of a store, or of the engine, and must be
// caught by the invariant it breaks, in runs that the unbroken one passes.
#include <absl/container/flat_hash_map.h>
#include <absl/container/flat_hash_set.h>
#include <absl/status/status.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <latch>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "outlive/core/forwarding_job_store.h"
#include "outlive/testing/recording_store.h"
#include "outlive/testing/recording_worker.h"
#include "tests/testing/checked_run.h"
#include "tests/testing/no_log.h"

namespace outlive::testing {
namespace {

// A mutant is caught in one of these runs at the latest; the unbroken store passes all of them.
constexpr std::uint64_t kSeedCount = 8;

CheckReport RunSeed(std::uint64_t seed, const Breaker& breaker, RandomSource* random = nullptr) {
  CheckedRunOptions options;
  options.seed = seed;
  options.breaker = breaker;
  options.engine_random = random;
  return CheckedRun(options).Run();
}

bool Accuses(const CheckReport& report, const std::string& invariant) {
  return std::any_of(
      report.violations.begin(), report.violations.end(),
      [&](const Violation& each) { return each.invariant == invariant && !each.slice.empty(); });
}

// At least one of the runs must show a violation of `invariant`, with what proves it.
void ExpectCaught(const std::string& invariant, const Breaker& breaker,
                  RandomSource* random = nullptr) {
  std::string reports;
  for (std::uint64_t seed = 1; seed <= kSeedCount; ++seed) {
    const CheckReport report = RunSeed(seed, breaker, random);
    if (Accuses(report, invariant)) return;
    reports += report.ToString();
  }
  FAIL("not caught: ", reports);
}

// A store whose transactions are `Transaction`s, which get the store as their second argument.
template <class Transaction, class State = int>
class BrokenStore : public ForwardingJobStore {
 public:
  using ForwardingJobStore::ForwardingJobStore;

  absl::StatusOr<std::unique_ptr<StoreTransaction>> Begin() override {
    auto transaction = ForwardingJobStore::Begin();
    if (!transaction.ok()) return transaction;
    return std::make_unique<Transaction>(*std::move(transaction), *this);
  }
  absl::StatusOr<std::unique_ptr<StoreTransaction>> BeginUpkeep(Upkeep) override { return Begin(); }

  JobStore& behind() { return inner(); }
  State state = {};
};

template <class Store>
std::unique_ptr<JobStore> Break(JobStore& store) {
  return std::make_unique<Store>(store);
}

TEST_CASE("the unbroken store passes the runs that catch the mutants") {
  std::map<std::string, std::int64_t> counts;
  for (std::uint64_t seed = 1; seed <= kSeedCount; ++seed) {
    const CheckReport report = RunSeed(seed, {});
    CAPTURE(seed);
    CHECK_MESSAGE(report.ok(), report.ToString());
    for (const auto& [name, count] : report.counts) counts[name] += count;
  }
  // Together they have shown whatever there is to break.
  for (const char* const name :
       {"enqueued",    "refused",         "duplicates", "started", "completed",     "cancelled",
        "dead",        "retried",         "snoozed",    "rescued", "crash_deaths",  "requeued",
        "discarded",   "cancel_requests", "fenced",     "effects", "stale_effects", "lost_sessions",
        "checkpoints", "artifacts",       "follow_ups"}) {
    CAPTURE(name);
    CHECK(counts[name] > 0);
  }
}

TEST_CASE("the same seed gives the same run") {
  CHECK(RunSeed(3, {}).ToString() == RunSeed(3, {}).ToString());
  CHECK(RunSeed(3, {}).ToString() != RunSeed(4, {}).ToString());
}

// -- Leases and fences ----------------------------------------------------------------------------

// What a worker writes is taken under whatever fence the job has now.
struct NoFence final : ForwardingStoreTransaction {
  NoFence(std::unique_ptr<StoreTransaction> inner, BrokenStore<NoFence>& store)
      : ForwardingStoreTransaction(std::move(inner)), store_(store) {}

  absl::StatusOr<std::vector<absl::Status>> Finish(absl::Span<const Finished> finished) override {
    std::vector<Finished> ends(finished.begin(), finished.end());
    for (Finished& end : ends) Refresh(end.lease);
    return inner().Finish(ends);
  }

  absl::StatusOr<std::vector<absl::Status>> Write(absl::Span<const WorkerWrite> writes) override {
    std::vector<WorkerWrite> all(writes.begin(), writes.end());
    for (WorkerWrite& write : all) Refresh(write.lease);
    return inner().Write(all);
  }

 private:
  void Refresh(Lease& lease) {
    const absl::StatusOr<Job> job = store_.behind().Get(lease.job);
    if (job.ok()) lease.fence = job->fence;
  }

  BrokenStore<NoFence>& store_;
};

TEST_CASE("mutant: the fence is not looked at") { ExpectCaught("I5", Break<BrokenStore<NoFence>>); }

// Takes every job away, whether or not its session has expired. Sessions live on under new names.
struct EagerRescueState {
  absl::flat_hash_map<std::string, std::pair<int, absl::Duration>> sessions;
};
struct EagerRescue final : ForwardingStoreTransaction {
  using Store = BrokenStore<EagerRescue, EagerRescueState>;
  EagerRescue(std::unique_ptr<StoreTransaction> inner, Store& store)
      : ForwardingStoreTransaction(std::move(inner)), sessions_(store.state.sessions) {}

  absl::Status OpenSession(const std::string& session, absl::Duration lease) override {
    sessions_[session] = {0, lease};
    return inner().OpenSession(NameOf(session), lease);
  }
  absl::Status RenewSession(const std::string& session, absl::Duration lease) override {
    return inner().RenewSession(NameOf(session), lease);
  }
  absl::Status CloseSession(const std::string& session) override {
    return inner().CloseSession(NameOf(session));
  }
  absl::StatusOr<ClaimResult> Claim(const ClaimRequest& request) override {
    ClaimRequest renamed = request;
    renamed.session = NameOf(request.session);
    return inner().Claim(renamed);
  }
  absl::StatusOr<std::vector<Rescued>> Rescue(const RescueRequest& request) override {
    for (const auto& [session, open] : sessions_) {
      inner().CloseSession(NameOf(session)).IgnoreError();
    }
    absl::StatusOr<std::vector<Rescued>> rescued = inner().Rescue(request);
    for (auto& [session, open] : sessions_) {
      ++open.first;
      inner().OpenSession(NameOf(session), open.second).IgnoreError();
    }
    return rescued;
  }

 private:
  std::string NameOf(const std::string& session) const {
    const auto found = sessions_.find(session);
    return session + "." + std::to_string(found == sessions_.end() ? 0 : found->second.first);
  }

  absl::flat_hash_map<std::string, std::pair<int, absl::Duration>>& sessions_;
};

TEST_CASE("mutant: rescue takes every job") { ExpectCaught("I4", Break<EagerRescue::Store>); }

// Now and then gives out once more what it has just given out.
struct DoubleLeaseState {
  int claims = 0;
  std::vector<ClaimedJob> latest;
};
struct DoubleLease final : ForwardingStoreTransaction {
  using Store = BrokenStore<DoubleLease, DoubleLeaseState>;
  DoubleLease(std::unique_ptr<StoreTransaction> inner, Store& store)
      : ForwardingStoreTransaction(std::move(inner)), state_(store.state) {}

  absl::StatusOr<ClaimResult> Claim(const ClaimRequest& request) override {
    absl::StatusOr<ClaimResult> result = inner().Claim(request);
    if (!result.ok()) return result;
    if (++state_.claims % 5 == 0) {
      result->jobs.insert(result->jobs.end(), state_.latest.begin(), state_.latest.end());
      state_.latest.clear();
    } else if (!result->jobs.empty()) {
      state_.latest = result->jobs;
    }
    return result;
  }

 private:
  DoubleLeaseState& state_;
};

TEST_CASE("mutant: one lease is given out twice") { ExpectCaught("I4", Break<DoubleLease::Store>); }

// -- The heartbeat --------------------------------------------------------------------------------

// Counts renewals, tells the runner to look at the clock, and can leave the store alone: what an
// engine looks like from here that ends its heartbeat too early.
class BeatingStore;
struct Beat final : ForwardingStoreTransaction {
  Beat(std::unique_ptr<StoreTransaction> inner, BeatingStore& store)
      : ForwardingStoreTransaction(std::move(inner)), store_(store) {}
  absl::Status RenewSession(const std::string& session, absl::Duration lease) override;

 private:
  BeatingStore& store_;
};
class BeatingStore final : public ForwardingJobStore {
 public:
  using ForwardingJobStore::ForwardingJobStore;

  absl::StatusOr<std::unique_ptr<StoreTransaction>> Begin() override {
    auto transaction = ForwardingJobStore::Begin();
    if (!transaction.ok()) return transaction;
    return std::make_unique<Beat>(*std::move(transaction), *this);
  }
  absl::StatusOr<std::unique_ptr<StoreTransaction>> BeginUpkeep(Upkeep) override { return Begin(); }

  std::unique_ptr<Subscription> Subscribe(std::function<void(WakeHint)> on_wake) override {
    on_wake_ = on_wake;
    return ForwardingJobStore::Subscribe(std::move(on_wake));
  }

  // While a runner is subscribed: its keeper looks at what is due now.
  void Tick() { on_wake_({.cancel = true}); }

  void OnRenewal() {
    MutexLock lock(mutex_);
    ++renewal_count_;
  }

  // The keeper asks this after a renewal, when it has noted when the next one is due.
  absl::StatusOr<std::vector<JobId>> CancelRequests(const std::string& session) override {
    {
      MutexLock lock(mutex_);
      noted_renewal_count_ = renewal_count_;
      changed_.NotifyAll();
    }
    return ForwardingJobStore::CancelRequests(session);
  }

  void WaitForRenewals(int count) {
    MutexLock lock(mutex_);
    while (noted_renewal_count_ < count) changed_.Wait(mutex_);
  }

  std::atomic<bool> heartbeat_ends = false;

 private:
  std::function<void(WakeHint)> on_wake_;
  Mutex mutex_;
  CondVar changed_;
  int renewal_count_ ABSL_GUARDED_BY(mutex_) = 0;
  int noted_renewal_count_ ABSL_GUARDED_BY(mutex_) = 0;
};

absl::Status Beat::RenewSession(const std::string& session, absl::Duration lease) {
  absl::Status status;
  if (!store_.heartbeat_ends) status = inner().RenewSession(session, lease);
  store_.OnRenewal();
  return status;
}

// A process that records what it does, on a store of its own.
struct DrainProcess {
  DrainProcess(std::string name, JobStore& inner, HistorySink& history, const Clock& clock,
               RecordingWorker::Function work)
      : recorder(std::move(name), history, clock), store(inner, recorder) {
    workers.Add("work", std::make_unique<RecordingWorker>(recorder, std::move(work)));
  }

  Recorder recorder;
  RecordingStore store;
  Client client{store, {.log = &NoLog()}};
  RecordingClient recorded{client, recorder};
  WorkerSet workers;
  Runner runner{client, workers};
};

// One process drains for longer than its lease, while another looks for lost sessions.
CheckReport DrainForTwoLeases(bool heartbeat_ends) {
  VirtualClock clock;
  MemoryStore store(MemoryStoreOptions{.clock = &clock});
  BeatingStore beating(store);
  MemoryHistory history;
  std::latch entered(1);
  std::latch released(1);
  DrainProcess draining("draining", beating, history, clock, [&](JobContext&, std::string_view) {
    entered.count_down();
    released.wait();
    return Done();
  });
  DrainProcess other("other", store, history, clock,
                     [](JobContext&, std::string_view) { return Done(); });
  REQUIRE(draining.runner.Start().ok());
  REQUIRE(draining.recorded.Enqueue("work", "1").ok());
  entered.wait();
  beating.heartbeat_ends = heartbeat_ends;
  std::thread stop([&] { draining.runner.Stop(absl::Hours(1)); });
  for (int i = 1; i <= 8; ++i) {
    clock.Advance(absl::Seconds(17));  // More than a quarter of the lease, jitter included.
    beating.Tick();
    beating.WaitForRenewals(i);
    REQUIRE(other.runner.Maintain().ok());
  }
  released.count_down();
  stop.join();
  clock.Advance(absl::Seconds(10));
  REQUIRE(other.runner.RunDue().ok());
  CheckOptions options;
  options.live_processes_keep_leases = true;
  return CheckRun({.history = history.records(),
                   .events = AllEvents(store).value(),
                   .jobs = AllJobs(store).value()},
                  options);
}

TEST_CASE("mutant: the heartbeat ends before the drain does") {
  const CheckReport unbroken = DrainForTwoLeases(false);
  CHECK_MESSAGE(unbroken.ok(), unbroken.ToString());
  const CheckReport report = DrainForTwoLeases(true);
  CHECK_MESSAGE(Accuses(report, "I4"), report.ToString());
}

// -- Transactions ---------------------------------------------------------------------------------

// Every fourth enqueue is acknowledged and then not committed.
struct LostCommit final : ForwardingStoreTransaction {
  using Store = BrokenStore<LostCommit>;
  LostCommit(std::unique_ptr<StoreTransaction> inner, Store& store)
      : ForwardingStoreTransaction(std::move(inner)), commits_(store.state) {}

  absl::StatusOr<std::vector<absl::StatusOr<Inserted>>> Insert(
      absl::Span<const NewJob> jobs) override {
    inserted_ = true;
    return inner().Insert(jobs);
  }
  absl::Status Commit() override {
    if (inserted_ && ++commits_ % 4 == 0) return absl::OkStatus();
    return inner().Commit();
  }

 private:
  int& commits_;
  bool inserted_ = false;
};

TEST_CASE("mutant: an enqueue is acknowledged before its commit") {
  ExpectCaught("I1", Break<LostCommit::Store>);
}

// What is refused is written all the same.
struct WrittenRefusal final : ForwardingStoreTransaction {
  using Store = BrokenStore<WrittenRefusal>;
  WrittenRefusal(std::unique_ptr<StoreTransaction> inner, Store& store)
      : ForwardingStoreTransaction(std::move(inner)), commits_(store.state) {}

  absl::StatusOr<std::vector<absl::StatusOr<Inserted>>> Insert(
      absl::Span<const NewJob> jobs) override {
    inserted_ = true;
    return inner().Insert(jobs);
  }
  absl::Status Commit() override {
    absl::Status status = inner().Commit();
    if (inserted_ && ++commits_ % 4 == 0) return absl::UnavailableError("nothing was written");
    return status;
  }

 private:
  int& commits_;
  bool inserted_ = false;
};

TEST_CASE("mutant: a commit in doubt is told as a refusal") {
  ExpectCaught("I2", Break<WrittenRefusal::Store>);
}

// The log of every ninth commit is written afterwards, and its process dies in between.
struct TornLog;
class TornLogStore final : public BrokenStore<TornLog> {
 public:
  using BrokenStore::BrokenStore;

  absl::StatusOr<std::vector<Event>> EventsAfter(std::int64_t after, int count_max) override {
    absl::StatusOr<std::vector<Event>> events = ForwardingJobStore::EventsAfter(after, count_max);
    if (!events.ok()) return events;
    std::erase_if(*events, [this](const Event& event) { return lost.contains(event.seq); });
    return events;
  }

  absl::flat_hash_set<std::int64_t> lost;
};
struct TornLog final : ForwardingStoreTransaction {
  TornLog(std::unique_ptr<StoreTransaction> inner, BrokenStore<TornLog>& store)
      : ForwardingStoreTransaction(std::move(inner)), store_(static_cast<TornLogStore&>(store)) {}

  absl::Status Commit() override {
    const std::int64_t before = store_.behind().LastEvent().value();
    absl::Status status = inner().Commit();
    const std::int64_t after = store_.behind().LastEvent().value();
    if (after > before && ++store_.state % 9 == 0) {
      for (std::int64_t seq = before + 1; seq <= after; ++seq) store_.lost.insert(seq);
    }
    return status;
  }

  TornLogStore& store_;
};

TEST_CASE("mutant: events are written outside the transaction") {
  ExpectCaught("I17", Break<TornLogStore>);
}

// A job that nobody works on is not there any more.
class ForgetfulStore final : public ForwardingJobStore {
 public:
  using ForwardingJobStore::ForwardingJobStore;

  absl::StatusOr<std::vector<Job>> List(const JobFilter& filter, const JobPage& page) override {
    absl::StatusOr<std::vector<Job>> jobs = ForwardingJobStore::List(filter, page);
    if (jobs.ok() && jobs->size() > 3) jobs->erase(jobs->begin() + 2);
    return jobs;
  }
};

TEST_CASE("mutant: a job is forgotten") { ExpectCaught("I1", Break<ForgetfulStore>); }

// -- Budgets --------------------------------------------------------------------------------------

// Every attempt is the first.
struct Uncounted final : ForwardingStoreTransaction {
  Uncounted(std::unique_ptr<StoreTransaction> inner, BrokenStore<Uncounted>&)
      : ForwardingStoreTransaction(std::move(inner)) {}

  absl::StatusOr<ClaimResult> Claim(const ClaimRequest& request) override {
    absl::StatusOr<ClaimResult> result = inner().Claim(request);
    if (!result.ok()) return result;
    for (ClaimedJob& job : result->jobs) job.attempt = job.crashes + 1;
    return result;
  }
};

TEST_CASE("mutant: attempts are not counted") { ExpectCaught("I6", Break<BrokenStore<Uncounted>>); }

// An engine that looks at no limit: it is told of none.
struct Unlimited final : ForwardingStoreTransaction {
  Unlimited(std::unique_ptr<StoreTransaction> inner, BrokenStore<Unlimited>&)
      : ForwardingStoreTransaction(std::move(inner)) {}

  absl::StatusOr<ClaimResult> Claim(const ClaimRequest& request) override {
    absl::StatusOr<ClaimResult> result = inner().Claim(request);
    if (!result.ok()) return result;
    for (ClaimedJob& job : result->jobs) job.attempt_count_max = limits::kAttemptCountMax;
    return result;
  }
};

TEST_CASE("mutant: the limit of attempts is ignored") {
  ExpectCaught("I6", Break<BrokenStore<Unlimited>>);
}

struct NoCrashBudget final : ForwardingStoreTransaction {
  NoCrashBudget(std::unique_ptr<StoreTransaction> inner, BrokenStore<NoCrashBudget>&)
      : ForwardingStoreTransaction(std::move(inner)) {}

  absl::StatusOr<std::vector<Rescued>> Rescue(const RescueRequest& request) override {
    RescueRequest endless = request;
    endless.crash_count_max = 1'000'000;
    return inner().Rescue(endless);
  }
};

TEST_CASE("mutant: the crash budget is ignored") {
  ExpectCaught("I6", Break<BrokenStore<NoCrashBudget>>);
}

// -- Keys -----------------------------------------------------------------------------------------

// Looks a key up in what was there a moment ago, and inserts where it finds nothing: no unique
// index.
struct LookUpFirstState {
  absl::flat_hash_map<std::string, JobId> keys;  // As of the latest other moment.
  absl::flat_hash_map<std::string, JobId> fresh;
  absl::Time at = absl::InfinitePast();
};
struct LookUpFirst final : ForwardingStoreTransaction {
  using Store = BrokenStore<LookUpFirst, LookUpFirstState>;
  LookUpFirst(std::unique_ptr<StoreTransaction> inner, Store& store)
      : ForwardingStoreTransaction(std::move(inner)), state_(store.state) {
    const absl::Time now = store.clock().Now();
    if (now == state_.at) return;
    state_.keys = state_.fresh;
    state_.at = now;
  }

  absl::StatusOr<std::vector<absl::StatusOr<Inserted>>> Insert(
      absl::Span<const NewJob> jobs) override {
    std::vector<absl::StatusOr<Inserted>> results;
    for (NewJob job : jobs) {
      const std::string key = std::exchange(job.idempotency_key, {});
      if (const auto found = state_.keys.find(key); !key.empty() && found != state_.keys.end()) {
        results.emplace_back(Inserted{found->second, true});
        continue;
      }
      auto inserted = inner().Insert(absl::MakeConstSpan(&job, 1));
      if (!inserted.ok()) return inserted.status();
      results.push_back((*inserted)[0]);
      if (results.back().ok() && !key.empty()) state_.fresh[key] = results.back()->id;
    }
    return results;
  }

 private:
  LookUpFirstState& state_;
};

TEST_CASE("mutant: a key is looked up and then inserted") {
  ExpectCaught("I9", Break<LookUpFirst::Store>);
}

// -- Ends -----------------------------------------------------------------------------------------

// The log has every completion twice.
class TwiceStore final : public ForwardingJobStore {
 public:
  using ForwardingJobStore::ForwardingJobStore;

  absl::StatusOr<std::vector<Event>> EventsAfter(std::int64_t after, int count_max) override {
    absl::StatusOr<std::vector<Event>> events =
        ForwardingJobStore::EventsAfter(after / 2, count_max);
    if (!events.ok()) return events;
    std::vector<Event> twice;
    for (Event event : *events) {
      event.seq *= 2;
      twice.push_back(event);
      if (event.type != EventType::kCompleted) continue;
      ++event.seq;
      twice.push_back(event);
    }
    return twice;
  }
};

TEST_CASE("mutant: a finish is repeated with effect") { ExpectCaught("I8", Break<TwiceStore>); }

// Who repeats a finish finds the job at work again, and ends it again.
struct Zombie final : ForwardingStoreTransaction {
  using Store = BrokenStore<Zombie>;
  Zombie(std::unique_ptr<StoreTransaction> inner, Store& store)
      : ForwardingStoreTransaction(std::move(inner)), ends_(store.state) {}

  absl::StatusOr<std::vector<absl::Status>> Finish(absl::Span<const Finished> finished) override {
    auto results = inner().Finish(finished);
    if (!results.ok()) return results;
    for (const Finished& end : finished) {
      if (end.transition != Transition::kComplete || ++ends_ % 5 != 0) continue;
      Change change;
      change.id = end.lease.job;
      change.action = Change::Action::kRequeue;
      inner().Apply(absl::MakeConstSpan(&change, 1)).status().IgnoreError();
    }
    return results;
  }

 private:
  int& ends_;
};

TEST_CASE("mutant: a job that has ended goes back to work") {
  ExpectCaught("I7", Break<Zombie::Store>);
}

// Every follow-up is inserted twice.
struct ToldTwice final : ForwardingStoreTransaction {
  using Store = BrokenStore<ToldTwice>;
  ToldTwice(std::unique_ptr<StoreTransaction> inner, Store& store)
      : ForwardingStoreTransaction(std::move(inner)), store_(store) {}

  absl::StatusOr<std::vector<absl::Status>> Finish(absl::Span<const Finished> finished) override {
    auto results = inner().Finish(finished);
    if (!results.ok()) return results;
    for (const Finished& end : finished) {
      const absl::StatusOr<Job> job = store_.behind().Get(end.lease.job);
      if (!job.ok() || job->kind != "work" || end.transition != Transition::kComplete) continue;
      JobEnd told;
      told.job_id = job->id;
      told.kind = job->kind;
      told.generation = job->generation;
      const NewJob again = MakeFollowUpJob({.kind = "notice"}, told);
      inner().Insert(absl::MakeConstSpan(&again, 1)).status().IgnoreError();
    }
    return results;
  }

 private:
  Store& store_;
};

TEST_CASE("mutant: a follow-up is inserted twice") { ExpectCaught("I21", Break<ToldTwice::Store>); }

// -- What people ask for --------------------------------------------------------------------------

struct NoCancel final : ForwardingStoreTransaction {
  NoCancel(std::unique_ptr<StoreTransaction> inner, BrokenStore<NoCancel>&)
      : ForwardingStoreTransaction(std::move(inner)) {}

  absl::StatusOr<std::vector<absl::StatusOr<JobState>>> Apply(
      absl::Span<const Change> changes) override {
    if (changes[0].action != Change::Action::kCancel) return inner().Apply(changes);
    return std::vector<absl::StatusOr<JobState>>(changes.size(), JobState::kCancelled);
  }
};

TEST_CASE("mutant: a cancel is ignored") { ExpectCaught("I19", Break<BrokenStore<NoCancel>>); }

// -- Time -----------------------------------------------------------------------------------------

// A failed job is due again at once, whatever it was told to wait.
struct NoDelay final : ForwardingStoreTransaction {
  NoDelay(std::unique_ptr<StoreTransaction> inner, BrokenStore<NoDelay>&)
      : ForwardingStoreTransaction(std::move(inner)) {}

  absl::StatusOr<std::vector<absl::Status>> Finish(absl::Span<const Finished> finished) override {
    std::vector<Finished> ends(finished.begin(), finished.end());
    for (Finished& end : ends) end.delay = absl::ZeroDuration();
    return inner().Finish(ends);
  }
};

TEST_CASE("mutant: delays are ignored") { ExpectCaught("I10", Break<BrokenStore<NoDelay>>); }

// An engine whose dice always fall alike: no jitter.
class FixedRandom final : public RandomSource {
 public:
  void Fill(void* bytes, std::size_t size) override {
    ++calls_;
    // Names have to differ, delays need not.
    auto* const each = static_cast<unsigned char*>(bytes);
    for (std::size_t i = 0; i < size; ++i) {
      each[i] =
          static_cast<unsigned char>(size == sizeof(std::uint64_t) ? 0 : calls_ >> (8 * (i % 4)));
    }
  }

 private:
  std::uint64_t calls_ = 0;
};

TEST_CASE("mutant: retries have no jitter") {
  FixedRandom random;
  ExpectCaught("I11", {}, &random);
}

// -- What attempts keep ---------------------------------------------------------------------------

struct NoCheckpoint final : ForwardingStoreTransaction {
  using Store = BrokenStore<NoCheckpoint>;
  NoCheckpoint(std::unique_ptr<StoreTransaction> inner, Store& store)
      : ForwardingStoreTransaction(std::move(inner)), writes_(store.state) {}

  absl::StatusOr<std::vector<absl::Status>> Write(absl::Span<const WorkerWrite> writes) override {
    std::vector<WorkerWrite> all(writes.begin(), writes.end());
    for (WorkerWrite& write : all) {
      if (write.checkpoint && ++writes_ % 3 == 0) write.checkpoint.reset();
    }
    return inner().Write(all);
  }

 private:
  int& writes_;
};

TEST_CASE("mutant: a checkpoint is lost") { ExpectCaught("I20", Break<NoCheckpoint::Store>); }

}  // namespace
}  // namespace outlive::testing
