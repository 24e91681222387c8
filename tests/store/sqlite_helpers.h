// What the tests of SqliteStore share: a store on a file of its own, and a look at its tables over
// a connection of the test's own.
#ifndef OUTLIVE_TESTS_STORE_SQLITE_HELPERS_H_
#define OUTLIVE_TESTS_STORE_SQLITE_HELPERS_H_

#include <doctest/doctest.h>
#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "outlive/conformance/helpers.h"
#include "outlive/store/sqlite_store.h"
#include "tests/store/sqlite_folder.h"

namespace outlive::testing {

// The poll_interval of tests in which nothing but the watch is to wake anybody: too far away to
// help, where the kernel tells of writes; where it does not, looking is all that the watch does.
#ifdef OUTLIVE_INOTIFY
inline constexpr absl::Duration kWatchPoll = absl::Hours(1);
#else
inline constexpr absl::Duration kWatchPoll = absl::Milliseconds(10);
#endif

inline std::unique_ptr<SqliteStore> OpenStore(const std::string& path,
                                              SqliteStoreOptions options = {.watch = false}) {
  absl::StatusOr<std::unique_ptr<SqliteStore>> store = SqliteStore::Open(path, options);
  REQUIRE_MESSAGE(store.ok(), store.status().ToString());
  return *std::move(store);
}

// A connection as a host has one.
class HostConnection {
 public:
  explicit HostConnection(const std::string& path, const std::string& vfs = {}) {
    REQUIRE(sqlite3_open_v2(path.c_str(), &handle_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                            vfs.empty() ? nullptr : vfs.c_str()) == SQLITE_OK);
    sqlite3_busy_timeout(handle_, 60'000);  // However slow the disk is that others commit to.
  }
  ~HostConnection() { sqlite3_close(handle_); }
  HostConnection(const HostConnection&) = delete;
  HostConnection& operator=(const HostConnection&) = delete;

  sqlite3* handle() const { return handle_; }

  int ExecCode(const std::string& sql) const {
    return sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  }

  void Exec(const std::string& sql) const {
    const int code = ExecCode(sql);
    REQUIRE_MESSAGE(code == SQLITE_OK, sql, ": ", sqlite3_errmsg(handle_));
  }

  // The rows of a query, the columns of each separated by a bar.
  std::vector<std::string> Query(const std::string& sql) const {
    std::vector<std::string> rows;
    sqlite3_stmt* statement = nullptr;
    REQUIRE_MESSAGE(sqlite3_prepare_v2(handle_, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK,
                    sql, ": ", sqlite3_errmsg(handle_));
    while (sqlite3_step(statement) == SQLITE_ROW) {
      std::string row;
      for (int i = 0; i < sqlite3_column_count(statement); ++i) {
        const unsigned char* const text = sqlite3_column_text(statement, i);
        if (i > 0) row += '|';
        row += text == nullptr ? "NULL" : reinterpret_cast<const char*>(text);
      }
      rows.push_back(std::move(row));
    }
    REQUIRE_MESSAGE(sqlite3_finalize(statement) == SQLITE_OK, sqlite3_errmsg(handle_));
    return rows;
  }

  std::int64_t Number(const std::string& sql) const {
    const std::vector<std::string> rows = Query(sql);
    REQUIRE(rows.size() == 1);
    return std::stoll(rows[0]);
  }

 private:
  sqlite3* handle_ = nullptr;
};

// What must hold in every file that no transaction is open on.
inline void CheckTables(const std::string& path, const std::string& vfs = {}) {
  const HostConnection host(path, vfs);
  CHECK(host.Query("PRAGMA integrity_check") == std::vector<std::string>{"ok"});
  // Every job is in exactly one state, and every state has a job.
  CHECK(host.Number("SELECT count(*) FROM outlive_job j WHERE 1 <>"
                    " (SELECT count(*) FROM outlive_pending WHERE lane = j.lane AND"
                    "  priority = j.priority AND run_at = j.run_at AND job = j.id)"
                    " + (SELECT count(*) FROM outlive_blocked WHERE job = j.id)"
                    " + (SELECT count(*) FROM outlive_running WHERE job = j.id)"
                    " + (SELECT count(*) FROM outlive_ended WHERE job = j.id)") == 0);
  CHECK(host.Number("SELECT (SELECT count(*) FROM outlive_pending)"
                    " + (SELECT count(*) FROM outlive_blocked)"
                    " + (SELECT count(*) FROM outlive_running)"
                    " + (SELECT count(*) FROM outlive_ended)"
                    " - (SELECT count(*) FROM outlive_job)") == 0);
  // The counts of each lane are those of the tables.
  CHECK(host.Query("SELECT id FROM outlive_lane l WHERE"
                   " pending <> (SELECT count(*) FROM outlive_pending WHERE lane = l.id) OR"
                   " blocked <> (SELECT count(*) FROM outlive_blocked WHERE lane = l.id) OR"
                   " running <> (SELECT count(*) FROM outlive_running WHERE lane = l.id) OR"
                   " completed <> (SELECT count(*) FROM outlive_ended WHERE lane = l.id"
                   "               AND state = 3) OR"
                   " cancelled <> (SELECT count(*) FROM outlive_ended WHERE lane = l.id"
                   "               AND state = 4) OR"
                   " dead <> (SELECT count(*) FROM outlive_ended WHERE lane = l.id AND state = 5)")
            .empty());
  // Retention finds every completed job.
  CHECK(host.Number("SELECT (SELECT count(*) FROM outlive_ended WHERE state = 3) -"
                    " (SELECT count(DISTINCT e.job) FROM outlive_completed_batch b,"
                    "  json_each(b.jobs) entry JOIN outlive_ended e ON e.job = entry.value"
                    "  AND e.state = 3 AND e.ended_at = b.ended_at)") == 0);
  // The bits of `flags` are true, and nothing is left of jobs that are gone.
  for (const auto& [bit, table] :
       std::vector<std::pair<std::string, std::string>>{{"1", "follow_up"},
                                                        {"2", "tag"},
                                                        {"4", "error"},
                                                        {"8", "checkpoint"},
                                                        {"16", "output"},
                                                        {"32", "artifact"}}) {
    CAPTURE(table);
    CHECK(host.Number("SELECT count(*) FROM outlive_job j"
                      " LEFT JOIN outlive_running r ON r.job = j.id"
                      " LEFT JOIN outlive_ended e ON e.job = j.id WHERE"
                      " ((coalesce(r.flags, e.flags, j.flags) & " +
                      bit +
                      ") <> 0) <>"
                      " EXISTS (SELECT 1 FROM outlive_" +
                      table + " WHERE job = j.id)") == 0);
    CHECK(host.Number("SELECT count(*) FROM outlive_" + table +
                      " WHERE job NOT IN (SELECT id FROM outlive_job)") == 0);
  }
  // The log has no holes, and its rows say how long they are.
  CHECK(host.Query("SELECT seq FROM (SELECT seq, count, lead(seq) OVER (ORDER BY seq) AS next"
                   " FROM outlive_event_batch) WHERE next IS NOT NULL AND next <> seq + count")
            .empty());
  CHECK(host.Query("SELECT seq FROM outlive_event_batch WHERE count <> json_array_length(entries)")
            .empty());
}

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTS_STORE_SQLITE_HELPERS_H_
