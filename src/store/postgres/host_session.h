// HostSession runs statements on a host's own connection, inside its own transaction: one after the
// other, prepared by nobody, and without leaving anything on the connection.
//
// Thread-safety: none; for the host's thread.
#ifndef OUTLIVE_SRC_STORE_POSTGRES_HOST_SESSION_H_
#define OUTLIVE_SRC_STORE_POSTGRES_HOST_SESSION_H_

#include <absl/status/statusor.h>

#include <vector>

#include "store/postgres/session.h"
#include "store/postgres/sql_book.h"

namespace outlive::postgres {

class HostSession final : public Session {
 public:
  // Both outlive it.
  HostSession(PGconn* host, const SqlBook& book) : host_(host), book_(book) {}

  absl::StatusOr<std::vector<Rows>> Run(absl::Span<const Query> queries) override;

  // A transaction is open and has not failed.
  bool in_transaction() const { return PQtransactionStatus(host_) == PQTRANS_INTRANS; }

 private:
  PGconn* const host_;
  const SqlBook& book_;
};

}  // namespace outlive::postgres

#endif  // OUTLIVE_SRC_STORE_POSTGRES_HOST_SESSION_H_
