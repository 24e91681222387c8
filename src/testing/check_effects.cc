#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "outlive/core/follow_up.h"
#include "testing/checks.h"

namespace outlive::testing::internal {
namespace {

bool Contains(const std::vector<std::string>& kinds, std::string_view kind) {
  return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
}

// -- Checkpoints and artifacts ------------------------------------------------------------------

// What an attempt finds is what was saved last before it, or what was in doubt since.
void CheckCheckpoints(const JobTrace& trace, Verdict& verdict) {
  Operations saved;
  for (const Operation* const write : trace.writes) {
    if (write->op() == HistoryOp::kCheckpoint && !write->failed()) saved.push_back(write);
  }
  std::sort(saved.begin(), saved.end(), [](const Operation* a, const Operation* b) {
    return std::pair(a->invoke->fence, a->begun()) < std::pair(b->invoke->fence, b->begun());
  });
  verdict.Count("checkpoints", static_cast<std::int64_t>(saved.size()));
  for (const Operation* const start : trace.starts) {
    std::set<std::string_view> possible = {""};
    const HistoryRecord* last = nullptr;
    for (const Operation* const save : saved) {
      if (save->invoke->fence >= start->invoke->fence) break;
      if (save->ok()) possible.clear();
      possible.insert(save->invoke->value);
      last = save->invoke;
    }
    if (possible.count(start->invoke->value) > 0) continue;
    verdict.Add("I20", fmt::format("job {} did not get back the checkpoint it had saved", trace.id),
                {last, *start->invoke});
  }
}

void CheckArtifacts(const JobTrace& trace, Verdict& verdict) {
  if (trace.job == nullptr) return;
  std::map<std::string_view, const Operation*> published;
  for (const Operation* const write : trace.writes) {
    if (write->op() != HistoryOp::kPublish) continue;
    if (!write->failed()) published.emplace(write->invoke->value, write);
    if (!write->ok()) continue;
    const auto& artifacts = trace.job->artifacts;
    if (std::none_of(artifacts.begin(), artifacts.end(), [&](const Artifact& artifact) {
          return artifact.id == write->invoke->value;
        })) {
      verdict.Add("I20", fmt::format("job {}: a published artifact is not there", trace.id),
                  {*write->result, *trace.job});
    }
  }
  for (const Artifact& artifact : trace.job->artifacts) {
    verdict.Count("artifacts");
    const auto publish = published.find(artifact.id);
    if (publish == published.end() || publish->second->invoke->fence != artifact.fence) {
      verdict.Add("I20",
                  fmt::format("job {}: artifact {} under fence {} was published by nobody",
                              trace.id, artifact.id, artifact.fence),
                  {*trace.job});
    }
  }
}

// -- Outside ------------------------------------------------------------------------------------

void CheckSink(const RunIndex& index, const JobTrace& trace, const JobFold& fold,
               Verdict& verdict) {
  const Effect* before = nullptr;
  std::set<std::int64_t> fences;
  for (const Effect* const effect : trace.sink) {
    verdict.Count("effects");
    if (before != nullptr && effect->fence < before->fence) {
      verdict.Add("sink", fmt::format("job {}: the sink took a lower fence", trace.id),
                  {*before, *effect});
    }
    if (fold.FindAttempt(effect->fence) == nullptr) {
      verdict.Add("I4", fmt::format("job {}: an effect without a lease", trace.id), {*effect});
    }
    fences.insert(effect->fence);
    before = effect;
  }
  for (const Operation* const effect : trace.effects) {
    if (effect->failed()) verdict.Count("stale_effects");
    if (effect->ok() && fences.count(effect->invoke->fence) == 0) {
      verdict.Add("sink", fmt::format("job {}: the sink has lost an effect", trace.id),
                  {*effect->result});
    }
  }
  const bool uses_sink = Contains(index.options.sink_kinds, KindOf(trace));
  for (const FoldedEnd& end : fold.ends) {
    if (end.event->type != EventType::kCompleted) continue;
    if (uses_sink && fences.count(end.attempt->fence) == 0) {
      verdict.Add("I5", fmt::format("job {} is completed by an attempt without effect", trace.id),
                  {*end.attempt->claimed, *end.event});
    }
    // Later attempts of the generation would be another end of it.
    const auto later = fences.upper_bound(end.attempt->fence);
    if (later == fences.end()) continue;
    const FoldedAttempt* const other = fold.FindAttempt(*later);
    if (other != nullptr && other->generation == end.generation) {
      verdict.Add("I5",
                  fmt::format("job {} is completed by an attempt that was superseded", trace.id),
                  {*end.attempt->claimed, *end.event, Effect{trace.id, *later}});
    }
  }
}

// Exactly one row for each completion, and none else.
void CheckRows(const RunIndex& index, const JobTrace& trace, const JobFold& fold,
               Verdict& verdict) {
  std::multiset<std::int64_t> rows;
  for (const Effect* const row : trace.rows) rows.insert(row->fence);
  for (const FoldedEnd& end : fold.ends) {
    if (end.event->type != EventType::kCompleted) continue;
    const auto row = rows.find(end.attempt->fence);
    if (row != rows.end()) {
      rows.erase(row);
    } else if (Contains(index.options.complete_in_kinds, KindOf(trace))) {
      verdict.Add("I3", fmt::format("job {} is completed without its row", trace.id), {*end.event});
    }
  }
  for (const std::int64_t fence : rows) {
    verdict.Add("I3", fmt::format("job {}: a row without its completion", trace.id),
                {Effect{trace.id, fence}, trace.job});
  }
}

}  // namespace

void CheckKept(const RunIndex& index, const JobFolds&, Verdict& verdict) {
  if (!index.port_recorded) return;
  for (const auto& [id, trace] : index.jobs) {
    CheckCheckpoints(trace, verdict);
    CheckArtifacts(trace, verdict);
  }
}

void CheckEffects(const RunIndex& index, const JobFolds& folds, Verdict& verdict) {
  for (const auto& [id, trace] : index.jobs) {
    const JobFold* const fold = SoundFold(folds, id);
    if (fold == nullptr) continue;
    CheckSink(index, trace, *fold, verdict);
    CheckRows(index, trace, *fold, verdict);
  }
}

void CheckFollowUps(const RunIndex& index, const JobFolds& folds, Verdict& verdict) {
  for (const auto& [kind, follow_up_kind] : index.options.follow_ups) {
    // By the job and the generation that they follow.
    std::map<std::pair<JobId, int>, std::vector<const Job*>> made;
    for (const auto& [id, trace] : index.jobs) {
      if (trace.job == nullptr || trace.job->kind != follow_up_kind) continue;
      const absl::StatusOr<FollowUpArgs> args = DecodeFollowUpArgs(trace.job->args);
      if (args.ok() && args->end.kind != kind) continue;  // Of another pair.
      if (args.ok()) made[{args->end.job_id, args->end.generation}].push_back(trace.job);
      if (!args.ok()) verdict.Add("I21", "a follow-up is none", {*trace.job});
    }
    for (const auto& [id, trace] : index.jobs) {
      const JobFold* const fold = SoundFold(folds, id);
      if (fold == nullptr || KindOf(trace) != kind) continue;
      for (const FoldedEnd& end : fold->ends) {
        if (end.event->type == EventType::kCancelled) continue;
        const auto found = made.find({id, end.generation});
        const std::size_t count = found == made.end() ? 0 : found->second.size();
        verdict.Count("follow_ups", static_cast<std::int64_t>(count));
        // What has ended may be gone by now.
        if (count == 1 || (count == 0 && index.options.prune)) continue;
        verdict.Add(
            "I21",
            fmt::format("job {}: its end has {} follow-ups of kind {}", id, count, follow_up_kind),
            {*end.event, count == 0 ? nullptr : found->second.front(),
             count == 0 ? nullptr : found->second.back()});
      }
      for (const FoldedEnd& end : fold->ends) made.erase({id, end.generation});
    }
    for (const auto& [end, jobs] : made) {
      const auto fold = folds.find(end.first);
      if (fold != folds.end() && !fold->second.sound) continue;
      verdict.Add("I21", fmt::format("a follow-up of job {}, which has not ended so", end.first),
                  {*jobs.front()});
    }
  }
}

}  // namespace outlive::testing::internal
