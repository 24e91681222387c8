#include "report_app/database.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <utility>

namespace report_app {
namespace {

// Waits this long for other writers: the job store of this process is one.
constexpr int kBusyTimeoutMs = 5'000;

absl::Status ErrorOf(sqlite3* handle, int code, std::string_view what) {
  const std::string message =
      fmt::format("{}: {}", what, handle ? sqlite3_errmsg(handle) : sqlite3_errstr(code));
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_NOMEM:
      return absl::UnavailableError(message);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return absl::DataLossError(message);
    default:
      return absl::InternalError(message);
  }
}

}  // namespace

void Database::Close::operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }

absl::StatusOr<Database> Database::Open(const std::string& path) {
  sqlite3* handle = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &handle,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  Database database(handle);
  if (code != SQLITE_OK) return ErrorOf(handle, code, "cannot open " + path);
  sqlite3_busy_timeout(handle, kBusyTimeoutMs);
  // The job store has set the file up (WAL) and is the only one that checkpoints it.
  absl::Status status = database.Execute(
      "PRAGMA wal_autocheckpoint = 0; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF;"
      "PRAGMA foreign_keys = ON; PRAGMA mmap_size = 0");
  if (!status.ok()) return status;
  return database;
}

// Nobody checkpoints the file while it is in use: SQLite before 3.51.3 can corrupt it when others
// write at that instant. What a run has written is little, and moved before the next one.
absl::Status Database::SetUp(const std::string& path) {
  absl::StatusOr<Database> database = Open(path);
  if (!database.ok()) return database.status();
  return database->Execute("PRAGMA journal_mode = WAL; PRAGMA wal_checkpoint(TRUNCATE)");
}

absl::Status Database::Execute(const std::string& sql) {
  const int code = sqlite3_exec(handle(), sql.c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : ErrorOf(handle(), code, "SQL");
}

void Statement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

absl::StatusOr<Statement> Statement::Prepare(const Database& database, std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v2(database.handle(), sql.data(), static_cast<int>(sql.size()),
                                      &statement, nullptr);
  if (code != SQLITE_OK) return ErrorOf(database.handle(), code, "SQL");
  return Statement(statement);
}

Statement& Statement::Bind(int parameter, std::int64_t value) {
  const int code = sqlite3_bind_int64(statement_.get(), parameter, value);
  if (code != SQLITE_OK && fault_ == 0) fault_ = code;
  return *this;
}

Statement& Statement::Bind(int parameter, std::string_view value) {
  // A null pointer would bind NULL, and an empty view may have one.
  const int code =
      sqlite3_bind_text64(statement_.get(), parameter, value.empty() ? "" : value.data(),
                          value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  if (code != SQLITE_OK && fault_ == 0) fault_ = code;
  return *this;
}

Statement& Statement::BindNull(int parameter) {
  const int code = sqlite3_bind_null(statement_.get(), parameter);
  if (code != SQLITE_OK && fault_ == 0) fault_ = code;
  return *this;
}

absl::StatusOr<bool> Statement::Step() {
  if (fault_ != 0) return ErrorOf(nullptr, fault_, "SQL parameter");
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return ErrorOf(sqlite3_db_handle(statement_.get()), code, "SQL");
}

void Statement::Reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
  fault_ = 0;
}

std::int64_t Statement::Integer(int column) const {
  return sqlite3_column_int64(statement_.get(), column);
}

std::string_view Statement::Text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_.get(), column));
  if (text == nullptr) return {};
  return {text, static_cast<std::size_t>(sqlite3_column_bytes(statement_.get(), column))};
}

bool Statement::IsNull(int column) const {
  return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL;
}

absl::StatusOr<Transaction> Transaction::Begin(Database& database) {
  if (absl::Status status = database.Execute("BEGIN IMMEDIATE"); !status.ok()) return status;
  return Transaction(database);
}

Transaction::Transaction(Transaction&& other) noexcept
    : database_(std::exchange(other.database_, nullptr)) {}

Transaction::~Transaction() {
  // Where this fails, SQLite has rolled back by itself.
  if (database_ != nullptr) (void)database_->Execute("ROLLBACK");
}

absl::Status Transaction::Commit() {
  absl::Status status = database_->Execute("COMMIT");
  if (status.ok()) database_ = nullptr;
  return status;
}

}  // namespace report_app
