// Event is one entry of a store's event log: what happened to a job, written in the transaction in
// which it happened. Sequence numbers grow with commits, so the log is the order of history.
//
// Thread-safety: values and pure functions.
#ifndef OUTLIVE_CORE_EVENT_H_
#define OUTLIVE_CORE_EVENT_H_

#include <absl/time/time.h>

#include <cstdint>
#include <string_view>

namespace outlive {

// Persisted: never renumber, never reuse a number.
enum class EventType : int {
  kEnqueued = 1,
  kClaimed = 2,
  kCompleted = 3,
  kRetried = 4,  // An attempt failed; there will be another.
  kSnoozed = 5,
  kReleased = 6,  // Handed back by a stopping runner.
  kRescued = 7,   // Its session expired; pending again.
  kCancelled = 8,
  kDead = 9,
  kRequeued = 10,  // By a person.
  kProgressed = 11,
  kCancelRequested = 12,  // Of a running job.
  kDiscarded = 13,        // A dead letter was deleted.
  kCrashed = 14,          // The process of its own that ran it has died; pending again.
};

struct Event {
  std::int64_t seq = 0;  // Positive, growing; gaps are possible.
  absl::Time at = {};
  EventType type = EventType::kEnqueued;
  std::int64_t job_id = 0;
  std::int64_t fence = 0;  // Of the job, after what happened.
};

// "enqueued", "claimed", … A number that is no type is "unknown".
std::string_view EventTypeName(EventType type);

}  // namespace outlive

#endif  // OUTLIVE_CORE_EVENT_H_
