#include "store/postgres/partitions.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string_view>
#include <utility>

#include "core/return_if_error.h"
#include "outlive/core/lifecycle.h"
#include "store/postgres/flags.h"
#include "store/postgres/session_settings.h"

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

// How long a statement may take with everything locked: when one is made the server looks through
// DEFAULT for its jobs, and when one is dropped the jobs that stay are moved there.
constexpr absl::Duration kLockedTimeout = absl::Seconds(2);

// Up to what size DEFAULT is looked through: where it has more, new jobs go there, too.
constexpr std::int64_t kDefaultBytesMax = std::int64_t{128} << 20;

// How long each statement of dropping may take: less than any connection waits for an answer, which
// is 5 s and the store's statement_timeout. So what has many rows is done for so many ids at once.
constexpr absl::Duration kDropTimeout = absl::Seconds(5);
constexpr std::int64_t kDropIdCount = std::int64_t{1} << 18;

// Of the states, as they are kept: completed, cancelled, dead.
constexpr std::array kStates = {3, 4, 5};

// The number of the first parameter that AddUntil() adds after those of a range.
constexpr std::size_t kUntilParameter = 3;

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

Query ForNow(const SessionSettings& settings) {
  return Configure(settings, SettingsLast::kTransaction);
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

// Of which each is few enough for one statement.
std::vector<IdRange> PartsOf(const IdRange& range) {
  std::vector<IdRange> parts;
  for (JobId first = range.first; first < range.past; first += kDropIdCount) {
    parts.push_back({first, std::min(first + kDropIdCount, range.past)});
  }
  return parts;
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

absl::Status CoverIds(Session& session, const std::vector<JobId>& ids) {
  const absl::StatusOr<Rows> rows = session.RunOne({.name = "partitions/all"});
  OUTLIVE_RETURN_IF_ERROR(rows.status());
  if (rows->size() == 0) return absl::OkStatus();
  IdRange newest{rows->Int(rows->size() - 1, 0), rows->Int(rows->size() - 1, 1)};
  auto count = static_cast<std::size_t>(rows->size());
  std::vector<Query> queries;
  for (const JobId id : ids) {
    if (count >= kPartitionCountMax) break;
    if (id < newest.past) continue;
    newest = {id, id + std::min(2 * newest.size(), kPartitionJobCountMost)};
    AddMaking(newest, queries);
    ++count;
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
  std::array queries = {Query{.name = "partitions/note"}, Query{.name = "partitions/all"},
                        Query{.name = "partitions/tries"}};
  queries[0].params.Int(context_.now_micros()).Int(taken_);
  const absl::StatusOr<std::vector<Rows>> results = context_.session().Run(queries);
  OUTLIVE_RETURN_IF_ERROR(results.status());
  const Rows& rows = (*results)[1];
  for (int row = 0; row < rows.size(); ++row) {
    partitions_.push_back({.range = {rows.Int(row, 0), rows.Int(row, 1)},
                           .opened_at = TimeAt(rows, row, 2),
                           .filled_at = TimeAt(rows, row, 3)});
  }
  const Rows& tries = (*results)[2];
  tried_at_ = {tries.Time(0, 0), tries.Time(0, 1)};
  default_bytes_ = tries.Int(0, 2);
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
  Query query = With("partitions/oldest_ended",
                     fmt::format("({}) AS each ORDER BY ended_at, job LIMIT $4::bigint", parts));
  AddUntil(query);
  query.params.Int(job_count_max);
  const absl::StatusOr<Rows> rows = context_.session().RunOne(query);
  OUTLIVE_RETURN_IF_ERROR(rows.status());
  std::vector<JobId> jobs;
  for (int row = 0; row < rows->size(); ++row) jobs.push_back(rows->Int(row, 0));
  return jobs;
}

// -- Making -------------------------------------------------------------------------------------

bool Partitions::MayTry(Attempt attempt) const {
  return context_.now() - tried_at_[static_cast<std::size_t>(attempt)] >= kRetryPause;
}

std::optional<IdRange> Partitions::Next() const {
  if (partitions_.size() >= kPartitionCountMax) return std::nullopt;
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

absl::StatusOr<bool> Partitions::MakeNext() {
  const std::optional<IdRange> next = Next();
  if (!next || !MayTry(Attempt::kMake) || default_bytes_ > kDefaultBytesMax) return false;
  std::vector<Query> queries;
  AddMaking(*next, queries);
  return Try(Attempt::kMake, kLockedTimeout,
             [&] { return context_.session().Run(queries).status(); });
}

Query Partitions::Note(Attempt attempt, std::int64_t at) const {
  Query query{.name = attempt == Attempt::kMake ? "partitions/note_make" : "partitions/note_drop"};
  query.params.Int(at);
  return query;
}

absl::StatusOr<bool> Partitions::Try(Attempt attempt, absl::Duration timeout,
                                     absl::FunctionRef<absl::Status()> call) {
  const absl::StatusOr<Rows> before = context_.session().RunOne({.name = "partitions/settings"});
  OUTLIVE_RETURN_IF_ERROR(before.status());
  // A part of a partition is looked through by an index, and compared with few jobs.
  const std::array start = {Note(attempt, context_.now_micros()),
                            Query{.name = "transaction/savepoint"},
                            ForNow({{"lock_timeout", Milliseconds(kLockTimeout)},
                                    {"statement_timeout", Milliseconds(timeout)},
                                    {"enable_seqscan", "off"},
                                    {"enable_hashjoin", "on"},
                                    {"jit", "off"}})};
  OUTLIVE_RETURN_IF_ERROR(context_.session().Run(start).status());
  if (call().ok()) {
    const std::array end = {ForNow({{"lock_timeout", before->String(0, 0)},
                                    {"statement_timeout", before->String(0, 1)},
                                    {"enable_seqscan", before->String(0, 2)},
                                    {"enable_hashjoin", before->String(0, 3)},
                                    {"jit", before->String(0, 4)}}),
                            Query{.name = "transaction/release"}, Note(attempt, 0)};
    OUTLIVE_RETURN_IF_ERROR(context_.session().Run(end).status());
    return true;
  }
  const std::array undo = {Query{.name = "transaction/undo"}, Query{.name = "transaction/release"}};
  OUTLIVE_RETURN_IF_ERROR(context_.session().Run(undo).status());
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
  if (over == partitions_.end() || !MayTry(Attempt::kDrop)) return std::nullopt;
  int gone = 0;
  const absl::StatusOr<bool> dropped =
      Try(Attempt::kDrop, kDropTimeout, [&] { return Drop(over->range, gone); });
  OUTLIVE_RETURN_IF_ERROR(dropped.status());
  if (!*dropped) return std::nullopt;
  return gone;
}

absl::Status Partitions::Drop(const IdRange& range, int& gone) {
  const absl::StatusOr<std::vector<JobId>> kept = LockAndFindKept(range);
  OUTLIVE_RETURN_IF_ERROR(kept.status());
  if (static_cast<std::int64_t>(kept->size()) > KeptCountMax(range)) {
    return absl::AbortedError("jobs have come back to life in the meantime");
  }
  Counts counts;
  OUTLIVE_RETURN_IF_ERROR(DeleteWhatTheyLeft(range, *kept, counts));
  OUTLIVE_RETURN_IF_ERROR(Replace(range, *kept));
  for (const auto& [lane_and_state, count] : counts) {
    const auto [lane, state] = lane_and_state;
    context_.Count(lane, static_cast<JobState>(state), -count);
    gone += count;
  }
  return absl::OkStatus();
}

// SHARE keeps everybody from changing what is counted; readers, and whoever adds jobs, go on.
absl::StatusOr<std::vector<JobId>> Partitions::LockAndFindKept(const IdRange& range) {
  const std::string ended = EndedTable(range);
  std::string staying = "outlive.live WHERE job >= $1::bigint AND job < $2::bigint";
  for (std::size_t kind = 0; kind < kKinds; ++kind) {
    fmt::format_to(std::back_inserter(staying),
                   " UNION ALL SELECT job FROM {} WHERE state = {} AND ended_at > ${}::bigint",
                   ended, kStates[kind], kUntilParameter + kind);
  }
  std::array queries = {
      With("partitions/lock", fmt::format("{}, {} IN SHARE MODE", JobTable(range), ended)),
      WithRange("partitions/kept", range)};
  queries[1].more = fmt::format(" {} LIMIT {}", staying, kKeptCountMax + 1);
  AddUntil(queries[1]);
  const absl::StatusOr<std::vector<Rows>> results = context_.session().Run(queries);
  OUTLIVE_RETURN_IF_ERROR(results.status());
  std::vector<JobId> kept;
  for (int row = 0; row < (*results)[1].size(); ++row) kept.push_back((*results)[1].Int(row, 0));
  return kept;
}

// Of tables that none of the jobs has rows in nothing is asked.
absl::Status Partitions::DeleteWhatTheyLeft(const IdRange& range, const std::vector<JobId>& kept,
                                            Counts& counts) {
  constexpr std::array kSides = {
      std::pair(kHasErrors, "error"), std::pair(kHasCheckpoint, "checkpoint"),
      std::pair(kHasOutput, "output"), std::pair(kHasFollowUps, "follow_up"),
      std::pair(kHasArtifacts, "artifact")};
  const auto run = [&](Query query) {
    query.params.Add(Ints(kept));
    return context_.session().RunOne(query).status();
  };
  for (const IdRange& part : PartsOf(range)) {
    const absl::StatusOr<int> flags = CountGone(EndedTable(range), part, counts);
    OUTLIVE_RETURN_IF_ERROR(flags.status());
    if ((*flags & kHasTags) != 0) {
      OUTLIVE_RETURN_IF_ERROR(run(WithRange("partitions/delete_tags", part)));
    }
    for (const auto& [flag, table] : kSides) {
      if ((*flags & flag) == 0) continue;
      Query query = WithRange("partitions/delete_left", part);
      query.more = fmt::format(
          " outlive.{} t WHERE job >= $1::bigint AND job < $2::bigint"
          " AND NOT EXISTS (SELECT FROM unnest($3::bigint[]) AS k(job) WHERE k.job = t.job)",
          table);
      OUTLIVE_RETURN_IF_ERROR(run(std::move(query)));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<int> Partitions::CountGone(const std::string& ended, const IdRange& part,
                                          Counts& counts) {
  std::string going;
  for (std::size_t kind = 0; kind < kKinds; ++kind) {
    fmt::format_to(std::back_inserter(going), "{}state = {} AND ended_at <= ${}::bigint",
                   kind == 0 ? "" : " OR ", kStates[kind], kUntilParameter + kind);
  }
  Query query = WithRange("partitions/count", part);
  query.more =
      fmt::format(" {} WHERE job >= $1::bigint AND job < $2::bigint AND ({}) GROUP BY lane, state",
                  ended, going);
  AddUntil(query);
  const absl::StatusOr<Rows> rows = context_.session().RunOne(query);
  OUTLIVE_RETURN_IF_ERROR(rows.status());
  int flags = 0;
  for (int row = 0; row < rows->size(); ++row) {
    counts[{rows->Small(row, 0), rows->Small(row, 1)}] += rows->Small(row, 2);
    flags |= rows->Small(row, 3);
  }
  return flags;
}

// Everything is locked for as long as the catalogue takes, and for the few jobs that move.
absl::Status Partitions::Replace(const IdRange& range, const std::vector<JobId>& kept) {
  const std::string jobs = JobTable(range);
  const std::string ended = EndedTable(range);
  std::vector<Query> queries = {
      ForNow({{"statement_timeout", Milliseconds(kLockedTimeout)}}),
      With("partitions/lock", "ONLY outlive.job IN ACCESS EXCLUSIVE MODE"),
      With("partitions/lock", "ONLY outlive.ended IN ACCESS EXCLUSIVE MODE"),
      // Whoever has these has those, but for a vacuum.
      With("partitions/lock", fmt::format("{}, {}, outlive.job_default, outlive.ended_default "
                                          "IN ACCESS EXCLUSIVE MODE NOWAIT",
                                          jobs, ended)),
      With("partitions/detach_job", jobs), With("partitions/detach_ended", ended)};
  queries.push_back(With("partitions/keep_job", jobs + " WHERE id = ANY($1::bigint[])"));
  queries.back().params.Add(Ints(kept));
  queries.push_back(With("partitions/keep_ended", ended + " WHERE job = ANY($1::bigint[])"));
  queries.back().params.Add(Ints(kept));
  queries.push_back(With("partitions/drop", jobs + ", " + ended));
  queries.push_back(Query{.name = "partitions/remove"});
  queries.back().params.Int(range.first);
  return context_.session().Run(queries).status();
}

}  // namespace outlive::postgres
