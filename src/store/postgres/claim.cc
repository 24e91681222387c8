#include "store/postgres/claim.h"

#include <algorithm>
#include <string_view>
#include <tuple>
#include <utility>

#include "core/return_if_error.h"
#include "outlive/core/clock.h"
#include "outlive/core/limits.h"
#include "outlive/core/store_rules.h"
#include "store/postgres/flags.h"

namespace outlive::postgres {
namespace {

// When to look again for jobs that are due and that somebody else has just locked: his transaction
// may be undone, and nobody would say so.
constexpr absl::Duration kLockedRetry = absl::Milliseconds(50);

absl::Status NotOpen() { return absl::AbortedError("the session is not open, or has expired"); }

}  // namespace

absl::StatusOr<ClaimResult> Claimer::Claim(const ClaimRequest& request, std::vector<Query> before) {
  OUTLIVE_RETURN_IF_ERROR(ValidateClaimRequest(request));
  if (!ValidateName("session", request.session).ok()) return NotOpen();
  from_floors_ = context_.floors().usable(SystemClockInstance().SinceBoot());
  took_ = absl::ZeroDuration();
  queue_count_ = 0;
  left_.assign(request.queues.size(), Left::kNotAsked);
  ClaimResult result;
  std::vector<Query> queries = std::move(before);
  const std::size_t session = queries.size();
  queries.push_back({.name = "claim/session"});
  queries.back().params.Text(request.session);
  std::size_t next = 0;
  // Usually once. Where more is asked for than a claim may take, what one queue has left over is
  // for the next one.
  do {
    const std::size_t first = queries.size();
    const std::vector<std::size_t> queues = AskQueues(request, result, next, queries);
    queries.push_back(NextOf(request));
    const absl::StatusOr<std::vector<Rows>> rows = context_.session().Run(queries);
    OUTLIVE_RETURN_IF_ERROR(rows.status());
    if (first > session) OUTLIVE_RETURN_IF_ERROR(CheckSession((*rows)[session]));
    for (std::size_t i = 0; i < queues.size(); ++i) {
      OUTLIVE_RETURN_IF_ERROR(AddJobs((*rows)[first + i], queues[i], result));
    }
    result.next_run_at = NextRunAt(rows->back(), request, result);
    queries.clear();
  } while (next < request.queues.size() && result.jobs.size() < limits::kClaimJobCountMax);
  const absl::Duration now = SystemClockInstance().SinceBoot();
  if (!from_floors_) context_.floors().Measure(took_, queue_count_, result.jobs.size(), now);
  return result;
}

// Adds to `queries` as many queues, from `next` on, as fit into the claim; which.
std::vector<std::size_t> Claimer::AskQueues(const ClaimRequest& request, const ClaimResult& result,
                                            std::size_t& next, std::vector<Query>& queries) const {
  std::vector<std::size_t> queues;
  std::size_t room = limits::kClaimJobCountMax - result.jobs.size();
  for (; next < request.queues.size() && room > 0; ++next) {
    const std::size_t wanted =
        std::min(static_cast<std::size_t>(request.queues[next].job_count_max), room);
    room -= wanted;
    if (wanted == 0) continue;
    queues.push_back(next);
    queries.push_back(ClaimFrom(request, next, wanted));
  }
  return queues;
}

absl::Status Claimer::CheckSession(const Rows& rows) const {
  if (rows.size() == 1 && rows.Int(0, 0) > context_.now_micros()) return absl::OkStatus();
  return NotOpen();
}

Query Claimer::ClaimFrom(const ClaimRequest& request, std::size_t queue,
                         std::size_t count_max) const {
  Query query{.name = "claim/claim"};
  query.params.Text(request.queues[queue].queue)
      .Add(Texts(request.kinds))
      .Int(static_cast<std::int64_t>(count_max))
      .Text(request.session);
  context_.floors().AddTo(query.params, from_floors_);
  return query;
}

Query Claimer::NextOf(const ClaimRequest& request) {
  Array queues(Element::kText);
  for (const QueueClaim& queue : request.queues) queues.AddBytes(queue.queue);
  Query query{.name = "claim/next"};
  query.params.Add(std::move(queues)).Add(Texts(request.kinds));
  return query;
}

absl::Status Claimer::AddJobs(const Rows& rows, std::size_t queue, ClaimResult& result) {
  const std::size_t first = result.jobs.size();
  for (int row = 0; row < rows.size() && !rows.IsNull(row, 1); ++row) {
    OUTLIVE_RETURN_IF_ERROR(AddJob(rows, row, queue, result));
  }
  took_ += absl::Microseconds(rows.Int(rows.size() - 1, 12));
  ++queue_count_;
  const std::size_t taken = result.jobs.size() - first;
  left_[queue] = static_cast<std::size_t>(rows.Int(0, 0)) > taken ? Left::kSome : Left::kNone;
  std::sort(result.jobs.begin() + static_cast<std::ptrdiff_t>(first), result.jobs.end(),
            [](const ClaimedJob& a, const ClaimedJob& b) {
              return std::tie(a.priority, a.run_at, a.lease.job) <
                     std::tie(b.priority, b.run_at, b.lease.job);
            });
  for (std::size_t i = first; i < result.jobs.size(); ++i) {
    const Lease& lease = result.jobs[i].lease;
    context_.AddEvent(EventType::kClaimed, lease.job, lease.fence);
  }
  return absl::OkStatus();
}

absl::Status Claimer::AddJob(const Rows& rows, int row, std::size_t queue, ClaimResult& result) {
  const Payloads& payloads = context_.payloads();
  ClaimedJob job;
  job.lease = {rows.Int(row, 1), rows.Int(row, 2)};
  job.queue = queue;
  job.kind = static_cast<std::size_t>(rows.Int(row, 4)) - 1;
  job.priority = rows.Small(row, 5);
  job.attempt = rows.Small(row, 6);
  job.crashes = rows.Small(row, 7);
  job.run_at = rows.Time(row, 8);
  job.started_at = context_.now();
  const std::vector<std::string_view> given = rows.Record(row, 10);
  if (given.size() != 4) return absl::DataLossError("a pending job is not in outlive.job");
  job.attempt_count_max = static_cast<int>(BigEndian(given[0]));
  job.args = given[1];
  job.retry_policy = given[2];
  job.traceparent = given[3];
  job.payload_status = payloads.Open(job.lease.job, PayloadField::kArgs, job.args);
  if ((rows.Int(row, 9) & kHasCheckpoint) != 0) {
    job.checkpoint = rows.Text(row, 11);
    if (rows.IsNull(row, 11)) {
      job.payload_status.Update(absl::DataLossError("the job's checkpoint is gone"));
    } else {
      job.payload_status.Update(
          payloads.Open(job.lease.job, PayloadField::kCheckpoint, job.checkpoint));
    }
  }
  const int lane = rows.Small(row, 3);
  context_.floors().Learn(lane, job.priority, job.run_at, job.lease.job, context_.now());
  context_.Count(lane, JobState::kPending, -1);
  context_.Count(lane, JobState::kRunning, 1);
  result.jobs.push_back(std::move(job));
  return absl::OkStatus();
}

absl::Time Claimer::NextRunAt(const Rows& rows, const ClaimRequest& request,
                              const ClaimResult& result) const {
  std::vector<int> taken(left_.size(), 0);
  for (const ClaimedJob& job : result.jobs) ++taken[job.queue];
  const bool full = result.jobs.size() == limits::kClaimJobCountMax;
  absl::Time next = absl::InfiniteFuture();
  bool is_short = false;
  for (std::size_t queue = 0; queue < left_.size(); ++queue) {
    const int wanted = request.queues[queue].job_count_max;
    if (wanted == 0) continue;
    const bool has_all = taken[queue] >= wanted;
    is_short = is_short || !has_all;
    if (left_[queue] == Left::kNone) continue;
    // A queue that was not asked, because others had all there is room for, may have jobs, too.
    if (full || has_all) return absl::InfinitePast();
    if (left_[queue] == Left::kSome) next = std::min(next, context_.now() + kLockedRetry);
  }
  for (int row = 0; row < rows.size(); ++row) {
    const auto queue = static_cast<std::size_t>(rows.Int(row, 0)) - 1;
    if (request.queues[queue].job_count_max > 0) next = std::min(next, rows.Time(row, 1));
  }
  if (from_floors_ && is_short) {
    // Something may lie before the floors.
    const absl::Duration now = SystemClockInstance().SinceBoot();
    next = std::min(next, context_.now() + context_.floors().front_again_at() - now);
  }
  return next;
}

}  // namespace outlive::postgres
