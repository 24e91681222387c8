// Hosts that drain one store together, with ends and claims in the same transactions, wait for one
// another but never in a circle, whatever people ask for meanwhile.
#include <absl/status/status.h>
#include <absl/time/time.h>
#include <doctest/doctest.h>

#include <array>
#include <atomic>
#include <boost/describe/class.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "outlive/conformance/helpers.h"
#include "outlive/core/forwarding_job_store.h"
#include "outlive/engine/client.h"
#include "outlive/engine/runner.h"
#include "outlive/store/postgres_store.h"
#include "tests/postgres/server.h"
#include "tests/testing/no_log.h"

TEST_SUITE_BEGIN("slow");

namespace outlive::testing {
namespace {

using conformance::RequireOk;
using conformance::Value;

constexpr std::size_t kHostCount = 4;
constexpr int kConcurrency = 16;
constexpr int kJobCount = 4'000;
constexpr int kChangeCount = 2'000;
constexpr int kBacklogMax = 1'000'000;  // Never reached.
constexpr std::int64_t kQuiet = -1;     // The number of a step that does nothing else.

// What is done is in the number.
struct Step {
  static constexpr std::string_view kKind = "step";
  std::int64_t number = 0;
};
BOOST_DESCRIBE_STRUCT(Step, (), (number))

// Counts the transactions that were committed with both ends and claims in them, and may say that
// changes need no transaction of their own.
class MixingStore final : public ForwardingJobStore {
 public:
  MixingStore(JobStore& inner, bool changes_apart)
      : ForwardingJobStore(inner), info_(inner.info()) {
    info_.changes_apart = info_.changes_apart && changes_apart;
  }

  absl::StatusOr<std::unique_ptr<StoreTransaction>> Begin() override {
    auto transaction = inner().Begin();
    if (!transaction.ok()) return transaction;
    return std::make_unique<Transaction>(*std::move(transaction), *this);
  }
  const StoreInfo& info() const override { return info_; }

  std::atomic<int> mixed_count = 0;

 private:
  class Transaction final : public ForwardingStoreTransaction {
   public:
    Transaction(std::unique_ptr<StoreTransaction> inner, MixingStore& store)
        : ForwardingStoreTransaction(std::move(inner)), store_(store) {}
    absl::StatusOr<ClaimResult> Claim(const ClaimRequest& request) override {
      auto result = inner().Claim(request);
      has_claimed_ = has_claimed_ || (result.ok() && !result->jobs.empty());
      return result;
    }
    absl::StatusOr<std::vector<absl::Status>> Finish(absl::Span<const Finished> finished) override {
      has_ended_ = has_ended_ || !finished.empty();
      return inner().Finish(finished);
    }
    absl::Status Commit() override {
      const absl::Status status = inner().Commit();
      if (status.ok() && has_claimed_ && has_ended_) ++store_.mixed_count;
      return status;
    }

   private:
    MixingStore& store_;
    bool has_claimed_ = false;
    bool has_ended_ = false;
  };

  StoreInfo info_;
};

// What the hosts of a drain know of one another.
struct Drain {
  std::array<std::atomic<JobId>, kHostCount> begun = {};  // What each has begun last.
  std::atomic<int> changes_left = kChangeCount;
  std::atomic<int> retry_count = 0;
  std::atomic<int> cancel_count = 0;   // Of jobs that wait or run.
  std::atomic<int> requeue_count = 0;  // Of jobs that have ended.
  std::atomic<int> added_count = 0;
};

class DrainingHost {
 public:
  DrainingHost(const ServerAddress& server, Drain& drain, std::size_t place, bool changes_apart)
      : drain_(drain),
        place_(place),
        store_(Value(PostgresStore::Open(server.conninfo(), {.schema = "jobs"}))),
        mixing_(*store_, changes_apart),
        client_(mixing_, {.log = &NoLog()}) {
    workers_.Add<Step>(
        [this](JobContext& job, const Step& step) { return DoStep(job, step); },
        {.retry = RetryPolicy{
             .initial = absl::Milliseconds(10), .factor = 1, .delay_max = absl::Milliseconds(10)}});
    runner_ = std::make_unique<Runner>(
        client_, workers_,
        RunnerOptions{.queues = {{.name = "default", .concurrency = kConcurrency}},
                      .sweep_interval = absl::Milliseconds(50),
                      .prune_interval = absl::Milliseconds(50)});
  }

  Client& client() { return client_; }
  Runner& runner() { return *runner_; }
  int mixed_count() const { return mixing_.mixed_count; }

 private:
  Outcome DoStep(JobContext& job, const Step& step) {
    drain_.begun[place_] = job.id();
    if (step.number == kQuiet) return Done();
    if (step.number % 3 == 0) job.ReportProgress(0.5);
    if (step.number % 2 == 0) ChangeOthers(step.number);
    if (step.number % 4 == 1) AddAnother();
    if (step.number % 5 == 0 && job.attempt() == 1) {
      ++drain_.retry_count;
      return Retry(absl::UnavailableError("failed as planned"));
    }
    return step.number % 4 == 0 ? Done("with an output") : Done();
  }

  // With a backlog that is counted, for which everybody else has to wait.
  void AddAnother() {
    if (client_.Enqueue(Step{kQuiet}, {.backlog_max = kBacklogMax}).ok()) ++drain_.added_count;
  }

  // Asks for something of a job that another host is just running, or that has just ended.
  void ChangeOthers(std::int64_t number) {
    if (--drain_.changes_left < 0) return;
    const std::size_t other = (place_ + 1 + static_cast<std::size_t>(number / 2) % 3) % kHostCount;
    const JobId id = drain_.begun[other];
    const bool cancels = number % 8 != 0;
    const absl::StatusOr<JobState> changed = cancels ? client_.Cancel(id) : client_.Retry(id);
    if (changed.ok()) ++(cancels ? drain_.cancel_count : drain_.requeue_count);
  }

  Drain& drain_;
  const std::size_t place_;
  const std::unique_ptr<PostgresStore> store_;
  MixingStore mixing_;
  Client client_;
  WorkerSet workers_;
  std::unique_ptr<Runner> runner_;
};

std::int64_t JobsLeft(Client& client) {
  std::int64_t left = 0;
  for (const JobStats::Lane& lane : Value(client.Stats()).lanes)
    left += lane.pending + lane.running;
  return left;
}

void AwaitEndOf(Client& client, JobId id) {
  Value(client.WaitFor(id, client.store().clock().Now() + absl::Minutes(3)));
}

// All jobs of a new store, by some hosts. Returns how many deadlocks the server has found: it logs
// each.
int CountDeadlocks(bool changes_apart) {
  PostgresServer server({.settings = {"deadlock_timeout = 10ms", "log_lock_waits = off"}});
  Drain drain;
  std::vector<std::unique_ptr<DrainingHost>> hosts;
  for (std::size_t place = 0; place < kHostCount; ++place) {
    hosts.push_back(std::make_unique<DrainingHost>(server.address(), drain, place, changes_apart));
  }
  Client& client = hosts[0]->client();
  std::vector<JobId> ids;
  for (int number = 0; number < kJobCount;) {
    std::vector<Step> steps;
    for (; steps.size() < 1'000; ++number) steps.push_back({number});
    for (const Enqueued& job : Value(client.EnqueueMany(steps))) ids.push_back(job.id);
  }
  for (std::atomic<JobId>& begun : drain.begun) begun = ids[0];
  for (const auto& host : hosts) RequireOk(host->runner().Start());
  for (const JobId id : ids) AwaitEndOf(client, id);
  while (JobsLeft(client) > 0) {  // Those that were sent back meanwhile.
    for (const JobState state : {JobState::kPending, JobState::kRunning}) {
      for (const Job& job : Value(client.List({.state = state}, {}))) AwaitEndOf(client, job.id);
    }
  }
  int mixed_count = 0;
  for (const auto& host : hosts) {
    host->runner().Stop(absl::Minutes(1));
    mixed_count += host->mixed_count();
  }
  CHECK(mixed_count > 0);
  CHECK(drain.retry_count > 0);
  CHECK(drain.cancel_count > 0);
  CHECK(drain.requeue_count > 0);
  CHECK(drain.added_count > 0);
  const std::string log = server.Log();
  int count = 0;
  for (std::size_t at = 0; (at = log.find("deadlock detected", at)) != std::string::npos; ++at) {
    ++count;
  }
  std::printf("%d retries, %d cancels, %d requeues, %d deadlocks\n", drain.retry_count.load(),
              drain.cancel_count.load(), drain.requeue_count.load(), count);
  return count;
}

TEST_CASE("hosts that drain one store, ends and claims in one transaction, never deadlock (G06)") {
  CHECK(CountDeadlocks(true) == 0);
}

// That the drain above would find them.
TEST_CASE(
    "changes that share a transaction with ends do deadlock, and all ends all the same (G06)") {
  CHECK(CountDeadlocks(false) > 0);
}

}  // namespace
}  // namespace outlive::testing

TEST_SUITE_END();
