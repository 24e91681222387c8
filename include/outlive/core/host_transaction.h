// HostTransaction names the host's own open database transaction, so that a job can be written in
// it: business row and job commit together or not at all.
//
// Thread-safety: a value. The connection behind it is for one thread at a time, as the host's.
// Lifetime:      the connection, and the transaction that is open on it, outlive the call that a
//                HostTransaction is given to; nothing keeps it longer.
#ifndef OUTLIVE_CORE_HOST_TRANSACTION_H_
#define OUTLIVE_CORE_HOST_TRANSACTION_H_

struct sqlite3;
struct pg_conn;  // libpq's PGconn.

namespace outlive {

// Borrowed: the connection stays the host's, and so do BEGIN, COMMIT and ROLLBACK. Implicit, so
// that a host passes its handle as it is.
class HostTransaction {
 public:
  HostTransaction(sqlite3* connection) : sqlite_(connection) {}    // NOLINT
  HostTransaction(pg_conn* connection) : postgres_(connection) {}  // NOLINT

  sqlite3* sqlite() const { return sqlite_; }      // Null: not SQLite.
  pg_conn* postgres() const { return postgres_; }  // Null: not PostgreSQL.

 private:
  sqlite3* sqlite_ = nullptr;
  pg_conn* postgres_ = nullptr;
};

}  // namespace outlive

#endif  // OUTLIVE_CORE_HOST_TRANSACTION_H_
