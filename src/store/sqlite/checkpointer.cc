#include "store/sqlite/checkpointer.h"

#include <sqlite3.h>

#include "store/sqlite/return_if_error.h"
#include "store/sqlite/status.h"

namespace outlive::sqlite {

void Checkpointer::NoteCommit(int page_count) {
  if (page_count < page_count_) due_at_ = page_count_max_;  // It has begun anew.
  page_count_ = page_count;
}

absl::Status Checkpointer::Run() {
  due_at_ = page_count_ + page_count_max_;
  OUTLIVE_RETURN_IF_ERROR(Open());
  int in_wal = 0;
  int moved = 0;
  const int code = sqlite3_wal_checkpoint_v2(database_->handle(), "main", SQLITE_CHECKPOINT_PASSIVE,
                                             &in_wal, &moved);
  if (code != SQLITE_OK) return ToStatus(database_->handle(), code, "checkpoint");
  // What was moved is overwritten from the next transaction on.
  if (moved == in_wal) page_count_ = 0;
  return absl::OkStatus();
}

absl::Status Checkpointer::Open() {
  if (database_ != nullptr) return absl::OkStatus();
  absl::StatusOr<std::unique_ptr<Database>> opened =
      Database::Open(path_, ConnectionUse::kCheckpoint, options_, absl::ZeroDuration());
  OUTLIVE_RETURN_IF_ERROR(opened.status());
  database_ = *std::move(opened);
  return absl::OkStatus();
}

}  // namespace outlive::sqlite
