#include "store/postgres/partitions.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string_view>
#include <utility>

#include "core/return_if_error.h"
#include "outlive/core/lifecycle.h"

namespace outlive::postgres {
namespace {

// A partition that gets its ids within this time is dropped as a whole.
constexpr absl::Duration kSpanMax = absl::Hours(48);

// How much longer than asked for the jobs of such a partition may stay.
constexpr absl::Duration kOverdueMax = absl::Hours(48);

// A partition should have the jobs of about a day: the next one is larger than one that was filled
// in less than the first, and smaller than one that took longer than the second.
constexpr absl::Duration kFillTimeMin = absl::Hours(12);
constexpr absl::Duration kFillTimeMax = absl::Hours(48);

// A burst says little about the day: how fast ids are taken is seen over at least this.
constexpr absl::Duration kFirstLook = absl::Hours(1);

// At most so many jobs are moved to DEFAULT to drop a partition, and of a small one this part.
constexpr std::int64_t kKeptCountMax = 1'000;
constexpr std::int64_t kKeptPart = 8;

// What part of a smallest partition is left out where ids are ahead of all partitions: while the
// next one is made, more are taken.
constexpr std::int64_t kMarginPart = 8;

// How long it waits for one lock, and everybody else with it; and until it tries again.
constexpr absl::Duration kLockTimeout = absl::Milliseconds(200);
constexpr absl::Duration kRetryPause = absl::Minutes(5);

// How long the server may look through DEFAULT, with everything locked, for jobs of a partition
// that is made: where it has so many that this is not enough, the new ones go there, too.
constexpr absl::Duration kMakeTimeout = absl::Seconds(2);

// Of the states, as they are kept: completed, cancelled, dead.
constexpr std::array kStates = {3, 4, 5};

// The number of the first parameter that AddUntil() adds after those of a range.
constexpr std::size_t kUntilParameter = 3;

std::string Milliseconds(absl::Duration duration) {
  return fmt::format("{}", absl::ToInt64Milliseconds(duration));
}

std::string JobTable(const IdRange& range) { return fmt::format("outlive.job_{}", range.first); }

std::string EndedTable(const IdRange& range) {
  return fmt::format("outlive.ended_{}", range.first);
}

std::string PartitionOf(const IdRange& range, std::string_view table, std::string_view parent) {
  return fmt::format("{} PARTITION OF {} FOR VALUES FROM ({}) TO ({})", table, parent, range.first,
                     range.past);
}

Query With(std::string_view name, std::string more) {
  return Query{.name = name, .params = {}, .more = " " + std::move(more)};
}

Query WithRange(std::string_view name, const IdRange& range) {
  Query query{.name = name};
  query.params.Int(range.first).Int(range.past);
  return query;
}

Query Configure(const std::vector<std::pair<std::string, std::string>>& settings) {
  Array names(Element::kText);
  Array values(Element::kText);
  for (const auto& [name, value] : settings) {
    names.AddBytes(name);
    values.AddBytes(value);
  }
  Query query{.name = "transaction/configure"};
  query.params.Add(std::move(names)).Add(std::move(values)).Int(1);
  return query;
}

void AddMaking(const IdRange& range, std::vector<Query>& queries) {
  queries.push_back(With("partitions/create", PartitionOf(range, JobTable(range), "outlive.job")));
  queries.push_back(
      With("partitions/create", PartitionOf(range, EndedTable(range), "outlive.ended")));
  queries.push_back(WithRange("partitions/add", range));
}

// How many jobs may be left in one that is dropped.
std::int64_t KeptCountMax(const IdRange& range) {
  return std::min(kKeptCountMax, range.size() / kKeptPart);
}

std::optional<absl::Time> TimeAt(const Rows& rows, int row, int column) {
  if (rows.IsNull(row, column)) return std::nullopt;
  return rows.Time(row, column);
}

}  // namespace

std::string MakePartitionScript(const IdRange& range) {
  return fmt::format(
      "CREATE TABLE {};\nCREATE TABLE {};\n"
      "INSERT INTO outlive.partition (first, past) VALUES ({}, {});\n",
      PartitionOf(range, JobTable(range), "outlive.job"),
      PartitionOf(range, EndedTable(range), "outlive.ended"), range.first, range.past);
}

absl::Status CoverIds(Session& session, JobId first, JobId last) {
  const absl::StatusOr<Rows> rows = session.RunOne({.name = "partitions/all"});
  OUTLIVE_RETURN_IF_ERROR(rows.status());
  if (rows->size() == 0) return absl::OkStatus();
  IdRange newest{rows->Int(rows->size() - 1, 0), rows->Int(rows->size() - 1, 1)};
  std::vector<Query> queries;
  while (newest.past <= last) {
    const std::int64_t size = std::min(2 * newest.size(), kPartitionJobCountMost);
    newest.first = std::max(newest.past, first);
    newest.past = newest.first + size;
    AddMaking(newest, queries);
  }
  return queries.empty() ? absl::OkStatus() : session.Run(queries).status();
}

// -- What there is ------------------------------------------------------------------------------

absl::StatusOr<bool> Partitions::Look(const PruneRequest& request) {
  keep_ = {request.keep_completed, request.keep_cancelled, request.keep_dead};
  const std::array start = {Query{.name = "partitions/turn"}, Query{.name = "partitions/ids"}};
  const absl::StatusOr<std::vector<Rows>> results = context_.session().Run(start);
  OUTLIVE_RETURN_IF_ERROR(results.status());
  if ((*results)[0].Int(0, 0) == 0) return false;
  taken_ = (*results)[1].Int(0, 0);
  size_min_ = std::max((*results)[1].Int(0, 1), kPartitionJobCountLeast);
  OUTLIVE_RETURN_IF_ERROR(ReadAll());
  OUTLIVE_RETURN_IF_ERROR(ReadContents());
  return true;
}

absl::Status Partitions::ReadAll() {
  std::array queries = {Query{.name = "partitions/note"}, Query{.name = "partitions/all"}};
  queries[0].params.Int(context_.now_micros()).Int(taken_);
  const absl::StatusOr<std::vector<Rows>> results = context_.session().Run(queries);
  OUTLIVE_RETURN_IF_ERROR(results.status());
  const Rows& rows = (*results)[1];
  for (int row = 0; row < rows.size(); ++row) {
    partitions_.push_back({.range = {rows.Int(row, 0), rows.Int(row, 1)},
                           .opened_at = TimeAt(rows, row, 2),
                           .filled_at = TimeAt(rows, row, 3)});
    tried_at_ = std::max(tried_at_, TimeAt(rows, row, 4));
  }
  return absl::OkStatus();
}

absl::Status Partitions::ReadContents() {
  if (partitions_.empty()) return absl::OkStatus();
  std::vector<Query> queries;
  for (const Partition& partition : partitions_) queries.push_back(LookQuery(partition.range));
  const absl::StatusOr<std::vector<Rows>> results = context_.session().Run(queries);
  OUTLIVE_RETURN_IF_ERROR(results.status());
  for (std::size_t i = 0; i < partitions_.size(); ++i) {
    const Rows& row = (*results)[i];
    partitions_[i].live = row.Int(0, 0);
    for (std::size_t kind = 0; kind < kKinds; ++kind) {
      const int column = static_cast<int>(1 + 2 * kind);
      partitions_[i].ended[kind] = {row.Int(0, column), TimeAt(row, 0, column + 1)};
    }
  }
  return absl::OkStatus();
}

Query Partitions::LookQuery(const IdRange& range) const {
  std::string more;
  for (std::size_t kind = 0; kind < kKinds; ++kind) {
    fmt::format_to(std::back_inserter(more),
                   ", (SELECT count(*) FROM (SELECT FROM {0} WHERE state = {1} "
                   "AND ended_at > ${2}::bigint LIMIT $6::bigint) AS few)"
                   ", (SELECT min(ended_at) FROM {0} WHERE state = {1})",
                   EndedTable(range), kStates[kind], kUntilParameter + kind);
  }
  Query query = WithRange("partitions/look", range);
  query.more = std::move(more);
  AddUntil(query);
  query.params.Int(kKeptCountMax + 1);
  return query;
}

void Partitions::AddUntil(Query& query) const {
  for (const absl::Duration keep : keep_) {
    query.params.Int(absl::ToUnixMicros(context_.now() - keep));
  }
}

// From when its first id was taken to when the last one was, or will be.
absl::Duration Partitions::TimeToFill(const Partition& partition) const {
  if (!partition.opened_at) return absl::ZeroDuration();
  if (partition.filled_at) return *partition.filled_at - *partition.opened_at;
  const absl::Duration open = std::max(context_.now() - *partition.opened_at, kFirstLook);
  const std::int64_t used = std::max<std::int64_t>(taken_ - partition.range.first + 1, 1);
  return open * (static_cast<double>(partition.range.size()) / static_cast<double>(used));
}

// -- Row by row ---------------------------------------------------------------------------------

// It will be dropped soon, as far as can be seen.
bool Partitions::IsSpared(const Partition& partition) const {
  if (TimeToFill(partition) > kSpanMax) return false;
  std::int64_t kept_for_ever = 0;
  for (std::size_t kind = 0; kind < kKinds; ++kind) {
    const Ended& ended = partition.ended[kind];
    if (keep_[kind] == absl::InfiniteDuration()) {
      kept_for_ever += ended.kept;
    } else if (ended.oldest && context_.now() - *ended.oldest > keep_[kind] + kOverdueMax) {
      return false;
    }
  }
  return kept_for_ever <= KeptCountMax(partition.range);
}

absl::StatusOr<std::vector<JobId>> Partitions::OldestEnded(int job_count_max) {
  std::vector<std::string> tables = {"outlive.ended_default"};
  for (const Partition& partition : partitions_) {
    if (partition.opened_at && !IsSpared(partition)) {
      tables.push_back(EndedTable(partition.range));
    }
  }
  std::string parts;
  for (const std::string& table : tables) {
    for (std::size_t kind = 0; kind < kKinds; ++kind) {
      fmt::format_to(std::back_inserter(parts),
                     "{}(SELECT job, ended_at FROM {} WHERE state = {} AND ended_at <= ${}::bigint "
                     "ORDER BY ended_at, job LIMIT $4::bigint)",
                     parts.empty() ? "" : " UNION ALL ", table, kStates[kind], 1 + kind);
    }
  }
  std::array queries = {
      With("partitions/oldest_ended",
           fmt::format("({}) AS each ORDER BY ended_at, job LIMIT $4::bigint", parts))};
  AddUntil(queries[0]);
  queries[0].params.Int(job_count_max);
  const absl::StatusOr<std::vector<Rows>> results = context_.session().Run(queries);
  OUTLIVE_RETURN_IF_ERROR(results.status());
  std::vector<JobId> jobs;
  for (int row = 0; row < (*results)[0].size(); ++row) jobs.push_back((*results)[0].Int(row, 0));
  return jobs;
}

// -- Making -------------------------------------------------------------------------------------

bool Partitions::MayTry() const { return !tried_at_ || context_.now() - *tried_at_ >= kRetryPause; }

std::optional<IdRange> Partitions::Next() const {
  IdRange next{.first = 1, .past = 1};
  std::int64_t size = size_min_;
  if (!partitions_.empty()) {
    const Partition& newest = partitions_.back();
    if (taken_ < newest.range.first + newest.range.size() / 2) return std::nullopt;
    next.first = newest.range.past;
    size = newest.range.size();
    if (TimeToFill(newest) < kFillTimeMin) size *= 2;
    if (TimeToFill(newest) > kFillTimeMax) size /= 2;
    size = std::clamp(size, size_min_, std::max(size_min_, kPartitionJobCountMost));
  }
  if (taken_ >= next.first) next.first = taken_ + 1 + size_min_ / kMarginPart;
  next.past = next.first + size;
  return next;
}

absl::Status Partitions::MakeNext() {
  const std::optional<IdRange> next = Next();
  if (!next || !MayTry()) return absl::OkStatus();
  const JobId newest = partitions_.empty() ? 0 : partitions_.back().range.first;
  std::vector<Query> queries = {Configure({{"statement_timeout", Milliseconds(kMakeTimeout)}})};
  AddMaking(*next, queries);
  return Try(newest, [&] { return context_.session().Run(queries).status(); }).status();
}

absl::StatusOr<bool> Partitions::Try(JobId first, absl::FunctionRef<absl::Status()> call) {
  const absl::StatusOr<Rows> before = context_.session().RunOne({.name = "partitions/settings"});
  OUTLIVE_RETURN_IF_ERROR(before.status());
  // A whole partition is looked through, and compared with few jobs.
  const std::array start = {Query{.name = "transaction/savepoint"},
                            Configure({{"lock_timeout", Milliseconds(kLockTimeout)},
                                       {"enable_seqscan", "on"},
                                       {"enable_hashjoin", "on"}})};
  OUTLIVE_RETURN_IF_ERROR(context_.session().Run(start).status());
  if (call().ok()) {
    const std::array end = {Configure({{"lock_timeout", before->String(0, 0)},
                                       {"statement_timeout", before->String(0, 1)},
                                       {"enable_seqscan", before->String(0, 2)},
                                       {"enable_hashjoin", before->String(0, 3)}}),
                            Query{.name = "transaction/release"}};
    OUTLIVE_RETURN_IF_ERROR(context_.session().Run(end).status());
    return true;
  }
  std::array undo = {Query{.name = "transaction/undo"}, Query{.name = "transaction/release"},
                     Query{.name = "partitions/tried"}};
  undo[2].params.Int(first).Int(context_.now_micros());
  OUTLIVE_RETURN_IF_ERROR(context_.session().Run(undo).status());
  tried_at_ = context_.now();
  return false;
}

// -- Dropping -----------------------------------------------------------------------------------

bool Partitions::IsOver(const Partition& partition) const {
  std::int64_t kept = partition.live;
  for (const Ended& ended : partition.ended) kept += ended.kept;
  return partition.filled_at && kept <= KeptCountMax(partition.range);
}

absl::StatusOr<std::optional<int>> Partitions::DropOne() {
  const auto over = std::find_if(partitions_.begin(), partitions_.end(),
                                 [this](const Partition& each) { return IsOver(each); });
  if (over == partitions_.end() || !MayTry()) return std::nullopt;
  int gone = 0;
  const absl::StatusOr<bool> dropped =
      Try(over->range.first, [&] { return Drop(over->range, gone); });
  OUTLIVE_RETURN_IF_ERROR(dropped.status());
  if (!*dropped) return std::nullopt;
  return gone;
}

// SHARE keeps everybody from changing what is counted; readers, and whoever adds jobs, go on. Only
// then is all locked, for as long as the catalogue takes.
absl::Status Partitions::Drop(const IdRange& range, int& gone) {
  const std::string jobs = JobTable(range);
  const std::string ended = EndedTable(range);
  std::string staying = "outlive.live WHERE job >= $1::bigint AND job < $2::bigint";
  std::string going;
  for (std::size_t kind = 0; kind < kKinds; ++kind) {
    fmt::format_to(std::back_inserter(staying),
                   " UNION ALL SELECT job FROM {} WHERE state = {} AND ended_at > ${}::bigint",
                   ended, kStates[kind], kUntilParameter + kind);
    fmt::format_to(std::back_inserter(going), "{}state = {} AND ended_at <= ${}::bigint",
                   kind == 0 ? "" : " OR ", kStates[kind], 1 + kind);
  }
  std::vector<Query> look = {
      With("partitions/lock", fmt::format("{}, {} IN SHARE MODE", jobs, ended)),
      WithRange("partitions/kept", range),
      With("partitions/count", fmt::format("{} WHERE {} GROUP BY lane, state", ended, going))};
  look[1].more = fmt::format(" {} LIMIT {}", staying, kKeptCountMax + 1);
  AddUntil(look[1]);
  AddUntil(look[2]);
  const absl::StatusOr<std::vector<Rows>> seen = context_.session().Run(look);
  OUTLIVE_RETURN_IF_ERROR(seen.status());
  std::vector<JobId> kept;
  for (int row = 0; row < (*seen)[1].size(); ++row) kept.push_back((*seen)[1].Int(row, 0));
  if (static_cast<std::int64_t>(kept.size()) > KeptCountMax(range)) {
    return absl::AbortedError("jobs have come back to life in the meantime");
  }

  std::vector<Query> work;
  for (const char* const name : {"partitions/delete_tags", "partitions/delete_errors",
                                 "partitions/delete_checkpoints", "partitions/delete_outputs",
                                 "partitions/delete_follow_ups", "partitions/delete_artifacts"}) {
    work.push_back(WithRange(name, range));
    work.back().params.Add(Ints(kept));
  }
  work.push_back(With("partitions/lock", "ONLY outlive.job IN ACCESS EXCLUSIVE MODE"));
  work.push_back(With("partitions/lock", "ONLY outlive.ended IN ACCESS EXCLUSIVE MODE"));
  // Whoever has these has those, but for a vacuum.
  work.push_back(
      With("partitions/lock", fmt::format("{}, {}, outlive.job_default, outlive.ended_default "
                                          "IN ACCESS EXCLUSIVE MODE NOWAIT",
                                          jobs, ended)));
  work.push_back(With("partitions/detach_job", jobs));
  work.push_back(With("partitions/detach_ended", ended));
  work.push_back(With("partitions/keep_job", jobs + " WHERE id = ANY($1::bigint[])"));
  work.back().params.Add(Ints(kept));
  work.push_back(With("partitions/keep_ended", ended + " WHERE job = ANY($1::bigint[])"));
  work.back().params.Add(Ints(kept));
  work.push_back(With("partitions/drop", jobs + ", " + ended));
  work.push_back(Query{.name = "partitions/remove"});
  work.back().params.Int(range.first);
  OUTLIVE_RETURN_IF_ERROR(context_.session().Run(work).status());

  const Rows& counts = (*seen)[2];
  for (int row = 0; row < counts.size(); ++row) {
    context_.Count(counts.Small(row, 0), static_cast<JobState>(counts.Int(row, 1)),
                   -counts.Small(row, 2));
    gone += counts.Small(row, 2);
  }
  return absl::OkStatus();
}

}  // namespace outlive::postgres
