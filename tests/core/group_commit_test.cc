#include "outlive/core/group_commit.h"

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/types/span.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstring>
#include <future>
#include <latch>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "outlive/core/forwarding_job_store.h"
#include "outlive/core/limits.h"
#include "outlive/core/mutex.h"
#include "outlive/core/random.h"
#include "outlive/core/store_rules.h"
#include "outlive/store/memory_store.h"

namespace {

using outlive::GroupCommit;
using outlive::MutexLock;
using outlive::StoreTransaction;

// A memory store whose commits can be held up and made to fail.
class ControlledStore final : public outlive::ForwardingJobStore {
 public:
  ControlledStore(JobStore& inner, bool changes_apart) : ForwardingJobStore(inner) {
    info_.changes_apart = changes_apart;
  }

  absl::StatusOr<std::unique_ptr<StoreTransaction>> Begin() override {
    if (absl::Status refusal = NextRefusal(); !refusal.ok()) return refusal;
    absl::StatusOr<std::unique_ptr<StoreTransaction>> transaction = inner().Begin();
    if (!transaction.ok()) return transaction.status();
    return std::make_unique<Transaction>(*std::move(transaction), *this);
  }
  absl::StatusOr<std::unique_ptr<StoreTransaction>> BeginUpkeep(outlive::Upkeep upkeep) override {
    ++(upkeep == outlive::Upkeep::kLeases ? leases_count : sweep_count);
    return Begin();
  }
  const outlive::StoreInfo& info() const override { return info_; }

  std::atomic<int> leases_count = 0;
  std::atomic<int> sweep_count = 0;

  // The next commit waits for Open().
  void Close() {
    MutexLock lock(mutex_);
    closed_ = true;
  }
  void Open() {
    MutexLock lock(mutex_);
    closed_ = false;
    changed_.NotifyAll();
  }
  // Returns when a commit waits for Open().
  void AwaitCommit() {
    MutexLock lock(mutex_);
    while (waiting_ == 0) changed_.Wait(mutex_);
  }

  // The next Begin() gives this; the next Commit() gives that, and writes nothing.
  void FailBegin(absl::Status status) {
    MutexLock lock(mutex_);
    begin_failure_ = std::move(status);
  }
  void FailCommit(absl::Status status) {
    MutexLock lock(mutex_);
    commit_failure_ = std::move(status);
  }

  int commit_count() {
    MutexLock lock(mutex_);
    return commits_;
  }

 private:
  class Transaction final : public outlive::ForwardingStoreTransaction {
   public:
    Transaction(std::unique_ptr<StoreTransaction> inner, ControlledStore& store)
        : ForwardingStoreTransaction(std::move(inner)), store_(store) {}
    absl::Status Commit() override {
      if (absl::Status status = store_.BeforeCommit(); !status.ok()) return status;
      return ForwardingStoreTransaction::Commit();
    }

   private:
    ControlledStore& store_;
  };

  absl::Status NextRefusal() {
    MutexLock lock(mutex_);
    return std::exchange(begin_failure_, absl::OkStatus());
  }

  absl::Status BeforeCommit() {
    MutexLock lock(mutex_);
    ++commits_;
    ++waiting_;
    changed_.NotifyAll();
    while (closed_) changed_.Wait(mutex_);
    --waiting_;
    return std::exchange(commit_failure_, absl::OkStatus());
  }

  outlive::StoreInfo info_ = inner().info();
  outlive::Mutex mutex_;
  outlive::CondVar changed_;
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
  int waiting_ ABSL_GUARDED_BY(mutex_) = 0;
  int commits_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status begin_failure_ ABSL_GUARDED_BY(mutex_);
  absl::Status commit_failure_ ABSL_GUARDED_BY(mutex_);
};

// Takes what a Submit() was told, once.
class Answer {
 public:
  GroupCommit::Done Taker() {
    return [promise = promise_](absl::Status status) { promise->set_value(std::move(status)); };
  }
  absl::Status Await() { return promise_->get_future().get(); }

 private:
  // Shared, so that it is not destroyed while its value is being set.
  const std::shared_ptr<std::promise<absl::Status>> promise_ =
      std::make_shared<std::promise<absl::Status>>();
};

absl::Status InsertOne(StoreTransaction& transaction, const std::string& kind) {
  outlive::NewJob job;
  job.kind = kind;
  auto inserted = transaction.Insert({job});
  if (!inserted.ok()) return inserted.status();
  return inserted->at(0).status();
}

GroupCommit::Work Inserting(std::string kind) {
  return [kind = std::move(kind)](StoreTransaction& transaction) {
    return InsertOne(transaction, kind);
  };
}

// How many jobs of each kind there are.
std::map<std::string, int> Kinds(outlive::JobStore& store) {
  std::map<std::string, int> kinds;
  const outlive::JobStats stats = store.Stats().value();
  for (const auto& lane : stats.lanes) kinds[lane.kind] = static_cast<int>(lane.pending);
  return kinds;
}

struct Fixture {
  explicit Fixture(GroupCommit::Purpose purpose = GroupCommit::Purpose::kWork,
                   bool changes_apart = false)
      : store(*memory, changes_apart), commits(store, purpose) {}

  std::unique_ptr<outlive::MemoryStore> memory = outlive::MemoryStore::Create();
  ControlledStore store;
  GroupCommit commits;

  absl::Status Run(const std::string& kind) {
    return commits.Run(1, [&](StoreTransaction& tx) { return InsertOne(tx, kind); });
  }
};

// A thread whose Run() has led a batch of its own as far as its commit, where it is held up.
class HeldUpLeader {
 public:
  explicit HeldUpLeader(Fixture& fixture) : fixture_(fixture) {
    fixture_.store.Close();
    thread_ = std::thread([this] { status_ = fixture_.Run("leader"); });
    fixture_.store.AwaitCommit();
  }
  ~HeldUpLeader() {
    if (thread_.joinable()) Release().IgnoreError();
  }

  // Lets it commit; what its Run() came to.
  absl::Status Release() {
    fixture_.store.Open();
    thread_.join();
    return status_;
  }

 private:
  Fixture& fixture_;
  absl::Status status_;
  std::thread thread_;
};

TEST_CASE("an idle store commits at once, on the caller's thread") {
  Fixture fixture;
  const std::thread::id caller = std::this_thread::get_id();
  std::thread::id worker;
  CHECK(fixture.commits
            .Run(1,
                 [&](StoreTransaction& tx) {
                   worker = std::this_thread::get_id();
                   return InsertOne(tx, "a");
                 })
            .ok());
  CHECK(worker == caller);
  CHECK(fixture.store.commit_count() == 1);
  CHECK(Kinds(fixture.store) == std::map<std::string, int>{{"a", 1}});
}

TEST_CASE("a submitted request is done without its caller") {
  Fixture fixture;
  Answer answer;
  fixture.commits.Submit(1, Inserting("a"), answer.Taker());
  CHECK(answer.Await().ok());
  CHECK(Kinds(fixture.store) == std::map<std::string, int>{{"a", 1}});
}

TEST_CASE("what arrives while a commit is in flight shares the next one, in order") {
  Fixture fixture;
  HeldUpLeader leader(fixture);
  std::vector<int> order;
  std::vector<Answer> answers(50);
  for (int i = 0; i < 50; ++i) {
    fixture.commits.Submit(
        1,
        [&order, i](StoreTransaction& tx) {
          order.push_back(i);  // One transaction at a time: no lock is needed.
          return InsertOne(tx, "follower");
        },
        answers[i].Taker());
  }
  CHECK(leader.Release().ok());
  for (Answer& answer : answers) CHECK(answer.Await().ok());
  CHECK(fixture.store.commit_count() == 2);
  CHECK(Kinds(fixture.store) == std::map<std::string, int>{{"leader", 1}, {"follower", 50}});
  std::vector<int> expected(50);
  for (int i = 0; i < 50; ++i) expected[i] = i;
  CHECK(order == expected);
}

TEST_CASE("what is for upkeep is begun as such") {
  Fixture leases(GroupCommit::Purpose::kLeases);
  CHECK(leases.Run("a").ok());
  CHECK(leases.store.leases_count == 1);
  CHECK(leases.store.sweep_count == 0);
  Fixture sweep(GroupCommit::Purpose::kSweep);
  CHECK(sweep.Run("a").ok());
  CHECK(sweep.store.leases_count == 0);
  CHECK(sweep.store.sweep_count == 1);
}

TEST_CASE("work is not begun as upkeep") {
  Fixture fixture;
  CHECK(fixture.Run("a").ok());
  CHECK(fixture.store.leases_count == 0);
  CHECK(fixture.store.sweep_count == 0);
}

// Who was together in a transaction, by the number of commits before it.
using Company = std::map<int, std::vector<std::string>>;

// Some work and some changes, each on a thread of its own, that come while a commit is in flight.
Company WorkAndChange(bool changes_apart) {
  Fixture fixture(GroupCommit::Purpose::kWork, changes_apart);
  Company company;
  const auto note = [&](const std::string& kind) {
    return [&, kind](StoreTransaction& tx) {
      company[fixture.store.commit_count()].push_back(kind);  // One transaction at a time.
      return InsertOne(tx, kind);
    };
  };
  HeldUpLeader leader(fixture);
  std::atomic<int> coming = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&, changes = i % 2 == 1] {
      ++coming;
      CHECK((changes ? fixture.commits.RunChange(1, note("change"))
                     : fixture.commits.Run(1, note("work")))
                .ok());
    });
  }
  while (coming < 8) std::this_thread::yield();
  CHECK(leader.Release().ok());
  for (std::thread& thread : threads) thread.join();
  CHECK(Kinds(fixture.store) ==
        std::map<std::string, int>{{"leader", 1}, {"work", 4}, {"change", 4}});
  return company;
}

// Whether anything, and whether a change, was not alone in its transaction.
std::pair<bool, bool> Shared(const Company& company) {
  std::pair<bool, bool> shared;
  for (const auto& [commit, kinds] : company) {
    const bool together = kinds.size() > 1;
    shared.first = shared.first || together;
    shared.second = shared.second ||
                    (together && std::find(kinds.begin(), kinds.end(), "change") != kinds.end());
  }
  return shared;
}

TEST_CASE(
    "where changes are apart, they share a transaction with nothing, and elsewhere with all") {
  for (const bool apart : {true, false}) {
    CAPTURE(apart);
    // Until there was something to share.
    std::pair<bool, bool> shared;
    while (!(apart ? shared.first : shared.second)) {
      shared = Shared(WorkAndChange(apart));
      if (apart) CHECK_FALSE(shared.second);
    }
  }
}

TEST_CASE("what counts a backlog comes after all others of its group, in order") {
  Fixture fixture;
  HeldUpLeader leader(fixture);
  std::vector<outlive::NewJob> jobs(6);
  std::vector<Answer> answers(jobs.size());
  std::string order;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    jobs[i].kind = "follower";
    jobs[i].backlog_max = i % 2 == 0 ? 100 : 0;
    const absl::Span<const outlive::NewJob> adds = absl::MakeConstSpan(&jobs[i], 1);
    fixture.commits.Submit(
        1,
        [&order, i, adds](StoreTransaction& tx) {
          order += std::to_string(i);  // One transaction at a time: no lock is needed.
          return tx.Insert(adds).status();
        },
        answers[i].Taker(), adds);
  }
  CHECK(leader.Release().ok());
  for (Answer& answer : answers) CHECK(answer.Await().ok());
  CHECK(order == "135024");
  CHECK(fixture.store.commit_count() == 2);
}

TEST_CASE("nobody is told before the commit") {
  Fixture fixture;
  fixture.store.Close();
  std::atomic<bool> told = false;
  Answer answer;
  fixture.commits.Submit(1, Inserting("a"), [&](absl::Status status) {
    told = true;
    answer.Taker()(std::move(status));
  });
  fixture.store.AwaitCommit();
  CHECK_FALSE(told);
  CHECK(Kinds(fixture.store).empty());
  fixture.store.Open();
  CHECK(answer.Await().ok());
}

TEST_CASE("a batch has a limit, and a larger request a commit of its own") {
  Fixture fixture;
  HeldUpLeader leader(fixture);
  std::vector<Answer> answers(6);
  const int sizes[] = {400, 400, 400, 5'000, 400, 600};
  for (int i = 0; i < 6; ++i) {
    fixture.commits.Submit(sizes[i], Inserting("k"), answers[i].Taker());
  }
  CHECK(leader.Release().ok());
  for (Answer& answer : answers) CHECK(answer.Await().ok());
  // The leader's, 400 + 400, 400, 5000, 400 + 600.
  CHECK(fixture.store.commit_count() == 5);
}

TEST_CASE("a request that fails alone is told so alone") {
  Fixture fixture;
  HeldUpLeader leader(fixture);
  Answer first;
  Answer bad;
  Answer last;
  fixture.commits.Submit(1, Inserting("first"), first.Taker());
  fixture.commits.Submit(
      1,
      [](StoreTransaction& tx) {
        CHECK(InsertOne(tx, "never").ok());
        return absl::AlreadyExistsError("the key is in use");
      },
      bad.Taker());
  fixture.commits.Submit(1, Inserting("last"), last.Taker());
  CHECK(leader.Release().ok());
  CHECK(first.Await().ok());
  CHECK(bad.Await() == absl::AlreadyExistsError("the key is in use"));
  CHECK(last.Await().ok());
  CHECK(Kinds(fixture.store) ==
        std::map<std::string, int>{{"leader", 1}, {"first", 1}, {"last", 1}});
}

TEST_CASE("a failed request of an idle store leaves no trace") {
  Fixture fixture;
  CHECK(fixture.commits.Run(1, [](StoreTransaction& tx) {
    CHECK(InsertOne(tx, "never").ok());
    return absl::InvalidArgumentError("no");
  }) == absl::InvalidArgumentError("no"));
  CHECK(Kinds(fixture.store).empty());
  CHECK(fixture.store.commit_count() == 0);
  CHECK(fixture.Run("next").ok());
}

TEST_CASE("an exception of a request's work is told to it alone") {
  Fixture fixture;
  HeldUpLeader leader(fixture);
  Answer first;
  Answer bad;
  Answer last;
  fixture.commits.Submit(1, Inserting("first"), first.Taker());
  fixture.commits.Submit(
      1,
      [](StoreTransaction& tx) -> absl::Status {
        CHECK(InsertOne(tx, "never").ok());
        throw std::bad_alloc();
      },
      bad.Taker());
  fixture.commits.Submit(1, Inserting("last"), last.Taker());
  CHECK(leader.Release().ok());
  CHECK(first.Await().ok());
  CHECK(absl::IsUnavailable(bad.Await()));
  CHECK(last.Await().ok());
  CHECK(Kinds(fixture.store) ==
        std::map<std::string, int>{{"leader", 1}, {"first", 1}, {"last", 1}});
}

// A store that throws where it is told to.
class ThrowingStore final : public outlive::ForwardingJobStore {
 public:
  using ForwardingJobStore::ForwardingJobStore;

  absl::StatusOr<std::unique_ptr<StoreTransaction>> Begin() override {
    if (throw_in_begin) throw std::runtime_error("begin");
    absl::StatusOr<std::unique_ptr<StoreTransaction>> transaction = inner().Begin();
    if (!transaction.ok()) return transaction.status();
    return std::make_unique<Transaction>(*std::move(transaction), *this);
  }
  absl::StatusOr<std::unique_ptr<StoreTransaction>> BeginUpkeep(outlive::Upkeep) override {
    return Begin();
  }

  bool throw_in_begin = false;
  bool throw_in_commit = false;

 private:
  class Transaction final : public outlive::ForwardingStoreTransaction {
   public:
    Transaction(std::unique_ptr<StoreTransaction> inner, ThrowingStore& store)
        : ForwardingStoreTransaction(std::move(inner)), store_(store) {}
    absl::Status Commit() override {
      if (store_.throw_in_commit) throw std::runtime_error("commit");
      return ForwardingStoreTransaction::Commit();
    }

   private:
    ThrowingStore& store_;
  };
};

TEST_CASE("an exception of the store is told, and the next request is led") {
  outlive::MemoryStore memory;
  ThrowingStore store(memory);
  GroupCommit commits(store);
  const auto run = [&] {
    return commits.Run(1, [](StoreTransaction& tx) { return InsertOne(tx, "k"); });
  };
  store.throw_in_begin = true;
  CHECK(absl::IsUnavailable(run()));
  store.throw_in_begin = false;
  store.throw_in_commit = true;
  CHECK(absl::IsUnknown(run()));
  store.throw_in_commit = false;
  CHECK(run().ok());
  CHECK(Kinds(memory) == std::map<std::string, int>{{"k", 1}});
}

TEST_CASE("what the store says of a commit is told to all, and nothing is tried again") {
  for (const absl::Status& failure :
       {absl::UnavailableError("disk full"), absl::UnknownError("in doubt"),
        absl::DataLossError("corrupt"), absl::FailedPreconditionError("schema")}) {
    Fixture fixture;
    HeldUpLeader leader(fixture);
    std::atomic<int> calls = 0;
    std::vector<Answer> answers(3);
    for (Answer& answer : answers) {
      fixture.commits.Submit(
          1,
          [&calls](StoreTransaction& tx) {
            // The next commit is this batch's: the leader's has ended.
            ++calls;
            return InsertOne(tx, "never");
          },
          answer.Taker());
    }
    Answer breaker;
    fixture.commits.Submit(
        1,
        [&](StoreTransaction&) {
          fixture.store.FailCommit(failure);
          return absl::OkStatus();
        },
        breaker.Taker());
    CHECK(leader.Release().ok());
    for (Answer& answer : answers) CHECK(answer.Await() == failure);
    CHECK(breaker.Await() == failure);
    CHECK(calls == 3);
    CHECK(Kinds(fixture.store) == std::map<std::string, int>{{"leader", 1}});
    CHECK(fixture.Run("next").ok());  // It goes on.
  }
}

TEST_CASE("a store that cannot begin tells all, and no work is called") {
  Fixture fixture;
  HeldUpLeader leader(fixture);
  std::atomic<int> calls = 0;
  std::vector<Answer> answers(3);
  for (Answer& answer : answers) {
    fixture.commits.Submit(
        1,
        [&calls](StoreTransaction&) {
          ++calls;
          return absl::OkStatus();
        },
        answer.Taker());
  }
  fixture.store.FailBegin(absl::UnavailableError("locked"));
  CHECK(leader.Release().ok());
  for (Answer& answer : answers) CHECK(answer.Await() == absl::UnavailableError("locked"));
  CHECK(calls == 0);
  CHECK(fixture.Run("next").ok());
}

TEST_CASE("work that finds the store unavailable ends its whole batch, once") {
  for (const absl::Status& failure : {absl::UnavailableError("busy"), absl::UnknownError("doubt"),
                                      absl::DataLossError("corrupt")}) {
    Fixture fixture;
    HeldUpLeader leader(fixture);
    Answer before;
    Answer failing;
    Answer after;
    std::atomic<int> calls = 0;
    const auto counted = [&calls](StoreTransaction& tx) {
      ++calls;
      return InsertOne(tx, "never");
    };
    fixture.commits.Submit(1, counted, before.Taker());
    fixture.commits.Submit(1, [&](StoreTransaction&) { return failure; }, failing.Taker());
    fixture.commits.Submit(1, counted, after.Taker());
    CHECK(leader.Release().ok());
    CHECK(before.Await() == failure);
    CHECK(failing.Await() == failure);
    CHECK(after.Await() == failure);
    CHECK(calls == 1);
    CHECK(Kinds(fixture.store) == std::map<std::string, int>{{"leader", 1}});
  }
}

// Knows how often it was asked.
class CountingRandom final : public outlive::RandomSource {
 public:
  void Fill(void* bytes, std::size_t size) override {
    ++count;
    std::memset(bytes, 0xff, size);
  }
  int count = 0;
};

TEST_CASE("after each conflict there is a random pause, but not after the last attempt (G08)") {
  Fixture fixture;
  for (const int conflict_count : {0, 1, 3, 4}) {
    CAPTURE(conflict_count);
    CountingRandom random;
    GroupCommit commits(fixture.store, GroupCommit::Purpose::kWork, &random);
    int calls = 0;
    const auto work = [&](StoreTransaction& tx) {
      if (++calls <= conflict_count) fixture.store.FailCommit(outlive::ConflictError("deadlock"));
      return InsertOne(tx, "once");
    };
    CHECK(commits.Run(1, work).ok() == (conflict_count < 4));
    CHECK(random.count == std::min(conflict_count, 3));
  }
}

TEST_CASE("what another transaction was in the way of is done again, and not for ever") {
  for (const int conflict_count : {1, 3, 4}) {
    CAPTURE(conflict_count);
    Fixture fixture;
    int calls = 0;
    const absl::Status status = fixture.commits.Run(1, [&](StoreTransaction& tx) {
      if (++calls <= conflict_count) fixture.store.FailCommit(outlive::ConflictError("deadlock"));
      return InsertOne(tx, "once");
    });
    CHECK(status.ok() == (conflict_count < 4));
    CHECK(outlive::IsConflict(status) == (conflict_count == 4));
    CHECK(calls == std::min(conflict_count + 1, 4));
    CHECK(Kinds(fixture.store)["once"] == (conflict_count < 4 ? 1 : 0));
  }
}

TEST_CASE("after a conflict nothing is done again that was done alone") {
  Fixture fixture;
  HeldUpLeader leader(fixture);
  std::atomic<int> calls = 0;
  Answer conflicting;
  Answer refused;
  // The second fails on its own, so each is run alone; the first then meets conflicts only.
  fixture.commits.Submit(
      1,
      [&](StoreTransaction& tx) {
        if (++calls > 1) fixture.store.FailCommit(outlive::ConflictError("deadlock"));
        return InsertOne(tx, "conflicting");
      },
      conflicting.Taker());
  fixture.commits.Submit(
      1, [](StoreTransaction&) { return absl::InvalidArgumentError("no"); }, refused.Taker());
  Answer fine;
  fixture.commits.Submit(1, Inserting("fine"), fine.Taker());
  CHECK(leader.Release().ok());
  CHECK(outlive::IsConflict(conflicting.Await()));
  CHECK(absl::IsInvalidArgument(refused.Await()));
  CHECK(fine.Await().ok());
  CHECK(calls == 5);
  CHECK(Kinds(fixture.store) == std::map<std::string, int>{{"fine", 1}, {"leader", 1}});
}

TEST_CASE("after a stop requests are refused, and their work is not called") {
  Fixture fixture;
  CHECK(fixture.Run("before").ok());
  fixture.commits.Stop();
  fixture.commits.Stop();
  CHECK(fixture.Run("after").code() == absl::StatusCode::kFailedPrecondition);
  std::optional<absl::Status> told;
  fixture.commits.Submit(1, Inserting("after"), [&](absl::Status status) { told = status; });
  REQUIRE(told.has_value());  // At once.
  CHECK(told->code() == absl::StatusCode::kFailedPrecondition);
  CHECK(Kinds(fixture.store) == std::map<std::string, int>{{"before", 1}});
}

TEST_CASE("stopping what never worked is nothing") {
  Fixture fixture;
  fixture.commits.Stop();
  fixture.commits.Stop();
}

TEST_CASE("a stop returns when all that was taken is done and told") {
  Fixture fixture;
  HeldUpLeader leader(fixture);
  std::atomic<int> told = 0;
  for (int i = 0; i < 20; ++i) {
    fixture.commits.Submit(1, Inserting("taken"), [&](absl::Status status) {
      CHECK(status.ok());
      ++told;
    });
  }
  std::atomic<int> told_at_stop = -1;
  std::thread stopper([&] {
    fixture.commits.Stop();
    told_at_stop = told.load();
  });
  CHECK(leader.Release().ok());
  stopper.join();
  CHECK(told_at_stop == 20);
  CHECK(Kinds(fixture.store) == std::map<std::string, int>{{"leader", 1}, {"taken", 20}});
}

TEST_CASE("a stop waits for the answers of a batch that another caller led") {
  for (int round = 0; round < 200; ++round) {
    Fixture fixture;
    std::atomic<int> told = 0;
    std::vector<std::thread> callers;
    std::latch started(5);
    for (int i = 0; i < 4; ++i) {
      callers.emplace_back([&] {
        started.arrive_and_wait();
        for (int k = 0; k < 5; ++k) fixture.Run("k").IgnoreError();
      });
    }
    started.arrive_and_wait();
    for (int k = 0; k < 10; ++k) {
      fixture.commits.Submit(1, Inserting("s"), [&](absl::Status) { ++told; });
    }
    fixture.commits.Stop();
    CHECK(told == 10);
    for (std::thread& caller : callers) caller.join();
  }
}

TEST_CASE("the destructor does what was submitted before") {
  const auto memory = outlive::MemoryStore::Create();
  std::atomic<int> told = 0;
  {
    GroupCommit commits(*memory);
    for (int i = 0; i < 100; ++i) {
      commits.Submit(1, Inserting("k"), [&](absl::Status status) {
        CHECK(status.ok());
        ++told;
      });
    }
  }
  CHECK(told == 100);
  CHECK(Kinds(*memory) == std::map<std::string, int>{{"k", 100}});
}

TEST_CASE("a callback may submit again") {
  Fixture fixture;
  Answer second;
  fixture.commits.Submit(1, Inserting("first"), [&](absl::Status status) {
    CHECK(status.ok());
    fixture.commits.Submit(1, Inserting("second"), second.Taker());
  });
  CHECK(second.Await().ok());
  CHECK(Kinds(fixture.store) == std::map<std::string, int>{{"first", 1}, {"second", 1}});
}

TEST_CASE("64 threads that run and submit get everything done once") {
  constexpr int kThreads = 64;
  constexpr int kRounds = 30;
  Fixture fixture;
  std::atomic<int> run_ok = 0;
  std::atomic<int> submit_ok = 0;
  std::atomic<int> refused = 0;
  std::latch start(kThreads);
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      start.arrive_and_wait();
      for (int round = 0; round < kRounds; ++round) {
        if ((t + round) % 3 == 0) {
          fixture.commits.Submit(1, Inserting("submitted"),
                                 [&](absl::Status status) { submit_ok += status.ok() ? 1 : 0; });
        } else if ((t + round) % 3 == 1) {
          run_ok += fixture.Run("run").ok() ? 1 : 0;
        } else {
          const absl::Status status = fixture.commits.Run(
              1, [](StoreTransaction&) { return absl::InvalidArgumentError("no"); });
          refused += status == absl::InvalidArgumentError("no") ? 1 : 0;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  fixture.commits.Stop();
  CHECK(run_ok == kThreads * kRounds / 3);
  CHECK(submit_ok == kThreads * kRounds / 3);
  CHECK(refused == kThreads * kRounds / 3);
  CHECK(Kinds(fixture.store) ==
        std::map<std::string, int>{{"run", run_ok.load()}, {"submitted", submit_ok.load()}});
}

TEST_CASE("requests that race a stop are done or refused, never lost") {
  for (int round = 0; round < 50; ++round) {
    Fixture fixture;
    std::atomic<int> ok = 0;
    std::atomic<int> answers = 0;
    std::latch start(9);
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t) {
      threads.emplace_back([&, t] {
        start.arrive_and_wait();
        for (int i = 0; i < 20; ++i) {
          const auto count = [&](const absl::Status& status) {
            ++answers;
            ok += status.ok() ? 1 : 0;
            CHECK((status.ok() || status.code() == absl::StatusCode::kFailedPrecondition));
          };
          if (t % 2 == 0) {
            count(fixture.Run("k"));
          } else {
            fixture.commits.Submit(1, Inserting("k"), count);
          }
        }
      });
    }
    start.arrive_and_wait();
    fixture.commits.Stop();
    for (std::thread& thread : threads) thread.join();
    CHECK(answers == 160);
    const std::map<std::string, int> kinds = Kinds(fixture.store);
    CHECK((kinds.empty() ? 0 : kinds.at("k")) == ok);
  }
}

}  // namespace
