// Threads that want different things of the same few jobs, as fast as they can: claim and end,
// cancel, send back, take over. Whatever order they come to, there is one.
#include <doctest/doctest.h>

#include <barrier>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "outlive/store/memory_store.h"
#include "outlive/testing/checker.h"
#include "outlive/testing/history.h"
#include "outlive/testing/recording_client.h"
#include "outlive/testing/recording_store.h"
#include "outlive/testing/seeded_random.h"
#include "outlive/testing/virtual_clock.h"
#include "tests/processes/crash_site.h"
#include "tests/store/sqlite_helpers.h"

namespace outlive::testing {
namespace {

constexpr int kJobCount = 12;
constexpr int kThreadCount = 5;
constexpr int kSprint = 20;  // Turns of each thread between two starts.

class Race {
 public:
  Race(JobStore& store, VirtualClock& clock, int operation_count)
      : store_(store), clock_(clock), round_count_(operation_count / kThreadCount / kSprint) {
    Client client(store_);
    Recorder recorder("host", history_, clock_);
    RecordingClient recorded(client, recorder);
    for (int i = 0; i < kJobCount; ++i) {
      jobs_.push_back(recorded.Enqueue("work", std::to_string(i), {.max_attempts = 1'000})->id);
    }
  }

  CheckReport Run() {
    std::vector<std::thread> threads;
    for (int i = 0; i < 2; ++i) {
      threads.emplace_back([this, i] { Work("worker-" + std::to_string(i), 10 + i); });
      threads.emplace_back([this, i] { Steer("person-" + std::to_string(i), 20 + i); });
    }
    threads.emplace_back([this] { Sweep(); });
    for (std::thread& thread : threads) thread.join();
    CheckOptions options;
    options.drained = false;
    options.crash_count_max = 1'000;
    options.exercised = {"cancelled", "cancel_requests", "requeued", "rescued", "fenced"};
    return CheckRun({.history = history_.records(),
                     .events = AllEvents(store_).value(),
                     .jobs = AllJobs(store_).value()},
                    options);
  }

 private:
  // Everybody takes as many turns as everybody else: nobody gets the store for himself.
  void Sprints(const std::function<void()>& turn) {
    for (int round = 0; round < round_count_; ++round) {
      starting_line_.arrive_and_wait();
      for (int i = 0; i < kSprint; ++i) turn();
    }
  }

  // Claims a few jobs and ends them in the next transaction, in some way. Now and then it is lost:
  // it goes on under another name, and ends what it held a turn later.
  void Work(const std::string& name, std::uint64_t seed) {
    SeededRandom random(seed);
    Recorder recorder(name, history_, clock_);
    RecordingStore store(store_, recorder);
    std::vector<Lease> held;
    std::string session;
    int session_count = 0;
    Sprints([&] {
      const auto transaction = store.Begin().value();
      if (session.empty() || random.OneIn(4)) {
        if (!session.empty()) CHECK(transaction->CloseSession(session).ok());
        session = name + "." + std::to_string(++session_count);
        CHECK(transaction->OpenSession(session, absl::Hours(1)).ok());
        CHECK(transaction->Commit().ok());
        return;
      }
      std::vector<Finished> ends;
      for (const Lease& lease : held) {
        static constexpr Transition kEnds[] = {Transition::kComplete, Transition::kRetry,
                                               Transition::kRelease, Transition::kSnooze,
                                               Transition::kDie};
        Finished end;
        end.lease = lease;
        end.transition = kEnds[random.Below(5)];
        ends.push_back(std::move(end));
      }
      CHECK(transaction->Finish(ends).ok());
      const auto claimed =
          transaction->Claim({.session = session, .queues = {{"default", 2}}, .kinds = {"work"}});
      CHECK(claimed.ok());
      CHECK(transaction->Commit().ok());
      held.clear();
      for (const ClaimedJob& job : claimed->jobs) {
        held.push_back(job.lease);
        HistoryRecord start;
        start.op = HistoryOp::kStart;
        start.job = job.lease.job;
        start.fence = job.lease.fence;
        start.attempt = job.attempt;
        start.kind = "work";
        start.args = job.args;
        recorder.Note(std::move(start));
      }
    });
  }

  void Steer(const std::string& name, std::uint64_t seed) {
    SeededRandom random(seed);
    Recorder recorder(name, history_, clock_);
    Client client(store_);
    RecordingClient recorded(client, recorder);
    Sprints([&] {
      const JobId id = jobs_[random.Below(jobs_.size())];
      if (random.OneIn(3)) {
        recorded.Cancel(id).IgnoreError();
      } else {
        recorded.Retry(id).IgnoreError();
      }
    });
  }

  void Sweep() {
    RescueRequest request;
    request.job_count_max = 100;
    request.crash_count_max = 1'000;
    Sprints([&] {
      const auto transaction = store_.Begin().value();
      CHECK(transaction->Rescue(request).ok());
      CHECK(transaction->Commit().ok());
    });
  }

  JobStore& store_;
  VirtualClock& clock_;
  MemoryHistory history_;
  std::vector<JobId> jobs_;
  const int round_count_;
  std::barrier<> starting_line_{kThreadCount};
};

TEST_CASE("claims, ends, cancels, requeues and rescues race in memory, in some order each time") {
  VirtualClock clock;
  MemoryStore store(MemoryStoreOptions{.clock = &clock});
  const CheckReport report = Race(store, clock, 100'000 / kCrashStride).Run();
  CHECK_MESSAGE(report.ok(), report.ToString());
}

TEST_CASE("claims, ends, cancels, requeues and rescues race on SQLite, in some order each time") {
  VirtualClock clock;
  const CrashFolder folder;
  const std::string path = CrashPaths(folder.path()).store();
  const auto store = OpenStore(path, {.clock = &clock,
                                      .durability = SqliteDurability::kNormal,
                                      .busy_timeout = absl::Hours(1),
                                      .watch = false});
  const CheckReport report = Race(*store, clock, 10'000 / kCrashStride).Run();
  CHECK_MESSAGE(report.ok(), report.ToString());
  CheckTables(path);
}

}  // namespace
}  // namespace outlive::testing
