#include "store/sqlite/finish.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/return_if_error.h"
#include "outlive/core/lifecycle.h"
#include "outlive/core/store_rules.h"
#include "store/sqlite/flags.h"

namespace outlive::sqlite {
namespace {

// From so many on, statements about all of them are cheaper than some for each.
constexpr std::size_t kBatchMin = 3;

bool NamesEachJobOnce(absl::Span<const Finished> finished) {
  std::vector<JobId> jobs;
  jobs.reserve(finished.size());
  for (const Finished& one : finished) jobs.push_back(one.lease.job);
  std::sort(jobs.begin(), jobs.end());
  return std::adjacent_find(jobs.begin(), jobs.end()) == jobs.end();
}

// Whether nothing has to be done but to move the job from running to completed.
bool OnlyCompletes(const Finished& finished, const JobRows::RunningBrief& running) {
  return finished.transition == Transition::kComplete && finished.lease.fence == running.fence &&
         finished.output.empty() && (running.flags & (kHasFollowUps | kHasOutput)) == 0;
}

absl::Status LeaseLost(const Lease& lease) {
  return absl::AbortedError(fmt::format("the lease of job {} is lost", lease.job));
}

}  // namespace

absl::StatusOr<std::vector<absl::Status>> Finisher::Finish(absl::Span<const Finished> finished) {
  OUTLIVE_RETURN_IF_ERROR(ValidateBatch(finished.size()));
  std::vector<absl::Status> results;
  results.reserve(finished.size());
  if (finished.size() >= kBatchMin && NamesEachJobOnce(finished)) {
    OUTLIVE_RETURN_IF_ERROR(FinishBatch(finished, results));
    return results;
  }
  for (const Finished& one : finished) {
    absl::StatusOr<ElementStatus> result = FinishOne(one);
    OUTLIVE_RETURN_IF_ERROR(result.status());
    results.push_back(std::move(result->status));
  }
  return results;
}

absl::Status Finisher::FinishBatch(absl::Span<const Finished> finished,
                                   std::vector<absl::Status>& results) {
  std::vector<JobId> jobs;
  jobs.reserve(finished.size());
  for (const Finished& one : finished) jobs.push_back(one.lease.job);
  const absl::StatusOr<std::vector<JobRows::RunningBrief>> running = rows_.FindRunning(jobs);
  OUTLIVE_RETURN_IF_ERROR(running.status());
  jobs.clear();
  auto next = running->begin();
  for (const Finished& one : finished) {
    const bool runs = next != running->end() && next->job == one.lease.job;
    if (runs && OnlyCompletes(one, *next)) {
      jobs.push_back(next->job);
      context_.Count(next->lane, JobState::kRunning, -1);
      context_.Count(next->lane, JobState::kCompleted, 1);
      context_.AddCompleted(next->job);
      context_.AddEvent(EventType::kCompleted, next->job, next->fence);
      results.push_back(absl::OkStatus());
    } else {
      absl::StatusOr<ElementStatus> result = FinishOne(one);
      OUTLIVE_RETURN_IF_ERROR(result.status());
      results.push_back(std::move(result->status));
    }
    if (runs) ++next;
  }
  return jobs.empty() ? absl::OkStatus() : rows_.Complete(jobs);
}

absl::StatusOr<ElementStatus> Finisher::FinishOne(const Finished& finished) {
  if (absl::Status status = ValidateFinished(finished); !status.ok()) return ElementStatus{status};
  absl::StatusOr<std::optional<RunningJob>> running = rows_.FindRunning(finished.lease.job);
  OUTLIVE_RETURN_IF_ERROR(running.status());
  if (!running->has_value() || (*running)->at.fence != finished.lease.fence) {
    return WhatBecameOf(finished.lease, finished.transition);
  }
  OUTLIVE_RETURN_IF_ERROR(EndAttempt(**std::move(running), finished));
  return ElementStatus();
}

absl::Status Finisher::EndAttempt(RunningJob running, const Finished& finished) {
  OUTLIVE_RETURN_IF_ERROR(rows_.LeaveRunning(running));
  JobProgress& at = running.at;
  if (finished.error && KeepsError(finished.transition)) {
    const AttemptError error{static_cast<int>(at.attempt), context_.now(), finished.error->code,
                             finished.error->message};
    OUTLIVE_RETURN_IF_ERROR(rows_.AddError(running.job, error, at.flags));
  }
  Transition by = EndTransition(finished.transition, running.cancel_requested);
  if (finished.transition == Transition::kCrash) {
    const absl::StatusOr<int> crashes = rows_.AddCrash(running.job);
    OUTLIVE_RETURN_IF_ERROR(crashes.status());
    by = LossTransition(by, *crashes, finished.crash_count_max, running.cancel_requested);
  }
  if (by == Transition::kSnooze || by == Transition::kRelease) --at.attempt;
  if (NextState(JobState::kRunning, by) == JobState::kPending) {
    std::optional<absl::Time> run_at;
    if (by != Transition::kRelease) run_at = ToStoreTime(context_.now() + finished.delay);
    return rows_.PutBack(running, at, by, run_at, 0);
  }
  std::string_view output;
  if (by == Transition::kComplete) {
    output = finished.output;
    OUTLIVE_RETURN_IF_ERROR(rows_.PutOutput(running.job, output, at.flags));
  }
  return End(running.job, running.lane, by, at, static_cast<int>(finished.transition), output);
}

absl::Status Finisher::End(JobId job, LaneId lane, Transition by, JobProgress at,
                           std::optional<std::int64_t> transition, std::string_view output) {
  // Every transition that comes here ends a running job; jobs that wait are only cancelled.
  const JobState state = NextState(JobState::kRunning, by).value();
  const absl::StatusOr<absl::StatusOr<std::vector<NewJob>>> follow_ups =
      rows_.FollowUpsOf(job, lane, state, at, output);
  OUTLIVE_RETURN_IF_ERROR(follow_ups.status());
  if (!(*follow_ups).ok()) {
    const AttemptError lost =
        FollowUpsLost(static_cast<int>(at.attempt), context_.now(), (*follow_ups).status());
    OUTLIVE_RETURN_IF_ERROR(rows_.AddError(job, lost, at.flags));
  }
  OUTLIVE_RETURN_IF_ERROR(rows_.End(job, lane, state, at, transition));
  context_.AddEvent(EventOf(by), job, at.fence);
  return (*follow_ups).ok() ? inserter_.InsertUnchecked(**follow_ups) : absl::OkStatus();
}

absl::StatusOr<ElementStatus> Finisher::WhatBecameOf(const Lease& lease,
                                                     std::optional<Transition> transition) {
  Rows rows = whereabouts_.Query(lease.job);
  if (!rows.Next()) {
    OUTLIVE_RETURN_IF_ERROR(rows.status());
    return ElementStatus{absl::NotFoundError(fmt::format("there is no job {}", lease.job))};
  }
  const bool running = !rows.IsNull(10);
  if (running || !transition) return ElementStatus{LeaseLost(lease)};
  const bool ended = !rows.IsNull(11);
  const std::int64_t fence = rows.Int(ended ? 12 : 4);
  const std::optional<std::int64_t> by = rows.OptionalInt(ended ? 13 : 6);
  const bool repeat = fence == lease.fence && by == static_cast<std::int64_t>(*transition);
  return ElementStatus{repeat ? absl::OkStatus() : LeaseLost(lease)};
}

}  // namespace outlive::sqlite
