#include "outlive/testing/recording_store.h"

#include <absl/status/status.h>
#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "outlive/store/memory_store.h"
#include "outlive/testing/virtual_clock.h"

namespace outlive::testing {
namespace {

struct Bench {
  Bench() {
    NewJob job;
    job.kind = "mail.send";
    const auto transaction = store.Begin().value();
    CHECK(transaction->Insert(std::vector<NewJob>{job, job}).ok());
    CHECK(transaction->OpenSession("s", absl::Seconds(60)).ok());
    CHECK(transaction->Commit().ok());
  }

  // The records since the last call, as "op phase", with the fence where there is one.
  std::vector<std::string> News() {
    std::vector<std::string> news;
    const std::vector<HistoryRecord> records = history.records();
    for (; seen < records.size(); ++seen) {
      const HistoryRecord& record = records[seen];
      std::string text(HistoryOpName(record.op));
      text += " ";
      text += HistoryPhaseName(record.phase);
      if (record.fence > 0) text += " " + std::to_string(record.fence);
      news.push_back(text);
    }
    return news;
  }

  static ClaimRequest Request() {
    return {.session = "s", .queues = {{"default", 1}}, .kinds = {"mail.send"}};
  }

  VirtualClock clock;
  MemoryStore inner{MemoryStoreOptions{.clock = &clock}};
  MemoryHistory history;
  Recorder recorder{"worker", history, clock};
  RecordingStore store{inner, recorder};
  std::size_t seen = 0;
};

using News = std::vector<std::string>;

TEST_CASE("sessions, claims, writes and ends get the result of their commit") {
  Bench bench;
  CHECK(bench.News() == News{"open_session invoke", "open_session ok"});

  auto transaction = bench.store.Begin().value();
  const ClaimResult claimed = transaction->Claim(Bench::Request()).value();
  CHECK(bench.News() == News{"claim invoke 1"});  // Before the commit: nothing is lost by a kill.
  CHECK(transaction->Commit().ok());
  CHECK(bench.News() == News{"claim ok 1"});
  const HistoryRecord claim = bench.history.records().back();
  CHECK(claim.session == "s");
  CHECK(claim.attempt == 1);

  transaction = bench.store.Begin().value();
  WorkerWrite write;
  write.lease = claimed.jobs[0].lease;
  write.progress = 0.5;
  write.checkpoint = "half";
  CHECK(transaction->Write(std::vector<WorkerWrite>{write}).ok());
  Finished finished;
  finished.lease = write.lease;
  finished.transition = Transition::kRetry;
  finished.delay = absl::Seconds(3);
  CHECK(transaction->Finish(std::vector<Finished>{finished}).ok());
  CHECK(transaction->RenewSession("s", absl::Seconds(60)).ok());
  CHECK(transaction->CloseSession("s").ok());
  CHECK(transaction->Commit().ok());
  CHECK(bench.News() == News{"progress invoke 1", "checkpoint invoke 1", "finish invoke 1",
                             "renew_session invoke", "close_session invoke", "progress ok 1",
                             "checkpoint ok 1", "finish ok 1", "renew_session ok",
                             "close_session ok"});
}

TEST_CASE("what is given up has failed, and so has what is refused") {
  Bench bench;
  bench.News();
  auto transaction = bench.store.Begin().value();
  CHECK(transaction->Claim(Bench::Request()).ok());
  transaction.reset();
  CHECK(bench.News() == News{"claim invoke 1", "claim fail 1"});

  transaction = bench.store.Begin().value();
  Finished finished;
  finished.lease = {1, 7};
  const auto results = transaction->Finish(std::vector<Finished>{finished}).value();
  CHECK(absl::IsAborted(results[0]));
  CHECK(bench.News() == News{"finish invoke 7", "finish fail 7"});
  CHECK(bench.history.records().back().code == absl::StatusCode::kAborted);
}

TEST_CASE("what is done as upkeep is recorded as well") {
  Bench bench;
  bench.News();
  const auto transaction = bench.store.BeginUpkeep(Upkeep::kLeases).value();
  CHECK(transaction->RenewSession("s", absl::Seconds(60)).ok());
  CHECK(transaction->Commit().ok());
  CHECK(bench.News() == News{"renew_session invoke", "renew_session ok"});
}

TEST_CASE("a session's time is from before its transaction, which is no later") {
  Bench bench;
  const auto transaction = bench.store.Begin().value();
  bench.clock.Advance(absl::Seconds(5));
  CHECK(transaction->RenewSession("s", absl::Seconds(60)).ok());
  CHECK(bench.history.records().back().at == VirtualClock::Start());
}

// Waits in Begin() while the clock is put back.
class SlowToBegin final : public ForwardingJobStore {
 public:
  SlowToBegin(JobStore& inner, VirtualClock& clock) : ForwardingJobStore(inner), clock_(clock) {}

  absl::StatusOr<std::unique_ptr<StoreTransaction>> Begin() override {
    clock_.SetNow(clock_.Now() - absl::Hours(1));
    return inner().Begin();
  }
  absl::StatusOr<std::unique_ptr<StoreTransaction>> BeginUpkeep(Upkeep) override { return Begin(); }

 private:
  VirtualClock& clock_;
};

TEST_CASE("a session's time is no later than its transaction's, though the clock is put back") {
  VirtualClock clock;
  MemoryStore memory({.clock = &clock});
  SlowToBegin slow(memory, clock);
  MemoryHistory history;
  Recorder recorder("p", history, clock);
  RecordingStore store(slow, recorder);
  const auto transaction = store.Begin().value();
  CHECK(transaction->OpenSession("s", absl::Seconds(60)).ok());
  CHECK(history.records().back().at == VirtualClock::Start() - absl::Hours(1));
}

}  // namespace
}  // namespace outlive::testing
