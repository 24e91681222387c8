// What a started runner does besides running jobs: it takes over, prunes, needs no wake-ups.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/engine/eventually.h"
#include "tests/engine/jobs.h"

namespace outlive::tests {
namespace {

TEST_CASE("a started runner takes over the job of a process that was lost") {
  RealWorld world;
  const JobId id = world.client.Enqueue(Mail{1, "a"})->id;
  {
    auto transaction = *world.store.Begin();
    REQUIRE(transaction->OpenSession("lost", absl::Milliseconds(50)).ok());
    REQUIRE(transaction->Claim({"lost", {{"default", 1}}, {"mail.send"}})->jobs.size() == 1);
    REQUIRE(transaction->Commit().ok());
  }
  WorkerSet workers;
  workers.Add<Mail>([](JobContext&, const Mail&) { return Done(); });
  RunnerOptions options;
  options.sweep_interval = absl::Milliseconds(10);
  options.rescue_delay = absl::ZeroDuration();
  Runner runner(world.client, workers, options);
  REQUIRE(runner.Start().ok());
  const auto job = world.client.WaitFor(id, world.Patience());
  REQUIRE(job.ok());
  CHECK(job->state == JobState::kCompleted);
  CHECK(job->crashes == 1);
  CHECK(job->attempt == 2);
}

TEST_CASE("a started runner deletes what has been kept long enough, and only that") {
  RealWorld world;
  WorkerSet workers;
  workers.Add<Mail>([](JobContext&, const Mail& mail) -> Outcome {
    if (mail.number == 2) return Cancelled("not needed");
    if (mail.number == 3) return Dead("no such customer");
    return Done();
  });
  RunnerOptions options;
  options.prune_interval = absl::Milliseconds(10);
  options.keep_completed = absl::ZeroDuration();
  Runner runner(world.client, workers, options);
  const JobId completed = world.client.Enqueue(Mail{1, "a"})->id;
  const JobId cancelled = world.client.Enqueue(Mail{2, "a"})->id;
  const JobId dead = world.client.Enqueue(Mail{3, "a"})->id;
  REQUIRE(runner.Start().ok());
  // Pruning leaves no event and wakes nobody.
  const auto gone = [&] { return absl::IsNotFound(world.client.Get(completed).status()); };
  const absl::Time patience = world.Patience();
  while (!gone() && world.store.clock().Now() < patience) std::this_thread::yield();
  CHECK(gone());
  CHECK(world.client.WaitFor(cancelled, patience)->state == JobState::kCancelled);
  CHECK(world.client.WaitFor(dead, patience)->state == JobState::kDead);
}

// Notes what is asked of which kind of transaction.
class SortingStore final : public ForwardingJobStore {
 public:
  SortingStore(JobStore& inner, bool upkeep_apart)
      : ForwardingJobStore(inner), info_(inner.info()) {
    info_.upkeep_apart = upkeep_apart;
  }

  absl::StatusOr<std::unique_ptr<StoreTransaction>> Begin() override {
    return std::make_unique<Transaction>(inner().Begin().value(), asked["work"]);
  }
  absl::StatusOr<std::unique_ptr<StoreTransaction>> BeginUpkeep(Upkeep upkeep) override {
    return std::make_unique<Transaction>(inner().BeginUpkeep(upkeep).value(),
                                         asked[upkeep == Upkeep::kLeases ? "leases" : "sweep"]);
  }
  const StoreInfo& info() const override { return info_; }

  std::map<std::string, std::set<std::string>> asked;

 private:
  class Transaction final : public ForwardingStoreTransaction {
   public:
    Transaction(std::unique_ptr<StoreTransaction> inner, std::set<std::string>& asked)
        : ForwardingStoreTransaction(std::move(inner)), asked_(asked) {}
    absl::StatusOr<std::vector<absl::StatusOr<Inserted>>> Insert(
        absl::Span<const NewJob> jobs) override {
      asked_.insert("insert");
      return inner().Insert(jobs);
    }
    absl::StatusOr<ClaimResult> Claim(const ClaimRequest& request) override {
      asked_.insert("claim");
      return inner().Claim(request);
    }
    absl::StatusOr<std::vector<absl::Status>> Finish(absl::Span<const Finished> finished) override {
      asked_.insert("finish");
      return inner().Finish(finished);
    }
    absl::Status OpenSession(const std::string& session, absl::Duration lease) override {
      asked_.insert("open");
      return inner().OpenSession(session, lease);
    }
    absl::Status RenewSession(const std::string& session, absl::Duration lease) override {
      asked_.insert("renew");
      return inner().RenewSession(session, lease);
    }
    absl::Status CloseSession(const std::string& session) override {
      asked_.insert("close");
      return inner().CloseSession(session);
    }
    absl::StatusOr<std::vector<Rescued>> Rescue(const RescueRequest& request) override {
      asked_.insert("rescue");
      return inner().Rescue(request);
    }
    absl::StatusOr<PruneResult> Prune(const PruneRequest& request) override {
      asked_.insert("prune");
      return inner().Prune(request);
    }

   private:
    std::set<std::string>& asked_;
  };

  StoreInfo info_;
};

TEST_CASE("sessions are one upkeep, rescue and retention the other, and nothing else is") {
  using Asked = std::set<std::string>;
  const Asked work = {"insert", "claim", "finish"};
  const Asked leases = {"open", "renew", "close"};
  const Asked sweep = {"rescue", "prune"};
  for (const bool apart : {true, false}) {
    CAPTURE(apart);
    VirtualWorld world;
    SortingStore store(world.store, apart);
    Client client(store, {.log = &world.log, .random = &world.random});
    WorkerSet workers;
    workers.Add<Mail>([](JobContext&, const Mail&) { return Done(); });
    REQUIRE(client.Enqueue(Mail{1, "a"}).ok());
    Runner runner(client, workers);
    CHECK(*runner.RunDue() == 1);
    CHECK(runner.Maintain().ok());
    runner.Stop();
    if (apart) {
      CHECK(store.asked["work"] == work);
      CHECK(store.asked["leases"] == leases);
      CHECK(store.asked["sweep"] == sweep);
    } else {
      Asked all = work;
      all.insert(leases.begin(), leases.end());
      all.insert(sweep.begin(), sweep.end());
      CHECK(store.asked["work"] == all);
      CHECK(store.asked["leases"].empty());
      CHECK(store.asked["sweep"].empty());
    }
  }
}

// Gives up a transaction that rescues or deletes more jobs than it can in its time, and notes what
// it is asked for.
class SlowStore final : public ForwardingJobStore {
 public:
  static constexpr int kJobsMax = 100;

  explicit SlowStore(JobStore& inner) : ForwardingJobStore(inner) {}

  absl::StatusOr<std::unique_ptr<StoreTransaction>> Begin() override {
    return std::make_unique<Transaction>(inner().Begin().value(), *this);
  }
  absl::StatusOr<std::unique_ptr<StoreTransaction>> BeginUpkeep(Upkeep) override { return Begin(); }

  std::vector<int> rescue_sizes;
  std::vector<int> prune_sizes;

 private:
  class Transaction final : public ForwardingStoreTransaction {
   public:
    Transaction(std::unique_ptr<StoreTransaction> inner, SlowStore& store)
        : ForwardingStoreTransaction(std::move(inner)), store_(store) {}
    absl::StatusOr<std::vector<Rescued>> Rescue(const RescueRequest& request) override {
      store_.rescue_sizes.push_back(request.job_count_max);
      auto rescued = inner().Rescue(request);
      if (rescued.ok() && rescued->size() > kJobsMax) return absl::UnavailableError("too slow");
      return rescued;
    }
    absl::StatusOr<PruneResult> Prune(const PruneRequest& request) override {
      store_.prune_sizes.push_back(request.row_count_max);
      auto pruned = inner().Prune(request);
      if (pruned.ok() && pruned->job_count > kJobsMax) return absl::UnavailableError("too slow");
      return pruned;
    }

   private:
    SlowStore& store_;
  };
};

// Without those that are what the one before is.
std::vector<int> Changes(std::vector<int> sizes) {
  sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
  return sizes;
}

TEST_CASE("upkeep that is too much for one transaction is done in smaller ones (G16)") {
  constexpr int kJobs = 700;
  VirtualWorld world;
  SlowStore store(world.store);
  Client client(store, {.log = &world.log, .random = &world.random});
  WorkerSet workers;
  workers.Add<Mail>([](JobContext&, const Mail&) { return Done(); });
  RunnerOptions options;
  options.keep_completed = absl::ZeroDuration();
  Runner runner(client, workers, options);
  const std::vector<Mail> mails(kJobs, Mail{1, "a"});
  REQUIRE(client.EnqueueMany(mails).ok());
  while (*runner.RunDue() > 0) {
  }
  REQUIRE(client.EnqueueMany(mails).ok());
  {
    auto transaction = *world.store.Begin();
    REQUIRE(transaction->OpenSession("lost", absl::Milliseconds(50)).ok());
    REQUIRE(transaction->Claim({"lost", {{"default", kJobs}}, {"mail.send"}})->jobs.size() ==
            kJobs);
    REQUIRE(transaction->Commit().ok());
  }
  world.clock.Advance(absl::Seconds(1));
  for (int i = 0; i < 6; ++i) CHECK(runner.Maintain().ok());
  const std::vector<int> smaller_and_back = {500, 250, 125, 62, 124, 248, 496, 500};
  CHECK(Changes(store.rescue_sizes) == smaller_and_back);
  CHECK(Changes(store.prune_sizes) == smaller_and_back);
  const JobStats::Lane lane = client.Stats()->lanes.at(0);
  CHECK(lane.pending == kJobs);
  CHECK(lane.running == 0);
  CHECK(lane.completed == 0);
}

// Every wake-up is lost: it is only a hint.
class DeafStore final : public ForwardingJobStore {
 public:
  using ForwardingJobStore::ForwardingJobStore;
  std::unique_ptr<Subscription> Subscribe(std::function<void(WakeHint)>) override {
    return std::make_unique<Subscription>();
  }
};

TEST_CASE("without any wake-up jobs are found by the poll, and a cancel by the next renewal") {
  RealWorld real;
  DeafStore store(real.store);
  Client client(store, {.log = &real.log});
  Gate started;
  std::atomic<StopReason> reason = StopReason::kNone;
  WorkerSet workers;
  workers.Add<Mail>([&](JobContext& job, const Mail& mail) -> Outcome {
    if (mail.number == 1) return Done();
    Gate stopped;
    const std::stop_callback callback(job.stop_token(), [&] { stopped.Open(); });
    started.Open();
    CHECK(stopped.WaitAMinute());
    reason = job.stop_reason();
    return absl::CancelledError("stopped");
  });
  RunnerOptions options;
  options.poll_interval_max = absl::Milliseconds(20);
  options.lease = absl::Seconds(4);  // Short, for the renewals, and kept on a busy machine.
  Runner runner(client, workers, options);
  REQUIRE(runner.Start().ok());
  const JobId quick = client.Enqueue(Mail{1, "a"})->id;
  CHECK(client.WaitFor(quick, real.Patience())->state == JobState::kCompleted);
  const JobId slow = client.Enqueue(Mail{2, "a"})->id;
  started.Wait();
  REQUIRE(client.Cancel(slow).ok());
  CHECK(client.WaitFor(slow, real.Patience())->state == JobState::kCancelled);
  CHECK(reason == StopReason::kCancelled);
}

TEST_CASE("a worker that is done in spite of its time limit is done") {
  RealWorld world;
  std::atomic<bool> late = false;
  WorkerSet workers;
  workers.Add<Mail>(
      [&](JobContext& job, const Mail&) -> Outcome {
        while (!job.cancelled()) std::this_thread::yield();
        late = job.stop_reason() == StopReason::kTimeout;
        return Done("late, but done");
      },
      {.timeout = absl::Milliseconds(20)});
  Runner runner(world.client, workers);
  REQUIRE(runner.Start().ok());
  const JobId id = world.client.Enqueue(Mail{1, "a"})->id;
  const auto job = world.client.WaitFor(id, world.Patience());
  REQUIRE(job.ok());
  CHECK(job->state == JobState::kCompleted);
  CHECK(job->output == "late, but done");
  CHECK(late);
}

}  // namespace
}  // namespace outlive::tests
