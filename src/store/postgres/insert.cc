#include "store/postgres/insert.h"

#include <absl/strings/str_join.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <utility>

#include "core/return_if_error.h"
#include "outlive/core/event.h"
#include "outlive/core/limits.h"
#include "outlive/core/store_rules.h"
#include "store/postgres/flags.h"

namespace outlive::postgres {
namespace {

enum Numbers : std::size_t { kId, kLane, kAttemptMax, kNumberCount };
enum Bytes : std::size_t {
  kIdempotencyKey,
  kPartitionKey,
  kTraceparent,
  kTags,
  kRetryPolicy,
  kArgs,
  kBytesCount
};

}  // namespace

// One call of Insert().
struct Inserter::Batch {
  absl::Span<const NewJob> jobs;
  std::vector<absl::Status> valid;
  std::vector<JobId> ids;
  std::vector<int> lanes;
  std::vector<Fingerprint> hashes;  // Where there is a key.
  std::vector<Fingerprint> arguments;
  std::map<Fingerprint, Key> keys;

  bool has_key(std::size_t i) const { return valid[i].ok() && !jobs[i].idempotency_key.empty(); }
};

void Inserter::Forget() {
  // Small groups alternate with large ones: what was usual is given up little by little.
  const std::size_t usual = std::max(used_ids_, usual_ids_ - usual_ids_ / 8);
  usual_ids_ = std::clamp<std::size_t>(usual, 1, limits::kCommitJobCountMax);
  used_ids_ = 0;
  ids_.clear();
  backlog_.clear();
  ClearColumns();
}

void Inserter::ClearColumns() {
  payload_bytes_ = 0;
  numbers_.assign(kNumberCount, Array(Element::kBigint));
  bytes_.assign(kBytesCount, Array(Element::kBytes));
  for (const std::size_t column : {kTraceparent, kTags, kRetryPolicy}) {
    bytes_[column] = Array(Element::kText);
  }
  live_ = LiveColumns("insert/add_live");
  tag_names_ = Array(Element::kText);
  tag_jobs_ = Array(Element::kBigint);
  follow_up_jobs_ = Array(Element::kBigint);
  follow_ups_ = Array(Element::kText);
}

absl::StatusOr<std::vector<absl::StatusOr<Inserted>>> Inserter::Insert(
    absl::Span<const NewJob> jobs) {
  OUTLIVE_RETURN_IF_ERROR(ValidateBatch(jobs.size()));
  backlog_.clear();  // What else the transaction does changes it.
  Batch batch;
  batch.jobs = jobs;
  std::vector<const NewJob*> good;
  for (const NewJob& job : jobs) {
    batch.valid.push_back(ValidateNewJob(job));
    if (batch.valid.back().ok()) good.push_back(&job);
  }
  const absl::StatusOr<std::vector<int>> lanes = context_.lanes().LanesOf(good);
  OUTLIVE_RETURN_IF_ERROR(lanes.status());
  absl::StatusOr<std::vector<JobId>> ids = TakeIds(good.size());
  OUTLIVE_RETURN_IF_ERROR(ids.status());
  std::size_t next = 0;
  for (const absl::Status& valid : batch.valid) {
    batch.ids.push_back(valid.ok() ? (*ids)[next] : 0);
    batch.lanes.push_back(valid.ok() ? (*lanes)[next] : 0);
    if (valid.ok()) ++next;
  }
  OUTLIVE_RETURN_IF_ERROR(TakeKeys(batch));
  OUTLIVE_RETURN_IF_ERROR(CountBacklogs(batch));
  std::vector<absl::StatusOr<Inserted>> results;
  results.reserve(jobs.size());
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    absl::StatusOr<absl::StatusOr<Inserted>> result = InsertOne(batch, i);
    OUTLIVE_RETURN_IF_ERROR(result.status());
    results.push_back(*std::move(result));
    OUTLIVE_RETURN_IF_ERROR(WriteIfLarge());
  }
  OUTLIVE_RETURN_IF_ERROR(GiveKeysBack(batch));
  return results;
}

absl::Status Inserter::InsertUnchecked(absl::Span<const NewJob> jobs) {
  std::vector<const NewJob*> all;
  for (const NewJob& job : jobs) all.push_back(&job);
  if (all.empty()) return absl::OkStatus();
  const absl::StatusOr<std::vector<int>> lanes = context_.lanes().LanesOf(all);
  OUTLIVE_RETURN_IF_ERROR(lanes.status());
  const absl::StatusOr<std::vector<JobId>> ids = TakeIds(jobs.size());
  OUTLIVE_RETURN_IF_ERROR(ids.status());
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    OUTLIVE_RETURN_IF_ERROR(AddJob((*ids)[i], (*lanes)[i], jobs[i]));
    OUTLIVE_RETURN_IF_ERROR(WriteIfLarge());
  }
  return absl::OkStatus();
}

// Growing, also from one call to the next.
absl::StatusOr<std::vector<JobId>> Inserter::TakeIds(std::size_t count) {
  std::vector<JobId> taken;
  if (count > ids_.size()) {
    ids_.clear();
    Query query{.name = "insert/take_ids"};
    query.params.Int(static_cast<std::int64_t>(std::max({count, usual_ids_, used_ids_})));
    const absl::StatusOr<Rows> rows = context_.session().RunOne(query);
    OUTLIVE_RETURN_IF_ERROR(rows.status());
    for (int row = rows->size(); row > 0; --row) ids_.push_back(rows->Int(row - 1, 0));
  }
  for (std::size_t i = 0; i < count; ++i) {
    taken.push_back(ids_.back());
    ids_.pop_back();
  }
  used_ids_ += count;
  return taken;
}

absl::Status Inserter::TakeKeys(Batch& batch) {
  const Payloads& payloads = context_.payloads();
  batch.hashes.resize(batch.jobs.size());
  batch.arguments.resize(batch.jobs.size());
  std::map<Fingerprint, std::size_t> first;  // Sorted, as all who take keys sort them.
  for (std::size_t i = 0; i < batch.jobs.size(); ++i) {
    if (!batch.has_key(i)) continue;
    const NewJob& job = batch.jobs[i];
    batch.hashes[i] = KeyFingerprint(job.kind, job.idempotency_key);
    const absl::StatusOr<Fingerprint> args = payloads.ArgsFingerprint(batch.hashes[i], job.args);
    OUTLIVE_RETURN_IF_ERROR(args.status());
    batch.arguments[i] = *args;
    first.emplace(batch.hashes[i], i);
  }
  if (first.empty()) return absl::OkStatus();
  Array hashes(Element::kUuid);
  Array args(Element::kUuid);
  Array jobs(Element::kBigint);
  Array ends(Element::kBigint);
  for (const auto& [hash, i] : first) {
    hashes.AddUuid(hash);
    args.AddUuid(batch.arguments[i]);
    jobs.AddInt(batch.ids[i]);
    ends.AddInt(context_.In(batch.jobs[i].idempotency_window));
  }
  std::array queries = {Query{.name = "insert/take_keys"}, Query{.name = "insert/find_keys"}};
  queries[1].params.Add(hashes);
  queries[0].params.Add(std::move(hashes)).Add(std::move(args)).Add(std::move(jobs));
  queries[0].params.Add(std::move(ends)).Int(context_.now_micros());
  const absl::StatusOr<std::vector<Rows>> results = context_.session().Run(queries);
  OUTLIVE_RETURN_IF_ERROR(results.status());
  const Rows& rows = (*results)[1];
  for (int row = 0; row < rows.size(); ++row) {
    Key key{.job = rows.Int(row, 2), .args = rows.Uuid(row, 1)};
    const auto owner = first.find(rows.Uuid(row, 0));
    key.free = owner != first.end() && batch.ids[owner->second] == key.job;
    batch.keys[rows.Uuid(row, 0)] = key;
  }
  // Somebody else's that was pruned between the two statements.
  if (batch.keys.size() == first.size()) return absl::OkStatus();
  return absl::UnavailableError("an idempotency key was pruned at this very moment; call again");
}

// One writer at a time may count a backlog: else several could fill the last place.
absl::Status Inserter::CountBacklogs(const Batch& batch) {
  std::vector<std::string> queues;
  for (std::size_t i = 0; i < batch.jobs.size(); ++i) {
    const NewJob& job = batch.jobs[i];
    if (batch.valid[i].ok() && job.backlog_max > 0 && !backlog_.contains(job.queue)) {
      backlog_[job.queue] = 0;
      queues.push_back(job.queue);
    }
  }
  if (queues.empty()) return absl::OkStatus();
  std::vector<Query> queries = context_.LeaveCounts();
  queries.push_back(context_.LogLock());
  queries.push_back({.name = "insert/backlog"});
  queries.back().params.Add(Texts(queues));
  const absl::StatusOr<std::vector<Rows>> results = context_.session().Run(queries);
  OUTLIVE_RETURN_IF_ERROR(results.status());
  const Rows& rows = results->back();
  for (int row = 0; row < rows.size(); ++row) backlog_[rows.String(row, 0)] = rows.Int(row, 1);
  return absl::OkStatus();
}

absl::StatusOr<absl::StatusOr<Inserted>> Inserter::InsertOne(Batch& batch, std::size_t i) {
  using Answer = absl::StatusOr<Inserted>;
  if (!batch.valid[i].ok()) return Answer(batch.valid[i]);
  const NewJob& job = batch.jobs[i];
  Key* key = nullptr;
  if (batch.has_key(i)) {
    key = &batch.keys[batch.hashes[i]];
    if (!key->free) {
      if (context_.payloads().IsArgsFingerprint(key->args, batch.hashes[i], job.args)) {
        return Answer(Inserted{key->job, true});
      }
      return Answer(absl::AlreadyExistsError(
          fmt::format("the idempotency key was used for job {} with other arguments", key->job)));
    }
  }
  const auto backlog = backlog_.find(job.queue);
  if (job.backlog_max > 0 && backlog->second >= job.backlog_max) {
    return Answer(absl::ResourceExhaustedError(
        fmt::format("queue {} has {} pending jobs, and at most {} are allowed", job.queue,
                    backlog->second, job.backlog_max)));
  }
  const JobId id = batch.ids[i];
  if (key != nullptr) {
    // The table has it for the first of the batch that wanted it, which may have been refused.
    key->moved = key->job != id;
    *key = {id, batch.arguments[i], i, false, key->moved};
  }
  OUTLIVE_RETURN_IF_ERROR(AddJob(id, batch.lanes[i], job));
  if (backlog != backlog_.end()) ++backlog->second;
  return Answer(Inserted{id, false});
}

absl::Status Inserter::GiveKeysBack(const Batch& batch) {
  Array given(Element::kUuid);
  Array hashes(Element::kUuid);
  Array args(Element::kUuid);
  Array jobs(Element::kBigint);
  Array ends(Element::kBigint);
  for (const auto& [hash, key] : batch.keys) {
    if (key.free || key.moved) given.AddUuid(hash);
    if (key.free || !key.moved) continue;
    hashes.AddUuid(hash);
    args.AddUuid(key.args);
    jobs.AddInt(key.job);
    ends.AddInt(context_.In(batch.jobs[key.owner].idempotency_window));
  }
  if (given.size() == 0) return absl::OkStatus();
  std::array queries = {Query{.name = "insert/give_keys_back"}, Query{.name = "insert/take_keys"}};
  queries[0].params.Add(std::move(given));
  queries[1].params.Add(std::move(hashes)).Add(std::move(args)).Add(std::move(jobs));
  queries[1].params.Add(std::move(ends)).Int(context_.now_micros());
  return context_.session().Run(queries).status();
}

absl::Status Inserter::AddJob(JobId id, int lane, const NewJob& job) {
  const Payloads& payloads = context_.payloads();
  const absl::StatusOr<KeptPayload> args = payloads.Keep(id, PayloadField::kArgs, job.args);
  OUTLIVE_RETURN_IF_ERROR(args.status());
  JobRow row;
  row.job = id;
  row.lane = lane;
  row.priority = job.priority;
  row.run_at = absl::ToUnixMicros(DueTime(job.run_at, context_.now()));
  if (!job.follow_ups.empty()) {
    const absl::StatusOr<std::string> kept = payloads.KeepFollowUps(id, job.follow_ups);
    OUTLIVE_RETURN_IF_ERROR(kept.status());
    follow_up_jobs_.AddInt(id);
    follow_ups_.AddBytes(*kept);
    payload_bytes_ += kept->size();
    row.flags |= kHasFollowUps;
  }
  if (!job.tags.empty()) row.flags |= kHasTags;
  for (const std::string& tag : job.tags) {
    tag_names_.AddBytes(tag);
    tag_jobs_.AddInt(id);
  }
  live_.Add(row);
  numbers_[kId].AddInt(id);
  numbers_[kLane].AddInt(lane);
  numbers_[kAttemptMax].AddInt(job.attempt_count_max);
  bytes_[kIdempotencyKey].AddBytesOrNull(job.idempotency_key);
  bytes_[kPartitionKey].AddBytesOrNull(job.partition_key);
  bytes_[kTraceparent].AddBytesOrNull(job.traceparent);
  bytes_[kTags].AddBytesOrNull(absl::StrJoin(job.tags, " "));
  bytes_[kRetryPolicy].AddBytesOrNull(job.retry_policy);
  bytes_[kArgs].AddBytes(args->bytes());
  payload_bytes_ += args->bytes().size();
  context_.Count(lane, JobState::kPending, 1);
  context_.AddEvent(EventType::kEnqueued, id, 0);
  context_.hint().work = true;
  return absl::OkStatus();
}

// A parameter has a limit of its own, and all of it is in memory more than once.
absl::Status Inserter::WriteIfLarge() {
  if (payload_bytes_ < kParameterBytesMax) return absl::OkStatus();
  return context_.session().Run(Take()).status();
}

std::vector<Query> Inserter::Take() {
  std::vector<Query> queries;
  if (live_.empty()) return queries;
  queries.push_back({.name = "insert/add_jobs"});
  queries.back().params.Int(context_.now_micros());
  for (Array& column : numbers_) queries.back().params.Add(std::move(column));
  for (Array& column : bytes_) queries.back().params.Add(std::move(column));
  queries.push_back(std::move(live_).Take());
  if (tag_jobs_.size() > 0) {
    queries.push_back({.name = "insert/add_tags"});
    queries.back().params.Add(std::move(tag_names_)).Add(std::move(tag_jobs_));
  }
  if (follow_up_jobs_.size() > 0) {
    queries.push_back({.name = "insert/add_follow_ups"});
    queries.back().params.Add(std::move(follow_up_jobs_)).Add(std::move(follow_ups_));
  }
  ClearColumns();
  return queries;
}

}  // namespace outlive::postgres
