// What is in the tables: that they agree after anything, and how much room they take.
#include <algorithm>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "outlive/testing/seeded_random.h"
#include "store/sqlite/event_codec.h"
#include "tests/store/sqlite_helpers.h"

namespace outlive {
namespace {

using conformance::MakeJob;
using conformance::MustInsert;
using conformance::Value;
using testing::CheckTables;
using testing::HostConnection;
using testing::OpenStore;
using testing::SeededRandom;
using testing::SqliteFolder;
using testing::VirtualClock;

// Does something by chance, and sometimes does not commit it.
class RandomUse {
 public:
  RandomUse(SqliteStore& store, VirtualClock& clock, std::uint64_t seed)
      : store_(store), clock_(clock), random_(seed) {}

  void Step() {
    clock_.Advance(absl::Seconds(static_cast<std::int64_t>(random_.Below(40))));
    const auto transaction = conformance::Begin(store_);
    const std::uint64_t calls = 1 + random_.Below(4);
    for (std::uint64_t i = 0; i < calls; ++i) DoOne(*transaction);
    if (!random_.OneIn(5)) conformance::RequireOk(transaction->Commit());
  }

 private:
  void DoOne(StoreTransaction& transaction) {
    switch (random_.Below(10)) {
      case 0:
      case 1:
      case 2:
        return Insert(transaction);
      case 3:
      case 4:
        return Claim(transaction);
      case 5:
      case 6:
        return Finish(transaction);
      case 7:
        return Write(transaction);
      case 8:
        return Apply(transaction);
      default:
        return Maintain(transaction);
    }
  }

  std::string Name(const char* prefix, std::uint64_t count) {
    return prefix + std::to_string(random_.Below(count));
  }

  void Insert(StoreTransaction& transaction) {
    std::vector<NewJob> jobs;
    for (std::uint64_t i = 0; i < 1 + random_.Below(5); ++i) {
      NewJob job = MakeJob(Name("kind-", 3));
      job.queue = Name("queue-", 2);
      job.priority = static_cast<int>(random_.Below(10));
      if (random_.OneIn(3)) job.idempotency_key = Name("key-", 10);
      if (random_.OneIn(3)) job.tags = {Name("tag-", 3), "always"};
      if (random_.OneIn(4)) job.run_at = clock_.Now() + absl::Minutes(1);
      if (random_.OneIn(4)) {
        job.follow_ups.push_back({.on_cancelled = true, .kind = "told", .queue = "queue-0"});
      }
      jobs.push_back(std::move(job));
    }
    CHECK(transaction.Insert(jobs).ok());
  }

  void Claim(StoreTransaction& transaction) {
    const std::string session = Name("session-", 1'000'000);
    conformance::RequireOk(transaction.OpenSession(session, absl::Minutes(2)));
    const ClaimResult claimed =
        Value(transaction.Claim({.session = session,
                                 .queues = {{"queue-0", 2}, {"queue-1", 2}},
                                 .kinds = {"kind-0", "kind-1", "kind-2", "told"}}));
    for (const ClaimedJob& job : claimed.jobs) leases_.push_back(job.lease);
  }

  Lease AnyLease() {
    return leases_.empty() ? Lease{1, 1} : leases_[random_.Below(leases_.size())];
  }

  void Finish(StoreTransaction& transaction) {
    static constexpr Transition kEnds[] = {
        Transition::kComplete, Transition::kRetry, Transition::kSnooze, Transition::kRelease,
        Transition::kCancel,   Transition::kDie,   Transition::kCrash};
    Finished finished = conformance::Failed(AnyLease(), kEnds[random_.Below(7)], Name("error ", 9));
    if (random_.OneIn(2)) finished.output = "output";
    CHECK(transaction.Finish({finished}).ok());
  }

  void Write(StoreTransaction& transaction) {
    WorkerWrite write;
    write.lease = AnyLease();
    write.progress = static_cast<double>(random_.Below(101)) / 100;
    if (random_.OneIn(2)) write.progress_note = "note";
    if (random_.OneIn(2)) write.checkpoint = "checkpoint";
    if (random_.OneIn(3)) {
      write.artifact = Artifact{.id = RandomHex(random_, 16),
                                .name = "a.pdf",
                                .media_type = "application/pdf",
                                .sha256 = std::string(64, 'a'),
                                .created_at = clock_.Now()};
    }
    CHECK(transaction.Write({write}).ok());
  }

  void Apply(StoreTransaction& transaction) {
    Change change;
    change.id = static_cast<JobId>(1 + random_.Below(60));
    change.action = static_cast<Change::Action>(random_.Below(3));
    if (random_.OneIn(2)) change.reason = "reason";
    CHECK(transaction.Apply({change}).ok());
  }

  void Maintain(StoreTransaction& transaction) {
    CHECK(transaction.Rescue({.job_count_max = 5, .crash_count_max = 2}).ok());
    CHECK(transaction.SetQueue({"queue-0", random_.OneIn(4)}).ok());
    CHECK(transaction
              .Prune({.keep_completed = absl::Minutes(20),
                      .keep_cancelled = absl::Minutes(10),
                      .keep_dead = absl::Hours(1),
                      .row_count_max = 3})
              .ok());
  }

  SqliteStore& store_;
  VirtualClock& clock_;
  SeededRandom random_;
  std::vector<Lease> leases_;
};

TEST_CASE("after any use every job is in one state, and counts, flags and log agree") {
  for (const std::uint64_t seed : {1, 2, 3}) {
    CAPTURE(seed);
    const SqliteFolder folder;
    VirtualClock clock;
    const auto store = OpenStore(
        folder.File(), {.clock = &clock, .durability = SqliteDurability::kNormal, .watch = false});
    RandomUse use(*store, clock, seed);
    for (int i = 0; i < 300; ++i) use.Step();
    CheckTables(folder.File());
  }
}

TEST_CASE("a pending job of 200 bytes takes at most 400 in the file") {
  const SqliteFolder folder;
  constexpr std::int64_t kJobCount = 20'000;
  {
    const auto store =
        OpenStore(folder.File(), {.durability = SqliteDurability::kNormal, .watch = false});
    const std::vector<NewJob> jobs(1'000, MakeJob("mail.send", std::string(200, 'x')));
    for (std::int64_t i = 0; i < kJobCount; i += 1'000) conformance::InsertAll(*store, jobs);
  }
  const auto bytes = static_cast<std::int64_t>(std::filesystem::file_size(folder.File()));
  CHECK(bytes / kJobCount <= 400);
}

TEST_CASE("names of any sort are bound, never part of a statement") {
  const SqliteFolder folder;
  const auto store = OpenStore(folder.File());
  const std::string hostile = "'); DROP TABLE outlive_job; --\xff\"";
  NewJob job = MakeJob("mail.send", hostile);
  job.idempotency_key = hostile;
  job.partition_key = hostile;
  const JobId id = MustInsert(*store, job);
  const Job read = Value(store->Get(id));
  CHECK(read.args == hostile);
  CHECK(read.idempotency_key == hostile);
  CHECK(read.partition_key == hostile);
  for (const JobFilter& filter : {JobFilter{.kind = hostile}, JobFilter{.queue = hostile},
                                  JobFilter{.tag = hostile}, JobFilter{.error_group = hostile}}) {
    CHECK(Value(store->List(filter, {})).empty());
  }
  CHECK(Value(store->CancelRequests(hostile)).empty());
  CHECK(absl::IsNotFound(store->FindArtifact(hostile).status()));
  CheckTables(folder.File());
}

TEST_CASE("many events of one commit are read page by page, from anywhere") {
  const SqliteFolder folder;
  const auto store = OpenStore(folder.File());
  conformance::InsertAll(*store, std::vector<NewJob>(1'500, MakeJob()));
  CHECK(Value(store->LastEvent()) == 1'500);
  const HostConnection host(folder.File());
  CHECK(host.Number("SELECT count(*) FROM outlive_event_batch") == 3);
  std::int64_t after = 0;
  for (const int page : {1, 510, 2, 1, 600, 386}) {
    for (const Event& event : Value(store->EventsAfter(after, page))) {
      CHECK(event.seq == ++after);
      CHECK(event.job_id == event.seq);
    }
  }
  CHECK(after == 1'500);
  CHECK(Value(store->EventsAfter(INT64_MAX, 1)).empty());
  CHECK(Value(store->EventsAfter(-5, 1)).size() == 1);
}

TEST_CASE("a row of the log that was tampered with is data loss") {
  const SqliteFolder folder;
  const auto store = OpenStore(folder.File());
  MustInsert(*store);
  const HostConnection host(folder.File());
  for (const std::string text :
       {"", "[", "[]x", "[[1,2,3]", "[[1,2]]", "[[1,2,3],]", "[[1,2,3][1,2,3]]", "[[1,2,x]]",
        "[[1,2,99999999999999999999]]", "{}", "[1,2,3]"}) {
    CAPTURE(text);
    host.Exec("UPDATE outlive_event_batch SET entries = '" + text + "'");
    CHECK(absl::IsDataLoss(store->EventsAfter(0, 10).status()));
  }
}

TEST_CASE("entries of the log come out as they went in") {
  const std::vector<sqlite::EventEntry> entries = {{EventType::kEnqueued, 1, 0},
                                                   {EventType::kDiscarded, INT64_MAX, INT64_MAX},
                                                   {EventType::kClaimed, INT64_MIN, -1}};
  std::string text;
  for (const sqlite::EventEntry& entry : entries) sqlite::AppendEntry(text, entry);
  sqlite::CloseEntries(text);
  std::vector<sqlite::EventEntry> read;
  REQUIRE(sqlite::DecodeEntries(text, read).ok());
  REQUIRE(read.size() == entries.size());
  for (std::size_t i = 0; i < read.size(); ++i) {
    CHECK(read[i].type == entries[i].type);
    CHECK(read[i].job == entries[i].job);
    CHECK(read[i].fence == entries[i].fence);
  }
  std::string none;
  sqlite::CloseEntries(none);
  CHECK(none == "[]");
  CHECK(sqlite::DecodeEntries(none, read).ok());
}

TEST_CASE("a listing finds pending jobs alike, whether few or most jobs are pending") {
  const SqliteFolder folder;
  VirtualClock clock;
  const auto store = OpenStore(
      folder.File(), {.clock = &clock, .durability = SqliteDurability::kNormal, .watch = false});
  const auto pending = [&store](const std::string& kind, JobId before, int count_max) {
    std::vector<JobId> ids;
    for (const Job& job : Value(store->List({.state = JobState::kPending, .kind = kind},
                                            {.before = before, .row_count_max = count_max}))) {
      ids.push_back(job.id);
    }
    return ids;
  };
  // First almost all are, in the end almost none: both ways of looking are taken.
  conformance::InsertAll(*store, std::vector<NewJob>(2'000, MakeJob()));
  CHECK(pending("mail.send", 0, 3) == std::vector<JobId>{2'000, 1'999, 1'998});
  CHECK(pending("mail.send", 1'998, 2) == std::vector<JobId>{1'997, 1'996});
  for (const ClaimedJob& job : conformance::ClaimDue(*store, "s", 500)) {
    conformance::RequireOk(conformance::FinishOne(*store, job, Transition::kComplete));
    if (job.lease.job == 20) break;
  }
  CHECK(pending("mail.send", 502, 10) == std::vector<JobId>{501});
  CHECK(pending("", 503, 10) == std::vector<JobId>{502, 501});
  CHECK(Value(store->List({.kind = "mail.send"}, {.before = 23, .row_count_max = 5})).size() == 5);
}

// A database that fails in the middle of an element: what was written for it before must go.
TEST_CASE("an error of the database is one of the whole call, and leaves nothing behind") {
  const SqliteFolder folder;
  const auto store = OpenStore(folder.File());
  const ClaimedJob job = conformance::InsertAndClaim(*store);
  const HostConnection host(folder.File());
  const auto fail_on = [&](const std::string& event) {
    host.Exec("DROP TRIGGER IF EXISTS stop; CREATE TRIGGER stop BEFORE " + event +
              " BEGIN SELECT RAISE(ABORT, 'stopped'); END");
  };
  const auto finish = [&](const std::string& event, Transition transition) {
    CAPTURE(event);
    fail_on(event);
    const auto transaction = conformance::Begin(*store);
    const std::vector<Finished> ends = {
        conformance::Failed(job.lease, transition, "no such customer")};
    CHECK_FALSE(transaction->Finish(ends).ok());
    CHECK(absl::IsFailedPrecondition(transaction->Commit()));
  };
  finish("INSERT ON outlive_pending", Transition::kRetry);  // After the row of running is gone.
  finish("INSERT ON outlive_ended", Transition::kDie);
  finish("INSERT ON outlive_error", Transition::kDie);
  finish("DELETE ON outlive_running", Transition::kComplete);
  {
    fail_on("INSERT ON outlive_checkpoint");
    const auto transaction = conformance::Begin(*store);
    WorkerWrite write;
    write.lease = job.lease;
    write.artifact = conformance::MakeArtifact('a');
    write.checkpoint = "half way";
    CHECK_FALSE(transaction->Write({&write, 1}).ok());
    CHECK(absl::IsFailedPrecondition(transaction->Commit()));
  }
  {
    fail_on("INSERT ON outlive_error");
    const auto transaction = conformance::Begin(*store);
    const std::vector<Change> changes = {{.id = job.lease.job, .reason = "not wanted"}};
    CHECK_FALSE(transaction->Apply(changes).ok());
    CHECK(absl::IsFailedPrecondition(transaction->Commit()));
  }
  host.Exec("DROP TRIGGER stop");
  CHECK(conformance::StateOf(*store, job.lease.job) == JobState::kRunning);
  CHECK(conformance::MustGet(*store, job.lease.job).artifacts.empty());
  CheckTables(folder.File());
  CHECK(conformance::FinishOne(*store, job, Transition::kComplete).ok());
}

// Rows that somebody else has written: one job must not hold up the others' ends.
TEST_CASE("follow-ups that are damaged do not keep a job from its end") {
  for (const char* entries : {"", "[{", "[1]", "{}", "not JSON", "b3V0bGl2ZS1zZWFsZWQtMQ=="}) {
    CAPTURE(entries);
    const SqliteFolder folder;
    const auto store = OpenStore(folder.File());
    NewJob job = MakeJob();
    job.follow_ups.push_back({.kind = "tell", .data = "ann"});
    const ClaimedJob damaged = conformance::InsertAndClaim(*store, job);
    const ClaimedJob sound = conformance::InsertAndClaim(*store, job);
    HostConnection(folder.File())
        .Exec("UPDATE outlive_follow_up SET entries = '" + std::string(entries) +
              "' WHERE job = " + std::to_string(damaged.lease.job));
    const std::vector<absl::Status> results =
        conformance::FinishAll(*store, {conformance::EndOf(damaged.lease, Transition::kComplete),
                                        conformance::EndOf(sound.lease, Transition::kComplete)});
    CHECK(results[0].ok());
    CHECK(results[1].ok());
    const Job ended = conformance::MustGet(*store, damaged.lease.job);
    CHECK(ended.state == JobState::kCompleted);
    REQUIRE(ended.errors.size() == 1);
    CHECK(ended.errors[0].message.find("its follow-ups were not inserted: ") == 0);
    CHECK(conformance::ListAll(*store, {.kind = "tell"}).size() == 1);
    CheckTables(folder.File());
  }
}

TEST_CASE("a checkpoint that is gone holds up its own job only") {
  const SqliteFolder folder;
  const auto store = OpenStore(folder.File());
  const JobId damaged = MustInsert(*store);
  const JobId sound = MustInsert(*store);
  HostConnection(folder.File())
      .Exec("UPDATE outlive_job SET flags = flags | 8 WHERE id = " + std::to_string(damaged));
  const std::vector<ClaimedJob> jobs = conformance::ClaimDue(*store);
  REQUIRE(conformance::IdsOf(jobs) == std::vector<JobId>{damaged, sound});
  CHECK(absl::IsDataLoss(jobs[0].payload_status));
  CHECK(jobs[1].payload_status.ok());
}

TEST_CASE("a job that has ended in no state that there is cannot be changed, and others can") {
  for (const int state : {0, 1, 2, 6, 99, -1}) {
    CAPTURE(state);
    const SqliteFolder folder;
    const auto store = OpenStore(folder.File());
    const JobId damaged = conformance::JobIn(*store, JobState::kDead);
    const JobId sound = conformance::JobIn(*store, JobState::kDead, MakeJob("other"));
    HostConnection(folder.File())
        .Exec("UPDATE outlive_ended SET state = " + std::to_string(state) +
              " WHERE job = " + std::to_string(damaged));
    for (const Change::Action action :
         {Change::Action::kCancel, Change::Action::kRequeue, Change::Action::kDiscard}) {
      CHECK(absl::IsDataLoss(
          conformance::ApplyOne(*store, {.id = damaged, .action = action, .reason = "stop"})
              .status()));
    }
    CHECK(conformance::RequeueJob(*store, sound).ok());
    CHECK(conformance::MustGet(*store, damaged).id == damaged);
  }
}

TEST_CASE("numbers that nothing can have are refused, or taken for the nearest that can be") {
  const SqliteFolder folder;
  const auto store = OpenStore(folder.File());
  const JobId id = MustInsert(*store);
  const HostConnection host(folder.File());
  host.Exec(
      "UPDATE outlive_job SET attempt = -5, crashes = 9223372036854775807,"
      " fence = 9223372036854775807, attempt_max = 4294967297");
  host.Exec("UPDATE outlive_lane SET pending = 9223372036854775807, dead = -1");
  const Job job = conformance::MustGet(*store, id);
  CHECK(job.attempt == 0);
  CHECK(job.crashes == std::numeric_limits<int>::max() - 1);
  CHECK(job.attempt_count_max == std::numeric_limits<int>::max() - 1);
  CHECK(conformance::LaneOf(*store).dead == 0);
  CHECK(conformance::LaneOf(*store).pending > 1'000'000);

  // From such numbers no events or jobs can be counted on.
  for (const char* column : {"seq", "count", "last_job"}) {
    for (const char* number : {"9223372036854775807", "-1"}) {
      CAPTURE(column);
      CAPTURE(number);
      const SqliteFolder other;
      {
        MustInsert(*OpenStore(other.File()));
      }
      HostConnection(other.File())
          .Exec("UPDATE outlive_event_batch SET " + std::string(column) + " = " + number);
      CHECK(absl::IsDataLoss(OpenStore(other.File())->Begin().status()));
    }
  }
}

}  // namespace
}  // namespace outlive
