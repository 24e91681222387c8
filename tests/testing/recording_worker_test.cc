#include "outlive/testing/recording_worker.h"

#include <doctest/doctest.h>

#include <stdexcept>
#include <vector>

#include "outlive/testing/fake_job_context.h"
#include "outlive/testing/virtual_clock.h"

namespace outlive::testing {
namespace {

TEST_CASE("an attempt is recorded from its start to its return, also by an exception") {
  VirtualClock clock;
  MemoryHistory history;
  Recorder recorder("worker", history, clock);
  FakeJob fake;
  fake.id = 3;
  fake.fence = 7;
  fake.attempt = 2;
  fake.checkpoint = "page 40";
  FakeJobContext job(fake);
  RecordingWorker worker(recorder, [](JobContext&, std::string_view args) -> Outcome {
    if (args == "throw") throw std::runtime_error("no");
    return Done("well");
  });
  CHECK(worker.Run(job, "{}").output() == "well");
  CHECK_THROWS(static_cast<void>(worker.Run(job, "throw")));

  const std::vector<HistoryRecord> records = history.records();
  REQUIRE(records.size() == 4);
  for (std::size_t i = 0; i < records.size(); ++i) {
    CHECK(records[i].op == (i % 2 == 0 ? HistoryOp::kStart : HistoryOp::kReturn));
    CHECK(records[i].phase == HistoryPhase::kOk);
    CHECK(records[i].job == 3);
    CHECK(records[i].fence == 7);
  }
  CHECK(records[0].kind == "test");
  CHECK(records[0].args == "{}");
  CHECK(records[0].attempt == 2);
  CHECK(records[0].value == "page 40");
}

TEST_CASE("an effect is recorded with what the sink said") {
  VirtualClock clock;
  MemoryHistory history;
  Recorder recorder("worker", history, clock);
  CHECK(RecordEffect(recorder, 3, 7, [] { return true; }));
  CHECK_FALSE(RecordEffect(recorder, 3, 6, [] { return false; }));
  const std::vector<HistoryRecord> records = history.records();
  REQUIRE(records.size() == 4);
  CHECK(records[1].phase == HistoryPhase::kOk);
  CHECK(records[3].phase == HistoryPhase::kFail);
}

}  // namespace
}  // namespace outlive::testing
