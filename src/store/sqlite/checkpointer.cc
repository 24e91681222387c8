#include "store/sqlite/checkpointer.h"

#include <sqlite3.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "core/return_if_error.h"
#include "store/sqlite/status.h"

namespace outlive::sqlite {
namespace {

constexpr int kPauseMillisecondsMax = 20;

}  // namespace

void Checkpointer::NoteCommit(int page_count) {
  if (page_count < page_count_) moved_count_ = 0;  // The WAL has begun anew.
  page_count_ = page_count;
}

absl::Status Checkpointer::Run() {
  moved_count_ = page_count_;
  OUTLIVE_RETURN_IF_ERROR(Open());
  const int code = sqlite3_wal_checkpoint_v2(database_->handle(), "main", SQLITE_CHECKPOINT_PASSIVE,
                                             nullptr, nullptr);
  if (code != SQLITE_OK) return ToStatus(database_->handle(), code, "checkpoint");
  LetReadersEnd();
  return absl::OkStatus();
}

void Checkpointer::LetReadersEnd() const {
  const int missed = page_count_ / page_count_max_ - 1;
  if (missed < 1) return;
  // tidy-allow(banned): SQLite tells nobody when a reader ends; a pause lets readers get there.
  std::this_thread::sleep_for(std::chrono::milliseconds(std::min(missed, kPauseMillisecondsMax)));
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
