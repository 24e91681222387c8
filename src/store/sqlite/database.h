// Database is one connection of ours to the file, set up as the store needs it:
//
//   kWriter      creates the file, switches it to WAL, runs the write transactions
//   kReader      read only; a query that goes over the deadline is interrupted
//   kCheckpoint  moves the WAL into the file (checkpointer.h)
//
// Waiting for other connections and reading both end at the deadline that was set last.
//
// Thread-safety: one thread at a time.
// Lifetime:      outlives its statements.
#ifndef OUTLIVE_SRC_STORE_SQLITE_DATABASE_H_
#define OUTLIVE_SRC_STORE_SQLITE_DATABASE_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "outlive/core/random.h"
#include "store/sqlite/deadline.h"

struct sqlite3;

namespace outlive::sqlite {

enum class ConnectionUse { kWriter, kReader, kCheckpoint };

struct DatabaseOptions {
  const Clock* clock = nullptr;    // Never null.
  RandomSource* random = nullptr;  // Never null.
  bool sync_each_commit = true;    // synchronous=FULL, else NORMAL.
  std::int64_t cache_bytes = 0;
  std::int64_t journal_bytes_max = 0;
  std::string vfs = {};  // Empty: SQLite's default, and the file is there.
};

class Database {
 public:
  // Opens the file, waiting up to `timeout` for connections that are in the way.
  static absl::StatusOr<std::unique_ptr<Database>> Open(const std::string& path, ConnectionUse use,
                                                        const DatabaseOptions& options,
                                                        absl::Duration timeout);
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  sqlite3* handle() const { return handle_; }

  void SetDeadline(const Deadline& deadline) { deadline_ = deadline; }

  // Runs statements that give nothing. `doing` is what for: "begin".
  absl::Status Exec(const char* sql, const char* doing);

  // The same, for the result code.
  int ExecCode(const char* sql);

  // Undoes the open transaction, if there is one.
  void Rollback();

 private:
  Database(const DatabaseOptions& options, const Deadline& deadline)
      : options_(options), deadline_(deadline) {}

  absl::Status Setup(ConnectionUse use);
  absl::Status SwitchToWal();
  bool SleepForLock(int tries);

  static int OnBusy(void* self, int tries);
  static int OnProgress(void* self);

  const DatabaseOptions options_;
  Deadline deadline_;
  sqlite3* handle_ = nullptr;
};

}  // namespace outlive::sqlite

#endif  // OUTLIVE_SRC_STORE_SQLITE_DATABASE_H_
