#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "testing/checks.h"

namespace outlive::testing::internal {
namespace {

// The jobs that one key came to, in the order of their creation.
struct KeyUse {
  Operations asked;
  std::set<std::pair<std::int64_t, JobId>> created;  // Log number of the enqueue.
  absl::Duration window = absl::InfiniteDuration();  // The shortest that was asked for.
};

void CheckOneKey(const KeyUse& use, const RunIndex& index, Verdict& verdict) {
  const Event* before = nullptr;
  for (const auto& [seq, id] : use.created) {
    const Event* const event = index.jobs.at(id).events.front();
    if (before != nullptr && event->at < before->at + use.window) {
      verdict.Add("I9", fmt::format("jobs {} and {} have one key", before->job_id, id),
                  {*before, *event});
    }
    before = event;
  }
  std::map<JobId, const Operation*> first;
  for (const Operation* const asked : use.asked) {
    if (!asked->ok() || asked->result->duplicate) continue;
    const auto [other, is_first] = first.emplace(asked->result->job, asked);
    if (!is_first) {
      verdict.Add("I9", fmt::format("two callers were told that job {} is new", other->first),
                  {*other->second->result, *asked->result});
    }
  }
}

}  // namespace

void CheckKeys(const RunIndex& index, const JobFolds&, Verdict& verdict) {
  std::map<std::pair<std::string_view, std::string_view>, KeyUse> keys;
  const auto created = [&](KeyUse& use, JobId id) {
    const JobTrace& trace = index.jobs.at(id);
    if (!trace.events.empty()) use.created.emplace(trace.events.front()->seq, id);
  };
  for (const Operation* const enqueue : index.enqueues) {
    if (enqueue->invoke->key.empty()) continue;
    KeyUse& use = keys[{enqueue->invoke->kind, enqueue->invoke->key}];
    use.asked.push_back(enqueue);
    use.window = std::min(use.window, enqueue->invoke->window);
    if (enqueue->ok()) created(use, enqueue->result->job);
  }
  for (const auto& [id, trace] : index.jobs) {
    if (trace.job == nullptr || trace.job->idempotency_key.empty()) continue;
    const auto use = keys.find({trace.job->kind, trace.job->idempotency_key});
    if (use != keys.end()) created(use->second, id);
  }
  for (const auto& [name, use] : keys) CheckOneKey(use, index, verdict);
}

}  // namespace outlive::testing::internal
