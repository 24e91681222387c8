#include <sqlite3.h>

#include <utility>

#include "core/return_if_error.h"
#include "store/sqlite/status.h"
#include "store/sqlite/transaction.h"

namespace outlive::sqlite {

absl::StatusOr<std::vector<absl::StatusOr<Inserted>>> JoinedTransaction::Insert(
    absl::Span<const NewJob> jobs) {
  std::vector<absl::StatusOr<Inserted>> results;
  OUTLIVE_RETURN_IF_ERROR(InSavepoint([&] {
    absl::StatusOr<std::vector<absl::StatusOr<Inserted>>> inserted = session_.inserter.Insert(jobs);
    if (inserted.ok()) results = *std::move(inserted);
    return inserted.status();
  }));
  return results;
}

absl::StatusOr<std::vector<absl::Status>> JoinedTransaction::Finish(
    absl::Span<const Finished> finished) {
  std::vector<absl::Status> results;
  OUTLIVE_RETURN_IF_ERROR(InSavepoint([&] {
    absl::StatusOr<std::vector<absl::Status>> ended = session_.finisher.Finish(finished);
    if (ended.ok()) results = *std::move(ended);
    return ended.status();
  }));
  return results;
}

absl::Status JoinedTransaction::InSavepoint(absl::FunctionRef<absl::Status()> call) {
  if (!usable_) {
    return absl::FailedPreconditionError("the transaction has failed; it can only be destroyed");
  }
  usable_ = false;
  if (sqlite3_get_autocommit(host_) != 0) {
    return absl::FailedPreconditionError("the host has ended its transaction");
  }
  OUTLIVE_RETURN_IF_ERROR(Exec("SAVEPOINT outlive", "open a savepoint"));
  absl::Status status = StartCall();
  if (status.ok()) status = call();
  if (status.ok()) status = session_.context.Flush();
  if (status.ok()) status = Exec("RELEASE outlive", "close a savepoint");
  usable_ = status.ok();
  // After some errors SQLite has undone the whole transaction itself, and nothing is left to undo.
  if (!status.ok() && sqlite3_get_autocommit(host_) == 0) {
    Exec("ROLLBACK TO outlive", "undo a savepoint").IgnoreError();
    Exec("RELEASE outlive", "close a savepoint").IgnoreError();
  }
  return status;
}

absl::Status JoinedTransaction::StartCall() {
  session_.Forget();
  OUTLIVE_RETURN_IF_ERROR(take_write_lock_.Run());
  OUTLIVE_RETURN_IF_ERROR(session_.context.Start(true));
  return session_.context.CheckOpen();
}

absl::Status JoinedTransaction::Exec(const char* sql, const char* doing) {
  const int code = sqlite3_exec(host_, sql, nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : ToStatus(host_, code, doing);
}

}  // namespace outlive::sqlite
