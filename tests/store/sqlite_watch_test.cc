// Waking subscribers for commits that are not the store's own.
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <fstream>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "store/sqlite/file_stamp.h"
#include "store/sqlite/file_watch.h"
#include "tests/store/sqlite_helpers.h"

namespace outlive {
namespace {

using conformance::MakeJob;
using conformance::MustInsert;
using conformance::Value;
using testing::HostConnection;
using testing::OpenStore;
using testing::SqliteFolder;

// Counts wake-ups and waits for them.
class Wakes {
 public:
  void Add(WakeHint hint) {
    const std::lock_guard<std::mutex> lock(mutex_);
    ++count_;
    if (hint.work) ++work_count_;
    changed_.notify_all();
  }

  bool WaitForWork() {
    std::unique_lock<std::mutex> lock(mutex_);
    return changed_.wait_for(lock, std::chrono::minutes(2), [this] { return work_count_ > 0; });
  }

  bool WaitForCount(int count) {
    std::unique_lock<std::mutex> lock(mutex_);
    return changed_.wait_for(lock, std::chrono::minutes(2), [&] { return count_ >= count; });
  }

  int count() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return count_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int count_ = 0;
  int work_count_ = 0;
};

const SqliteStoreOptions kWatchOnly = {.poll_interval = testing::kWatchPoll};

TEST_CASE("what another store on the file commits wakes subscribers") {
  const SqliteFolder folder;
  const auto store = OpenStore(folder.File(), kWatchOnly);
  const auto other = OpenStore(folder.File());
  Wakes wakes;
  const auto subscription = store->Subscribe([&](WakeHint hint) { wakes.Add(hint); });
  MustInsert(*other);
  CHECK(wakes.WaitForWork());
}

TEST_CASE("what a host commits in its own transaction wakes subscribers") {
  const SqliteFolder folder;
  const auto store = OpenStore(folder.File(), kWatchOnly);
  Wakes wakes;
  const auto subscription = store->Subscribe([&](WakeHint hint) { wakes.Add(hint); });
  const HostConnection host(folder.File());
  host.Exec("BEGIN IMMEDIATE");
  CHECK(Value(store->Join(host.handle()))->Insert({MakeJob()}).ok());
  host.Exec("COMMIT");
  CHECK(wakes.WaitForWork());
}

TEST_CASE("a foreign commit wakes also where it comes right after one of the store's own") {
  const SqliteFolder folder;
  const auto store = OpenStore(folder.File(), kWatchOnly);
  const auto other = OpenStore(folder.File());
  Wakes wakes;
  const auto subscription = store->Subscribe([&](WakeHint hint) { wakes.Add(hint); });
  for (int i = 1; i <= 200; ++i) {
    MustInsert(*store);
    MustInsert(*other);
    REQUIRE(wakes.WaitForCount(2 * i));
    REQUIRE(wakes.count() == 2 * i);
  }
}

TEST_CASE("without a watch a transaction of the store itself notices what others have committed") {
  const SqliteFolder folder;
  const auto store = OpenStore(folder.File());
  const auto other = OpenStore(folder.File());
  Wakes wakes;
  const auto subscription = store->Subscribe([&](WakeHint hint) { wakes.Add(hint); });
  MustInsert(*other);
  CHECK(wakes.count() == 0);
  {
    const auto transaction = conformance::Begin(*store);
  }
  CHECK(wakes.WaitForWork());
  CHECK(wakes.count() == 1);
  {
    const auto transaction = conformance::Begin(*store);
  }
  CHECK(wakes.count() == 1);  // Once.
}

TEST_CASE("subscribing and leaving many times, with commits all along, ends well") {
  const SqliteFolder folder;
  const auto store = OpenStore(folder.File(), {.durability = SqliteDurability::kNormal});
  const auto other =
      OpenStore(folder.File(), {.durability = SqliteDurability::kNormal, .watch = false});
  std::atomic<bool> stop = false;
  std::thread committer([&] {
    while (!stop) MustInsert(*other);
  });
  for (int i = 0; i < 200; ++i) {
    Wakes wakes;
    const auto subscription = store->Subscribe([&](WakeHint hint) { wakes.Add(hint); });
    if (i % 20 == 0) CHECK(wakes.WaitForWork());
  }
  stop = true;
  committer.join();
}

void CheckThatItSeesWrites(
    const std::function<std::unique_ptr<sqlite::FileWatch>(const std::string&)>& make,
    absl::Duration timeout) {
  const SqliteFolder folder;
  std::ofstream file(folder.File());
  file << "one" << std::flush;
  const std::unique_ptr<sqlite::FileWatch> watch = make(folder.File());
  while (watch->Wait(absl::Milliseconds(1))) {
  }
  CHECK_FALSE(watch->Wait(absl::Milliseconds(1)));
  file << "two" << std::flush;
  CHECK(watch->Wait(timeout));

  watch->Interrupt();
  watch->Interrupt();
  CHECK_FALSE(watch->Wait(absl::Hours(1)));  // Returns at once.
  watch->Interrupt();
  watch->Rest(absl::Hours(1));
  CHECK_FALSE(watch->Wait(absl::Hours(1)));  // Rest() leaves it to the Wait() after it.

  std::thread other([&watch] { watch->Interrupt(); });
  while (watch->Wait(absl::Hours(1))) {
  }
  other.join();
}

TEST_CASE("the portable watch sees that a file was written, and can be interrupted") {
  CheckThatItSeesWrites(sqlite::MakePollFileWatch, absl::Milliseconds(1));
}

#ifdef OUTLIVE_INOTIFY
TEST_CASE("the watch of the kernel sees that a file was written, and can be interrupted") {
  CheckThatItSeesWrites(sqlite::MakeInotifyFileWatch, absl::Hours(1));
}
#endif

TEST_CASE("a watch on a file that is not there yet sees it come") {
  const SqliteFolder folder;
  const auto watch = sqlite::MakeFileWatch(folder.File());
  CHECK_FALSE(watch->Wait(absl::Milliseconds(1)));
  std::ofstream(folder.File()) << "one";
  CHECK(watch->Wait(absl::Milliseconds(1)));
}

TEST_CASE("a file's stamp looks twice after a change, because its time may not tell the next one") {
  const SqliteFolder folder;
  std::ofstream file(folder.File());
  sqlite::FileStamp stamp(folder.File());
  while (stamp.Changed()) {
  }
  CHECK_FALSE(stamp.Changed());
  file << "one" << std::flush;
  CHECK(stamp.Changed());
  CHECK(stamp.Changed());
  CHECK_FALSE(stamp.Changed());
}

}  // namespace
}  // namespace outlive
