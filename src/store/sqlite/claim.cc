#include "store/sqlite/claim.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "core/return_if_error.h"
#include "outlive/core/limits.h"
#include "outlive/core/store_rules.h"
#include "store/sqlite/flags.h"
#include "store/sqlite/job_rows.h"

namespace outlive::sqlite {
namespace {

constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

// Jobs read ahead at once: what a big claim wants, but no more than what fits in a few pages.
constexpr std::size_t kChunkMax = 256;

bool SameQueues(const std::vector<QueueClaim>& queues, const std::vector<std::string>& names) {
  return std::equal(
      queues.begin(), queues.end(), names.begin(), names.end(),
      [](const QueueClaim& queue, const std::string& name) { return queue.queue == name; });
}

}  // namespace

absl::StatusOr<ClaimResult> Claimer::Claim(const ClaimRequest& request) {
  OUTLIVE_RETURN_IF_ERROR(ValidateClaimRequest(request));
  const absl::StatusOr<std::int64_t> session = FindSession(request.session);
  OUTLIVE_RETURN_IF_ERROR(session.status());
  OUTLIVE_RETURN_IF_ERROR(Plan(request));
  now_ = absl::ToUnixMicros(context_.now());
  next_run_at_ = kNever;
  more_ = false;
  ClaimResult result;
  for (std::size_t i = 0; i < request.queues.size(); ++i) {
    const int wanted = request.queues[i].job_count_max;
    if (wanted == 0 || plan_[i].lanes.empty()) continue;
    const absl::StatusOr<bool> paused = context_.IsPaused(plan_[i].queue);
    OUTLIVE_RETURN_IF_ERROR(paused.status());
    if (*paused) continue;
    const std::size_t room = limits::kClaimJobCountMax - result.jobs.size();
    OUTLIVE_RETURN_IF_ERROR(TakeFrom(plan_[i], std::min<std::size_t>(wanted, room)));
    OUTLIVE_RETURN_IF_ERROR(Lease(i, *session, result.jobs));
  }
  if (more_) {
    result.next_run_at = absl::InfinitePast();
  } else if (next_run_at_ != kNever) {
    result.next_run_at = absl::FromUnixMicros(next_run_at_);
  }
  return result;
}

absl::StatusOr<std::int64_t> Claimer::FindSession(const std::string& name) {
  Rows rows = session_.Query(name);
  if (rows.Next() && rows.Time(1) > context_.now()) return rows.Int(0);
  OUTLIVE_RETURN_IF_ERROR(rows.status());
  return absl::AbortedError("the session is not open, or has expired");
}

absl::Status Claimer::Plan(const ClaimRequest& request) {
  OUTLIVE_RETURN_IF_ERROR(context_.catalog().ReadNewLanes());
  if (plan_last_lane_ == context_.catalog().last_lane() && plan_.size() == request.queues.size() &&
      SameQueues(request.queues, plan_queues_) && plan_kinds_ == request.kinds) {
    return absl::OkStatus();
  }
  plan_.clear();
  plan_queues_.clear();
  for (const QueueClaim& queue : request.queues) {
    absl::StatusOr<PlannedQueue> planned = PlanQueue(queue.queue, request.kinds);
    OUTLIVE_RETURN_IF_ERROR(planned.status());
    plan_.push_back(*std::move(planned));
    plan_queues_.push_back(queue.queue);
  }
  plan_kinds_ = request.kinds;
  plan_last_lane_ = context_.catalog().last_lane();
  return absl::OkStatus();
}

absl::StatusOr<Claimer::PlannedQueue> Claimer::PlanQueue(const std::string& queue,
                                                         const std::vector<std::string>& kinds) {
  PlannedQueue planned;
  const std::optional<NameId> queue_id = context_.catalog().FindName(queue);
  if (!queue_id) return planned;
  planned.queue = *queue_id;
  for (std::size_t i = 0; i < kinds.size(); ++i) {
    const std::optional<NameId> kind_id = context_.catalog().FindName(kinds[i]);
    if (!kind_id) continue;
    const std::optional<LaneId> lane = context_.catalog().FindLane(*queue_id, *kind_id);
    if (lane) planned.lanes.push_back({*lane, i});
  }
  return planned;
}

absl::Status Claimer::TakeFrom(const PlannedQueue& queue, std::size_t job_count_max) {
  taken_.clear();
  cursors_.clear();
  for (const PlannedLane& lane : queue.lanes) {
    Cursor cursor;
    cursor.lane = lane;
    const absl::StatusOr<bool> found = GoToNextPriority(cursor, -1);
    OUTLIVE_RETURN_IF_ERROR(found.status());
    if (*found) cursors_.push_back(std::move(cursor));
  }
  // A heap whose front is the cursor on the job to be taken next.
  const auto later = [](const Cursor& a, const Cursor& b) { return a.place() > b.place(); };
  std::make_heap(cursors_.begin(), cursors_.end(), later);
  while (!cursors_.empty() && taken_.size() < job_count_max) {
    std::pop_heap(cursors_.begin(), cursors_.end(), later);
    Cursor& cursor = cursors_.back();
    taken_.push_back({cursor.lane, cursor.place()});
    // One more than is wanted, to know whether there are more.
    const std::size_t chunk = std::min(job_count_max - taken_.size() + 1, kChunkMax);
    const absl::StatusOr<bool> found = Advance(cursor, chunk);
    OUTLIVE_RETURN_IF_ERROR(found.status());
    if (*found) {
      std::push_heap(cursors_.begin(), cursors_.end(), later);
    } else {
      cursors_.pop_back();
    }
  }
  if (!cursors_.empty()) more_ = true;
  return absl::OkStatus();
}

absl::StatusOr<bool> Claimer::GoToNextPriority(Cursor& cursor, std::int64_t priority) {
  cursor.ahead.clear();
  cursor.at = 0;
  for (;;) {
    Rows rows = first_of_next_priority_.Query(cursor.lane.lane, priority);
    if (!rows.Next()) {
      OUTLIVE_RETURN_IF_ERROR(rows.status());
      return false;
    }
    const Place first{rows.Int(0), rows.Int(1), rows.Int(2)};
    if (first.run_at <= now_) {
      cursor.ahead.push_back(first);
      return true;
    }
    next_run_at_ = std::min(next_run_at_, first.run_at);
    priority = first.priority;
  }
}

absl::StatusOr<bool> Claimer::Advance(Cursor& cursor, std::size_t chunk) {
  if (++cursor.at < cursor.ahead.size()) return true;
  const Place last = cursor.ahead.back();
  cursor.ahead.clear();
  cursor.at = 0;
  {
    Rows rows = next_pending_.Query(cursor.lane.lane, last.priority, last.run_at, last.job, chunk);
    while (rows.Next()) {
      const Place place{last.priority, rows.Int(0), rows.Int(1)};
      if (place.run_at > now_) {
        next_run_at_ = std::min(next_run_at_, place.run_at);
        break;
      }
      cursor.ahead.push_back(place);
    }
    OUTLIVE_RETURN_IF_ERROR(rows.status());
  }
  if (!cursor.ahead.empty()) return true;
  return GoToNextPriority(cursor, last.priority);
}

absl::Status Claimer::Lease(std::size_t queue, std::int64_t session,
                            std::vector<ClaimedJob>& jobs) {
  const std::size_t first = jobs.size();
  jobs.resize(first + taken_.size());
  const auto leased = absl::MakeSpan(jobs).subspan(first);
  with_checkpoint_.clear();
  for (const Range& range : RangesTaken()) {
    OUTLIVE_RETURN_IF_ERROR(ReadRange(range, leased));
    OUTLIVE_RETURN_IF_ERROR(MoveRange(range, session));
  }
  const Payloads& payloads = context_.payloads();
  for (ClaimedJob& job : leased) {
    job.queue = queue;
    job.payload_status = payloads.Open(job.lease.job, PayloadField::kArgs, job.args);
    context_.AddEvent(EventType::kClaimed, job.lease.job, job.lease.fence);
  }
  for (const std::size_t i : with_checkpoint_) {
    ClaimedJob& job = leased[i];
    absl::StatusOr<std::optional<std::string>> checkpoint = Checkpoint(job.lease.job);
    OUTLIVE_RETURN_IF_ERROR(checkpoint.status());
    if (!checkpoint->has_value()) {
      job.payload_status.Update(absl::DataLossError("the job's checkpoint is gone"));
      continue;
    }
    job.checkpoint = **std::move(checkpoint);
    job.payload_status.Update(
        payloads.Open(job.lease.job, PayloadField::kCheckpoint, job.checkpoint));
  }
  return absl::OkStatus();
}

std::vector<Claimer::Range> Claimer::RangesTaken() const {
  std::vector<Range> ranges;
  for (std::size_t i = 0; i < taken_.size(); ++i) {
    const Taken& taken = taken_[i];
    auto range = std::find_if(ranges.begin(), ranges.end(), [&taken](const Range& each) {
      return each.lane.lane == taken.lane.lane && each.priority == taken.place.priority;
    });
    if (range == ranges.end()) {
      range = ranges.insert(range, {taken.lane, taken.place.priority, {}});
    }
    range->taken.push_back(i);
  }
  return ranges;
}

absl::Status Claimer::ReadRange(const Range& range, absl::Span<ClaimedJob> jobs) {
  const Place& last = taken_[range.taken.back()].place;
  Rows rows = jobs_to_run_.Query(range.lane.lane, range.priority, last.run_at, last.job);
  for (const std::size_t i : range.taken) {
    const Place& place = taken_[i].place;
    if (!rows.Next() || rows.Int(0) != place.job) {
      OUTLIVE_RETURN_IF_ERROR(rows.status());
      return absl::DataLossError(fmt::format("pending job {} is not in outlive_job", place.job));
    }
    ClaimedJob& job = jobs[i];
    job.lease = {place.job, Next(rows.Int(4))};
    job.kind = range.lane.kind;
    job.priority = static_cast<int>(place.priority);
    job.attempt = rows.Count(1) + 1;
    job.attempt_count_max = rows.Count(2);
    job.crashes = rows.Count(3);
    job.run_at = absl::FromUnixMicros(place.run_at);
    job.started_at = context_.now();
    job.retry_policy = rows.Text(6);
    job.traceparent = rows.Text(7);
    job.args = rows.Text(8);
    if ((rows.Int(5) & kHasCheckpoint) != 0) with_checkpoint_.push_back(i);
  }
  return absl::OkStatus();
}

absl::Status Claimer::MoveRange(const Range& range, std::int64_t session) {
  const Place& last = taken_[range.taken.back()].place;
  const auto count = static_cast<std::int64_t>(range.taken.size());
  OUTLIVE_RETURN_IF_ERROR(
      add_running_.Run(range.lane.lane, range.priority, last.run_at, last.job, session, now_));
  const bool all_added = add_running_.changes() == count;
  OUTLIVE_RETURN_IF_ERROR(
      delete_claimed_.Run(range.lane.lane, range.priority, last.run_at, last.job));
  if (!all_added || delete_claimed_.changes() != count) {
    return absl::DataLossError("outlive_pending does not agree with outlive_job");
  }
  context_.Count(range.lane.lane, JobState::kPending, static_cast<int>(-count));
  context_.Count(range.lane.lane, JobState::kRunning, static_cast<int>(count));
  return absl::OkStatus();
}

absl::StatusOr<std::optional<std::string>> Claimer::Checkpoint(JobId job) {
  Rows rows = checkpoint_.Query(job);
  if (rows.Next()) return std::string(rows.Text(0));
  OUTLIVE_RETURN_IF_ERROR(rows.status());
  return std::nullopt;
}

}  // namespace outlive::sqlite
