#include "store/postgres/finish.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "core/return_if_error.h"
#include "outlive/core/lifecycle.h"
#include "outlive/core/payloads.h"
#include "outlive/core/store_rules.h"
#include "store/postgres/flags.h"

namespace outlive::postgres {
namespace {

bool NamesEachJobOnce(absl::Span<const Finished> finished) {
  std::vector<JobId> jobs;
  jobs.reserve(finished.size());
  for (const Finished& one : finished) jobs.push_back(one.lease.job);
  std::sort(jobs.begin(), jobs.end());
  return std::adjacent_find(jobs.begin(), jobs.end()) == jobs.end();
}

}  // namespace

absl::Status Finisher::LeaseLost(const Lease& lease) {
  return absl::AbortedError(fmt::format("the lease of job {} is lost", lease.job));
}

absl::Status Finisher::NoSuchJob(JobId job) {
  return absl::NotFoundError(fmt::format("there is no job {}", job));
}

absl::StatusOr<std::vector<absl::Status>> Finisher::Finish(absl::Span<const Finished> finished) {
  OUTLIVE_RETURN_IF_ERROR(ValidateBatch(finished.size()));
  const absl::StatusOr<Lanes> completed = CompletePlain(finished);
  OUTLIVE_RETURN_IF_ERROR(completed.status());
  std::vector<JobId> others;
  for (const Finished& one : finished) {
    if (!completed->contains(one.lease.job)) others.push_back(one.lease.job);
  }
  OUTLIVE_RETURN_IF_ERROR(rows_.Load(std::move(others)));
  std::vector<absl::Status> results;
  results.reserve(finished.size());
  for (const Finished& one : finished) {
    absl::Status result;
    const auto lane = completed->find(one.lease.job);
    if (lane == completed->end()) {
      OUTLIVE_RETURN_IF_ERROR(FinishOne(one, result));
    } else {
      context_.Count(lane->second, JobState::kRunning, -1);
      context_.Count(lane->second, JobState::kCompleted, 1);
      context_.AddEvent(EventType::kCompleted, one.lease.job, one.lease.fence);
    }
    results.push_back(std::move(result));
  }
  return results;
}

absl::StatusOr<Finisher::Lanes> Finisher::CompletePlain(absl::Span<const Finished> finished) {
  Lanes lanes;
  if (!NamesEachJobOnce(finished)) return lanes;
  std::vector<std::pair<JobId, std::int64_t>> plain;
  for (const Finished& one : finished) {
    if (one.transition == Transition::kComplete && one.output.empty() &&
        !rows_.IsLoaded(one.lease.job) && ValidateFinished(one).ok()) {
      plain.emplace_back(one.lease.job, one.lease.fence);
    }
  }
  if (plain.empty()) return lanes;
  std::sort(plain.begin(), plain.end());
  Array jobs(Element::kBigint);
  Array fences(Element::kBigint);
  for (const auto& [job, fence] : plain) {
    jobs.AddInt(job);
    fences.AddInt(fence);
  }
  Query query{.name = "job_rows/complete"};
  query.params.Add(std::move(jobs))
      .Add(std::move(fences))
      .Int(static_cast<int>(Transition::kComplete));
  const absl::StatusOr<Rows> rows = context_.session().RunOne(query);
  OUTLIVE_RETURN_IF_ERROR(rows.status());
  for (int row = 0; row < rows->size(); ++row) {
    lanes.emplace(rows->Int(row, 0), rows->Small(row, 1));
  }
  return lanes;
}

absl::Status Finisher::FinishOne(const Finished& finished, absl::Status& result) {
  result = ValidateFinished(finished);
  if (!result.ok()) return absl::OkStatus();
  JobRow* const row = rows_.Find(finished.lease.job);
  if (row == nullptr) {
    result = NoSuchJob(finished.lease.job);
    return absl::OkStatus();
  }
  const bool same = row->fence == finished.lease.fence;
  if (same && row->transition == static_cast<std::int64_t>(finished.transition)) {
    return absl::OkStatus();  // A repeat.
  }
  const bool cancel = row->Has(kCancelRequested);
  const Transition end =
      finished.transition == Transition::kCrash
          ? LossTransition(Transition::kCrash, row->crashes + 1, finished.crash_count_max, cancel)
          : EndTransition(finished.transition, cancel);
  if (!same || row->state != JobState::kRunning || !NextState(row->state, end)) {
    result = LeaseLost(finished.lease);
    return absl::OkStatus();
  }
  return EndAttempt(*row, finished, end);
}

absl::Status Finisher::EndAttempt(JobRow& row, const Finished& finished, Transition end) {
  row.transition = static_cast<std::int64_t>(finished.transition);
  if (finished.error && KeepsError(finished.transition)) {
    rows_.AddError(row,
                   {row.attempt, context_.now(), finished.error->code, finished.error->message});
  }
  if (finished.transition == Transition::kCrash) ++row.crashes;
  if (end == Transition::kSnooze || end == Transition::kRelease) --row.attempt;
  if (end == Transition::kRelease) context_.floors().Clear();  // It is due since long ago.
  if (NextState(row.state, end) == JobState::kPending && end != Transition::kRelease) {
    row.run_at = context_.In(finished.delay);
  }
  if (end != Transition::kComplete || finished.output.empty()) return End(row, end, "");
  const absl::StatusOr<KeptPayload> kept =
      context_.payloads().Keep(row.job, PayloadField::kOutput, finished.output);
  OUTLIVE_RETURN_IF_ERROR(kept.status());
  rows_.PutOutput(row, kept->bytes());
  return End(row, end, finished.output);
}

absl::Status Finisher::End(JobRow& row, Transition by, std::string_view output) {
  rows_.Move(row, NextState(row.state, by).value());
  context_.AddEvent(EventOf(by), row.job, row.fence);
  if (row.state == JobState::kPending) context_.hint().work = true;
  if (!IsTerminal(row.state)) return absl::OkStatus();
  absl::Status inserted = row.follow_ups.empty() ? absl::OkStatus() : InsertFollowUps(row, output);
  if (row.state == JobState::kDead) {
    std::vector<AttemptError> errors;
    if (row.last_error) errors.push_back(*row.last_error);
    row.error_group = ErrorGroupKey(row.kind, errors);
  }
  return inserted;
}

absl::Status Finisher::InsertFollowUps(JobRow& row, std::string_view output) {
  const absl::StatusOr<std::vector<FollowUp>> follow_ups =
      context_.payloads().OpenFollowUps(row.job, row.follow_ups);
  if (!follow_ups.ok()) {
    rows_.AddError(row, FollowUpsLost(row.attempt, context_.now(), follow_ups.status()));
    return absl::OkStatus();
  }
  Job ended;
  ended.id = row.job;
  ended.kind = row.kind;
  ended.queue = row.queue;
  ended.state = row.state;
  ended.attempt = row.attempt;
  ended.generation = row.generation;
  ended.ended_at = context_.now();
  ended.output = output;
  if (row.last_error) ended.errors.push_back(*row.last_error);
  ended.traceparent = row.traceparent;
  return inserter_.InsertUnchecked(FollowUpJobs(*follow_ups, ended));
}

}  // namespace outlive::postgres
