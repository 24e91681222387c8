#include "outlive/core/event.h"

#include <doctest/doctest.h>

#include <string_view>

namespace {

using outlive::EventType;

TEST_CASE("numbers and names of events never change") {
  struct Line {
    EventType type;
    int number;
    std::string_view name;
  };
  const Line lines[] = {
      {EventType::kEnqueued, 1, "enqueued"},
      {EventType::kClaimed, 2, "claimed"},
      {EventType::kCompleted, 3, "completed"},
      {EventType::kRetried, 4, "retried"},
      {EventType::kSnoozed, 5, "snoozed"},
      {EventType::kReleased, 6, "released"},
      {EventType::kRescued, 7, "rescued"},
      {EventType::kCancelled, 8, "cancelled"},
      {EventType::kDead, 9, "dead"},
      {EventType::kRequeued, 10, "requeued"},
      {EventType::kProgressed, 11, "progressed"},
      {EventType::kCancelRequested, 12, "cancel_requested"},
      {EventType::kDiscarded, 13, "discarded"},
      {EventType::kCrashed, 14, "crashed"},
  };
  for (const Line& line : lines) {
    CHECK(static_cast<int>(line.type) == line.number);
    CHECK(outlive::EventTypeName(line.type) == line.name);
  }
}

TEST_CASE("a number that is no event has a name all the same") {
  for (const int number : {-1, 0, 15, 1'000'000}) {
    CHECK(outlive::EventTypeName(static_cast<EventType>(number)) == "unknown");
  }
}

}  // namespace
