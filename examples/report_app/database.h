// A thin, safe layer over SQLite for the app's own tables. They stand in the same file as the jobs,
// so that a report's row and its job can be written in one transaction.
//
//   Database ──► Statement (bind, step, read columns)
//           └──► Transaction (BEGIN IMMEDIATE … Commit(), else it is rolled back)
//
// Thread-safety: a database and all that is made from it are for one thread at a time.
// Lifetime:      the database outlives its statements and transactions.
// Errors:        kUnavailable: the file is busy or cannot be written; again later may help.
//                kInternal: a bug in the SQL. kDataLoss: the file is damaged.
#ifndef OUTLIVE_EXAMPLES_REPORT_APP_DATABASE_H_
#define OUTLIVE_EXAMPLES_REPORT_APP_DATABASE_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace report_app {

class Database {
 public:
  // Opens the file, which is made where there is none, on a connection of its own.
  static absl::StatusOr<Database> Open(const std::string& path);

  // Makes the file ready for Open() where no job store does that: before it is opened, each time.
  static absl::Status SetUp(const std::string& path);

  // Runs statements that give no rows, separated by semicolons.
  absl::Status Execute(const std::string& sql);

  // For Client::EnqueueIn(): the job joins the transaction that is open here.
  sqlite3* handle() const { return handle_.get(); }

 private:
  struct Close {
    void operator()(sqlite3* handle) const;
  };
  explicit Database(sqlite3* handle) : handle_(handle) {}

  std::unique_ptr<sqlite3, Close> handle_;
};

// One statement, prepared. Values are always bound, never spliced into the SQL.
class Statement {
 public:
  static absl::StatusOr<Statement> Prepare(const Database& database, std::string_view sql);

  // Parameters count from 1.
  Statement& Bind(int parameter, std::int64_t value);
  Statement& Bind(int parameter, std::string_view value);
  Statement& BindNull(int parameter);

  // True: a row is there to be read. False: the end.
  absl::StatusOr<bool> Step();

  // Makes the statement ready to be bound and run again.
  void Reset();

  // Columns of the row count from 0. The text is good until the next Step().
  std::int64_t Integer(int column) const;
  std::string_view Text(int column) const;
  bool IsNull(int column) const;

 private:
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int fault_ = 0;  // The first Bind() that failed; Step() tells.
};

class Transaction {
 public:
  // Takes the write lock at once, so that nothing has to be repeated later because of it.
  static absl::StatusOr<Transaction> Begin(Database& database);

  Transaction(Transaction&& other) noexcept;
  Transaction& operator=(Transaction&&) = delete;
  ~Transaction();  // Rolls back what was not committed.

  absl::Status Commit();

 private:
  explicit Transaction(Database& database) : database_(&database) {}

  Database* database_;  // Null: over.
};

}  // namespace report_app

#endif  // OUTLIVE_EXAMPLES_REPORT_APP_DATABASE_H_
