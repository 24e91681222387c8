#include "outlive/core/event.h"

namespace outlive {

std::string_view EventTypeName(EventType type) {
  switch (type) {
    case EventType::kEnqueued:
      return "enqueued";
    case EventType::kClaimed:
      return "claimed";
    case EventType::kCompleted:
      return "completed";
    case EventType::kRetried:
      return "retried";
    case EventType::kSnoozed:
      return "snoozed";
    case EventType::kReleased:
      return "released";
    case EventType::kRescued:
      return "rescued";
    case EventType::kCancelled:
      return "cancelled";
    case EventType::kDead:
      return "dead";
    case EventType::kRequeued:
      return "requeued";
    case EventType::kProgressed:
      return "progressed";
    case EventType::kCancelRequested:
      return "cancel_requested";
    case EventType::kDiscarded:
      return "discarded";
    case EventType::kCrashed:
      return "crashed";
  }
  return "unknown";
}

}  // namespace outlive
