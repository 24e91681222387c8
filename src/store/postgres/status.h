// What the server and libpq say, as statuses. Only the server's own message is passed on: its
// details quote data, and what libpq says of a connection may quote the conninfo.
//
// Thread-safety: pure functions.
#ifndef OUTLIVE_SRC_STORE_POSTGRES_STATUS_H_
#define OUTLIVE_SRC_STORE_POSTGRES_STATUS_H_

#include <absl/status/status.h>
#include <libpq-fe.h>

#include <string_view>

namespace outlive::postgres {

// What a caller does about an SQLSTATE: kUnavailable (nothing was written, call again),
// kDeadlineExceeded, kFailedPrecondition and kDataLoss (for a person), kInternal (a bug).
absl::StatusCode CodeOfState(std::string_view sql_state);

// Another transaction was in the way: a deadlock, a serialization failure, a unique name that it
// was first to take. Doing it all again will see what the other has done.
bool IsConflictState(std::string_view sql_state);

// A prepared statement is gone, or its tables have changed: a new connection prepares it anew.
bool IsStalePlan(std::string_view sql_state);

// Of a result that is an error. `doing`: "load_live".
absl::Status StatusOf(const PGresult* result, std::string_view doing);

// Of a connection that could not be made. `secret` is blotted out.
absl::Status ConnectStatus(PGconn* connection, std::string_view secret);

// The connection is gone.
absl::Status LostStatus(std::string_view doing);

}  // namespace outlive::postgres

#endif  // OUTLIVE_SRC_STORE_POSTGRES_STATUS_H_
