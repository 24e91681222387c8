// What is said of a commit that the disk fails: a VFS between SQLite and the disk fails the syncs
// of the WAL when it is told to.
#include <atomic>
#include <string>

#include "tests/store/sqlite_helpers.h"

namespace outlive {
namespace {

using conformance::MakeJob;
using conformance::MustInsert;
using conformance::Value;
using testing::CheckTables;
using testing::OpenStore;
using testing::SqliteFolder;

// While it lives, files are opened through it.
class FaultyDisk {
 public:
  FaultyDisk() {
    real_ = sqlite3_vfs_find(nullptr);
    faulty_ = *real_;
    faulty_.zName = "faulty";
    faulty_.xOpen = &FaultyDisk::Open;
    REQUIRE(sqlite3_vfs_register(&faulty_, 1) == SQLITE_OK);
  }
  ~FaultyDisk() {
    sqlite3_vfs_unregister(&faulty_);
    failing_syncs_ = 0;
  }

  // The next syncs of a WAL fail, this many.
  void FailSyncs(int count) { failing_syncs_ = count; }
  int failing_syncs() const { return failing_syncs_; }

 private:
  static int Open(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* out_flags) {
    const int code = real_->xOpen(real_, name, file, flags, out_flags);
    if (code == SQLITE_OK && (flags & SQLITE_OPEN_WAL) != 0) {
      real_sync_ = file->pMethods->xSync;
      methods_ = *file->pMethods;
      methods_.xSync = &FaultyDisk::Sync;
      file->pMethods = &methods_;
    }
    return code;
  }

  static int Sync(sqlite3_file* file, int flags) {
    if (failing_syncs_ > 0) {
      --failing_syncs_;
      return SQLITE_IOERR_FSYNC;
    }
    return real_sync_(file, flags);
  }

  static inline sqlite3_vfs* real_ = nullptr;
  static inline sqlite3_vfs faulty_ = {};
  static inline sqlite3_io_methods methods_ = {};
  static inline int (*real_sync_)(sqlite3_file*, int) = nullptr;
  static inline std::atomic<int> failing_syncs_{0};
};

absl::Status InsertAndCommit(SqliteStore& store, const std::string& kind) {
  const auto transaction = conformance::Begin(store);
  REQUIRE(transaction->Insert({MakeJob(kind)}).ok());
  return transaction->Commit();
}

TEST_CASE("a sync that fails once is settled by another commit: nothing was written") {
  FaultyDisk disk;
  const SqliteFolder folder;
  {
    const auto store = OpenStore(folder.File());
    MustInsert(*store, MakeJob("before"));
    disk.FailSyncs(1);
    const absl::Status status = InsertAndCommit(*store, "failed");
    CHECK(absl::IsUnavailable(status));
    CHECK(disk.failing_syncs() == 0);
    CHECK(Value(store->List({}, {})).size() == 1);
    CHECK(store->Check(absl::Seconds(5)).ok());
    MustInsert(*store, MakeJob("after"));
  }
  const auto store = OpenStore(folder.File());
  CHECK(Value(store->List({}, {})).size() == 2);
  CHECK(Value(store->List({.kind = "failed"}, {})).empty());
  CheckTables(folder.File());
}

TEST_CASE("a sync that goes on failing leaves the commit in doubt, and a key settles it") {
  FaultyDisk disk;
  const SqliteFolder folder;
  const auto store = OpenStore(folder.File());
  MustInsert(*store, MakeJob("before"));
  disk.FailSyncs(2);
  const auto transaction = conformance::Begin(*store);
  REQUIRE(transaction->Insert({conformance::KeyedJob("k")}).ok());
  const absl::Status status = transaction->Commit();
  CHECK(absl::IsUnknown(status));
  CHECK(status.message().find("in doubt") != absl::string_view::npos);
  CHECK(Value(store->List({}, {})).size() == 1);

  disk.FailSyncs(2);
  CHECK_FALSE(store->Check(absl::Seconds(5)).ok());
  disk.FailSyncs(0);
  CHECK(store->Check(absl::Seconds(5)).ok());
  MustInsert(*store, conformance::KeyedJob("k"));
  CHECK(Value(store->List({}, {})).size() == 2);
  CheckTables(folder.File());
}

}  // namespace
}  // namespace outlive
