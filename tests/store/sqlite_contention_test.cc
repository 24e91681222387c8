// SqliteStore when others are in the way: other writers, full and read-only disks, slow reads,
// fork().
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "tests/store/sqlite_helpers.h"

namespace outlive {
namespace {

using conformance::MakeJob;
using conformance::MustInsert;
using conformance::Value;
using testing::CheckTables;
using testing::HostConnection;
using testing::OpenStore;
using testing::SqliteFolder;

// Time passes whenever somebody looks at it.
class TickingClock final : public Clock {
 public:
  explicit TickingClock(absl::Duration tick) : tick_(tick) {}
  absl::Time Now() const override { return absl::FromUnixSeconds(1'700'000'000); }
  absl::Duration SinceBoot() const override { return tick_ * static_cast<double>(++looks_); }

 private:
  const absl::Duration tick_;
  mutable std::atomic<int> looks_{0};
};

TEST_CASE("a foreign writer is waited for") {
  const SqliteFolder folder;
  const auto store = OpenStore(folder.File(), {.busy_timeout = absl::Minutes(5), .watch = false});
  const HostConnection host(folder.File());
  host.Exec("BEGIN IMMEDIATE");
  std::atomic<bool> waiting = false;
  std::thread other([&] {
    waiting = true;
    MustInsert(*store);
  });
  while (!waiting) std::this_thread::yield();
  host.Exec("COMMIT");
  other.join();
  CHECK(Value(store->List({}, {})).size() == 1);
}

TEST_CASE("a foreign writer that stays is unavailable after the deadline, and no harm later") {
  const SqliteFolder folder;
  const TickingClock clock(absl::Milliseconds(100));
  const auto store =
      OpenStore(folder.File(), {.clock = &clock, .busy_timeout = absl::Seconds(5), .watch = false});
  const HostConnection host(folder.File());
  host.Exec("BEGIN IMMEDIATE");
  const absl::Status status = store->Begin().status();
  CHECK(absl::IsUnavailable(status));
  CHECK(status.message().find("another connection holds the database") != absl::string_view::npos);
  CHECK(absl::IsUnavailable(store->Check(absl::Milliseconds(500))));
  CHECK(store->List({}, {}).ok());  // Reading goes on.
  host.Exec("COMMIT");
  CHECK(store->Check(absl::Minutes(5)).ok());
  MustInsert(*store);
}

TEST_CASE("a transaction that stays open makes the next one unavailable after the deadline") {
  const SqliteFolder folder;
  const auto store =
      OpenStore(folder.File(), {.busy_timeout = absl::Milliseconds(20), .watch = false});
  const auto open = Value(store->Begin());
  CHECK(absl::IsUnavailable(store->Begin().status()));
  CHECK(open->Commit().ok());
  CHECK(store->Begin().ok());
}

TEST_CASE("a clock that stands still does not make anybody wait for ever") {
  const SqliteFolder folder;
  const testing::VirtualClock clock;
  const auto store = OpenStore(
      folder.File(), {.clock = &clock, .busy_timeout = absl::Milliseconds(50), .watch = false});
  const HostConnection host(folder.File());
  host.Exec("BEGIN IMMEDIATE");
  CHECK(absl::IsUnavailable(store->Begin().status()));
}

TEST_CASE("threads take turns, and none is left out") {
  const SqliteFolder folder;
  const auto store = OpenStore(
      folder.File(),
      {.durability = SqliteDurability::kNormal, .busy_timeout = absl::Minutes(5), .watch = false});
  std::vector<std::thread> threads;
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&store] {
      for (int n = 0; n < 20; ++n) {
        const auto transaction = store->Begin();
        if (transaction.ok() && (*transaction)->Insert({MakeJob()}).ok()) {
          (*transaction)->Commit().IgnoreError();
        }
        store->Stats().IgnoreError();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(Value(store->Stats()).lanes[0].pending == 320);
  CheckTables(folder.File());
}

TEST_CASE("a read that takes too long is given up, and the next one works") {
  const SqliteFolder folder;
  const TickingClock clock(absl::Milliseconds(1));
  const auto store = OpenStore(
      folder.File(), {.clock = &clock, .read_timeout = absl::Milliseconds(20), .watch = false});
  conformance::InsertAll(*store, std::vector<NewJob>(1'000, MakeJob()));
  // A look at the clock for every 1,000 steps of SQLite, of which each job takes some fifty.
  const absl::Status status = store->List({}, {.row_count_max = 1'000}).status();
  CHECK(absl::IsDeadlineExceeded(status));
  CHECK(status.message().find("read deadline") != absl::string_view::npos);
  CHECK(Value(store->List({}, {.row_count_max = 10})).size() == 10);
}

TEST_CASE("a forked child can use nothing of the store, and does the parent no harm") {
  const SqliteFolder folder;
  auto store = OpenStore(folder.File(), {});
  const auto subscription = store->Subscribe([](WakeHint) {});
  MustInsert(*store);
  const pid_t child = fork();
  if (child == 0) {
    const bool refused = absl::IsFailedPrecondition(store->Begin().status()) &&
                         absl::IsFailedPrecondition(store->Get(1).status()) &&
                         absl::IsFailedPrecondition(store->Check(absl::Seconds(1)));
    store.reset();
    _exit(refused ? 0 : 1);
  }
  REQUIRE(child > 0);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
  MustInsert(*store);
  // The parent's locks are still there: a checkpoint of somebody else's keeps away.
  CHECK(std::filesystem::exists(folder.File() + "-wal"));
  CheckTables(folder.File());
}

TEST_CASE("the WAL stays short while jobs come and go") {
  const SqliteFolder folder;
  const auto store = OpenStore(
      folder.File(),
      {.durability = SqliteDurability::kNormal, .watch = false, .checkpoint_page_count = 100});
  const std::string args(1'000, 'x');
  for (int i = 0; i < 100; ++i) {
    conformance::InsertAll(*store, std::vector<NewJob>(50, MakeJob("k", args)));
  }
  // 5 MB have gone through a WAL of 100 pages, and of what one commit may add.
  CHECK(std::filesystem::file_size(folder.File() + "-wal") < 200 * 4'200);
  CheckTables(folder.File());
}

TEST_CASE("the WAL begins anew although readers come and go all the time") {
  const SqliteFolder folder;
  const auto store = OpenStore(
      folder.File(),
      {.durability = SqliteDurability::kNormal, .watch = false, .checkpoint_page_count = 100});
  std::atomic<bool> stop = false;
  std::thread reader([&] {
    while (!stop) store->Stats().IgnoreError();
  });
  // How long it grows depends on when the system lets the reader run. A WAL that never begins anew
  // is longer than what was put into it.
  const std::string args(1'000, 'x');
  std::uintmax_t written = 0;
  std::uintmax_t wal = 0;
  do {
    conformance::InsertAll(*store, std::vector<NewJob>(50, MakeJob("k", args)));
    written += 50 * args.size();
    wal = std::filesystem::file_size(folder.File() + "-wal");
  } while ((written < 5'000'000 || wal > written / 4) && written < 200'000'000);
  stop = true;
  reader.join();
  CHECK(wal <= written / 4);
}

TEST_CASE("a long reader of the host's makes the WAL longer, and is forgotten when it ends") {
  const SqliteFolder folder;
  constexpr std::int64_t kLimit = 1'000'000;
  const auto store = OpenStore(folder.File(), {.durability = SqliteDurability::kNormal,
                                               .watch = false,
                                               .checkpoint_page_count = 100,
                                               .journal_bytes_max = kLimit});
  const auto wal = [&folder] { return std::filesystem::file_size(folder.File() + "-wal"); };
  const std::string args(1'000, 'x');
  const auto write = [&] {
    conformance::InsertAll(*store, std::vector<NewJob>(50, MakeJob("k", args)));
  };
  write();
  const HostConnection reader(folder.File());
  reader.Exec("BEGIN");
  CHECK(reader.Number("SELECT count(*) FROM outlive_job") == 50);
  for (int i = 0; i < 100; ++i) write();  // 5 MB, and nobody is held up.
  CHECK(wal() > 5'000'000);
  CHECK(reader.Number("SELECT count(*) FROM outlive_job") == 50);
  CHECK(Value(store->Stats()).lanes[0].pending == 5'050);
  reader.Exec("COMMIT");
  for (int i = 0; i < 10 && wal() > kLimit; ++i) write();
  CHECK(wal() <= kLimit);
  CheckTables(folder.File());
}

TEST_CASE("a reader of ours cannot keep the WAL for longer than its deadline") {
  const SqliteFolder folder;
  // A look at the clock for every 1,000 steps of SQLite: each takes 1 ms.
  const TickingClock clock(absl::Milliseconds(1));
  const auto store = OpenStore(folder.File(), {.clock = &clock,
                                               .durability = SqliteDurability::kNormal,
                                               .read_timeout = absl::Milliseconds(20),
                                               .watch = false,
                                               .checkpoint_page_count = 100,
                                               .journal_bytes_max = 0});
  const std::string args(1'000, 'x');
  conformance::InsertAll(*store, std::vector<NewJob>(2'000, MakeJob("k", args)));
  CHECK(absl::IsDeadlineExceeded(store->List({}, {.row_count_max = 1'000}).status()));
  // It has given its snapshot back: the WAL begins anew as if it had not been there.
  for (int i = 0; i < 3; ++i) {
    conformance::InsertAll(*store, std::vector<NewJob>(50, MakeJob("k", args)));
  }
  CHECK(std::filesystem::file_size(folder.File() + "-wal") < 1'000'000);
}

// A small file system of our own, where this process may mount one.
class SmallDisk {
 public:
  explicit SmallDisk(const std::string& path) : path_(path) {
    std::filesystem::create_directory(path_);
    mounted_ = mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=2m") == 0;
  }
  ~SmallDisk() {
    if (mounted_) umount2(path_.c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }
  bool MakeReadOnly() const {
    return mount("tmpfs", path_.c_str(), "tmpfs", MS_REMOUNT | MS_RDONLY, "size=2m") == 0;
  }

 private:
  const std::string path_;
  bool mounted_ = false;
};

TEST_CASE("a full disk is unavailable, keeps what was committed, and works again with room") {
  const SqliteFolder folder;
  const SmallDisk disk(folder.File("disk"));
  if (!disk.mounted()) {
    std::puts("[skipped] mounting a small file system needs root");
    return;
  }
  const std::string path = folder.File("disk/jobs.db");
  const auto store = OpenStore(path);
  const std::string args(20'000, 'x');
  int inserted = 0;
  absl::Status status;
  while (status.ok()) {
    REQUIRE(inserted < 1'000);
    const auto transaction = Value(store->Begin());
    status = transaction->Insert({MakeJob("k", args)}).status();
    if (status.ok()) status = transaction->Commit();
    if (status.ok()) ++inserted;
  }
  CHECK(absl::IsUnavailable(status));
  CHECK(status.message().find("full") != absl::string_view::npos);
  CHECK(inserted > 10);
  CHECK(static_cast<int>(Value(store->List({}, {.row_count_max = 1'000})).size()) == inserted);

  // What is completed and pruned makes room in the file.
  CHECK(mount("tmpfs", folder.File("disk").c_str(), "tmpfs", MS_REMOUNT, "size=4m") == 0);
  CHECK(store->Check(absl::Seconds(5)).ok());
  MustInsert(*store, MakeJob("k", args));
  CheckTables(path);
}

TEST_CASE("a read-only file is unavailable and says so") {
  const SqliteFolder folder;
  const SmallDisk disk(folder.File("disk"));
  if (!disk.mounted()) {
    std::puts("[skipped] mounting a small file system needs root");
    return;
  }
  const std::string path = folder.File("disk/jobs.db");
  {
    OpenStore(path);
  }
  REQUIRE(disk.MakeReadOnly());
  const absl::Status status = SqliteStore::Open(path).status();
  CAPTURE(status.ToString());
  CHECK(absl::IsUnavailable(status));
  CAPTURE(status.ToString());
  CHECK(status.message().find("writ") != absl::string_view::npos);
}

}  // namespace
}  // namespace outlive
