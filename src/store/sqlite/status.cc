#include "store/sqlite/status.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <string>

namespace outlive::sqlite {
namespace {

absl::StatusCode CodeOf(int code) {
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_NOMEM:
    case SQLITE_PERM:
    case SQLITE_PROTOCOL:
    case SQLITE_NOLFS:
    case SQLITE_AUTH:
    case SQLITE_SCHEMA:
      return absl::StatusCode::kUnavailable;
    case SQLITE_INTERRUPT:
      return absl::StatusCode::kDeadlineExceeded;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return absl::StatusCode::kDataLoss;
    case SQLITE_TOOBIG:
      return absl::StatusCode::kInvalidArgument;
    default:
      return absl::StatusCode::kInternal;
  }
}

// What a person can do about it.
std::string_view Advice(int code) {
  switch (code & 0xff) {
    case SQLITE_BUSY:
      return code == SQLITE_BUSY_SNAPSHOT
                 ? "; the transaction had read before others wrote: begin it with BEGIN IMMEDIATE"
                 : "; another connection holds the database";
    case SQLITE_FULL:
      return "; the disk or its quota is full";
    case SQLITE_READONLY:
      return "; the file or its folder cannot be written";
    case SQLITE_CANTOPEN:
      return "; the folder must exist and be writable, and there must be file descriptors left";
    case SQLITE_INTERRUPT:
      return "; it took longer than the read deadline";
    case SQLITE_CORRUPT:
      return "; restore the file from a backup, or use the .recover command of sqlite3";
    case SQLITE_NOTADB:
      return "; the file is something else, or encrypted";
    default:
      return "";
  }
}

// The code with its extension, where the connection knows it but was not asked to tell.
int Extend(sqlite3* database, int code) {
  if (database == nullptr) return code;
  const int extended = sqlite3_extended_errcode(database);
  return (extended & 0xff) == code ? extended : code;
}

std::string Describe(sqlite3* database, int code, std::string_view doing) {
  // The message of the connection says more, where it is about this very error.
  const bool fresh = database != nullptr && sqlite3_extended_errcode(database) == code;
  return fmt::format("SQLite cannot {}: {} (code {}){}", doing,
                     fresh ? sqlite3_errmsg(database) : sqlite3_errstr(code), code, Advice(code));
}

}  // namespace

absl::Status ToStatus(sqlite3* database, int code, std::string_view doing) {
  return absl::Status(CodeOf(code), Describe(database, Extend(database, code), doing));
}

absl::Status CommitStatus(sqlite3* database, int code) {
  if (!IsCommitInDoubt(code)) return ToStatus(database, code, "commit");
  return absl::UnknownError(
      fmt::format("{}; the commit is in doubt: it is not visible now, and may "
                  "be back after a crash",
                  Describe(database, code, "commit")));
}

bool IsCommitInDoubt(int code) { return (code & 0xff) == SQLITE_IOERR; }

}  // namespace outlive::sqlite
