// Checkpointer moves the WAL into the database file when it has become long. It runs only while
// another connection of ours holds the write lock and has written nothing yet.
//
// That is what makes it safe on every version of SQLite: the corruption of the versions before
// 3.51.3 needs a writer that restarts the WAL at the moment a checkpoint begins, and here no
// writer can be (docs/adr/0009-sqlite-wal-reset-and-checkpoints.md). Nothing else of ours
// checkpoints, but for SQLite itself when the last connection closes, under its exclusive lock.
//
// Thread-safety: none; for the thread that holds the write transaction.
#ifndef OUTLIVE_SRC_STORE_SQLITE_CHECKPOINTER_H_
#define OUTLIVE_SRC_STORE_SQLITE_CHECKPOINTER_H_

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <memory>
#include <string>

#include "store/sqlite/database.h"

namespace outlive::sqlite {

// The first version whose checkpoints cannot corrupt the file.
inline constexpr int kWalResetFixedVersion = 3'051'003;

class Checkpointer {
 public:
  // Checkpoints once the WAL has `page_count_max` pages.
  Checkpointer(std::string path, const DatabaseOptions& options, int page_count_max)
      : path_(std::move(path)), options_(options), page_count_max_(page_count_max) {}

  // The WAL has this many pages after a commit.
  void NoteCommit(int page_count);

  bool due() const { return page_count_ - moved_count_ >= page_count_max_; }

  // Moves what readers allow. After an error, or where readers keep the WAL from beginning anew, it
  // is due again when the WAL has grown by as much.
  absl::Status Run();

 private:
  absl::Status Open();

  // The WAL begins anew only when nobody reads in it any more. Who begins to read after a
  // checkpoint that has moved everything does not; who has begun before it keeps the WAL as it is
  // until he is done. Where that has been so for some checkpoints, this waits, longer each time.
  void LetReadersEnd() const;

  const std::string path_;
  const DatabaseOptions options_;
  const int page_count_max_;

  std::unique_ptr<Database> database_;  // Opened at its first use.
  int page_count_ = 0;                  // In the WAL.
  int moved_count_ = 0;                 // As far as the last Run() came, or tried to.
};

}  // namespace outlive::sqlite

#endif  // OUTLIVE_SRC_STORE_SQLITE_CHECKPOINTER_H_
