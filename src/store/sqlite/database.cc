#include "store/sqlite/database.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <string_view>
#include <thread>

#include "core/return_if_error.h"
#include "store/sqlite/statement.h"
#include "store/sqlite/status.h"

namespace outlive::sqlite {
namespace {

// Steps of SQLite's machine between two looks at the clock: some 20 µs.
constexpr int kProgressSteps = 1'000;

constexpr absl::Duration kSleepMin = absl::Microseconds(50);
constexpr absl::Duration kSleepMax = absl::Milliseconds(5);

}  // namespace

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const std::string& path, ConnectionUse use,
                                                         const DatabaseOptions& options,
                                                         absl::Duration timeout) {
  std::unique_ptr<Database> database(new Database(options, Deadline(*options.clock, timeout)));
  int access = use == ConnectionUse::kReader ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
  if (use == ConnectionUse::kWriter && !options.vfs.empty()) access |= SQLITE_OPEN_CREATE;
  const int code = sqlite3_open_v2(path.c_str(), &database->handle_,
                                   access | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE,
                                   options.vfs.empty() ? nullptr : options.vfs.c_str());
  if (code != SQLITE_OK) {
    return ToStatus(database->handle_, code, fmt::format("open {}", path));
  }
  OUTLIVE_RETURN_IF_ERROR(database->Setup(use));
  return database;
}

Database::~Database() { sqlite3_close(handle_); }

absl::Status Database::Setup(ConnectionUse use) {
  sqlite3_extended_result_codes(handle_, 1);
  sqlite3_busy_handler(handle_, &Database::OnBusy, this);
  if (use == ConnectionUse::kReader) {
    sqlite3_progress_handler(handle_, kProgressSteps, &Database::OnProgress, this);
  }
  // Nothing but our own statements runs here; a schema that was tampered with gets no help.
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle_, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  const std::string settings = fmt::format(
      "PRAGMA cell_size_check = ON; PRAGMA mmap_size = 0; PRAGMA secure_delete = OFF;"
      "PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = OFF; PRAGMA recursive_triggers = OFF;"
      "PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -{}; PRAGMA synchronous = {};",
      std::max<std::int64_t>(options_.cache_bytes / 1024, 1),
      options_.sync_each_commit ? "FULL" : "NORMAL");
  OUTLIVE_RETURN_IF_ERROR(Exec(settings.c_str(), "set the connection up"));
  if (use != ConnectionUse::kWriter) return absl::OkStatus();
  if (sqlite3_db_readonly(handle_, "main") != 0) {
    return ToStatus(nullptr, SQLITE_READONLY, "open the file for writing");
  }
  OUTLIVE_RETURN_IF_ERROR(SwitchToWal());
  return Exec(fmt::format("PRAGMA journal_size_limit = {}", options_.journal_bytes_max).c_str(),
              "limit the WAL");
}

absl::Status Database::SwitchToWal() {
  // Two processes that do it at the same time can be told BUSY without any waiting.
  for (int tries = 0;; ++tries) {
    Statement pragma(handle_, "PRAGMA journal_mode = WAL");
    Rows rows = pragma.Query();
    if (rows.Next()) {
      if (rows.Text(0) == "wal") return absl::OkStatus();
      return absl::FailedPreconditionError(fmt::format(
          "the database stays in journal mode {}; it must be in WAL mode", rows.Text(0)));
    }
    const absl::Status status = rows.status();
    if ((sqlite3_errcode(handle_) & 0xff) != SQLITE_BUSY || !SleepForLock(tries)) return status;
  }
}

absl::Status Database::Exec(const char* sql, const char* doing) {
  const int code = ExecCode(sql);
  return code == SQLITE_OK ? absl::OkStatus() : ToStatus(handle_, code, doing);
}

int Database::ExecCode(const char* sql) {
  return sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
}

void Database::Rollback() {
  // SQLite has already done it after some errors.
  if (sqlite3_get_autocommit(handle_) == 0) ExecCode("ROLLBACK");
}

bool Database::SleepForLock(int tries) {
  if (deadline_.passed()) return false;
  // Longer with each try, and never in step with another process that waits too.
  const absl::Duration longest = std::min(kSleepMax, kSleepMin * (1 << std::min(tries, 10)));
  const absl::Duration pause = longest * (0.5 + 0.5 * RandomUnit(*options_.random));
  deadline_.AddSleep(pause);
  // tidy-allow(banned): what SQLite asks of a busy handler; other processes give no signal.
  std::this_thread::sleep_for(absl::ToChronoNanoseconds(pause));
  return true;
}

int Database::OnBusy(void* self, int tries) {
  return static_cast<Database*>(self)->SleepForLock(tries) ? 1 : 0;
}

int Database::OnProgress(void* self) {
  return static_cast<Database*>(self)->deadline_.passed() ? 1 : 0;
}

}  // namespace outlive::sqlite
