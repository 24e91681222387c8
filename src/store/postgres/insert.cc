#include "store/postgres/insert.h"

#include <absl/strings/str_join.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <map>
#include <utility>

#include "core/return_if_error.h"
#include "outlive/core/clock.h"
#include "outlive/core/event.h"
#include "outlive/core/limits.h"
#include "outlive/core/store_rules.h"
#include "store/postgres/flags.h"

namespace outlive::postgres {
namespace {

// Columns of outlive.live and outlive.job, in the order of the statement's parameters.
enum Column : std::size_t {
  kId,
  kLane,
  kPriority,
  kRunAt,
  kFlags,
  kAttemptMax,
  kIdempotencyKey,
  kPartitionKey,
  kTraceparent,
  kTags,
  kRetryPolicy,
  kArgs,
  kColumnCount
};

Element ElementOf(std::size_t column) {
  switch (column) {
    case kIdempotencyKey:
    case kPartitionKey:
    case kArgs:
      return Element::kBytes;
    case kTraceparent:
    case kTags:
    case kRetryPolicy:
      return Element::kText;
    default:
      return Element::kBigint;
  }
}

// How long ids are kept for the next transaction. Jobs are listed by id, so that those of several
// processes are in order up to this.
constexpr absl::Duration kKeepIds = absl::Seconds(1);

// For how many of the next transactions they are taken at once.
constexpr std::size_t kTransactionsAhead = 4;

Query IdsQuery(std::size_t count) {
  Query query{.name = "insert/take_ids"};
  query.params.Int(static_cast<std::int64_t>(count));
  return query;
}

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
  started_at_ = SystemClockInstance().SinceBoot();
  if (started_at_ - last_commit_at_ > kKeepIds) ids_.clear();
  backlog_.clear();
  ClearColumns();
}

void Inserter::ClearColumns() {
  payload_bytes_ = 0;
  columns_.clear();
  for (std::size_t i = 0; i < kColumnCount; ++i) columns_.emplace_back(ElementOf(i));
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
  if (count > ids_.size()) {
    const absl::StatusOr<Rows> rows =
        context_.session().RunOne(IdsQuery(std::max({count - ids_.size(), usual_ids_, used_ids_})));
    OUTLIVE_RETURN_IF_ERROR(rows.status());
    KeepIds(*rows);
  }
  const auto end = ids_.begin() + static_cast<std::ptrdiff_t>(count);
  std::vector<JobId> taken(ids_.begin(), end);
  ids_.erase(ids_.begin(), end);
  used_ids_ += count;
  return taken;
}

void Inserter::KeepIds(const Rows& ids) {
  for (int row = 0; row < ids.size(); ++row) ids_.push_back(ids.Int(row, 0));
}

// Where nobody follows within kKeepIds they would be lost, and ids of rare jobs have gaps.
std::optional<Query> Inserter::TakeIdsAhead() const {
  if (used_ids_ == 0 || started_at_ - last_commit_at_ > kKeepIds) return std::nullopt;
  const std::size_t wanted = std::max(used_ids_, usual_ids_);
  if (wanted > limits::kCommitJobCountMax || wanted <= ids_.size()) return std::nullopt;
  return IdsQuery(kTransactionsAhead * wanted - ids_.size());
}

void Inserter::Committed(const Rows* ids) {
  if (ids != nullptr) KeepIds(*ids);
  if (used_ids_ > 0) last_commit_at_ = SystemClockInstance().SinceBoot();
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
  Array windows(Element::kBigint);
  for (const auto& [hash, i] : first) {
    hashes.AddUuid(hash);
    args.AddUuid(batch.arguments[i]);
    jobs.AddInt(batch.ids[i]);
    windows.AddInt(absl::ToInt64Microseconds(batch.jobs[i].idempotency_window));
  }
  std::array queries = {Query{.name = "insert/take_keys"}, Query{.name = "insert/find_keys"}};
  queries[1].params.Add(hashes);
  queries[0].params.Add(std::move(hashes)).Add(std::move(args)).Add(std::move(jobs));
  queries[0].params.Add(std::move(windows));
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
  Array windows(Element::kBigint);
  for (const auto& [hash, key] : batch.keys) {
    if (key.free || key.moved) given.AddUuid(hash);
    if (key.free || !key.moved) continue;
    hashes.AddUuid(hash);
    args.AddUuid(key.args);
    jobs.AddInt(key.job);
    windows.AddInt(absl::ToInt64Microseconds(batch.jobs[key.owner].idempotency_window));
  }
  if (given.size() == 0) return absl::OkStatus();
  std::array queries = {Query{.name = "insert/give_keys_back"}, Query{.name = "insert/take_keys"}};
  queries[0].params.Add(std::move(given));
  queries[1].params.Add(std::move(hashes)).Add(std::move(args)).Add(std::move(jobs));
  queries[1].params.Add(std::move(windows));
  return context_.session().Run(queries).status();
}

absl::Status Inserter::AddJob(JobId id, int lane, const NewJob& job) {
  const Payloads& payloads = context_.payloads();
  const absl::StatusOr<KeptPayload> args = payloads.Keep(id, PayloadField::kArgs, job.args);
  OUTLIVE_RETURN_IF_ERROR(args.status());
  std::int64_t flags = 0;
  if (!job.follow_ups.empty()) {
    const absl::StatusOr<std::string> kept = payloads.KeepFollowUps(id, job.follow_ups);
    OUTLIVE_RETURN_IF_ERROR(kept.status());
    follow_up_jobs_.AddInt(id);
    follow_ups_.AddBytes(*kept);
    payload_bytes_ += kept->size();
    flags |= kHasFollowUps;
  }
  if (!job.tags.empty()) flags |= kHasTags;
  for (const std::string& tag : job.tags) {
    tag_names_.AddBytes(tag);
    tag_jobs_.AddInt(id);
  }
  columns_[kId].AddInt(id);
  columns_[kLane].AddInt(lane);
  columns_[kPriority].AddInt(job.priority);
  columns_[kRunAt].AddInt(absl::ToUnixMicros(ToStoreTime(job.run_at)));
  columns_[kFlags].AddInt(flags);
  columns_[kAttemptMax].AddInt(job.attempt_count_max);
  columns_[kIdempotencyKey].AddBytesOrNull(job.idempotency_key);
  columns_[kPartitionKey].AddBytesOrNull(job.partition_key);
  columns_[kTraceparent].AddBytesOrNull(job.traceparent);
  columns_[kTags].AddBytesOrNull(absl::StrJoin(job.tags, " "));
  columns_[kRetryPolicy].AddBytesOrNull(job.retry_policy);
  columns_[kArgs].AddBytes(args->bytes());
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
  if (columns_[kId].size() == 0) return queries;
  queries.push_back({.name = "insert/add_jobs"});
  for (Array& column : columns_) queries.back().params.Add(std::move(column));
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
