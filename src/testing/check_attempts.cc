#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "outlive/core/store_rules.h"
#include "testing/checks.h"

namespace outlive::testing::internal {
namespace {

// Samples of one policy from which on equal delays are no chance any more.
constexpr std::size_t kJitterSamplesMin = 8;

// The end of `attempt` as its holder asked for it; null: not known.
const HistoryRecord* EndAskedFor(const JobTrace& trace, const FoldedAttempt& attempt) {
  for (const Operation* const finish : trace.finishes) {
    if (finish->invoke->fence != attempt.fence || finish->failed()) continue;
    if (EventOf(*finish->invoke->transition) == attempt.ended->type) return finish->invoke;
  }
  return nullptr;
}

}  // namespace

void CheckClaims(const RunIndex& index, const JobFolds& folds, Verdict& verdict) {
  for (const auto& [id, trace] : index.jobs) {
    std::map<std::int64_t, const Operation*> granted;
    const JobFold* const fold = SoundFold(folds, id);
    for (const Operation* const claim : trace.claims) {
      if (!claim->ok()) continue;
      const HistoryRecord& told = *claim->result;
      const auto [other, is_first] = granted.emplace(told.fence, claim);
      if (!is_first) {
        verdict.Add("I4", fmt::format("job {} was leased twice with fence {}", id, told.fence),
                    {*other->second->result, told});
      }
      if (fold == nullptr) continue;
      const FoldedAttempt* const attempt = fold->FindAttempt(told.fence);
      if (attempt == nullptr) {
        verdict.Add("I4", fmt::format("job {}: a lease is not in the log", id), {told, trace.job});
      } else if (attempt->number != told.attempt) {
        verdict.Add("I6",
                    fmt::format("job {}: attempt {} is number {} by the log", id, told.attempt,
                                attempt->number),
                    {attempt->claimed, told});
      }
    }
  }
}

void CheckStarts(const RunIndex& index, const JobFolds& folds, Verdict& verdict) {
  for (const auto& [id, trace] : index.jobs) {
    std::map<std::int64_t, const Operation*> started;
    const JobFold* const fold = SoundFold(folds, id);
    for (const Operation* const start : trace.starts) {
      verdict.Count("started");
      const HistoryRecord& seen = *start->invoke;
      const auto [other, is_first] = started.emplace(seen.fence, start);
      if (!is_first) {
        verdict.Add("I4", fmt::format("job {}: lease {} started its worker twice", id, seen.fence),
                    {*other->second->invoke, seen});
      }
      if (fold == nullptr) continue;
      const FoldedAttempt* const attempt = fold->FindAttempt(seen.fence);
      if (attempt == nullptr) {
        verdict.Add("I4", fmt::format("job {} runs without a lease", id), {seen, trace.job});
      } else if (attempt->number != seen.attempt) {
        verdict.Add("I6",
                    fmt::format("job {}: attempt {} is number {} by the log", id, seen.attempt,
                                attempt->number),
                    {attempt->claimed, seen});
      }
    }
    for (const auto& [fence, start] : started) {
      const Operation* refuted = nullptr;
      for (const Operation* const claim : trace.claims) {
        if (claim->invoke->fence != fence) continue;
        refuted = claim;
        if (!claim->failed() && claim->begun() < start->begun()) {
          refuted = nullptr;
          break;
        }
      }
      if (refuted == nullptr) continue;
      verdict.Add("I4", fmt::format("job {} runs on a lease that was not committed", id),
                  {*refuted->invoke, refuted->result, *start->invoke});
    }
  }
}

void CheckDueTimes(const RunIndex& index, const JobFolds& folds, Verdict& verdict) {
  for (const auto& [id, trace] : index.jobs) {
    const JobFold* const fold = SoundFold(folds, id);
    if (fold == nullptr || fold->attempts.empty()) continue;
    absl::Time due = fold->enqueued->at;
    const Operation* const enqueue = trace.enqueues.empty() ? nullptr : trace.enqueues.front();
    // With a key the job may be that of another request.
    if (enqueue != nullptr && enqueue->invoke->key.empty()) {
      due = DueTime(enqueue->invoke->run_at, due);
    }
    const Event* reason = fold->enqueued;
    int generation = 0;
    for (const auto& [fence, attempt] : fold->attempts) {
      if (std::exchange(generation, attempt.generation) != attempt.generation) {
        due = absl::InfinitePast();  // Sent back: due anew, by whatever was asked for then.
      }
      if (attempt.claimed->at < due) {
        verdict.Add("I10", fmt::format("job {} began before it was due", id),
                    {enqueue == nullptr ? nullptr : enqueue->invoke, *reason, *attempt.claimed});
      }
      if (attempt.ended == nullptr) continue;
      const HistoryRecord* const end = EndAskedFor(trace, attempt);
      if (end == nullptr) continue;
      if (attempt.ended->type == EventType::kReleased) continue;  // As due as it was before.
      due = ToStoreTime(attempt.ended->at + end->delay);
      reason = attempt.ended;
    }
    for (const Operation* const claim : trace.claims) {
      const FoldedAttempt* const attempt = fold->FindAttempt(claim->invoke->fence);
      if (attempt != nullptr && claim->ok() && claim->invoke->run_at > attempt->claimed->at) {
        verdict.Add("I10", fmt::format("job {} was given out before it was due", id),
                    {*attempt->claimed, *claim->invoke});
      }
    }
  }
}

void CheckRetryDelays(const RunIndex& index, const JobFolds& folds, Verdict& verdict) {
  const double unit_max = std::nextafter(1.0, 0.0);
  for (const auto& [kind, policy] : index.options.retry_policies) {
    RetryPolicy exact = policy;
    exact.jitter = 0;
    std::vector<double> shares;  // Of each delay in the policy's own.
    const HistoryRecord* sample = nullptr;
    for (const auto& [id, trace] : index.jobs) {
      const JobFold* const fold = SoundFold(folds, id);
      if (fold == nullptr || KindOf(trace) != kind) continue;
      for (const auto& [fence, attempt] : fold->attempts) {
        if (attempt.ended == nullptr || attempt.ended->type != EventType::kRetried) continue;
        const HistoryRecord* const end = EndAskedFor(trace, attempt);
        if (end == nullptr) continue;
        const int failures = attempt.number - attempt.crashes;
        // Records have whole microseconds.
        if (end->delay + absl::Microseconds(1) < RetryDelay(policy, failures, 0) ||
            end->delay > RetryDelay(policy, failures, unit_max)) {
          verdict.Add("I11",
                      fmt::format("job {} waits {} after failure {}", id,
                                  absl::FormatDuration(end->delay), failures),
                      {*attempt.ended, *end});
        }
        const absl::Duration base = RetryDelay(exact, failures, 0);
        if (base > absl::ZeroDuration()) {
          shares.push_back(absl::FDivDuration(end->delay, base));
          sample = end;
        }
      }
    }
    if (policy.jitter > 0 && shares.size() >= kJitterSamplesMin &&
        std::all_of(shares.begin(), shares.end(),
                    [&](double share) { return std::abs(share - shares.front()) < 1e-6; })) {
      verdict.Add("I11", fmt::format("{} retries of kind {} all wait alike", shares.size(), kind),
                  {sample});
    }
  }
}

}  // namespace outlive::testing::internal
