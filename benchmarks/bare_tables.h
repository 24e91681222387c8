// BareTables is what any job system on SQLite has to write for a job, if it keeps what it promises:
// the least, by prepared statements alone. One column for one fact, integers for names, rows found
// by their key, and no index but the one that gives the order of claims.
//
//   enqueue   INSERT job, INSERT pending
//   claim     SELECT the next n of pending by priority, run_at and id; for each of them
//             SELECT its arguments, DELETE pending, INSERT running
//   finish    DELETE running where the fence is right, INSERT ended
//   commit    INSERT the events of the transaction, one row for all of them; COMMIT
//
// The rows are those that outlive's own schema has for such a job: it is kept when it has ended,
// and each of its transitions is in the event log. Left out is everything else: names, sessions,
// counts for statistics, checks of what comes in, progress, retries, tags, wake-ups, the index by
// which old jobs are deleted. So it is a limit and not a rival.
//
// The connection is set up as outlive's: WAL, moved into the file every 4,000 pages, 8 MB of cache.
//
// Thread-safety: none; one transaction at a time.
// Errors:        BenchError.
#ifndef OUTLIVE_BENCHMARKS_BARE_TABLES_H_
#define OUTLIVE_BENCHMARKS_BARE_TABLES_H_

#include <sqlite3.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

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

using BareKey = std::array<std::uint64_t, 2>;

class BareTables {
 public:
  struct Claimed {
    std::int64_t job = 0;
    std::int64_t run_at = 0;
    std::string args = {};
  };

  // Makes file and tables where there are none.
  BareTables(const std::string& path, Durability durability);

  void Begin();
  void Insert(std::string_view args);
  void InsertWithKey(std::string_view args, const BareKey& key);
  // Replaces `claimed`, whose strings are used again.
  void Claim(int job_count_max, std::vector<Claimed>& claimed);
  void Finish(const Claimed& job);
  void Commit();

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

#endif  // OUTLIVE_BENCHMARKS_BARE_TABLES_H_
