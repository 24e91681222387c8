// The disk fails, is full, cannot be written, and has no descriptors left: at every single call.
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "outlive/conformance/helpers.h"
#include "tests/crash/lives.h"
#include "tests/store/sqlite_helpers.h"

namespace outlive::crash {
namespace {

using conformance::Value;
using simulation::DiskCall;
using simulation::DiskFault;
using simulation::SimulatedDisk;

constexpr int kRoundCount = 5;
constexpr std::size_t kJobsARound = 4;  // So many that they are ended by one statement.
constexpr const char* kWorkKind = "work";

// A process that goes on whatever it is told, and keeps it in mind.
class Worker {
 public:
  explicit Worker(SqliteStore& store) : store_(store) {}

  // Inserts some jobs, claims what is there, saves a checkpoint of the first, completes all: each
  // in a commit of its own.
  void Round() {
    Insert();
    if (!session_.ok()) {
      session_ = Note(Try([session = NewSession()](StoreTransaction& transaction) {
        return transaction.OpenSession(session, absl::Hours(1));
      }));
      if (!session_.ok()) return;
    }
    std::vector<ClaimedJob> claimed;
    // What of a claim is not known belongs to a session that is not used any more.
    const absl::Status status = Note(Try([&](StoreTransaction& transaction) {
      auto result = transaction.Claim(conformance::RequestOf(session_name_, {kWorkKind}));
      if (result.ok()) claimed = result->jobs;
      return result.status();
    }));
    if (absl::IsUnknown(status)) session_ = status;
    if (!status.ok()) return;
    if (claimed.empty()) return;
    Save(claimed.front());
    Complete(claimed);
  }

  // Everything that was told is true.
  void Check(JobStore& store) const {
    std::map<std::string, std::vector<Job>> jobs;
    for (const Job& row : conformance::ListAll(store)) {
      const Job job = conformance::MustGet(store, row.id);
      jobs[job.args].push_back(job);
    }
    for (const auto& [args, told] : inserts_) {
      CAPTURE(args);
      CAPTURE(told.ToString());
      const std::size_t count = jobs[args].size();
      if (told.ok()) REQUIRE(count == 1);
      if (absl::IsUnavailable(told)) REQUIRE(count == 0);
      REQUIRE(count <= 1);
    }
    for (const auto& [id, told] : ends_) {
      CAPTURE(id);
      CAPTURE(told.ToString());
      const Job job = conformance::MustGet(store, id);
      if (told.ok()) REQUIRE(job.state == JobState::kCompleted);
      if (absl::IsUnavailable(told)) REQUIRE(job.state == JobState::kRunning);
    }
    for (const auto& [id, told] : saves_) {
      const std::string checkpoint = conformance::MustGet(store, id).checkpoint;
      if (told.ok()) REQUIRE_FALSE(checkpoint.empty());
      if (absl::IsUnavailable(told)) REQUIRE(checkpoint.empty());
    }
  }

  // Repeating what failed or is in doubt makes everything true that was wanted.
  void Settle(JobStore& store) const {
    for (const auto& [args, told] : inserts_) {
      const Inserted job = Value(conformance::InsertOne(store, JobOf(args)));
      if (told.ok()) REQUIRE(job.duplicate);
    }
    for (const auto& [id, told] : ends_) {
      const Finished end = conformance::EndOf(leases_.at(id), Transition::kComplete);
      conformance::RequireOk(conformance::FinishOne(store, end));
    }
  }

  int failure_count() const { return failure_count_; }
  int in_doubt_count() const { return in_doubt_count_; }

 private:
  static NewJob JobOf(const std::string& args) {
    return conformance::KeyedJob("key-" + args, args, kWorkKind);
  }

  std::string NewSession() {
    session_name_ = "session-" + std::to_string(++session_count_);
    return session_name_;
  }

  absl::Status Try(const std::function<absl::Status(StoreTransaction&)>& work) {
    auto transaction = store_.Begin();
    if (!transaction.ok()) return transaction.status();
    if (absl::Status status = work(**transaction); !status.ok()) return status;
    return (*transaction)->Commit();
  }

  // Nothing but what docs/errors.md says of a store that fails.
  absl::Status Note(absl::Status status) {
    CAPTURE(status.ToString());
    REQUIRE((status.ok() || absl::IsUnavailable(status) || absl::IsUnknown(status)));
    failure_count_ += absl::IsUnavailable(status) ? 1 : 0;
    in_doubt_count_ += absl::IsUnknown(status) ? 1 : 0;
    return status;
  }

  void Insert() {
    std::vector<NewJob> jobs;
    for (std::size_t i = 0; i < kJobsARound; ++i) {
      jobs.push_back(JobOf(std::to_string(inserts_.size() + i)));
    }
    const absl::Status told =
        Note(Try([&](StoreTransaction& transaction) { return transaction.Insert(jobs).status(); }));
    for (const NewJob& job : jobs) inserts_[job.args] = told;
  }

  void Save(const ClaimedJob& job) {
    WorkerWrite write;
    write.lease = job.lease;
    write.checkpoint = std::string(10'000, 'c');
    saves_[job.lease.job] = Note(Try(
        [&](StoreTransaction& transaction) { return transaction.Write({&write, 1}).status(); }));
  }

  void Complete(const std::vector<ClaimedJob>& jobs) {
    std::vector<Finished> all;
    for (const ClaimedJob& job : jobs) {
      all.push_back(conformance::EndOf(job.lease, Transition::kComplete));
      leases_[job.lease.job] = job.lease;
    }
    const absl::Status told = Note(Try([&](StoreTransaction& transaction) {
      auto results = transaction.Finish(all);
      if (!results.ok()) return results.status();
      // An error of the disk is never that of an element.
      for (const absl::Status& result : *results) REQUIRE(result.ok());
      return absl::OkStatus();
    }));
    for (const ClaimedJob& job : jobs) ends_[job.lease.job] = told;
  }

  SqliteStore& store_;
  absl::Status session_ = absl::UnavailableError("not opened yet");
  std::string session_name_;
  int session_count_ = 0;
  std::map<std::string, absl::Status> inserts_;
  std::map<JobId, absl::Status> saves_;
  std::map<JobId, absl::Status> ends_;
  std::map<JobId, Lease> leases_;
  int failure_count_ = 0;
  int in_doubt_count_ = 0;
};

// A store with a WAL so long that it is moved in the second transaction.
SimulatedDisk::Image MakeImage(Lives& lives) {
  lives.Begin({});
  {
    const auto store = Value(lives.Open());
    const testing::HostConnection host(kFile, lives.disk().vfs());
    host.Exec(
        "PRAGMA wal_autocheckpoint = 0; CREATE TABLE filler (bytes BLOB);"
        "INSERT INTO filler VALUES (zeroblob(450000))");
    lives.disk().Kill(0);
  }
  return lives.disk().Save();
}

Lives MakeLives(std::uint64_t seed) { return Lives(seed, {.checkpoint_page_count = 100}); }

struct Tally {
  int fault_count = 0;  // Lives that met one.
  int failure_count = 0;
  int in_doubt_count = 0;
};

// One life: `strike` may hurt the disk once the store is open, or before; the process works on,
// the disk is well again, and what it was told holds: at once, and after the power was cut.
void Live(Lives& lives, const SimulatedDisk::Image& image, const std::function<void()>& strike,
          bool reads_go_on, Tally& tally) {
  lives.Begin(image);
  auto store = Value(lives.Open());
  Value(store->Stats());  // A reader is open.
  strike();
  Worker worker(*store);
  for (int i = 0; i < kRoundCount; ++i) {
    worker.Round();
    if (reads_go_on) conformance::RequireOk(store->List({}, {}).status());
  }
  lives.disk().Heal();
  lives.disk().SetCapacity(std::numeric_limits<std::int64_t>::max());
  lives.disk().SetReadOnly(false);
  const int failures = worker.failure_count() + worker.in_doubt_count();
  worker.Round();
  REQUIRE(worker.failure_count() + worker.in_doubt_count() == failures);
  worker.Check(*store);
  conformance::RequireOk(store->Check(absl::Seconds(1)));
  lives.disk().CutPower();
  store = nullptr;
  lives.disk().RestorePower();
  store = lives.MustOpenSound();
  worker.Check(*store);
  worker.Settle(*store);
  tally.failure_count += worker.failure_count();
  tally.in_doubt_count += worker.in_doubt_count();
}

// The n-th call of a kind fails, for n = 1, 2, … until there are not so many.
Tally FailEveryCall(DiskCall call, int count, bool torn) {
  Lives lives = MakeLives(static_cast<std::uint64_t>(count));
  const SimulatedDisk::Image image = MakeImage(lives);
  Tally tally;
  for (int first = 1;; ++first) {
    CAPTURE(first);
    bool met = false;
    const auto strike = [&] { lives.disk().Fail({call, first, count, torn}); };
    const bool reads_go_on = call == DiskCall::kWrite || call == DiskCall::kSync ||
                             call == DiskCall::kTruncate || call == DiskCall::kDelete;
    const std::int64_t before = lives.disk().all_failure_count();
    Live(lives, image, strike, reads_go_on, tally);
    met = lives.disk().all_failure_count() > before;
    if (!met) return tally;
    ++tally.fault_count;
  }
}

TEST_CASE("a call of the disk fails, at every place: what was told is true (D04)") {
  std::map<DiskCall, Tally> tallies;
  for (int index = 0; index < simulation::kDiskCallCount; ++index) {
    const auto call = static_cast<DiskCall>(index);
    const std::string name = simulation::DiskCallName(call);
    CAPTURE(name);
    for (const int count : {1, 4}) {
      CAPTURE(count);
      const Tally tally = FailEveryCall(call, count, false);
      tallies[call].fault_count += tally.fault_count;
      tallies[call].in_doubt_count += tally.in_doubt_count;
    }
  }
  CHECK(tallies[DiskCall::kRead].fault_count > 100);
  CHECK(tallies[DiskCall::kWrite].fault_count > 200);
  CHECK(tallies[DiskCall::kSync].fault_count > 20);
  CHECK(tallies[DiskCall::kLock].fault_count > 50);
  CHECK(tallies[DiskCall::kShmMap].fault_count > 0);
  CHECK(tallies[DiskCall::kSync].in_doubt_count > 0);
  CHECK(tallies[DiskCall::kRead].in_doubt_count == 0);
}

TEST_CASE("half of a write arrives, at every place: what was told is true (D04)") {
  const Tally tally = FailEveryCall(DiskCall::kWrite, 1, true);
  CHECK(tally.fault_count > 50);
  CHECK(tally.failure_count > 20);
}

TEST_CASE("opening a store on a disk that fails at any call: a typed error, and then it opens") {
  Lives lives = MakeLives(7);
  const SimulatedDisk::Image image = MakeImage(lives);
  for (int index = 0; index < simulation::kDiskCallCount; ++index) {
    const auto call = static_cast<DiskCall>(index);
    for (const SimulatedDisk::Image& start : {image, SimulatedDisk::Image()}) {
      for (int first = 1;; ++first) {
        CAPTURE(simulation::DiskCallName(call));
        CAPTURE(first);
        lives.Begin(start);
        lives.disk().Fail({call, first, 1, false});
        const absl::Status status = lives.Open().status();
        CAPTURE(status.ToString());
        REQUIRE((status.ok() || absl::IsUnavailable(status)));
        const bool met = lives.disk().failure_count() > 0;
        lives.disk().Heal();
        CheckWorks(*lives.MustOpenSound());
        if (!met) break;
      }
    }
  }
}

TEST_CASE("a disk that is full at any moment: a typed error, readers go on, and it resumes (D01)") {
  Lives lives = MakeLives(8);
  const SimulatedDisk::Image image = MakeImage(lives);
  Tally tally;
  for (int pages = 0;; ++pages) {
    CAPTURE(pages);
    const auto strike = [&] {
      lives.disk().SetCapacity(lives.disk().bytes_used() + pages * 4'096 + pages * 13);
    };
    const int before = tally.failure_count;
    Live(lives, image, strike, true, tally);
    REQUIRE(tally.in_doubt_count == 0);
    if (tally.failure_count == before) break;
  }
  CHECK(tally.failure_count > 100);
}

TEST_CASE("a disk that is full when the store is opened: a typed error that says so (D03)") {
  Lives lives = MakeLives(9);
  for (const SimulatedDisk::Image& image : {lives.MakeImage(), SimulatedDisk::Image()}) {
    lives.Begin(image);
    lives.disk().SetCapacity(lives.disk().bytes_used());
    const absl::Status status = lives.Open().status();
    CAPTURE(status.ToString());
    CHECK(absl::IsUnavailable(status));
    lives.disk().SetCapacity(std::numeric_limits<std::int64_t>::max());
    CheckWorks(*lives.MustOpenSound());
  }
}

TEST_CASE("a disk that cannot be written for a while: a typed error, and readers go on (D07)") {
  Lives lives = MakeLives(10);
  const SimulatedDisk::Image image = MakeImage(lives);
  Tally tally;
  Live(lives, image, [&] { lives.disk().SetReadOnly(true); }, true, tally);
  CHECK(tally.failure_count + tally.in_doubt_count > kRoundCount);
  lives.Begin(image);
  lives.disk().SetReadOnly(true);
  const absl::Status status = lives.Open().status();
  CAPTURE(status.ToString());
  CHECK(absl::IsUnavailable(status));
}

TEST_CASE("a process without descriptors works on with what it has open (D14)") {
  Lives lives = MakeLives(11);
  lives.Begin(lives.MakeImage());
  const auto store = Value(lives.Open());
  lives.disk().SetDescriptorCountMax(lives.disk().descriptor_count());
  Worker worker(*store);
  for (int i = 0; i < kRoundCount; ++i) {
    worker.Round();
    conformance::RequireOk(store->List({}, {}).status());
  }
  CHECK(worker.failure_count() == 0);
  const absl::Status another = lives.Open().status();
  CHECK(absl::IsUnavailable(another));
  CHECK(another.message().find("descriptors") != absl::string_view::npos);
  lives.disk().SetDescriptorCountMax(std::numeric_limits<int>::max());
  CHECK(lives.Open().ok());
}

// A limit of this process that is lowered for a while.
class LoweredLimit {
 public:
  LoweredLimit(decltype(RLIMIT_NOFILE) which, rlim_t to) : which_(which) {
    REQUIRE(getrlimit(which_, &before_) == 0);
    rlimit lowered = before_;
    lowered.rlim_cur = to;
    REQUIRE(setrlimit(which_, &lowered) == 0);
  }
  ~LoweredLimit() { setrlimit(which_, &before_); }
  LoweredLimit(const LoweredLimit&) = delete;
  LoweredLimit& operator=(const LoweredLimit&) = delete;

 private:
  const decltype(RLIMIT_NOFILE) which_;
  rlimit before_ = {};
};

rlim_t NextDescriptor() {
  const int next = dup(STDERR_FILENO);
  REQUIRE(next >= 0);
  close(next);
  return static_cast<rlim_t>(next);
}

TEST_CASE("a real process without descriptors works on with what it has open (D14)") {
  if (OUTLIVE_SANITIZED) {
    MESSAGE("[skipped] sanitizers need descriptors of their own, to look at memory through a pipe");
    return;
  }
  const testing::SqliteFolder folder;
  const auto store = testing::OpenStore(folder.File());
  {
    const LoweredLimit none_left(RLIMIT_NOFILE, NextDescriptor());
    conformance::MustInsert(*store);
    CHECK(Value(store->List({}, {})).size() == 1);
    CHECK(absl::IsUnavailable(SqliteStore::Open(folder.File("other.db")).status()));
    CHECK(absl::IsUnavailable(SqliteStore::Open(folder.File()).status()));
  }
  CHECK(SqliteStore::Open(folder.File("other.db")).ok());
  testing::CheckTables(folder.File());
}

// The signal that comes with it is the host's business: the library leaves signals alone.
TEST_CASE("a file that may not grow is a typed error, and works again when it may (D10)") {
  struct sigaction ignore = {};
  struct sigaction before = {};
  ignore.sa_handler = SIG_IGN;
  REQUIRE(sigaction(SIGXFSZ, &ignore, &before) == 0);
  const testing::SqliteFolder folder;
  const auto store = testing::OpenStore(folder.File());
  {
    const LoweredLimit small(RLIMIT_FSIZE, std::filesystem::file_size(folder.File("jobs.db-wal")));
    const auto transaction = Value(store->Begin());
    const NewJob job = conformance::KeyedJob("k");
    REQUIRE(transaction->Insert({&job, 1}).ok());
    const absl::Status status = transaction->Commit();
    CAPTURE(status.ToString());
    CHECK((absl::IsUnknown(status) || absl::IsUnavailable(status)));
    CHECK(Value(store->List({}, {})).empty());
  }
  CHECK_FALSE(Value(conformance::InsertOne(*store, conformance::KeyedJob("k"))).duplicate);
  testing::CheckTables(folder.File());
  sigaction(SIGXFSZ, &before, nullptr);
}

}  // namespace
}  // namespace outlive::crash
