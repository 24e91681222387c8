// BarePostgres is BareTables on PostgreSQL: libpq by hand, in pipeline mode, with binary arrays, so
// that a transaction is two round trips, whatever it does to however many jobs.
//
//   enqueue   INSERT job, INSERT live
//   claim     UPDATE live, of the next n by priority, run_at and id that nobody else is taking
//             (FOR UPDATE SKIP LOCKED), RETURNING them with their arguments
//   finish    DELETE live where the fence is right, INSERT ended
//   commit    INSERT the events of the transaction, one row for all of them; COMMIT
//
// The tables are set up as outlive's (fillfactor, autovacuum). Left out, beside what BareTables
// names: locks that keep the log in the order of commits, and indexes by session and by end.
//
// Thread-safety: none; one transaction at a time. Several of them, in several processes, may drain
//                one schema; only one may add to it.
// Errors:        BenchError.
#ifndef OUTLIVE_BENCHMARKS_BARE_POSTGRES_H_
#define OUTLIVE_BENCHMARKS_BARE_POSTGRES_H_

#include <libpq-fe.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "benchmarks/bare_tables.h"

namespace outlive::bench {

// Text of one line, or a status. BenchError: no connection, or the server does not like it.
using PgConnection = std::unique_ptr<PGconn, void (*)(PGconn*)>;
PgConnection ConnectTo(const std::string& conninfo);
std::string QueryOne(PGconn* connection, const std::string& sql);

// An array in PostgreSQL's binary format.
class PgArray {
 public:
  enum class Of : std::uint32_t { kBytea = 17, kBigint = 20, kSmallint = 21, kUuid = 2950 };
  explicit PgArray(Of of) : of_(of) {}

  void Add(std::int64_t value);
  void AddBytes(std::string_view bytes);
  int size() const { return count_; }
  void Clear();

  // With its head; good until the next Add().
  std::string_view Bytes();

 private:
  const Of of_;
  int count_ = 0;
  std::string bytes_;  // After room for the head.
};

class BarePostgres final : public BareTables {
 public:
  // Makes schema and tables where there are none.
  BarePostgres(const std::string& conninfo, const std::string& schema);

  void Begin() override;
  void Insert(std::string_view args) override;
  void InsertWithKey(std::string_view args, const BareKey& key) override;
  void Claim(int job_count_max, std::vector<Claimed>& claimed) override;
  void Finish(const Claimed& job) override;
  void Commit() override;

 private:
  using Result = std::unique_ptr<PGresult, void (*)(PGresult*)>;

  void Prepare(const char* name, const char* sql);
  void Send(const char* statement, const std::vector<std::string_view>& params);
  void SendWrites();
  // Sends what is pending, and waits for it. What the last statement has returned.
  Result Sync();
  Result TakeResult();
  [[noreturn]] void Fail(const char* doing) const;
  void AddEvent(std::int64_t type, std::int64_t job, std::int64_t fence);

  const PgConnection connection_;
  std::int64_t now_ = 0;
  std::int64_t last_job_ = 0;
  bool begun_ = false;
  int sent_ = 0;  // Statements whose results are to come.

  PgArray new_jobs_{PgArray::Of::kBigint};
  PgArray new_args_{PgArray::Of::kBytea};
  PgArray key_hashes_{PgArray::Of::kUuid};
  PgArray key_jobs_{PgArray::Of::kBigint};
  PgArray ended_jobs_{PgArray::Of::kBigint};
  PgArray event_types_{PgArray::Of::kSmallint};
  PgArray event_jobs_{PgArray::Of::kBigint};
  PgArray event_fences_{PgArray::Of::kBigint};
};

}  // namespace outlive::bench

#endif  // OUTLIVE_BENCHMARKS_BARE_POSTGRES_H_
