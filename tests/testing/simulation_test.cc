#include "outlive/testing/simulation.h"

#include <doctest/doctest.h>

#include <boost/asio/awaitable.hpp>
#include <boost/describe/class.hpp>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "outlive/core/forwarding_job_store.h"
#include "testing/memory_storage.h"

namespace outlive::testing {
namespace {

struct Transfer {
  static constexpr std::string_view kKind = "bank.transfer";
  std::int64_t number = 0;
  std::int64_t amount = 0;
};
BOOST_DESCRIBE_STRUCT(Transfer, (), (number, amount))

// The world outside: it outlives processes.
struct Bank {
  std::int64_t alice = 1'000'000;
  std::int64_t bob = 0;
  std::set<JobId> done;

  void Move(std::int64_t amount) {
    alice -= amount;
    bob += amount;
  }
  void MoveOnce(JobId id, std::int64_t amount) {
    if (done.insert(id).second) Move(amount);
  }
};

using TransferWorker = std::function<Outcome(SimulatedProcess&, JobContext&, const Transfer&)>;

struct BankRun {
  SimulationReport report;
  std::int64_t asked = 0;  // Of what was acknowledged.
  std::int64_t moved = 0;
};

// A run in which requests move money and workers do it in their way.
BankRun RunBank(SimulationOptions options, const TransferWorker& work, Bank& bank) {
  BankRun run;
  std::map<std::int64_t, std::int64_t> asked;  // By number.
  std::int64_t count = 0;
  Simulation simulation(std::move(options));
  simulation.OnStart([&](SimulatedProcess& process) {
    process.workers().Add<Transfer>(
        [&](JobContext& job, const Transfer& args) { return work(process, job, args); });
  });
  const auto ask = [&](SimulatedProcess& process) {
    const std::int64_t number = ++count;
    const Transfer transfer{number, static_cast<std::int64_t>(1 + process.random().Below(100))};
    EnqueueOptions with_key;
    with_key.idempotency_key = std::to_string(number);
    with_key.max_attempts = 1'000;
    // A customer that insists, and presses the button twice.
    for (int done = 0; done < 2;) {
      if (process.Enqueue(transfer, with_key).ok()) {
        asked[number] = transfer.amount;
        ++done;
      }
      process.Pass(absl::Seconds(1));
    }
  };
  simulation.OnRequest(ask);
  simulation.OnCalm(ask);
  run.report = simulation.Run();
  for (const auto& [number, amount] : asked) run.asked += amount;
  run.moved = bank.bob;
  return run;
}

SimulationOptions Options(std::uint64_t seed) {
  SimulationOptions options;
  options.seed = seed;
  options.duration = absl::Minutes(2);
  options.runner.lease = absl::Seconds(10);
  options.runner.crash_count_max = 1'000;
  return options;
}

TEST_CASE("workers that can run twice move every amount once, whatever happens") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Bank bank;
    const BankRun run = RunBank(
        Options(seed),
        [&bank](SimulatedProcess& process, JobContext& job, const Transfer& args) -> Outcome {
          process.Pass(absl::Seconds(2));
          bank.MoveOnce(job.id(), args.amount);
          process.Pass();
          return Done();
        },
        bank);
    REQUIRE_MESSAGE(run.report.ok(), run.report.ToString());
    CHECK(bank.alice + bank.bob == 1'000'000);
    CHECK(run.moved >= run.asked);  // What was not acknowledged may have been done, too.
  }
}

// The canary: a worker that is not fit to run twice has to be found out.
TEST_CASE("a worker that cannot run twice moves an amount twice, and a simulation shows it") {
  int shown_count = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Bank bank;
    std::map<JobId, int> moves;
    const BankRun run = RunBank(
        Options(seed),
        [&](SimulatedProcess& process, JobContext& job, const Transfer& args) -> Outcome {
          process.Pass(absl::Seconds(2));
          bank.Move(args.amount);
          ++moves[job.id()];
          process.Pass(absl::Seconds(1));
          return Done();
        },
        bank);
    REQUIRE(run.report.ok());  // Nothing that outlive promises is broken.
    for (const auto& [job, count] : moves) shown_count += count > 1 ? 1 : 0;
  }
  CHECK(shown_count > 0);
}

Outcome Quick(SimulatedProcess& process, JobContext& job, const Transfer&) {
  process.Pass(absl::Seconds(1));
  if (!process.Effect(job)) return absl::AbortedError("stale");
  return Done();
}

TEST_CASE("the same seed gives the same run, another one another") {
  std::set<std::uint64_t> hashes;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    Bank bank;
    const SimulationReport first = RunBank(Options(seed), Quick, bank).report;
    const SimulationReport second = RunBank(Options(seed), Quick, bank).report;
    CHECK(first.trace_hash == second.trace_hash);
    CHECK(first.ToString() == second.ToString());
    hashes.insert(first.trace_hash);
  }
  CHECK(hashes.size() == 10);
}

TEST_CASE("without faults nothing goes wrong") {
  Bank bank;
  SimulationOptions options = Options(3);
  options.faults = SimulationFaults::None();
  const SimulationReport report = RunBank(options, Quick, bank).report;
  CHECK_MESSAGE(report.ok(), report.ToString());
  CHECK_FALSE(report.check.counts.contains("in_doubt"));
  CHECK_FALSE(report.check.counts.contains("rescued"));
  CHECK(report.counts.at("start") == 3);
}

TEST_CASE("coroutine workers run, too") {
  Simulation simulation(Options(4));
  simulation.OnStart([](SimulatedProcess& process) {
    process.workers().Add<Transfer>(
        [&process](JobContext&, const Transfer&) -> boost::asio::awaitable<Outcome> {
          process.Pass(absl::Seconds(1));
          co_return Done();
        });
  });
  const auto ask = [](SimulatedProcess& process) { process.Enqueue(Transfer{1, 1}).IgnoreError(); };
  simulation.OnRequest(ask);
  simulation.OnCalm(ask);
  const SimulationReport report = simulation.Run();
  CHECK_MESSAGE(report.ok(), report.ToString());
  CHECK(report.check.counts.at("completed") > 0);
}

TEST_CASE("a process that dies does not come back from where it has died") {
  bool came_back = false;
  int crash_count = 0;
  SimulationOptions options = Options(5);
  options.faults = SimulationFaults::None();
  options.runner.crash_count_max = 2;
  Simulation simulation(options);
  simulation.OnStart([&](SimulatedProcess& process) {
    process.workers().Add<Transfer>([&](JobContext&, const Transfer&) -> Outcome {
      process.Pass(absl::Seconds(1));
      ++crash_count;
      process.Crash();
      came_back = true;
      return Done();
    });
  });
  simulation.OnCalm([](SimulatedProcess& process) { CHECK(process.Enqueue(Transfer{1, 1}).ok()); });
  const SimulationReport report = simulation.Run();
  CHECK_MESSAGE(report.ok(), report.ToString());
  CHECK_FALSE(came_back);
  CHECK(crash_count == 2);
  CHECK(report.check.counts.at("crash_deaths") == 1);
  CHECK(report.counts.at("crash") == 2);
}

TEST_CASE("what is thrown in a request comes out of Run()") {
  Simulation simulation(Options(6));
  simulation.OnStart([](SimulatedProcess& process) {
    process.workers().Add<Transfer>([](JobContext&, const Transfer&) { return Done(); });
  });
  simulation.OnRequest([](SimulatedProcess&) { throw std::runtime_error("of the test"); });
  CHECK_THROWS_AS(simulation.Run(), std::runtime_error);
}

TEST_CASE("a run that does not come to an end is told") {
  SimulationOptions options = Options(7);
  options.step_count_max = 100;
  Bank bank;
  const SimulationReport report = RunBank(options, Quick, bank).report;
  CHECK(absl::IsDeadlineExceeded(report.status));
  CHECK(report.ToString().find("seed 7: DOES NOT HOLD") != std::string::npos);
  CHECK_FALSE(report.trace.empty());
}

TEST_CASE("a job that never ends is a violation") {
  SimulationOptions options = Options(8);
  options.drain_max = absl::Minutes(5);
  Bank bank;
  const SimulationReport report =
      RunBank(
          options,
          [](SimulatedProcess&, JobContext&, const Transfer&) { return Snooze(absl::Seconds(10)); },
          bank)
          .report;
  CHECK_FALSE(report.ok());
  CHECK(report.check.violations.front().invariant == "I15");
}

TEST_CASE("bad options are told at once") {
  SimulationOptions options;
  options.process_count = 0;
  options.duration = absl::ZeroDuration();
  options.request_interval = absl::ZeroDuration();
  const SimulationReport report = Simulation(options).Run();
  CHECK(absl::IsInvalidArgument(report.status));
  for (const char* name : {"OnStart", "process_count", "duration", "request_interval"}) {
    CHECK(report.status.message().find(name) != absl::string_view::npos);
  }
}

TEST_CASE("options and workers that no runner takes are told, too") {
  SimulationOptions options = Options(9);
  options.runner.lease = absl::ZeroDuration();
  Bank bank;
  const SimulationReport report = RunBank(options, Quick, bank).report;
  CHECK(absl::IsInvalidArgument(report.status));
  CHECK(report.status.message().find("lease") != absl::string_view::npos);

  Simulation idle(Options(9));
  idle.OnStart([](SimulatedProcess&) {});
  CHECK(idle.Run().status.message().find("there is no worker") != absl::string_view::npos);
}

TEST_CASE("a process may seal anew what its store keeps") {
  bool asked = false;
  Simulation simulation(Options(10));
  simulation.OnStart([](SimulatedProcess& process) {
    process.workers().Add<Transfer>([](JobContext&, const Transfer&) { return Done(); });
  });
  simulation.OnCalm([&](SimulatedProcess& process) {
    CHECK(process.Enqueue(Transfer{1, 1}).ok());
    // The store is asked, and says that it has no cipher; others say that they cannot have one.
    CHECK(absl::IsFailedPrecondition(
        process.client().client().Reencrypt({.after = 0, .job_count_max = 1}).status()));
    asked = true;
  });
  const SimulationReport report = simulation.Run();
  CHECK_MESSAGE(report.ok(), report.ToString());
  CHECK(asked);
}

// -- Mutants: stores that break a promise must be found out ---------------------------------------

// A storage in memory whose transactions are `Transaction`s.
template <class Transaction>
class MutantStorage final : public SimulatedStorage {
 public:
  absl::StatusOr<std::unique_ptr<JobStore>> Open(int process, const Clock& clock,
                                                 RandomSource& random) override {
    absl::StatusOr<std::unique_ptr<JobStore>> store = memory_.Open(process, clock, random);
    if (!store.ok() || process < 0) return store;
    return std::make_unique<Store>(*std::move(store), count_);
  }
  void Kill(int process) override { memory_.Kill(process); }
  bool wakes_all() const override { return true; }

 private:
  class Store final : public ForwardingJobStore {
   public:
    Store(std::unique_ptr<JobStore> store, int& count)
        : ForwardingJobStore(*store), store_(std::move(store)), count_(count) {}

    absl::StatusOr<std::unique_ptr<StoreTransaction>> Begin() override {
      auto transaction = inner().Begin();
      if (!transaction.ok()) return transaction;
      return std::make_unique<Transaction>(*std::move(transaction), inner(), ++count_);
    }
    absl::StatusOr<std::unique_ptr<StoreTransaction>> BeginUpkeep(Upkeep) override {
      return Begin();
    }

   private:
    const std::unique_ptr<JobStore> store_;
    int& count_;
  };

  internal::MemoryStorage memory_;
  int count_ = 0;
};

// The invariants that are violated in one of some runs with such a store.
template <class Transaction>
std::set<std::string> Violated() {
  std::set<std::string> violated;
  for (std::uint64_t seed = 1; seed <= 20 && violated.empty(); ++seed) {
    MutantStorage<Transaction> storage;
    SimulationOptions options = Options(seed);
    options.storage = &storage;
    options.drain_max = absl::Minutes(20);
    Bank bank;
    const SimulationReport report = RunBank(options, Quick, bank).report;
    for (const Violation& violation : report.check.violations) {
      violated.insert(violation.invariant);
    }
  }
  return violated;
}

struct Sound final : ForwardingStoreTransaction {
  Sound(std::unique_ptr<StoreTransaction> inner, JobStore&, int)
      : ForwardingStoreTransaction(std::move(inner)) {}
};

TEST_CASE("a store that keeps its promises passes the runs that catch the mutants") {
  CHECK(Violated<Sound>().empty());
}

struct IgnoresFences final : ForwardingStoreTransaction {
  IgnoresFences(std::unique_ptr<StoreTransaction> inner, JobStore& store, int)
      : ForwardingStoreTransaction(std::move(inner)), store_(store) {}

  absl::StatusOr<std::vector<absl::Status>> Finish(absl::Span<const Finished> finished) override {
    std::vector<Finished> all(finished.begin(), finished.end());
    for (Finished& one : all) {
      const absl::StatusOr<Job> job = store_.Get(one.lease.job);
      if (job.ok()) one.lease.fence = job->fence;
    }
    return inner().Finish(all);
  }

  JobStore& store_;
};

TEST_CASE("mutant in a simulation: a store that ignores fences is caught") {
  CHECK(Violated<IgnoresFences>().contains("I5"));
}

struct LosesCommits final : ForwardingStoreTransaction {
  LosesCommits(std::unique_ptr<StoreTransaction> inner, JobStore&, int number)
      : ForwardingStoreTransaction(std::move(inner)), number_(number) {}

  absl::Status Commit() override { return number_ % 50 == 0 ? absl::OkStatus() : inner().Commit(); }

  const int number_;
};

TEST_CASE("mutant in a simulation: a store that acknowledges what it loses is caught") {
  CHECK_FALSE(Violated<LosesCommits>().empty());
}

struct DoesNotRenew final : ForwardingStoreTransaction {
  DoesNotRenew(std::unique_ptr<StoreTransaction> inner, JobStore&, int)
      : ForwardingStoreTransaction(std::move(inner)) {}

  absl::Status RenewSession(const std::string&, absl::Duration) override {
    return absl::OkStatus();
  }
};

TEST_CASE("mutant in a simulation: a store that does not keep renewed sessions is caught") {
  CHECK(Violated<DoesNotRenew>().contains("I4"));
}

struct ForgetsKeys final : ForwardingStoreTransaction {
  ForgetsKeys(std::unique_ptr<StoreTransaction> inner, JobStore&, int)
      : ForwardingStoreTransaction(std::move(inner)) {}

  absl::StatusOr<std::vector<absl::StatusOr<Inserted>>> Insert(
      absl::Span<const NewJob> jobs) override {
    std::vector<NewJob> all(jobs.begin(), jobs.end());
    for (NewJob& job : all) job.idempotency_key.clear();
    return inner().Insert(all);
  }
};

TEST_CASE("mutant in a simulation: a store that forgets keys is caught") {
  CHECK(Violated<ForgetsKeys>().contains("I9"));
}

}  // namespace
}  // namespace outlive::testing
