// Lost leases, lost processes and clocks that jump, on virtual time.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "outlive/core/forwarding_job_store.h"
#include "outlive/core/mutex.h"
#include "tests/engine/eventually.h"
#include "tests/engine/jobs.h"

namespace outlive::tests {
namespace {

// A process that takes the next job and is never heard of again.
JobId ClaimAndVanish(VirtualWorld& world, const std::string& session) {
  auto transaction = *world.store.Begin();
  REQUIRE(transaction->OpenSession(session, absl::Seconds(60)).ok());
  const ClaimRequest request = {session, {{"default", 1}}, {"mail.send"}};
  const auto claimed = transaction->Claim(request);
  REQUIRE(claimed.ok());
  REQUIRE(claimed->jobs.size() == 1);
  REQUIRE(transaction->Commit().ok());
  return claimed->jobs[0].lease.job;
}

TEST_CASE("the result of an attempt whose lease was lost is dropped") {
  VirtualWorld world;
  Client other_client(world.store);
  WorkerSet none_of_mine;
  none_of_mine.Add<Fax>([](JobContext&, const Fax&) { return Done(); });
  Runner other(other_client, none_of_mine);
  WorkerSet workers;
  int attempts = 0;
  workers.Add<Mail>([&](JobContext&, const Mail&) {
    if (++attempts > 1) return Done("second");
    world.clock.Advance(absl::Seconds(61));  // Stalled, while another process sweeps.
    CHECK(other.Maintain().ok());
    return Done("first");
  });
  const JobId id = world.client.Enqueue(Mail{1, "a"})->id;
  Runner runner(world.client, workers);
  REQUIRE(*runner.RunDue() == 1);
  const Job stalled = *world.client.Get(id);
  CHECK(stalled.state == JobState::kPending);
  CHECK(stalled.crashes == 1);
  CHECK(stalled.output.empty());
  CHECK(world.log.text().find("the lease is lost") != std::string::npos);
  world.clock.Advance(absl::Seconds(2));
  REQUIRE(*runner.RunDue() == 1);
  CHECK(world.client.Get(id)->output == "second");
}

TEST_CASE("a worker learns from its first refused write that its lease is lost") {
  VirtualWorld world;
  Client other_client(world.store);
  WorkerSet faxes;
  faxes.Add<Fax>([](JobContext&, const Fax&) { return Done(); });
  Runner other(other_client, faxes);
  WorkerSet workers;
  workers.Add<Mail>([&](JobContext& job, const Mail&) -> Outcome {
    if (job.attempt() > 1) return Done();
    const std::stop_token stop = job.stop_token();
    world.clock.Advance(absl::Seconds(61));
    CHECK(other.Maintain().ok());
    CHECK_FALSE(job.cancelled());  // Nobody has noticed yet.
    const absl::Status saved = job.SaveCheckpoint("page 25");
    CHECK(absl::IsAborted(saved));
    CHECK(job.stop_reason() == StopReason::kLeaseLost);
    CHECK(job.cancelled());
    CHECK(stop.stop_requested());
    return saved;
  });
  const JobId id = world.client.Enqueue(Mail{1, "a"})->id;
  Runner runner(world.client, workers);
  REQUIRE(*runner.RunDue() == 1);
  const Job job = *world.client.Get(id);
  CHECK(job.state == JobState::kPending);
  CHECK(job.checkpoint.empty());
  CHECK(job.errors.size() == 1);  // The lost process; what the worker returned does not count.
}

TEST_CASE("a late result is taken where nobody has taken the job over") {
  VirtualWorld world;
  WorkerSet workers;
  workers.Add<Mail>([&](JobContext&, const Mail&) {
    world.clock.Advance(absl::Seconds(61));
    return Done("late");
  });
  const JobId id = world.client.Enqueue(Mail{1, "a"})->id;
  Runner runner(world.client, workers);
  REQUIRE(*runner.RunDue() == 1);
  CHECK(world.client.Get(id)->output == "late");
}

TEST_CASE("a job whose process is lost three times is dead, and others go on") {
  VirtualWorld world;
  const JobId poison = world.client.Enqueue(Mail{1, "a"}, {.priority = 0})->id;
  const JobId fine = world.client.Enqueue(Mail{2, "a"}, {.priority = 9})->id;
  WorkerSet workers;
  workers.Add<Mail>([](JobContext&, const Mail&) { return Done(); });
  WorkerSet faxes;
  faxes.Add<Fax>([](JobContext&, const Fax&) { return Done(); });
  Runner sweeper(world.client, faxes);
  for (int crash = 1; crash <= 3; ++crash) {
    CHECK(ClaimAndVanish(world, "process-" + std::to_string(crash)) == poison);
    world.clock.Advance(absl::Seconds(30));
    REQUIRE(sweeper.Maintain().ok());
    CHECK(world.client.Get(poison)->state == JobState::kRunning);  // Its lease still holds.
    world.clock.Advance(absl::Seconds(31));
    REQUIRE(sweeper.Maintain().ok());
    CHECK(world.client.Get(poison)->crashes == crash);
    world.clock.Advance(absl::Seconds(2));
  }
  const std::string log = world.log.text();
  CHECK(log.find("job is taken over from a lost process job=1 attempt=2 kind=mail.send") !=
        std::string::npos);
  CHECK(log.find("job is dead: its processes were lost too often job=1 attempt=3 kind=mail.send") !=
        std::string::npos);
  const Job dead = *world.client.Get(poison);
  CHECK(dead.state == JobState::kDead);
  CHECK(dead.errors.size() == 3);
  Runner runner(world.client, workers);
  CHECK(*runner.RunDue() == 1);
  CHECK(world.client.Get(fine)->state == JobState::kCompleted);
}

TEST_CASE("when the machine's time jumps, rescue rests for a lease") {
  VirtualWorld world;
  const JobId id = world.client.Enqueue(Mail{1, "a"})->id;
  WorkerSet faxes;
  faxes.Add<Fax>([](JobContext&, const Fax&) { return Done(); });
  Runner sweeper(world.client, faxes);
  REQUIRE(sweeper.Maintain().ok());
  CHECK(ClaimAndVanish(world, "alive") == id);
  world.clock.SetNow(world.clock.Now() + absl::Hours(1));  // The session only looks expired.
  REQUIRE(sweeper.Maintain().ok());
  CHECK(world.client.Get(id)->state == JobState::kRunning);
  world.clock.Advance(absl::Seconds(59));
  REQUIRE(sweeper.Maintain().ok());
  CHECK(world.client.Get(id)->state == JobState::kRunning);
  world.clock.Advance(absl::Seconds(2));
  REQUIRE(sweeper.Maintain().ok());
  CHECK(world.client.Get(id)->state == JobState::kPending);
}

TEST_CASE("a stopped runner's session is closed, so that nothing waits for it to expire") {
  VirtualWorld world;
  WorkerSet workers;
  workers.Add<Mail>([](JobContext&, const Mail&) { return Done(); });
  Runner runner(world.client, workers);
  REQUIRE(runner.RunDue().ok());
  CHECK_FALSE(runner.healthy());
  runner.Stop();
  REQUIRE(world.client.Enqueue(Mail{1, "a"}).ok());
  CHECK(*runner.RunDue() == 1);
}

// Lets the test make a runner look at its clock.
class WatchedStore : public ForwardingJobStore {
 public:
  using ForwardingJobStore::ForwardingJobStore;

  std::unique_ptr<Subscription> Subscribe(std::function<void(WakeHint)> on_wake) override {
    on_wake_ = on_wake;
    return ForwardingJobStore::Subscribe(std::move(on_wake));
  }
  // A keeper that has jobs to look after asks this last.
  absl::StatusOr<std::vector<JobId>> CancelRequests(const std::string& session) override {
    {
      MutexLock lock(mutex_);
      ++look_count_;
      changed_.NotifyAll();
    }
    return ForwardingJobStore::CancelRequests(session);
  }

  // Returns when the keeper has looked at what is due now, and has done it. False: it has not
  // within a minute.
  bool Look() {
    MutexLock lock(mutex_);
    const int before = look_count_;
    on_wake_({.cancel = true});
    while (look_count_ == before) {
      if (!changed_.WaitFor(mutex_, std::chrono::minutes(1))) return false;
    }
    return true;
  }

 private:
  std::function<void(WakeHint)> on_wake_;
  Mutex mutex_;
  CondVar changed_;
  int look_count_ ABSL_GUARDED_BY(mutex_) = 0;
};

// Takes 12 s for a renewal.
class SlowStore final : public WatchedStore {
 public:
  SlowStore(JobStore& inner, testing::VirtualClock& clock) : WatchedStore(inner), clock_(clock) {}

  absl::StatusOr<std::unique_ptr<StoreTransaction>> Begin() override {
    auto transaction = ForwardingJobStore::Begin();
    if (!transaction.ok()) return transaction;
    return std::make_unique<Transaction>(*std::move(transaction), *this);
  }
  absl::StatusOr<std::unique_ptr<StoreTransaction>> BeginUpkeep(Upkeep) override { return Begin(); }

  std::atomic<int> renewal_count = 0;

 private:
  class Transaction final : public ForwardingStoreTransaction {
   public:
    Transaction(std::unique_ptr<StoreTransaction> inner, SlowStore& store)
        : ForwardingStoreTransaction(std::move(inner)), store_(store) {}
    absl::Status RenewSession(const std::string& session, absl::Duration lease) override {
      ++store_.renewal_count;
      store_.clock_.Advance(absl::Seconds(12));
      return ForwardingStoreTransaction::RenewSession(session, lease);
    }

   private:
    SlowStore& store_;
  };

  testing::VirtualClock& clock_;
};

TEST_CASE("what a renewal takes does not put the next one off") {
  VirtualWorld world;
  SlowStore store(world.store, world.clock);
  Client client(store, {.log = &world.log});
  Gate entered;
  Gate released;
  WorkerSet workers;
  workers.Add<Mail>([&](JobContext&, const Mail&) {
    entered.Open();
    released.Wait();
    return Done();
  });
  REQUIRE(client.Enqueue(Mail{1, "a"}).ok());
  Runner runner(client, workers, {.lease = absl::Seconds(60)});
  REQUIRE(runner.Start().ok());
  entered.Wait();
  world.clock.Advance(absl::Seconds(17));  // A quarter of the lease, and its jitter.
  CHECK(store.Look());
  CHECK(store.renewal_count == 1);
  world.clock.Advance(absl::Seconds(5));  // 17 s since that one was begun, 5 s since it has ended.
  CHECK(store.Look());
  CHECK(store.renewal_count == 2);
  released.Open();
  runner.Stop(absl::Hours(1));
  CHECK(world.log.text().empty());
}

// Has a writer for upkeep, and another one, which can be held up.
class HeldUpStore final : public WatchedStore {
 public:
  explicit HeldUpStore(JobStore& inner) : WatchedStore(inner), info_(inner.info()) {
    info_.upkeep_apart = true;
  }

  absl::StatusOr<std::unique_ptr<StoreTransaction>> Begin() override {
    if (held_up) {
      waits.Open();
      released.Wait();
    }
    return ForwardingJobStore::Begin();
  }
  const StoreInfo& info() const override { return info_; }

  std::atomic<bool> held_up = false;
  Gate waits;     // Somebody is held up.
  Gate released;  // Nobody is any more.

 private:
  StoreInfo info_;
};

TEST_CASE("where upkeep is apart, a lease is renewed however long other transactions wait") {
  VirtualWorld world;
  HeldUpStore store(world.store);
  Client client(store, {.log = &world.log});
  Gate entered;
  Gate reports;
  Gate reported;
  Gate released;
  WorkerSet workers;
  workers.Add<Mail>([&](JobContext& job, const Mail&) {
    entered.Open();
    reports.Wait();
    job.ReportProgress(0.5);
    reported.Open();
    released.Wait();
    return Done();
  });
  const JobId id = client.Enqueue(Mail{1, "a"})->id;
  Runner runner(client, workers, {.lease = absl::Seconds(60)});
  REQUIRE(runner.Start().ok());
  entered.Wait();
  const std::int64_t fence = client.Get(id)->fence;
  store.held_up = true;
  std::thread caller([&] { CHECK(client.Enqueue(Mail{2, "b"}).ok()); });
  CHECK(store.waits.WaitAMinute());
  reports.Open();
  reported.Wait();  // To be written, too, by a transaction that waits.
  bool looks = true;
  for (int i = 0; i < 10 && looks; ++i) {
    world.clock.Advance(absl::Seconds(17));  // Longer than until the next renewal is due.
    looks = store.Look();
  }
  CHECK(looks);
  Client other(world.store, {.log = &world.log});
  Runner sweeper(other, workers);
  CHECK(sweeper.Maintain().ok());
  CHECK(client.Get(id)->state == JobState::kRunning);
  CHECK(client.Get(id)->fence == fence);
  store.held_up = false;
  store.released.Open();
  caller.join();
  released.Open();
  runner.Stop(absl::Hours(1));
  CHECK(client.Get(id)->state == JobState::kCompleted);
  CHECK(client.Get(id)->progress == 0.5);
  CHECK(client.Get(id)->crashes == 0);
  CHECK(world.log.text().empty());
}

}  // namespace
}  // namespace outlive::tests
