#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <vector>

#include "testing/checks.h"

namespace outlive::testing::internal {
namespace {

bool HasEvent(const JobTrace& trace, EventType type) {
  return std::any_of(trace.events.begin(), trace.events.end(),
                     [type](const Event* event) { return event->type == type; });
}

// The event that shows that a change was made.
EventType ShownBy(const HistoryRecord& told) {
  switch (told.op) {
    case HistoryOp::kRequeue:
      return EventType::kRequeued;
    case HistoryOp::kDiscard:
      return EventType::kDiscarded;
    default:
      return told.state == JobState::kRunning ? EventType::kCancelRequested : EventType::kCancelled;
  }
}

// Who asks for a change: whose doing an event is, where it is anybody's.
std::vector<const Event*> EventsAskedFor(const JobTrace& trace, const JobFold& fold, HistoryOp op) {
  std::vector<const Event*> events;
  for (const Event* const event : trace.events) {
    if ((op == HistoryOp::kRequeue && event->type == EventType::kRequeued) ||
        (op == HistoryOp::kDiscard && event->type == EventType::kDiscarded) ||
        (op == HistoryOp::kCancel && event->type == EventType::kCancelRequested)) {
      events.push_back(event);
    }
  }
  if (op != HistoryOp::kCancel) return events;
  for (const FoldedEnd& end : fold.ends) {
    // By its worker otherwise.
    if (end.event->type == EventType::kCancelled && end.attempt == nullptr) {
      events.push_back(end.event);
    }
  }
  return events;
}

void CheckAskedFor(const JobTrace& trace, const JobFold& fold, HistoryOp op, Verdict& verdict) {
  const auto asked =
      std::count_if(trace.changes.begin(), trace.changes.end(),
                    [op](const Operation* each) { return each->op() == op && !each->failed(); });
  const std::vector<const Event*> done = EventsAskedFor(trace, fold, op);
  if (static_cast<std::ptrdiff_t>(done.size()) <= asked) return;
  verdict.Add(op == HistoryOp::kCancel ? "I19" : "I7",
              fmt::format("job {}: {} happened {} times and was asked for {} times", trace.id,
                          HistoryOpName(op), done.size(), asked),
              {*done.back()});
}

}  // namespace

void CheckChanges(const RunIndex& index, const JobFolds& folds, Verdict& verdict) {
  for (const auto& [id, trace] : index.jobs) {
    for (const Operation* const change : trace.changes) {
      if (!change->ok() || HasEvent(trace, ShownBy(*change->result))) continue;
      verdict.Add(change->op() == HistoryOp::kCancel ? "I19" : "I17",
                  fmt::format("job {}: {} was acknowledged and is not in the log", id,
                              HistoryOpName(change->op())),
                  {*change->result, trace.job});
    }
    const JobFold* const fold = SoundFold(folds, id);
    if (fold == nullptr || index.enqueues.empty()) continue;
    for (const HistoryOp op : {HistoryOp::kCancel, HistoryOp::kRequeue, HistoryOp::kDiscard}) {
      CheckAskedFor(trace, *fold, op, verdict);
    }
  }
}

}  // namespace outlive::testing::internal
