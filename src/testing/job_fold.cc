#include "testing/job_fold.h"

#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>

#include "outlive/core/lifecycle.h"

namespace outlive::testing::internal {
namespace {

struct Fault {
  std::string_view invariant;
  std::string_view what;
};
using MaybeFault = std::optional<Fault>;

bool EndsForGood(EventType type) {
  return type == EventType::kCompleted || type == EventType::kCancelled || type == EventType::kDead;
}

class Folder {
 public:
  Folder(const CheckOptions& options, JobFold& fold) : options_(options), fold_(fold) {}

  MaybeFault Take(const Event& event) {
    if (fold_.enqueued == nullptr) return First(event);
    if (fold_.discarded != nullptr) return Fault{"I7", "something happened to a discarded job"};
    MaybeFault fault = Move(event);
    if (!fault) fold_.fence = event.fence;
    return fault;
  }

 private:
  MaybeFault First(const Event& event) {
    fold_.enqueued = &event;
    fold_.fence = event.fence;
    if (event.type == EventType::kEnqueued) return std::nullopt;
    return Fault{"I17", "the log of a job does not begin with its enqueue"};
  }

  MaybeFault Move(const Event& event) {
    switch (event.type) {
      case EventType::kEnqueued:
        return Fault{"I17", "a job was enqueued twice"};
      case EventType::kClaimed:
        return Claim(event);
      case EventType::kCompleted:
      case EventType::kRetried:
      case EventType::kSnoozed:
      case EventType::kReleased:
      case EventType::kRescued:
      case EventType::kCancelled:
      case EventType::kDead:
        return End(event);
      case EventType::kRequeued:
        return Requeue(event);
      case EventType::kProgressed:
        if (fold_.state != JobState::kRunning) return Fault{"I5", "a job that waits made progress"};
        return SameFence(event);
      case EventType::kCancelRequested:
        if (fold_.state != JobState::kRunning || fold_.cancel_requested) {
          return Fault{"I19", "a stop was asked for where there was nothing to stop"};
        }
        fold_.cancel_requested = true;
        return SameFence(event);
      case EventType::kDiscarded:
        if (fold_.state != JobState::kDead) return Fault{"I7", "a job that lives was discarded"};
        fold_.discarded = &event;
        return SameFence(event);
    }
    return Fault{"I17", "the log has an event that is none"};
  }

  MaybeFault SameFence(const Event& event) const {
    if (event.fence == fold_.fence) return std::nullopt;
    return Fault{"I5", "a write was accepted under a fence that is not the job's"};
  }

  MaybeFault Claim(const Event& event) {
    if (IsTerminal(fold_.state)) return Fault{"I7", "a job that has ended was leased"};
    if (fold_.state != JobState::kPending) return Fault{"I4", "a job was leased twice at a time"};
    if (event.fence <= fold_.fence) return Fault{"I4", "a lease has a fence that is not new"};
    if (event.fence > fold_.fence + 1) return Fault{"I17", "the log lacks what raised the fence"};
    fold_.state = JobState::kRunning;
    ++fold_.attempt;
    fold_.attempts[event.fence] = {.fence = event.fence,
                                   .generation = fold_.generation,
                                   .number = fold_.attempt,
                                   .crashes = fold_.crashes,
                                   .claimed = &event};
    return std::nullopt;
  }

  MaybeFault End(const Event& event) {
    if (IsTerminal(fold_.state)) {
      return EndsForGood(event.type) ? Fault{"I8", "a job has ended twice"}
                                     : Fault{"I7", "a job that has ended came back"};
    }
    if (fold_.state != JobState::kRunning) {
      if (event.type != EventType::kCancelled) {
        return Fault{"I5", "an attempt has ended that nobody held a lease for"};
      }
      return Finish(event, nullptr);
    }
    FoldedAttempt& attempt = fold_.attempts[fold_.fence];
    attempt.crashed = event.fence == fold_.fence + 1;
    if (!attempt.crashed && event.fence != fold_.fence) {
      return Fault{"I5", "an end was accepted under a fence that is not the job's"};
    }
    attempt.ended = &event;
    if (MaybeFault fault = attempt.crashed ? Crash(event) : ByHolder(event)) return fault;
    if (EndsForGood(event.type)) return Finish(event, &attempt);
    if (fold_.cancel_requested) {
      return Fault{"I19", "a job that was asked to stop went back to work"};
    }
    fold_.state = JobState::kPending;
    return std::nullopt;
  }

  MaybeFault ByHolder(const Event& event) {
    if (event.type == EventType::kRescued) {
      return Fault{"I4", "a job was taken over without a new fence"};
    }
    if (event.type == EventType::kSnoozed || event.type == EventType::kReleased) --fold_.attempt;
    return std::nullopt;
  }

  MaybeFault Crash(const Event& event) {
    ++fold_.crashes;
    const bool used_up = fold_.crashes >= options_.crash_count_max;
    if (event.type == EventType::kCancelled && fold_.cancel_requested) return std::nullopt;
    if (event.type == EventType::kRescued) {
      if (!used_up) return std::nullopt;
      return Fault{"I6", "a job whose crash budget is used up went back to work"};
    }
    if (event.type != EventType::kDead) {
      return Fault{"I5", "an end was accepted under a fence that is not the job's"};
    }
    if (used_up) return std::nullopt;
    return Fault{"I6", "a job is dead although its crash budget was not used up"};
  }

  MaybeFault Finish(const Event& event, const FoldedAttempt* attempt) {
    fold_.state = event.type == EventType::kCompleted   ? JobState::kCompleted
                  : event.type == EventType::kCancelled ? JobState::kCancelled
                                                        : JobState::kDead;
    fold_.ends.push_back({fold_.generation, &event, attempt});
    return attempt == nullptr ? SameFence(event) : std::nullopt;
  }

  MaybeFault Requeue(const Event& event) {
    if (!IsTerminal(fold_.state)) return Fault{"I7", "a job that has not ended was sent back"};
    if (event.fence != fold_.fence + 1) return Fault{"I5", "a job was sent back with an old fence"};
    fold_.state = JobState::kPending;
    fold_.attempt = 0;
    fold_.crashes = 0;
    ++fold_.generation;
    fold_.cancel_requested = false;
    return std::nullopt;
  }

  const CheckOptions& options_;
  JobFold& fold_;
};

void Count(const Event& event, const JobFold& fold, Verdict& verdict) {
  static constexpr std::string_view kNames[] = {
      "",        "jobs",      "claimed", "completed", "retried",    "snoozed",         "released",
      "rescued", "cancelled", "dead",    "requeued",  "progressed", "cancel_requests", "discarded"};
  verdict.Count(kNames[static_cast<int>(event.type)]);
  if (EndsForGood(event.type)) verdict.Count("ended");
  const FoldedAttempt* const attempt = fold.FindAttempt(event.fence - 1);
  if (event.type == EventType::kDead && attempt != nullptr && attempt->ended == &event) {
    verdict.Count("crash_deaths");
  }
}

}  // namespace

JobFold FoldJob(const JobTrace& trace, const CheckOptions& options, Verdict& verdict) {
  JobFold fold;
  Folder folder(options, fold);
  const Event* before = nullptr;
  for (const Event* const event : trace.events) {
    if (const MaybeFault fault = folder.Take(*event)) {
      verdict.Add(fault->invariant, fmt::format("job {}: {}", trace.id, fault->what),
                  {before, *event});
      fold.sound = false;
      return fold;
    }
    Count(*event, fold, verdict);
    before = event;
  }
  if (fold.enqueued == nullptr) fold.sound = false;
  return fold;
}

}  // namespace outlive::testing::internal
