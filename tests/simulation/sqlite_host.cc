#include "tests/simulation/sqlite_host.h"

#include <sqlite3.h>

#include <functional>

namespace outlive::simulation {
namespace {

class SqliteSession final : public HostSession {
 public:
  SqliteSession(const std::string& path, const std::string& vfs) {
    sqlite3_open_v2(path.c_str(), &connection_, SQLITE_OPEN_READWRITE, vfs.c_str());
    Run("PRAGMA wal_autocheckpoint = 0; PRAGMA synchronous = FULL").IgnoreError();
  }
  ~SqliteSession() override { sqlite3_close(connection_); }

  absl::Status Begin() override {
    if (absl::Status begun = Run("BEGIN IMMEDIATE"); !begun.ok()) return begun;
    absl::Status made =
        Run("CREATE TABLE IF NOT EXISTS host_order (args TEXT);"
            "CREATE TABLE IF NOT EXISTS host_booking (job INTEGER, fence INTEGER)");
    if (!made.ok()) Rollback();
    return made;
  }
  HostTransaction transaction() override { return connection_; }

  absl::Status AddOrder(const std::string& args) override {
    char* const sql = sqlite3_mprintf("INSERT INTO host_order VALUES (%Q)", args.c_str());
    absl::Status added = Run(sql);
    sqlite3_free(sql);
    return added;
  }
  absl::Status AddBooking(JobId job, std::int64_t fence) override {
    return Run(("INSERT INTO host_booking VALUES (" + std::to_string(job) + "," +
                std::to_string(fence) + ")")
                   .c_str());
  }

  absl::Status Commit() override {
    const int code = sqlite3_exec(connection_, "COMMIT", nullptr, nullptr, nullptr);
    if (code == SQLITE_OK) return absl::OkStatus();
    Rollback();
    if ((code & 0xff) == SQLITE_IOERR) return absl::UnknownError("in doubt");
    return absl::UnavailableError(sqlite3_errstr(code));
  }
  void Rollback() override {
    // After some errors SQLite has done it already.
    if (sqlite3_get_autocommit(connection_) == 0) Run("ROLLBACK").IgnoreError();
  }

 private:
  absl::Status Run(const char* sql) {
    const int code = sqlite3_exec(connection_, sql, nullptr, nullptr, nullptr);
    return code == SQLITE_OK ? absl::OkStatus() : absl::UnavailableError(sqlite3_errstr(code));
  }

  sqlite3* connection_ = nullptr;
};

// Calls `each` with every row of a query.
void ForEachRow(const std::string& path, const std::string& vfs, const char* sql,
                const std::function<void(sqlite3_stmt*)>& each) {
  sqlite3* connection = nullptr;
  sqlite3_stmt* rows = nullptr;
  sqlite3_open_v2(path.c_str(), &connection, SQLITE_OPEN_READWRITE, vfs.c_str());
  // No table: nobody has written anything yet.
  if (sqlite3_prepare_v2(connection, sql, -1, &rows, nullptr) == SQLITE_OK) {
    while (sqlite3_step(rows) == SQLITE_ROW) each(rows);
  }
  sqlite3_finalize(rows);
  sqlite3_close(connection);
}

}  // namespace

std::unique_ptr<HostSession> SqliteHost::Connect(int process) {
  return std::make_unique<SqliteSession>(path_, disk_.vfs(process));
}

std::vector<std::string> SqliteHost::Orders() {
  std::vector<std::string> orders;
  ForEachRow(path_, disk_.vfs(-1), "SELECT args FROM host_order", [&](sqlite3_stmt* row) {
    orders.emplace_back(reinterpret_cast<const char*>(sqlite3_column_text(row, 0)));
  });
  return orders;
}

std::vector<std::pair<JobId, std::int64_t>> SqliteHost::Bookings() {
  std::vector<std::pair<JobId, std::int64_t>> bookings;
  ForEachRow(path_, disk_.vfs(-1), "SELECT job, fence FROM host_booking", [&](sqlite3_stmt* row) {
    bookings.emplace_back(sqlite3_column_int64(row, 0), sqlite3_column_int64(row, 1));
  });
  return bookings;
}

}  // namespace outlive::simulation
