// What the store does to the locks of the WAL, seen from below SQLite.
#include <doctest/doctest.h>
#include <sqlite3.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "outlive/testing/virtual_clock.h"
#include "tests/processes/crash_site.h"
#include "tests/processes/vfs_layer.h"
#include "tests/store/sqlite_helpers.h"

namespace outlive::testing {
namespace {

using conformance::MakeJob;
using conformance::MustInsert;

// Slots of the shared memory, by the file format of SQLite's WAL.
constexpr int kWriteSlot = 0;
constexpr int kCheckpointSlot = 1;

// Watches who holds the write lock of the WAL when a checkpoint begins.
class CheckpointWatch final : public VfsObserver {
 public:
  int OnCall(const VfsCall& call, absl::FunctionRef<int(bool half)> go) override {
    const int code = go(false);
    if (call.name != "shm_lock" || code != SQLITE_OK) return code;
    if ((call.flags & SQLITE_SHM_EXCLUSIVE) == 0) return code;
    const std::lock_guard<std::mutex> lock(mutex_);
    const bool locks = (call.flags & SQLITE_SHM_LOCK) != 0;
    const auto covers = [&call](int slot) {
      return call.offset <= slot && slot < call.offset + call.count;
    };
    if (covers(kWriteSlot)) writers_ += locks ? 1 : -1;
    if (covers(kCheckpointSlot) && locks) ++(writers_ > 0 ? guarded_ : unguarded_);
    return code;
  }

  int guarded() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return guarded_;
  }
  int unguarded() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return unguarded_;
  }

 private:
  mutable std::mutex mutex_;
  int writers_ = 0;  // Connections of this process that hold the write lock: 0 or 1.
  int guarded_ = 0;
  int unguarded_ = 0;
};

// docs/adr/0009: on versions of SQLite before 3.51.3 a checkpoint beside a writer can corrupt the
// file.
TEST_CASE("no checkpoint begins unless this process holds the write lock") {
  const CrashFolder folder;
  const std::string path = CrashPaths(folder.path()).store();
  CheckpointWatch watch;
  const VfsLayer layer(watch);
  {
    const SqliteStoreOptions options = {
        .durability = SqliteDurability::kNormal, .watch = false, .checkpoint_page_count = 100};
    const auto store = OpenStore(path, options);
    const auto second = OpenStore(path, options);
    const HostConnection host(path);
    host.Exec("CREATE TABLE orders (id INTEGER)");
    const std::string args(1'000, 'x');
    for (int i = 0; i < 100; ++i) {
      conformance::InsertAll(i % 2 == 0 ? *store : *second,
                             std::vector<NewJob>(20, MakeJob("k", args)));
      // What the host writes over its own connection is checkpointed by us, too.
      host.Exec("BEGIN IMMEDIATE");
      host.Exec("INSERT INTO orders VALUES (1)");
      const auto joined = conformance::Value(store->Join(host.handle()));
      REQUIRE(joined->Insert({MakeJob("k", args)}).ok());
      host.Exec("COMMIT");
      CHECK(store->Stats().ok());
    }
    CHECK(watch.guarded() > 10);
    CHECK(watch.unguarded() == 0);

    // The watch can tell: this is what hosts are told to switch off.
    const HostConnection careless(path);
    sqlite3_wal_autocheckpoint(careless.handle(), 1);
    careless.Exec("INSERT INTO orders VALUES (2)");
    CHECK(watch.unguarded() == 1);
  }
  const HostConnection host(path);
  CHECK(host.Query("PRAGMA integrity_check") == std::vector<std::string>{"ok"});
}

// Refuses the write lock of the WAL a number of times, as if others had it.
class BusyLock final : public VfsObserver {
 public:
  int OnCall(const VfsCall& call, absl::FunctionRef<int(bool half)> go) override {
    constexpr int kExclusive = SQLITE_SHM_LOCK | SQLITE_SHM_EXCLUSIVE;
    if (call.name == "shm_lock" && call.offset == kWriteSlot && call.flags == kExclusive &&
        refusals_left > 0) {
      --refusals_left;
      return SQLITE_BUSY;
    }
    return go(false);
  }

  std::atomic<int> refusals_left{0};
};

TEST_CASE("a lock that is refused again and again is waited for, and told when time is up") {
  const CrashFolder folder;
  const std::string path = CrashPaths(folder.path()).store();
  BusyLock busy;
  const VfsLayer layer(busy);
  const VirtualClock clock;  // Stands: what was slept counts.
  const auto store =
      OpenStore(path, {.clock = &clock, .busy_timeout = absl::Milliseconds(200), .watch = false});
  busy.refusals_left = 10;
  MustInsert(*store);
  CHECK(busy.refusals_left == 0);
  busy.refusals_left = 1'000'000;
  CHECK(absl::IsUnavailable(store->Begin().status()));
  CHECK(busy.refusals_left > 900'000);  // With pauses, not in a hot loop.
  CHECK(store->Stats().ok());           // Readers do not ask for it.
  busy.refusals_left = 0;
  MustInsert(*store);
}

}  // namespace
}  // namespace outlive::testing
