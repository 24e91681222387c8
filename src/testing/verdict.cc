#include "testing/verdict.h"

#include <fmt/format.h>

#include <utility>

#include "core/time_text.h"
#include "outlive/core/lifecycle.h"

namespace outlive::testing::internal {

using outlive::internal::TimeToText;

Evidence::Evidence(const HistoryRecord& record) : text_(EncodeHistoryRecord(record)) {}

Evidence::Evidence(const Event& event)
    : text_(fmt::format("event {}: {} job {} fence {} at {}", event.seq, EventTypeName(event.type),
                        event.job_id, event.fence, TimeToText(event.at))) {}

Evidence::Evidence(const Job& job)
    : text_(fmt::format("job {} in the end: {} fence {} attempt {} of {} crashes {} generation {} "
                        "kind {} args {}",
                        job.id, JobStateName(job.state), job.fence, job.attempt,
                        job.attempt_count_max, job.crashes, job.generation, job.kind,
                        job.args.substr(0, 200))) {}

Evidence::Evidence(const Effect& effect)
    : text_(fmt::format("effect of job {} fence {}", effect.job, effect.fence)) {}

void Verdict::Add(std::string_view invariant, std::string what,
                  std::initializer_list<Evidence> slice) {
  if (++found_[std::string(invariant)] > violation_count_max_) return;
  Violation violation;
  violation.invariant = invariant;
  violation.what = std::move(what);
  for (const Evidence& each : slice) {
    if (!each.text().empty()) violation.slice.push_back(each.text());
  }
  report_.violations.push_back(std::move(violation));
}

CheckReport Verdict::Take() {
  for (const auto& [invariant, count] : found_) {
    if (count <= violation_count_max_) continue;
    report_.violations.push_back(
        {invariant, fmt::format("and {} more of this", count - violation_count_max_), {}});
  }
  return std::exchange(report_, {});
}

}  // namespace outlive::testing::internal
