// What SQLite's result codes mean to a caller of the store:
//
//   BUSY LOCKED FULL IOERR READONLY CANTOPEN NOMEM …   kUnavailable: nothing was written
//   INTERRUPT                                          kDeadlineExceeded: a read took too long
//   CORRUPT NOTADB                                     kDataLoss
//   IOERR at COMMIT                                    kUnknown: it may be there after a crash
//   anything else                                      kInternal: a fault of ours
#ifndef OUTLIVE_SRC_STORE_SQLITE_STATUS_H_
#define OUTLIVE_SRC_STORE_SQLITE_STATUS_H_

#include <absl/status/status.h>

#include <string_view>

struct sqlite3;

namespace outlive::sqlite {

// The error `code` that `database` has just given. `doing` is what failed: "claim jobs". A null
// database is fine.
absl::Status ToStatus(sqlite3* database, int code, std::string_view doing);

// The same for a COMMIT.
absl::Status CommitStatus(sqlite3* database, int code);

// True for an error after which the outcome of a COMMIT is not known.
bool IsCommitInDoubt(int code);

}  // namespace outlive::sqlite

#endif  // OUTLIVE_SRC_STORE_SQLITE_STATUS_H_
