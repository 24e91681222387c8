#include "benchmarks/bare_sqlite.h"

#include <fmt/format.h>

#include <chrono>

#include "benchmarks/support.h"

namespace outlive::bench {
namespace {

constexpr const char* kSchema = R"sql(
CREATE TABLE IF NOT EXISTS job (
  id INTEGER PRIMARY KEY, lane INTEGER NOT NULL, priority INTEGER NOT NULL,
  run_at INTEGER NOT NULL, created_at INTEGER NOT NULL, attempt_max INTEGER NOT NULL,
  key BLOB, args BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS pending (
  lane INTEGER NOT NULL, priority INTEGER NOT NULL, run_at INTEGER NOT NULL, job INTEGER NOT NULL,
  PRIMARY KEY (lane, priority, run_at, job)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS running (
  job INTEGER PRIMARY KEY, lane INTEGER NOT NULL, session INTEGER NOT NULL, fence INTEGER NOT NULL,
  attempt INTEGER NOT NULL, started_at INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS ended (
  job INTEGER PRIMARY KEY, lane INTEGER NOT NULL, state INTEGER NOT NULL, ended_at INTEGER NOT NULL,
  fence INTEGER NOT NULL, attempt INTEGER NOT NULL, started_at INTEGER NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS event (
  seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, entries BLOB NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS idempotency (
  key BLOB PRIMARY KEY, expires_at INTEGER NOT NULL, job INTEGER NOT NULL) STRICT, WITHOUT ROWID;
)sql";

constexpr std::int64_t kLane = 1;
constexpr std::int64_t kPriority = 5;
constexpr std::int64_t kDay = 86'400'000'000;

enum EventType : std::int32_t { kEnqueued = 1, kClaimed = 2, kCompleted = 3 };

void Execute(sqlite3* database, const std::string& sql) {
  if (sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    throw BenchError(fmt::format("bare SQLite: {}: {}", sql, sqlite3_errmsg(database)));
  }
}

std::unique_ptr<sqlite3, int (*)(sqlite3*)> Open(const std::string& path, Durability durability) {
  constexpr int kAccess = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  sqlite3* handle = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &handle, kAccess, nullptr);
  std::unique_ptr<sqlite3, int (*)(sqlite3*)> database(handle, sqlite3_close);
  if (code != SQLITE_OK) {
    throw BenchError(fmt::format("bare SQLite cannot open {}: {}", path, sqlite3_errstr(code)));
  }
  Execute(handle, fmt::format("PRAGMA journal_mode = WAL; PRAGMA synchronous = {};"
                              "PRAGMA wal_autocheckpoint = 4000; PRAGMA cache_size = -8192;"
                              "PRAGMA secure_delete = OFF; PRAGMA temp_store = MEMORY;",
                              durability == Durability::kFull ? "FULL" : "NORMAL"));
  Execute(handle, kSchema);
  return database;
}

std::int64_t ReadInt(sqlite3* database, const char* sql) {
  BareStatement statement(database, sql);
  return statement.Next() ? statement.Int(0) : 0;
}

template <class Value>
std::string_view BytesOf(const Value* values, std::size_t count) {
  return {reinterpret_cast<const char*>(values), count * sizeof(Value)};
}

}  // namespace

BareStatement::BareStatement(sqlite3* database, const char* sql) : database_(database) {
  if (sqlite3_prepare_v3(database, sql, -1, SQLITE_PREPARE_PERSISTENT, &handle_, nullptr) !=
      SQLITE_OK) {
    throw BenchError(fmt::format("bare SQLite: {}: {}", sql, sqlite3_errmsg(database)));
  }
}

bool BareStatement::Next() {
  const int code = sqlite3_step(handle_);
  if (code == SQLITE_ROW) return true;
  sqlite3_reset(handle_);
  if (code == SQLITE_DONE) return false;
  throw BenchError(
      fmt::format("bare SQLite: {}: {}", sqlite3_sql(handle_), sqlite3_errmsg(database_)));
}

std::string_view BareStatement::Blob(int column) const {
  const void* bytes = sqlite3_column_blob(handle_, column);
  return {static_cast<const char*>(bytes),
          static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))};
}

BareSqlite::BareSqlite(const std::string& path, Durability durability)
    : database_(Open(path, durability)),
      last_job_(ReadInt(database_.get(), "SELECT max(id) FROM job")),
      next_event_(ReadInt(database_.get(), "SELECT max(seq) FROM event") + 1),
      begin_(database_.get(), "BEGIN IMMEDIATE"),
      commit_(database_.get(), "COMMIT"),
      add_job_(database_.get(),
               "INSERT INTO job (id, lane, priority, run_at, created_at, attempt_max, args)"
               " VALUES (?1, ?2, ?3, ?4, ?4, 5, ?5)"),
      add_pending_(database_.get(),
                   "INSERT INTO pending (lane, priority, run_at, job) VALUES (?1, ?2, ?3, ?4)"),
      add_key_(database_.get(),
               "INSERT INTO idempotency (key, expires_at, job) VALUES (?1, ?2, ?3)"),
      due_(database_.get(),
           "SELECT job, run_at FROM pending WHERE lane = ?1 AND run_at <= ?2"
           " ORDER BY priority, run_at, job LIMIT ?3"),
      args_(database_.get(), "SELECT args FROM job WHERE id = ?1"),
      delete_pending_(database_.get(),
                      "DELETE FROM pending"
                      " WHERE lane = ?1 AND priority = ?2 AND run_at = ?3 AND job = ?4"),
      add_running_(database_.get(),
                   "INSERT INTO running (job, lane, session, fence, attempt, started_at)"
                   " VALUES (?1, ?2, 1, 1, 1, ?3)"),
      delete_running_(database_.get(), "DELETE FROM running WHERE job = ?1 AND fence = 1"),
      add_ended_(database_.get(),
                 "INSERT INTO ended (job, lane, state, ended_at, fence, attempt, started_at)"
                 " VALUES (?1, ?2, 3, ?3, 1, 1, ?3)"),
      add_events_(database_.get(), "INSERT INTO event (seq, at, entries) VALUES (?1, ?2, ?3)") {}

void BareSqlite::Begin() {
  begin_.Run();
  now_ = std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
             .count();
}

void BareSqlite::Insert(std::string_view args) { AddJob(args); }

void BareSqlite::InsertWithKey(std::string_view args, const BareKey& key) {
  // The unique index refuses a key that is there.
  add_key_.Bind(BytesOf(key.data(), key.size()), now_ + kDay, AddJob(args)).Run();
}

std::int64_t BareSqlite::AddJob(std::string_view args) {
  const std::int64_t id = ++last_job_;
  add_job_.Bind(id, kLane, kPriority, now_, args).Run();
  add_pending_.Bind(kLane, kPriority, now_, id).Run();
  events_.push_back({id, 0, kEnqueued});
  return id;
}

void BareSqlite::Claim(int job_count_max, std::vector<Claimed>& claimed) {
  std::size_t count = 0;
  due_.Bind(kLane, now_, std::int64_t{job_count_max});
  while (due_.Next()) {
    if (count == claimed.size()) claimed.emplace_back();
    claimed[count].job = due_.Int(0);
    claimed[count].run_at = due_.Int(1);
    ++count;
  }
  claimed.resize(count);
  for (Claimed& job : claimed) {
    if (args_.Bind(job.job).Next()) job.args = args_.Blob(0);
    args_.Next();
    delete_pending_.Bind(kLane, kPriority, job.run_at, job.job).Run();
    add_running_.Bind(job.job, kLane, now_).Run();
    events_.push_back({job.job, 1, kClaimed});
  }
}

void BareSqlite::Finish(const Claimed& job) {
  delete_running_.Bind(job.job).Run();
  if (sqlite3_changes(database_.get()) != 1) throw BenchError("bare SQLite: a lease is lost");
  add_ended_.Bind(job.job, kLane, now_).Run();
  events_.push_back({job.job, 1, kCompleted});
}

void BareSqlite::Commit() {
  if (!events_.empty()) {
    add_events_.Bind(next_event_, now_, BytesOf(events_.data(), events_.size())).Run();
    next_event_ += static_cast<std::int64_t>(events_.size());
    events_.clear();
  }
  commit_.Run();
}

}  // namespace outlive::bench
