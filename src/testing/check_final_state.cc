#include <fmt/format.h>

#include <optional>

#include "outlive/core/lifecycle.h"
#include "testing/checks.h"

namespace outlive::testing::internal {
namespace {

void CheckOrder(const RunIndex& index, Verdict& verdict) {
  const Event* before = nullptr;
  for (const Event* const event : index.events) {
    if (before != nullptr && event->seq == before->seq) {
      verdict.Add("I17", "two entries of the log have one number", {*before, *event});
    } else if (before != nullptr && event->at < before->at && !index.options.transactions_overlap) {
      verdict.Add("I17", "the time of the log goes back", {*before, *event});
    }
    before = event;
  }
}

// A lease follows what made the job wait, and the end of an attempt follows its lease. What people
// ask for may have been asked before.
void CheckChain(const JobTrace& trace, Verdict& verdict) {
  const Event* cause = nullptr;
  for (const Event* const event : trace.events) {
    switch (event->type) {
      case EventType::kEnqueued:
      case EventType::kRequeued:
        break;
      case EventType::kClaimed:
      case EventType::kCompleted:
      case EventType::kRetried:
      case EventType::kSnoozed:
      case EventType::kReleased:
      case EventType::kRescued:
      case EventType::kDead:
      case EventType::kCrashed:
        if (cause != nullptr && event->at < cause->at) {
          verdict.Add("I17", fmt::format("job {}: its time goes back", trace.id), {*cause, *event});
        }
        break;
      default:
        continue;
    }
    // Who is handed back is as due as before: the next lease may have been asked for earlier, even
    // before the one that was handed back.
    cause = event->type == EventType::kReleased ? nullptr : event;
  }
}

// A job that is not there any more: may it be gone?
void CheckGone(const RunIndex& index, const JobTrace& trace, const JobFold& fold,
               Verdict& verdict) {
  verdict.Count("gone");
  if (fold.discarded != nullptr) return;
  const Event* const last = trace.events.back();
  if (!IsTerminal(fold.state)) {
    verdict.Add("I1", fmt::format("job {} has not ended and is gone", trace.id), {*last});
    return;
  }
  absl::Duration keep = absl::InfiniteDuration();
  if (index.options.prune) {
    const PruneRequest& prune = *index.options.prune;
    keep = fold.state == JobState::kCompleted   ? prune.keep_completed
           : fold.state == JobState::kCancelled ? prune.keep_cancelled
                                                : prune.keep_dead;
  }
  if (last->at + keep > index.last_at) {
    verdict.Add("I1", fmt::format("job {} is gone before its time", trace.id), {*last});
  }
}

// What the row says must be what the log comes to.
void CheckRow(const JobTrace& trace, const JobFold& fold, Verdict& verdict) {
  const Job& job = *trace.job;
  const Event* const last = trace.events.back();
  const auto differs = [&](std::string_view invariant, std::string_view what, std::int64_t row,
                           std::int64_t log) {
    if (row == log) return;
    verdict.Add(invariant,
                fmt::format("job {}: its {} is {}, and by the log {}", trace.id, what, row, log),
                {*last, job});
  };
  if (job.state != fold.state) {
    verdict.Add("I17",
                fmt::format("job {} is {}, and by the log {}", trace.id, JobStateName(job.state),
                            JobStateName(fold.state)),
                {*last, job});
    return;
  }
  differs("I17", "fence", job.fence, fold.fence);
  differs("I17", "generation", job.generation, fold.generation);
  differs("I6", "attempt", job.attempt, fold.attempt);
  // A holder's own end can have been a crash: the log does not tell such a death from another.
  const bool may_be_crash = !fold.ends.empty() && fold.ends.back().generation == fold.generation &&
                            fold.ends.back().attempt != nullptr &&
                            !fold.ends.back().attempt->crashed &&
                            fold.ends.back().event->type != EventType::kCompleted;
  if (!may_be_crash || job.crashes != fold.crashes + 1) {
    differs("I6", "crashes", job.crashes, fold.crashes);
  }
  differs("I17", "time of creation", absl::ToUnixMicros(job.created_at),
          absl::ToUnixMicros(fold.enqueued->at));
  if (job.ended_at.has_value() != IsTerminal(job.state) ||
      (job.ended_at && *job.ended_at != fold.ends.back().event->at)) {
    verdict.Add("I17", fmt::format("job {}: its end is not that of the log", trace.id),
                {*last, job});
  }
  if (job.state == JobState::kRunning && job.cancel_requested != fold.cancel_requested) {
    verdict.Add("I19", fmt::format("job {}: the wish to stop it differs from the log", trace.id),
                {*last, job});
  }
}

void CheckDrained(const RunIndex& index, const JobTrace& trace, const JobFold& fold,
                  Verdict& verdict) {
  const Event* const last = trace.events.back();
  if (!IsTerminal(fold.state)) {
    verdict.Add("I15", fmt::format("job {} has not ended", trace.id), {last, trace.job});
  } else if (last->at > index.options.end_by) {
    verdict.Add("I15", fmt::format("job {} has ended too late", trace.id), {last});
  }
}

// Failures of one generation, against the job's own limit.
void CheckFailures(const JobTrace& trace, const JobFold& fold, Verdict& verdict) {
  int limit = trace.job == nullptr ? 0 : trace.job->attempt_count_max;
  if (limit == 0 && !trace.enqueues.empty()) {
    limit = trace.enqueues.front()->invoke->attempt_count_max;
  }
  if (limit == 0) return;
  for (const auto& [fence, attempt] : fold.attempts) {
    if (attempt.ended == nullptr || attempt.ended->type != EventType::kRetried) continue;
    if (attempt.number - attempt.crashes < limit) continue;
    verdict.Add("I6",
                fmt::format("job {} went back to work after failure {} of {}", trace.id,
                            attempt.number - attempt.crashes, limit),
                {attempt.claimed, attempt.ended});
  }
}

}  // namespace

void CheckFinalState(const RunIndex& index, const JobFolds& folds, Verdict& verdict) {
  CheckOrder(index, verdict);
  for (const auto& [id, trace] : index.jobs) {
    if (trace.events.empty()) {
      if (trace.job != nullptr) {
        verdict.Add("I17", fmt::format("job {} is not in the log", id), {*trace.job});
      }
      continue;
    }
    CheckChain(trace, verdict);
    const JobFold* const fold = SoundFold(folds, id);
    if (fold == nullptr) continue;
    CheckFailures(trace, *fold, verdict);
    if (trace.job == nullptr) {
      CheckGone(index, trace, *fold, verdict);
      continue;
    }
    if (fold->discarded != nullptr) {
      verdict.Add("I17", fmt::format("job {} was discarded and is still there", id),
                  {*fold->discarded, *trace.job});
      continue;
    }
    CheckRow(trace, *fold, verdict);
    if (index.options.drained) CheckDrained(index, trace, *fold, verdict);
  }
}

}  // namespace outlive::testing::internal
