#include "store/sqlite/insert.h"

#include <absl/strings/str_join.h>
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include "core/return_if_error.h"
#include "outlive/core/event.h"
#include "outlive/core/idempotency.h"
#include "outlive/core/store_rules.h"
#include "store/sqlite/flags.h"

namespace outlive::sqlite {
namespace {

Bytes AsBytes(const Fingerprint& fingerprint) {
  return {{reinterpret_cast<const char*>(fingerprint.data()), fingerprint.size()}};
}

// All zeros, which no arguments have, where it is of another size.
Fingerprint AsFingerprint(std::string_view bytes) {
  Fingerprint fingerprint = {};
  if (bytes.size() == fingerprint.size()) {
    std::copy(bytes.begin(), bytes.end(), fingerprint.begin());
  }
  return fingerprint;
}

}  // namespace

absl::StatusOr<std::vector<absl::StatusOr<Inserted>>> Inserter::Insert(
    absl::Span<const NewJob> jobs) {
  OUTLIVE_RETURN_IF_ERROR(ValidateBatch(jobs.size()));
  backlog_.clear();
  const JobId first = context_.next_job();
  std::vector<absl::StatusOr<Inserted>> results;
  results.reserve(jobs.size());
  for (const NewJob& job : jobs) {
    absl::StatusOr<absl::StatusOr<Inserted>> result = InsertOne(job);
    OUTLIVE_RETURN_IF_ERROR(result.status());
    results.push_back(*std::move(result));
  }
  OUTLIVE_RETURN_IF_ERROR(AddPending(first));
  return results;
}

absl::Status Inserter::InsertUnchecked(absl::Span<const NewJob> jobs) {
  const JobId first = context_.next_job();
  for (const NewJob& job : jobs) {
    const absl::StatusOr<LaneId> lane = context_.catalog().EnsureLane(job.queue, job.kind);
    OUTLIVE_RETURN_IF_ERROR(lane.status());
    OUTLIVE_RETURN_IF_ERROR(AddJob(*lane, job).status());
  }
  return AddPending(first);
}

absl::Status Inserter::AddPending(JobId first) {
  const std::int64_t count = context_.next_job() - first;
  if (count == 0) return absl::OkStatus();
  OUTLIVE_RETURN_IF_ERROR(add_all_pending_.Run(first, context_.next_job() - 1));
  if (add_all_pending_.changes() == count) return absl::OkStatus();
  return absl::DataLossError("outlive_job does not hold the jobs that were just added");
}

absl::StatusOr<absl::StatusOr<Inserted>> Inserter::InsertOne(const NewJob& job) {
  if (absl::Status status = ValidateNewJob(job); !status.ok()) {
    return absl::StatusOr<Inserted>(std::move(status));
  }
  if (!job.idempotency_key.empty()) {
    absl::StatusOr<std::optional<absl::StatusOr<Inserted>>> taken = TakeKey(job);
    OUTLIVE_RETURN_IF_ERROR(taken.status());
    if (taken->has_value()) return **std::move(taken);
  }
  if (job.backlog_max > 0) {
    const absl::StatusOr<bool> room = HasRoom(job);
    OUTLIVE_RETURN_IF_ERROR(room.status());
    if (!*room) {
      if (!job.idempotency_key.empty()) {
        OUTLIVE_RETURN_IF_ERROR(
            delete_key_.Run(AsBytes(KeyFingerprint(job.kind, job.idempotency_key))));
      }
      return absl::StatusOr<Inserted>(absl::ResourceExhaustedError(
          fmt::format("queue {} already has {} pending jobs or more", job.queue, job.backlog_max)));
    }
  }
  const absl::StatusOr<LaneId> lane = context_.catalog().EnsureLane(job.queue, job.kind);
  OUTLIVE_RETURN_IF_ERROR(lane.status());
  const absl::StatusOr<JobId> id = AddJob(*lane, job);
  OUTLIVE_RETURN_IF_ERROR(id.status());
  return absl::StatusOr<Inserted>(Inserted{*id, false});
}

absl::StatusOr<std::optional<absl::StatusOr<Inserted>>> Inserter::TakeKey(const NewJob& job) {
  using Answer = std::optional<absl::StatusOr<Inserted>>;
  const Payloads& payloads = context_.payloads();
  const Fingerprint hash = KeyFingerprint(job.kind, job.idempotency_key);
  const absl::StatusOr<Fingerprint> args = payloads.ArgsFingerprint(hash, job.args);
  OUTLIVE_RETURN_IF_ERROR(args.status());
  const absl::Time expires_at = context_.now() + job.idempotency_window;
  OUTLIVE_RETURN_IF_ERROR(
      add_key_.Run(expires_at, AsBytes(hash), context_.next_job(), AsBytes(*args)));
  if (add_key_.changes() == 1) return Answer();
  {
    Rows rows = find_key_.Query(AsBytes(hash));
    if (!rows.Next()) {
      OUTLIVE_RETURN_IF_ERROR(rows.status());
      return absl::DataLossError("the index of outlive_key does not agree with its table");
    }
    if (rows.Time(0) > context_.now()) {
      if (payloads.IsArgsFingerprint(AsFingerprint(rows.Text(2)), hash, job.args)) {
        return Answer(Inserted{rows.Int(1), true});
      }
      return Answer(absl::AlreadyExistsError(fmt::format(
          "the idempotency key was used for job {} with other arguments", rows.Int(1))));
    }
  }
  // Its window has ended.
  OUTLIVE_RETURN_IF_ERROR(delete_key_.Run(AsBytes(hash)));
  OUTLIVE_RETURN_IF_ERROR(
      add_key_.Run(expires_at, AsBytes(hash), context_.next_job(), AsBytes(*args)));
  return Answer();
}

absl::StatusOr<bool> Inserter::HasRoom(const NewJob& job) {
  const absl::StatusOr<NameId> queue = context_.catalog().EnsureName(job.queue);
  OUTLIVE_RETURN_IF_ERROR(queue.status());
  const auto [counted, fresh] = backlog_.try_emplace(*queue, 0);
  if (fresh) {
    OUTLIVE_RETURN_IF_ERROR(context_.FlushCounts());
    Rows rows = queue_backlog_.Query(*queue);
    if (rows.Next()) counted->second = rows.LargeCount(0);
    OUTLIVE_RETURN_IF_ERROR(rows.status());
  }
  return counted->second < job.backlog_max;
}

absl::StatusOr<JobId> Inserter::AddJob(LaneId lane, const NewJob& job) {
  const JobId id = context_.TakeJob();
  std::int64_t flags = 0;
  std::string tags;
  if (!job.tags.empty()) {
    flags |= kHasTags;
    tags = absl::StrJoin(job.tags, " ");
    for (const std::string& tag : job.tags) OUTLIVE_RETURN_IF_ERROR(add_tag_.Run(tag, id));
  }
  if (!job.follow_ups.empty()) {
    flags |= kHasFollowUps;
    const absl::StatusOr<std::string> kept = context_.payloads().KeepFollowUps(id, job.follow_ups);
    OUTLIVE_RETURN_IF_ERROR(kept.status());
    OUTLIVE_RETURN_IF_ERROR(add_follow_ups_.Run(id, *kept));
  }
  const absl::StatusOr<KeptPayload> args =
      context_.payloads().Keep(id, PayloadField::kArgs, job.args);
  OUTLIVE_RETURN_IF_ERROR(args.status());
  const std::int64_t run_at = absl::ToUnixMicros(DueTime(job.run_at, context_.now()));
  OUTLIVE_RETURN_IF_ERROR(add_job_.Run(
      id, lane, job.priority, run_at, context_.now(), job.attempt_count_max, flags,
      TextOrNull{job.idempotency_key}, TextOrNull{job.partition_key}, TextOrNull{job.traceparent},
      TextOrNull{tags}, TextOrNull{job.retry_policy}, Bytes{args->bytes()}));
  context_.Count(lane, JobState::kPending, 1);
  context_.AddEvent(EventType::kEnqueued, id, 0);
  if (!backlog_.empty()) {
    const absl::StatusOr<NameId> queue = context_.catalog().EnsureName(job.queue);
    OUTLIVE_RETURN_IF_ERROR(queue.status());
    const auto counted = backlog_.find(*queue);
    if (counted != backlog_.end()) ++counted->second;
  }
  return id;
}

}  // namespace outlive::sqlite
