// BareSqlite is BareTables on SQLite.
//
//   enqueue   INSERT job, INSERT pending
//   claim     SELECT the next n of pending by priority, run_at and id; for each of them
//             SELECT its arguments, DELETE pending, INSERT running
//   finish    DELETE running where the fence is right, INSERT ended
//   commit    INSERT the events of the transaction, one row for all of them; COMMIT
//
// The connection is set up as outlive's: WAL, moved into the file every 4,000 pages, 8 MB of cache.
// Left out, beside what BareTables names, is the index by which old jobs are deleted.
//
// Thread-safety: none; one transaction at a time.
// Errors:        BenchError.
#ifndef OUTLIVE_BENCHMARKS_BARE_SQLITE_H_
#define OUTLIVE_BENCHMARKS_BARE_SQLITE_H_

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "benchmarks/bare_tables.h"
#include "benchmarks/options.h"

namespace outlive::bench {

// A statement that is prepared once. Parameters and columns by number, as SQLite counts them.
class BareStatement {
 public:
  BareStatement(sqlite3* database, const char* sql);
  ~BareStatement() { sqlite3_finalize(handle_); }
  BareStatement(const BareStatement&) = delete;
  BareStatement& operator=(const BareStatement&) = delete;

  template <class... Values>
  BareStatement& Bind(const Values&... values) {
    int index = 0;
    (BindOne(++index, values), ...);
    return *this;
  }

  // Goes to the next row; false: there is none, and the statement is ready for the next use.
  bool Next();

  // Runs a statement that gives no rows.
  void Run() { Next(); }

  std::int64_t Int(int column) const { return sqlite3_column_int64(handle_, column); }
  std::string_view Blob(int column) const;

 private:
  void BindOne(int index, std::int64_t value) { sqlite3_bind_int64(handle_, index, value); }
  void BindOne(int index, std::string_view bytes) {
    sqlite3_bind_blob64(handle_, index, bytes.data(), bytes.size(), SQLITE_STATIC);
  }

  sqlite3* const database_;
  sqlite3_stmt* handle_ = nullptr;
};

class BareSqlite final : public BareTables {
 public:
  // Makes file and tables where there are none.
  BareSqlite(const std::string& path, Durability durability);

  void Begin() override;
  void Insert(std::string_view args) override;
  void InsertWithKey(std::string_view args, const BareKey& key) override;
  void Claim(int job_count_max, std::vector<Claimed>& claimed) override;
  void Finish(const Claimed& job) override;
  void Commit() override;

 private:
  // One entry of the log.
  struct Event {
    std::int64_t job;
    std::int32_t fence;
    std::int32_t type;
  };

  std::int64_t AddJob(std::string_view args);

  const std::unique_ptr<sqlite3, int (*)(sqlite3*)> database_;
  std::int64_t now_ = 0;
  std::int64_t last_job_ = 0;
  std::int64_t next_event_ = 1;
  std::vector<Event> events_;

  BareStatement begin_;
  BareStatement commit_;
  BareStatement add_job_;
  BareStatement add_pending_;
  BareStatement add_key_;
  BareStatement due_;
  BareStatement args_;
  BareStatement delete_pending_;
  BareStatement add_running_;
  BareStatement delete_running_;
  BareStatement add_ended_;
  BareStatement add_events_;
};

}  // namespace outlive::bench

#endif  // OUTLIVE_BENCHMARKS_BARE_SQLITE_H_
