#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "testing/checks.h"

namespace outlive::testing::internal {
namespace {

using Content = std::pair<std::string_view, std::string_view>;  // Kind, arguments.

// All that was asked for with one kind and arguments, and what is there of it.
struct Demand {
  Operations asked;
  std::set<JobId> acknowledged;
  int in_doubt = 0;
  std::int64_t first_begun = std::numeric_limits<std::int64_t>::max();
  std::vector<const JobTrace*> found;
};
using Demands = std::map<Content, Demand>;

Demands CollectDemands(const RunIndex& index) {
  Demands demands;
  for (const Operation* const enqueue : index.enqueues) {
    Demand& demand = demands[{enqueue->invoke->kind, enqueue->invoke->args}];
    demand.asked.push_back(enqueue);
    demand.first_begun = std::min(demand.first_begun, enqueue->begun());
    if (enqueue->ok()) demand.acknowledged.insert(enqueue->result->job);
    if (!enqueue->ok() && !enqueue->failed()) ++demand.in_doubt;
  }
  for (const auto& [id, trace] : index.jobs) {
    if (trace.job != nullptr) demands[{trace.job->kind, trace.job->args}].found.push_back(&trace);
  }
  return demands;
}

bool IsFollowUpKind(const RunIndex& index, std::string_view kind) {
  const auto& pairs = index.options.follow_ups;
  return std::any_of(pairs.begin(), pairs.end(),
                     [&](const auto& pair) { return pair.second == kind; });
}

// What is there beyond what was acknowledged must be explained by what is in doubt.
void CheckPhantoms(const RunIndex& index, const Demands& demands, Verdict& verdict) {
  for (const auto& [content, demand] : demands) {
    if (IsFollowUpKind(index, content.first)) continue;
    int unexplained = -demand.in_doubt;
    for (const JobTrace* const trace : demand.found) {
      if (demand.acknowledged.count(trace->id) == 0 && ++unexplained > 0) {
        const HistoryRecord* const refusal =
            demand.asked.empty() ? nullptr : demand.asked.back()->result;
        verdict.Add("I2",
                    fmt::format("job {} is there, and {}", trace->id,
                                demand.asked.empty() ? "nobody has asked for it"
                                                     : "all that was asked for is elsewhere or "
                                                       "was refused"),
                    {refusal, trace->job});
      }
    }
  }
}

void CheckAcknowledged(const Operation& enqueue, const RunIndex& index, Verdict& verdict) {
  const JobId id = enqueue.result->job;
  const JobTrace& trace = index.jobs.at(id);
  verdict.Count("enqueued");
  if (enqueue.result->duplicate) verdict.Count("duplicates");
  if (trace.events.empty()) {
    verdict.Add("I1", fmt::format("job {} was acknowledged and never was", id), {*enqueue.result});
    return;
  }
  if (trace.job == nullptr) return;  // CheckFinalState() asks whether it may be gone.
  if (trace.job->kind != enqueue.invoke->kind || trace.job->args != enqueue.invoke->args) {
    verdict.Add(enqueue.invoke->key.empty() ? "I1" : "I9",
                fmt::format("job {} is not the one that was acknowledged with its id", id),
                {*enqueue.result, *trace.job});
  }
}

// Business row and job, both or neither.
void CheckJoined(const RunIndex& index, const Demands& demands, Verdict& verdict) {
  std::multiset<std::string_view> rows(index.run.joined_rows.begin(), index.run.joined_rows.end());
  for (const Operation* const enqueue : index.enqueues) {
    if (!enqueue->invoke->joined) continue;
    const Demand& demand = demands.at({enqueue->invoke->kind, enqueue->invoke->args});
    const bool row = rows.erase(enqueue->invoke->args) > 0;
    // A job that is gone by now was there if it was acknowledged; who was killed before that
    // cannot say.
    const bool job = !demand.found.empty() || !demand.acknowledged.empty();
    const bool may_be_gone = index.options.prune && !enqueue->ok() && !enqueue->failed();
    if (row != job && !(row && may_be_gone)) {
      verdict.Add("I3", row ? "a row is there without its job" : "a job is there without its row",
                  {*enqueue->invoke, enqueue->result});
    }
  }
  for (const std::string_view row : rows) {
    HistoryRecord shown;
    shown.args = row;
    verdict.Add("I3", "a row is there that no enqueue belongs to", {shown});
  }
}

}  // namespace

void CheckEnqueues(const RunIndex& index, const JobFolds&, Verdict& verdict) {
  const Demands demands = CollectDemands(index);
  CheckPhantoms(index, demands, verdict);
  for (const Operation* const enqueue : index.enqueues) {
    if (enqueue->ok()) CheckAcknowledged(*enqueue, index, verdict);
    if (enqueue->failed()) verdict.Count("refused");
  }
  CheckJoined(index, demands, verdict);
  for (const auto& [id, trace] : index.jobs) {
    for (const Operation* const start : trace.starts) {
      const HistoryRecord& seen = *start->invoke;
      const auto demand = demands.find({seen.kind, seen.args});
      const bool asked = demand != demands.end() && demand->second.first_begun < seen.moment;
      if (!asked && !IsFollowUpKind(index, seen.kind)) {
        verdict.Add("I2", fmt::format("job {} runs, and nobody had asked for it", id), {seen});
      } else if (trace.job != nullptr && trace.job->args != seen.args) {
        verdict.Add("I2", fmt::format("job {} ran with arguments that are not its own", id),
                    {seen, *trace.job});
      }
    }
  }
}

}  // namespace outlive::testing::internal
