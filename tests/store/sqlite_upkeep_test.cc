// What hosts do to the file while its store is in use: copies, VACUUM, REINDEX, and opening and
// closing it once more in the same process.
#include <array>
#include <atomic>
#include <barrier>
#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "outlive/testing/virtual_clock.h"
#include "tests/store/sqlite_helpers.h"

namespace outlive {
namespace {

using conformance::Claim;
using conformance::EndOf;
using conformance::MakeJob;
using conformance::RequestOf;
using conformance::Value;
using testing::CheckTables;
using testing::HostConnection;
using testing::OpenStore;
using testing::SqliteFolder;

// A thread that inserts three jobs, claims two, and ends one of them, again and again: more and
// more are pending, running and completed.
class Traffic {
 public:
  explicit Traffic(JobStore& store) : store_(store) {
    conformance::RequireOk(conformance::OpenSession(store_));
    thread_ = std::thread([this] {
      while (!stopping_) Round();
    });
  }
  ~Traffic() { Stop(); }
  Traffic(const Traffic&) = delete;
  Traffic& operator=(const Traffic&) = delete;

  void Stop() {
    stopping_ = true;
    if (thread_.joinable()) thread_.join();
  }

  // Waits until so many more jobs have been completed.
  void Wait(std::size_t count) {
    std::unique_lock lock(mutex_);
    const std::size_t wanted = completed_.size() + count;
    changed_.wait(lock, [&] { return completed_.size() >= wanted; });
  }

  // What has been acknowledged.
  std::set<JobId> inserted() const {
    const std::lock_guard lock(mutex_);
    return inserted_;
  }
  std::set<JobId> completed() const {
    const std::lock_guard lock(mutex_);
    return completed_;
  }

 private:
  void Round() {
    const auto inserted = conformance::InsertAll(store_, {MakeJob(), MakeJob(), MakeJob()});
    ClaimRequest two = RequestOf(conformance::kSession);
    two.queues = {{conformance::kQueue, 2}};
    const ClaimResult claimed = Claim(store_, two);
    const JobId ended = claimed.jobs.front().lease.job;
    conformance::RequireOk(
        conformance::FinishOne(store_, EndOf(claimed.jobs.front().lease, Transition::kComplete)));
    const std::lock_guard lock(mutex_);
    for (const auto& job : inserted) inserted_.insert(job->id);
    completed_.insert(ended);
    changed_.notify_all();
  }

  JobStore& store_;
  std::atomic<bool> stopping_ = false;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::set<JobId> inserted_;
  std::set<JobId> completed_;
  std::thread thread_;
};

void CopyInto(const HostConnection& host, const std::string& path) {
  host.Exec("VACUUM INTO '" + path + "'");
}

void BackUp(const HostConnection& host, const std::string& path) {
  const HostConnection copy(path);
  sqlite3_backup* const backup = sqlite3_backup_init(copy.handle(), "main", host.handle(), "main");
  REQUIRE(backup != nullptr);
  CHECK(sqlite3_backup_step(backup, -1) == SQLITE_DONE);
  CHECK(sqlite3_backup_finish(backup) == SQLITE_OK);
}

// Takes over what ran when the copy was made, and completes all there is.
void Drain(JobStore& store, testing::VirtualClock& clock) {
  clock.Advance(conformance::kLease);
  while (conformance::RescueAll(store) > 0) {
  }
  clock.Advance(absl::Hours(1));
  conformance::RequireOk(conformance::OpenSession(store, "another"));
  while (true) {
    const ClaimResult claimed = Claim(store, RequestOf("another"));
    if (claimed.jobs.empty()) return;
    std::vector<Finished> ends;
    for (const ClaimedJob& job : claimed.jobs) {
      ends.push_back(EndOf(job.lease, Transition::kComplete));
    }
    for (const absl::Status& end : conformance::FinishAll(store, ends)) CHECK(end.ok());
  }
}

TEST_CASE("a copy that is made while jobs come and go is a store, and runs what ran (R07, R08)") {
  for (const auto make_copy : {CopyInto, BackUp}) {
    const SqliteFolder folder;
    testing::VirtualClock clock;
    const auto store = OpenStore(
        folder.File(), {.clock = &clock, .durability = SqliteDurability::kNormal, .watch = false});
    std::set<JobId> inserted;
    std::set<JobId> completed;
    {
      Traffic traffic(*store);
      traffic.Wait(20);
      inserted = traffic.inserted();
      completed = traffic.completed();
      make_copy(HostConnection(folder.File()), folder.File("copy.db"));
      traffic.Wait(20);
    }
    const auto copy =
        OpenStore(folder.File("copy.db"),
                  {.clock = &clock, .durability = SqliteDurability::kNormal, .watch = false});
    CheckTables(folder.File("copy.db"));
    CHECK(copy->info().store_id == store->info().store_id);
    for (const JobId id : inserted) REQUIRE(copy->Get(id).ok());
    for (const JobId id : completed) CHECK(conformance::StateOf(*copy, id) == JobState::kCompleted);
    CHECK_FALSE(conformance::ListAll(*copy, {.state = JobState::kRunning}).empty());
    CHECK_FALSE(conformance::ListAll(*copy, {.state = JobState::kPending}).empty());
    // What was completed after the copy was made is run once more.
    int again_count = 0;
    for (const Job& job : conformance::ListAll(*store, {.state = JobState::kCompleted})) {
      const absl::StatusOr<Job> copied = copy->Get(job.id);
      again_count += copied.ok() && copied->state != JobState::kCompleted ? 1 : 0;
    }
    CHECK(again_count > 0);
    Drain(*copy, clock);
    CHECK(conformance::ListAll(*copy, {.state = JobState::kRunning}).empty());
    CHECK(conformance::ListAll(*copy, {.state = JobState::kPending}).empty());
    CheckTables(folder.File("copy.db"));
  }
}

TEST_CASE("VACUUM, REINDEX and ANALYZE of the host's between any two commits do no harm (R09)") {
  const SqliteFolder folder;
  const auto store = OpenStore(folder.File());
  const HostConnection host(folder.File());
  conformance::RequireOk(conformance::OpenSession(*store));
  const auto tidy_up = [&] {
    const std::string before = conformance::Snapshot(*store);
    for (const char* const sql : {"VACUUM", "REINDEX", "ANALYZE"}) host.Exec(sql);
    CHECK(conformance::Snapshot(*store) == before);
  };
  std::vector<ClaimedJob> held;
  for (int round = 0; round < 5; ++round) {
    conformance::InsertAll(*store, std::vector<NewJob>(20, MakeJob()));
    tidy_up();
    for (ClaimedJob& job : Claim(*store, RequestOf(conformance::kSession)).jobs) {
      held.push_back(std::move(job));
    }
    tidy_up();
    for (std::size_t i = 0; i < held.size() / 2; ++i) {
      conformance::RequireOk(conformance::FinishOne(
          *store, held[i], i % 2 == 0 ? Transition::kComplete : Transition::kDie));
    }
    held.erase(held.begin(), held.begin() + static_cast<std::ptrdiff_t>(held.size() / 2));
    tidy_up();
    conformance::RequireOk(conformance::RenewSession(*store));
  }
  // In the middle of a transaction the host is told to wait, and nothing is disturbed.
  sqlite3_busy_timeout(host.handle(), 0);
  {
    const auto transaction = conformance::Begin(*store);
    const NewJob job = MakeJob();
    REQUIRE(transaction->Insert({&job, 1}).ok());
    CHECK(host.ExecCode("VACUUM") == SQLITE_BUSY);
    CHECK(host.ExecCode("REINDEX") == SQLITE_BUSY);
    conformance::RequireOk(transaction->Commit());
  }
  CHECK(conformance::ListAll(*store).size() == 101);
  CheckTables(folder.File());
}

// Retention and people want the same jobs: whoever comes first has them.
TEST_CASE("a job that has ended is sent back or deleted, and never both (R03)") {
  constexpr std::size_t kJobCount = 300;
  const SqliteFolder folder;
  const auto store =
      OpenStore(folder.File(), {.durability = SqliteDurability::kNormal, .watch = false});
  std::vector<JobId> ids;
  for (const auto& job :
       conformance::InsertAll(*store, std::vector<NewJob>(kJobCount, MakeJob()))) {
    ids.push_back(job->id);
  }
  conformance::RequireOk(conformance::OpenSession(*store));
  std::vector<Finished> ends;
  while (ends.size() < kJobCount) {
    for (const ClaimedJob& job : Claim(*store, RequestOf(conformance::kSession)).jobs) {
      ends.push_back(EndOf(job.lease, Transition::kComplete));
    }
  }
  for (const absl::Status& end : conformance::FinishAll(*store, ends)) REQUIRE(end.ok());

  PruneRequest one_by_one;
  one_by_one.keep_completed = absl::ZeroDuration();
  one_by_one.row_count_max = 1;
  std::barrier<> starting_line(2);
  std::thread retention([&] {
    starting_line.arrive_and_wait();
    while (!conformance::ListAll(*store, {.state = JobState::kCompleted}).empty()) {
      conformance::RequireOk(conformance::Prune(*store, one_by_one).status());
    }
  });
  std::vector<absl::StatusOr<JobState>> results;
  starting_line.arrive_and_wait();
  for (auto id = ids.rbegin(); id != ids.rend(); ++id) {  // Retention begins with the oldest.
    results.push_back(conformance::RequeueJob(*store, *id));
  }
  retention.join();
  std::size_t sent_back = 0;
  for (std::size_t i = 0; i < kJobCount; ++i) {
    const absl::StatusOr<Job> job = store->Get(ids[kJobCount - 1 - i]);
    if (results[i].ok()) {
      REQUIRE(job.ok());
      CHECK(job->state == JobState::kPending);
      ++sent_back;
    } else {
      CHECK(absl::IsNotFound(results[i].status()));
      CHECK(absl::IsNotFound(job.status()));
    }
  }
  CHECK(sent_back > 0);
  CheckTables(folder.File());
}

// What another process says that tries to write, and closes the file after that. Not a fork of this
// one, which would have SQLite's knowledge of this process's locks.
std::string TryInAnotherProcess(const std::string& path) {
  const std::string command = std::string(OUTLIVE_SQLITE_PROCESS) + " try '" + path + "'";
  FILE* const process = popen(command.c_str(), "r");
  REQUIRE(process != nullptr);
  std::array<char, 1'000> line = {};
  CHECK(std::fgets(line.data(), line.size(), process) != nullptr);
  CHECK(pclose(process) == 0);
  return line.data();
}

// Locks of POSIX belong to a process and a file: whoever closes any descriptor of the file gives
// them all up. Then another process may write in the middle of a transaction, or think that it is
// the last one to close the file, and delete the WAL.
TEST_CASE("a file may be opened and closed again in its process, and stays locked (D13)") {
  const SqliteFolder folder;
  const std::string path = folder.File();
  const auto store = OpenStore(path, {.busy_timeout = absl::ZeroDuration(), .watch = false});
  conformance::MustInsert(*store);
  const auto transaction = conformance::Begin(*store);
  const NewJob job = MakeJob();
  REQUIRE(transaction->Insert({&job, 1}).ok());
  CHECK(TryInAnotherProcess(path) == "busy\n");

  SqliteStore::Open(path, {.busy_timeout = absl::ZeroDuration()}).status().IgnoreError();
  {
    const HostConnection host(path);
    CHECK(host.Number("SELECT count(*) FROM outlive_job") == 1);
    CHECK_FALSE(store->Join(HostTransaction(host.handle())).ok());
  }
  Value(store->Stats());
  CHECK(TryInAnotherProcess(path) == "busy\n");

  conformance::RequireOk(transaction->Commit());
  {
    const auto another = OpenStore(path);
  }
  CHECK(TryInAnotherProcess(path) == "begun\n");
  CHECK(std::filesystem::exists(path + "-wal"));
  CHECK(Value(store->List({}, {})).size() == 2);
  CheckTables(path);
}

// The canary: what the test above looks for is there to be seen. A host that reads its file by
// itself, to copy it, say, does this to its own store.
TEST_CASE("a file that is opened and closed without SQLite is not locked any more (D13)") {
  const SqliteFolder folder;
  const std::string path = folder.File();
  const HostConnection host(path);
  host.Exec("PRAGMA journal_mode = WAL; CREATE TABLE t (a)");
  CHECK(TryInAnotherProcess(path) == "begun\n");
  CHECK(std::filesystem::exists(path + "-wal"));
  std::ifstream(path).get();
  CHECK(TryInAnotherProcess(path) == "begun\n");
  CHECK_FALSE(std::filesystem::exists(path + "-wal"));
}

}  // namespace
}  // namespace outlive
