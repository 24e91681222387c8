// Lost leases, lost processes and clocks that jump, on virtual time.
#include <doctest/doctest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "outlive/core/forwarding_job_store.h"
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

// A store that takes 12 s for a renewal, and lets the test make a runner look at its clock.
class SlowStore final : public ForwardingJobStore {
 public:
  SlowStore(JobStore& inner, testing::VirtualClock& clock)
      : ForwardingJobStore(inner), clock_(clock) {}

  absl::StatusOr<std::unique_ptr<StoreTransaction>> Begin() override {
    auto transaction = ForwardingJobStore::Begin();
    if (!transaction.ok()) return transaction;
    return std::make_unique<Transaction>(*std::move(transaction), *this);
  }
  std::unique_ptr<Subscription> Subscribe(std::function<void(WakeHint)> on_wake) override {
    on_wake_ = on_wake;
    return ForwardingJobStore::Subscribe(std::move(on_wake));
  }
  // A keeper that has jobs to look after asks this last.
  absl::StatusOr<std::vector<JobId>> CancelRequests(const std::string& session) override {
    ++look_count_;
    look_count_.notify_all();
    return ForwardingJobStore::CancelRequests(session);
  }

  // Returns when the keeper has looked at what is due now, and has done it.
  void Look() {
    const int before = look_count_;
    on_wake_({.cancel = true});
    look_count_.wait(before);
  }

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
  std::function<void(WakeHint)> on_wake_;
  std::atomic<int> look_count_ = 0;
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
  store.Look();
  CHECK(store.renewal_count == 1);
  world.clock.Advance(absl::Seconds(5));  // 17 s since that one was begun, 5 s since it has ended.
  store.Look();
  CHECK(store.renewal_count == 2);
  released.Open();
  runner.Stop(absl::Hours(1));
  CHECK(world.log.text().empty());
}

}  // namespace
}  // namespace outlive::tests
