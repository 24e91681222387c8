#include "outlive/testing/recording_client.h"

#include <absl/status/status.h>
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "outlive/store/memory_store.h"
#include "outlive/testing/virtual_clock.h"

namespace outlive::testing {
namespace {

TEST_CASE("what is asked for is recorded before, and what is told after") {
  VirtualClock clock;
  MemoryStore store(MemoryStoreOptions{.clock = &clock});
  Client client(store);
  MemoryHistory history;
  Recorder recorder("web", history, clock);
  RecordingClient recorded(client, recorder);

  const EnqueueOptions options = {.idempotency_key = "k", .max_attempts = 2};
  const JobId id = recorded.Enqueue("mail.send", "{}", options).value().id;
  CHECK(recorded.Enqueue("mail.send", "{}", options).value().duplicate);
  CHECK(absl::IsAlreadyExists(recorded.Enqueue("mail.send", "[]", options).status()));
  CHECK(recorded.Cancel(id).value() == JobState::kCancelled);
  CHECK(recorded.Retry(id).value() == JobState::kPending);
  CHECK(absl::IsFailedPrecondition(recorded.DiscardDeadLetter(id)));

  const std::vector<HistoryRecord> records = history.records();
  REQUIRE(records.size() == 12);
  for (std::size_t i = 0; i < records.size(); i += 2) {
    CHECK(records[i].phase == HistoryPhase::kInvoke);
    CHECK(records[i].call == records[i + 1].call);
  }
  CHECK(records[0].key == "k");
  CHECK(records[0].window == absl::Hours(24));
  CHECK(records[0].attempt_count_max == 2);
  CHECK(records[0].job == 0);
  CHECK(records[1].job == id);
  CHECK(records[3].duplicate);
  CHECK(records[5].phase == HistoryPhase::kFail);
  CHECK(records[5].code == absl::StatusCode::kAlreadyExists);
  CHECK(records[7].state == JobState::kCancelled);
  CHECK(records[9].state == JobState::kPending);
  CHECK(records[11].phase == HistoryPhase::kFail);
}

TEST_CASE("what is not even asked of the store leaves nothing") {
  VirtualClock clock;
  MemoryStore store(MemoryStoreOptions{.clock = &clock});
  Client client(store);
  MemoryHistory history;
  Recorder recorder("web", history, clock);
  RecordingClient recorded(client, recorder);
  CHECK(absl::IsInvalidArgument(recorded.Enqueue("no kind", "{}").status()));
  CHECK(history.records().empty());
}

}  // namespace
}  // namespace outlive::testing
