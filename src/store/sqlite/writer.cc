#include "store/sqlite/writer.h"

#include <sqlite3.h>

#include <string_view>
#include <utility>

#include "core/return_if_error.h"
#include "store/sqlite/status.h"

namespace outlive::sqlite {
namespace {

constexpr std::string_view kSettledName = "settled";

}  // namespace

Writer::Writer(std::unique_ptr<Database> database, internal::StoreTime& time,
               const Payloads& payloads, Checkpointer checkpointer)
    : time_(time),
      database_(std::move(database)),
      checkpointer_(std::move(checkpointer)),
      session_(database_->handle(), time, payloads) {
  sqlite3_wal_hook(database_->handle(), &Writer::OnWalCommit, this);
  // What others commit from now on is foreign. Where it cannot be read yet, from the first turn on.
  NoticeForeignCommit().IgnoreError();
}

absl::Status Writer::Begin(absl::Duration timeout) {
  Deadline deadline(time_.clock(), timeout);
  if (!gate_.Acquire(deadline)) {
    return absl::UnavailableError("another transaction of this store is open for too long");
  }
  absl::Status status = BeginLocked(deadline);
  if (!status.ok()) {
    database_->Rollback();
    session_.Forget();
    gate_.Release();
  }
  return status;
}

absl::Status Writer::BeginLocked(const Deadline& deadline) {
  database_->SetDeadline(deadline);
  OUTLIVE_RETURN_IF_ERROR(LockForWriting());
  if (checkpointer_.due()) {
    // A checkpoint that fails is no reason not to write; the WAL is only longer for now.
    checkpointer_.Run().IgnoreError();
    // The WAL is begun anew only by a transaction that has found all of it moved.
    database_->Rollback();
    OUTLIVE_RETURN_IF_ERROR(LockForWriting());
  }
  OUTLIVE_RETURN_IF_ERROR(NoticeForeignCommit());
  OUTLIVE_RETURN_IF_ERROR(session_.context.Start(reread_));
  reread_ = false;
  return absl::OkStatus();
}

absl::Status Writer::LockForWriting() { return begin_.Run(); }

absl::Status Writer::NoticeForeignCommit() {
  Rows rows = foreign_version_.Query();
  if (!rows.Next()) return rows.status();
  if (rows.Int(0) != data_version_) {
    foreign_ = foreign_ || data_version_ != 0;
    reread_ = true;
    data_version_ = rows.Int(0);
  }
  return absl::OkStatus();
}

absl::Status Writer::Commit(WakeHint& hint) {
  absl::Status status = session_.context.Flush();
  if (status.ok()) status = CommitLocked();
  if (status.ok()) {
    hint = std::exchange(session_.context.hint(), {});
    commit_count_.fetch_add(1, std::memory_order_relaxed);
  } else {
    database_->Rollback();
    session_.Forget();
  }
  EndTurn(hint);
  return status;
}

absl::Status Writer::CommitLocked() {
  absl::Status status = commit_.Run();
  write_failed_ = !status.ok();
  if (status.ok()) return status;
  return Settle(sqlite3_extended_errcode(database_->handle()));
}

absl::Status Writer::Settle(int code) {
  absl::Status failed = CommitStatus(database_->handle(), code);
  database_->Rollback();
  if (!IsCommitInDoubt(code)) return failed;
  // The pages may be in the WAL, and a crash might bring them back. Another commit is written over
  // them; once it is durable they are gone for good.
  absl::Status settled = begin_.Run();
  if (settled.ok()) settled = set_meta_.Run(kSettledName, absl::ToUnixMicros(time_.Now()));
  if (settled.ok()) settled = commit_.Run();
  if (!settled.ok()) return failed;
  write_failed_ = false;
  return absl::UnavailableError(
      "SQLite met an I/O error while committing; nothing was written, as a later commit shows");
}

void Writer::Rollback(WakeHint& hint) {
  database_->Rollback();
  session_.Forget();
  EndTurn(hint);
}

void Writer::EndTurn(WakeHint& hint) {
  if (std::exchange(foreign_, false)) hint = {true, true, true};
  gate_.Release();
}

absl::Status Writer::Probe(absl::Duration timeout) {
  OUTLIVE_RETURN_IF_ERROR(Begin(timeout));
  absl::Status status = take_write_lock_.Run();
  if (status.ok() && write_failed_) {
    // Only a commit can tell whether the disk is well again.
    status = set_meta_.Run(kSettledName, absl::ToUnixMicros(time_.Now()));
    if (status.ok()) status = CommitLocked();
  }
  database_->Rollback();  // The session has written nothing, so it has nothing to forget.
  gate_.Release();
  return status;
}

std::optional<bool> Writer::SeesForeignCommit() {
  if (!gate_.TryAcquire()) return std::nullopt;
  NoticeForeignCommit().IgnoreError();  // If it cannot be read now: at the next look.
  const bool foreign = std::exchange(foreign_, false);
  gate_.Release();
  return foreign;
}

std::optional<bool> Writer::SettlesForeignCommits() {
  if (!gate_.TryAcquire()) return std::nullopt;
  database_->SetDeadline(Deadline(time_.clock(), absl::ZeroDuration()));
  const bool settled = LockForWriting().ok() && NoticeForeignCommit().ok();
  database_->Rollback();  // Nothing was written.
  const bool foreign = std::exchange(foreign_, false);
  gate_.Release();
  if (!foreign && !settled) return std::nullopt;
  return foreign;
}

int Writer::OnWalCommit(void* self, sqlite3*, const char*, int page_count) {
  static_cast<Writer*>(self)->checkpointer_.NoteCommit(page_count);
  return SQLITE_OK;
}

}  // namespace outlive::sqlite
