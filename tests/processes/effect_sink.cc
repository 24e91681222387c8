#include "tests/processes/effect_sink.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cstdio>
#include <cstdlib>

#include "tests/processes/vfs_layer.h"

namespace outlive::testing {

EffectSink::EffectSink(const std::string& path) {
  if (sqlite3_open_v2(path.c_str(), &database_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                      kPlainVfs) != SQLITE_OK) {
    std::abort();
  }
  sqlite3_busy_timeout(database_, 60'000);
  // A process that is killed needs no fsync. Not the WAL: its checkpoints are safe on new versions
  // of SQLite only.
  Exec(
      "PRAGMA synchronous = OFF; PRAGMA journal_mode = TRUNCATE;"
      "CREATE TABLE IF NOT EXISTS sink (job INTEGER PRIMARY KEY, fence INTEGER NOT NULL);"
      "CREATE TABLE IF NOT EXISTS accepted (seq INTEGER PRIMARY KEY, job INTEGER, fence INTEGER)");
}

EffectSink::~EffectSink() { sqlite3_close(database_); }

void EffectSink::Exec(const char* sql) {
  if (sqlite3_exec(database_, sql, nullptr, nullptr, nullptr) == SQLITE_OK) return;
  std::fprintf(stderr, "the sink is broken: %s\n", sqlite3_errmsg(database_));
  std::abort();
}

bool EffectSink::Accept(JobId job, std::int64_t fence) {
  const std::lock_guard<std::mutex> lock(mutex_);
  Exec("BEGIN IMMEDIATE");
  Exec(fmt::format("INSERT INTO sink VALUES ({0}, {1}) ON CONFLICT (job) DO UPDATE"
                   " SET fence = excluded.fence WHERE excluded.fence >= fence",
                   job, fence)
           .c_str());
  const bool accepted = sqlite3_changes(database_) == 1;
  if (accepted) {
    Exec(fmt::format("INSERT INTO accepted (job, fence) VALUES ({}, {})", job, fence).c_str());
  }
  Exec("COMMIT");
  return accepted;
}

std::vector<Effect> EffectSink::Accepted() {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::vector<Effect> effects;
  sqlite3_stmt* statement = nullptr;
  if (sqlite3_prepare_v2(database_, "SELECT job, fence FROM accepted ORDER BY seq", -1, &statement,
                         nullptr) != SQLITE_OK) {
    std::abort();
  }
  while (sqlite3_step(statement) == SQLITE_ROW) {
    effects.push_back({sqlite3_column_int64(statement, 0), sqlite3_column_int64(statement, 1)});
  }
  sqlite3_finalize(statement);
  return effects;
}

}  // namespace outlive::testing
