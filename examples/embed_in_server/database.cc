#include "embed_in_server/database.h"

#include <sqlite3.h>

#include <memory>

namespace shop {
namespace {

struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

Statement Prepare(sqlite3* database, const char* sql) {
  sqlite3_stmt* statement = nullptr;
  sqlite3_prepare_v2(database, sql, -1, &statement, nullptr);
  return Statement(statement);  // Null where it failed: then its first step does, too.
}

std::string Text(const Statement& row, int column) {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(row.get(), column));
  return text == nullptr ? "" : text;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Database>> Database::Open(const std::string& path) {
  std::unique_ptr<Database> database(new Database());
  if (sqlite3_open(path.c_str(), &database->handle_) != SQLITE_OK) return database->Error("open");
  sqlite3_busy_timeout(database->handle_, 5'000);
  // The store does the checkpoints of this file. As durable as its own commits.
  for (const char* sql :
       {"PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "PRAGMA wal_autocheckpoint = 0",
        "CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, item TEXT NOT NULL,"
        " receipt TEXT NOT NULL DEFAULT 'pending')"}) {
    if (absl::Status status = database->Execute(sql); !status.ok()) return status;
  }
  return database;
}

Database::~Database() { sqlite3_close(handle_); }

absl::Status Database::Transact(absl::FunctionRef<absl::Status()> work) {
  if (absl::Status begun = Execute("BEGIN IMMEDIATE"); !begun.ok()) return begun;
  absl::Status status = work();
  if (status.ok()) status = Execute("COMMIT");
  if (!status.ok()) Execute("ROLLBACK").IgnoreError();  // The reason is told, not this.
  return status;
}

absl::StatusOr<std::int64_t> Database::AddOrder(const std::string& item) {
  const Statement insert = Prepare(handle_, "INSERT INTO orders (item) VALUES (?1)");
  sqlite3_bind_text(insert.get(), 1, item.data(), static_cast<int>(item.size()), SQLITE_STATIC);
  if (sqlite3_step(insert.get()) != SQLITE_DONE) return Error("add an order");
  return sqlite3_last_insert_rowid(handle_);
}

absl::Status Database::MarkReceiptSent(std::int64_t order_id) {
  const Statement update = Prepare(handle_, "UPDATE orders SET receipt = 'sent' WHERE id = ?1");
  sqlite3_bind_int64(update.get(), 1, order_id);
  if (sqlite3_step(update.get()) != SQLITE_DONE) return Error("mark an order");
  return absl::OkStatus();
}

std::vector<Order> Database::Orders() {
  std::vector<Order> orders;
  const Statement row = Prepare(handle_, "SELECT id, item, receipt FROM orders ORDER BY id");
  while (sqlite3_step(row.get()) == SQLITE_ROW) {
    orders.push_back({sqlite3_column_int64(row.get(), 0), Text(row, 1), Text(row, 2)});
  }
  return orders;
}

absl::Status Database::Execute(const char* sql) {
  const bool done = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr) == SQLITE_OK;
  return done ? absl::OkStatus() : Error(sql);
}

absl::Status Database::Error(const char* what) {
  return absl::InternalError(std::string(what) + ": " + sqlite3_errmsg(handle_));
}

}  // namespace shop
