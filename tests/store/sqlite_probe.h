// SqliteProbe counts what SQLite does for the connections that are opened while it lives: each
// statement that is run, each commit of a writer, each sync of a file, and the work that no index
// has saved. Whoever opens the connections knows nothing of it.
//
// Thread-safety: may be asked while other threads use their connections. One at a time.
#ifndef OUTLIVE_TESTS_STORE_SQLITE_PROBE_H_
#define OUTLIVE_TESTS_STORE_SQLITE_PROBE_H_

#include <doctest/doctest.h>
#include <sqlite3.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace outlive::testing {

class SqliteProbe {
 public:
  struct Counts {
    int statements = 0;  // Every one: BEGIN, COMMIT and PRAGMA too.
    int commits = 0;     // Of transactions that could write, also where they had nothing to.
    int wal_syncs = 0;
    int file_syncs = 0;    // Of the database itself.
    int scanned_rows = 0;  // That a statement went through without an index.
    int sorts = 0;
    int automatic_index_rows = 0;
    std::int64_t steps = 0;  // Of SQLite's machine.
  };

  SqliteProbe() {
    REQUIRE(probe_ == nullptr);
    probe_ = this;
    real_ = sqlite3_vfs_find(nullptr);
    counting_ = *real_;
    counting_.zName = "counting";
    counting_.xOpen = &SqliteProbe::OpenFile;
    REQUIRE(sqlite3_vfs_register(&counting_, 1) == SQLITE_OK);
    REQUIRE(sqlite3_auto_extension(reinterpret_cast<void (*)()>(&SqliteProbe::OnConnection)) ==
            SQLITE_OK);
  }
  // The connections are closed by now.
  ~SqliteProbe() {
    sqlite3_cancel_auto_extension(reinterpret_cast<void (*)()>(&SqliteProbe::OnConnection));
    sqlite3_vfs_unregister(&counting_);
    probe_ = nullptr;
  }
  SqliteProbe(const SqliteProbe&) = delete;
  SqliteProbe& operator=(const SqliteProbe&) = delete;

  // Since the last Reset().
  Counts counts() const {
    const std::lock_guard lock(mutex_);
    return counts_;
  }

  // How often each statement has been run since then, by its text.
  std::map<std::string, int> statements() const {
    const std::lock_guard lock(mutex_);
    return statements_;
  }

  void Reset() {
    const std::lock_guard lock(mutex_);
    counts_ = {};
    statements_.clear();
  }

  // Waits until no statement has begun for as long as `pause`. False: there was always one, for a
  // minute.
  bool WaitUntilQuiet(std::chrono::milliseconds pause) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    std::unique_lock lock(mutex_);
    while (std::chrono::steady_clock::now() < deadline) {
      const int before = begun_;
      if (!changed_.wait_for(lock, pause, [&] { return begun_ != before; })) return true;
    }
    return false;
  }

 private:
  // -- Statements and commits ----------------------------------------------------------------

  static int OnConnection(sqlite3* connection, char**, const void*) {
    sqlite3_trace_v2(connection, SQLITE_TRACE_STMT | SQLITE_TRACE_PROFILE, &SqliteProbe::OnTrace,
                     nullptr);
    sqlite3_commit_hook(connection, &SqliteProbe::OnCommit, nullptr);
    return SQLITE_OK;
  }

  static int OnTrace(unsigned event, void*, void* subject, void*) {
    auto* const statement = static_cast<sqlite3_stmt*>(subject);
    if (event == SQLITE_TRACE_STMT) {
      probe_->OnBegin(statement);
    } else {
      probe_->OnEnd(statement);
    }
    return 0;
  }

  static int OnCommit(void*) {
    const std::lock_guard lock(probe_->mutex_);
    ++probe_->counts_.commits;
    return 0;
  }

  void OnBegin(sqlite3_stmt* statement) {
    const std::lock_guard lock(mutex_);
    ++begun_;
    ++counts_.statements;
    ++statements_[sqlite3_sql(statement)];
    changed_.notify_all();
  }

  void OnEnd(sqlite3_stmt* statement) {
    const auto take = [statement](int counter) {
      return sqlite3_stmt_status(statement, counter, 1);
    };
    const std::lock_guard lock(mutex_);
    counts_.scanned_rows += take(SQLITE_STMTSTATUS_FULLSCAN_STEP);
    counts_.sorts += take(SQLITE_STMTSTATUS_SORT);
    counts_.automatic_index_rows += take(SQLITE_STMTSTATUS_AUTOINDEX);
    counts_.steps += take(SQLITE_STMTSTATUS_VM_STEP);
  }

  // -- Syncs ---------------------------------------------------------------------------------

  struct Methods {
    sqlite3_io_methods counting;
    int (*real_sync)(sqlite3_file*, int);
  };

  static int OpenFile(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags,
                      int* out_flags) {
    const int code = real_->xOpen(real_, name, file, flags, out_flags);
    if (code != SQLITE_OK) return code;
    if ((flags & SQLITE_OPEN_WAL) != 0) Count(file, wal_, &SqliteProbe::SyncWal);
    if ((flags & SQLITE_OPEN_MAIN_DB) != 0) Count(file, main_, &SqliteProbe::SyncMain);
    return code;
  }

  static void Count(sqlite3_file* file, Methods& methods, int (*sync)(sqlite3_file*, int)) {
    const std::lock_guard lock(probe_->mutex_);
    if (methods.real_sync == nullptr) {  // The same for all files of a kind.
      methods.real_sync = file->pMethods->xSync;
      methods.counting = *file->pMethods;
      methods.counting.xSync = sync;
    }
    file->pMethods = &methods.counting;
  }

  static int SyncWal(sqlite3_file* file, int flags) {
    probe_->CountSync(&Counts::wal_syncs);
    return wal_.real_sync(file, flags);
  }

  static int SyncMain(sqlite3_file* file, int flags) {
    probe_->CountSync(&Counts::file_syncs);
    return main_.real_sync(file, flags);
  }

  void CountSync(int Counts::* which) {
    const std::lock_guard lock(mutex_);
    ++(counts_.*which);
  }

  static inline SqliteProbe* probe_ = nullptr;
  static inline sqlite3_vfs* real_ = nullptr;
  static inline sqlite3_vfs counting_ = {};
  static inline Methods wal_ = {};
  static inline Methods main_ = {};

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  int begun_ = 0;
  Counts counts_;
  std::map<std::string, int> statements_;
};

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTS_STORE_SQLITE_PROBE_H_
