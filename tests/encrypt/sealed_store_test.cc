// Sealed jobs on a file: what can be seen in it, and what becomes of those that somebody changes.
#include <doctest/doctest.h>

#include <boost/describe/class.hpp>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "outlive/core/mutex.h"
#include "outlive/engine/client.h"
#include "outlive/engine/runner.h"
#include "outlive/testing/drain.h"
#include "tests/encrypt/rig.h"

namespace outlive::tests {
namespace {

using conformance::MustGet;
using testing::CheckTables;
using testing::HostConnection;
using testing::SqliteFolder;

struct Order {
  static constexpr std::string_view kKind = "order.ship";
  std::int64_t number = 0;
  std::string recipient;
};
BOOST_DESCRIBE_STRUCT(Order, (), (number, recipient))

class LogOfTest final : public LogSink {
 public:
  void Log(const LogRecord& record) override {
    MutexLock lock(mutex_);
    text_.append(record.message).push_back('\n');
  }
  std::string text() const {
    MutexLock lock(mutex_);
    return text_;
  }

 private:
  mutable Mutex mutex_;
  std::string text_ ABSL_GUARDED_BY(mutex_);
};

// All that is in the folder: the database, its WAL, and whatever else was left there.
std::string BytesIn(const SqliteFolder& folder) {
  std::string bytes;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    std::ifstream file(entry.path(), std::ios::binary);
    bytes.append(std::istreambuf_iterator<char>(file), {});
  }
  return bytes;
}

// A text that would be seen, if it could be.
std::string Canary(const std::string& what) { return "canary-" + what; }

// What the worker of the story does with its three jobs, attempt by attempt.
Outcome Ship(JobContext& job, const Order& order, const HostConnection& host) {
  if (order.number == 1 && job.attempt() == 1) {
    REQUIRE(job.SaveCheckpoint(Canary("checkpoint")).ok());
    return Retry(absl::UnavailableError("the printer is busy"), absl::ZeroDuration());
  }
  if (order.number == 1) {
    CHECK(job.checkpoint() == Canary("checkpoint"));
    return Done(Canary("output"));
  }
  if (order.number == 2) {
    host.Exec("BEGIN IMMEDIATE");
    REQUIRE(job.CompleteIn(host.handle(), Canary("complete-in")).ok());
    host.Exec("COMMIT");
    return Done();
  }
  return Dead("no such customer");
}

struct Story {
  std::string bytes;     // Of the file and its WAL, before and after it was closed.
  std::string log;       // And every line that was logged.
  std::string exported;  // And the dead letters.
};

// Everything that jobs can carry, through everything that can happen to it.
Story Tell(const std::vector<std::string>& keys, const JobJsonOptions& options = {}) {
  const SqliteFolder folder;
  Story story;
  {
    const SealedStore sealed(folder.File(), keys);
    LogOfTest log;
    Client client(*sealed.store, {.log = &log});
    const HostConnection host(folder.File());
    FollowUp follow_up;
    follow_up.kind = "nobody.runs.this";
    follow_up.data = Canary("follow-up");
    REQUIRE(client.Enqueue(Order{1, Canary("args")}, {.follow_ups = {follow_up}}).ok());
    host.Exec("BEGIN IMMEDIATE");
    REQUIRE(client
                .EnqueueIn(host.handle(), Order{2, Canary("enqueue-in")},
                           {.idempotency_key = "order-2"})
                .ok());
    host.Exec("COMMIT");
    REQUIRE(client.Enqueue(Order{3, Canary("dead")}).ok());
    WorkerSet workers;
    workers.Add<Order>([&](JobContext& job, const Order& order) -> Outcome {
      story.bytes += BytesIn(folder);
      return Ship(job, order, host);
    });
    Runner runner(client, workers);
    REQUIRE(testing::Drain(runner).value() == 4);
    StringSink out;
    REQUIRE(client.ExportDeadLetters({}, out, options).value() == 1);
    story.exported = out.bytes();
    story.log = log.text();
    story.bytes += BytesIn(folder);
    CHECK(MustGet(*sealed.store, 1).output == Canary("output"));
    CHECK(MustGet(*sealed.store, 2).output == Canary("complete-in"));
    const Job told = MustGet(*sealed.store, 4);
    CHECK(DecodeFollowUpArgs(told.args)->data == Canary("follow-up"));
    CHECK(DecodeFollowUpArgs(told.args)->end.output == Canary("output"));
  }
  story.bytes += BytesIn(folder);
  CheckTables(folder.File());
  return story;
}

TEST_CASE("nothing that a job carries is in the file, in the log or in an export (Z03)") {
  const Story sealed = Tell(kNew);
  CHECK(sealed.bytes.find("canary") == std::string::npos);
  CHECK(sealed.log.find("canary") == std::string::npos);
  CHECK(sealed.exported.find("canary") == std::string::npos);
  CHECK(sealed.exported.find("no such customer") != std::string::npos);

  // The same look at a file that is not sealed finds all of it, so it does look.
  const Story plain = Tell({});
  for (const char* what :
       {"args", "checkpoint", "output", "follow-up", "enqueue-in", "complete-in", "dead"}) {
    CAPTURE(what);
    CHECK(plain.bytes.find(Canary(what)) != std::string::npos);
  }
  CHECK(plain.log.find("canary") == std::string::npos);
  CHECK(plain.exported.find(Canary("dead")) != std::string::npos);
  CHECK(Tell(kNew, {.show_sealed = true}).exported.find(Canary("dead")) != std::string::npos);
}

// A file with some jobs of one kind in it, and somebody who can write to it.
struct Tampering {
  Tampering() {
    const SealedStore sealed(folder.File());
    Client client(*sealed.store);
    for (std::int64_t i = 1; i <= 3; ++i) {
      FollowUp follow_up;
      follow_up.kind = "nobody.runs.this";
      REQUIRE(client
                  .Enqueue(Order{i, Canary(std::to_string(i))},
                           {.max_attempts = 2, .follow_ups = {follow_up}})
                  .ok());
    }
  }

  void Exec(const std::string& sql) const { HostConnection(folder.File()).Exec(sql); }

  // Runs what is due now and in the next hour.
  void Run() {
    const SealedStore sealed(folder.File());
    Client client(*sealed.store, {.log = &log});
    WorkerSet workers;
    workers.Add<Order>([&](JobContext&, const Order& order) -> Outcome {
      shipped.push_back(order.number);
      return Done();
    });
    RunnerOptions options;
    options.queues = {{.name = "default"}};
    Runner runner(client, workers, options);
    REQUIRE(testing::Drain(runner).ok());
  }

  Job Look(JobId id) const { return MustGet(*SealedStore(folder.File()).store, id); }

  SqliteFolder folder;
  LogOfTest log;
  std::vector<std::int64_t> shipped;
};

TEST_CASE_FIXTURE(Tampering, "arguments that were swapped between two jobs run neither (Z03)") {
  Exec("CREATE TABLE kept AS SELECT id, args FROM outlive_job");
  Exec(
      "UPDATE outlive_job SET args = (SELECT args FROM kept WHERE kept.id = 3 - outlive_job.id)"
      " WHERE id IN (1, 2)");
  Run();
  CHECK(shipped == std::vector<std::int64_t>{3});
  for (const JobId id : {1, 2}) {
    const Job job = Look(id);
    CHECK(job.state == JobState::kDead);
    REQUIRE(job.errors.size() == 1);
    CHECK(job.errors[0].message ==
          "the job's arguments cannot be opened: it is not what key \"new\" sealed for this job");
    CHECK(absl::IsDataLoss(job.payload_status));
    CHECK(job.args.empty());
  }
  CHECK(log.text().find("canary") == std::string::npos);

  // Put right again, they are sent back to work.
  Exec(
      "UPDATE outlive_job SET args = (SELECT args FROM kept WHERE kept.id = outlive_job.id)"
      " WHERE id IN (1, 2)");
  {
    const SealedStore sealed(folder.File());
    CHECK(Client(*sealed.store).RequeueDeadLetters({}).value() == 2);
  }
  Run();
  CHECK(shipped == std::vector<std::int64_t>{3, 1, 2});
  CheckTables(folder.File());
}

TEST_CASE_FIXTURE(Tampering, "arguments that were cut or changed kill their job, and no other") {
  Exec("UPDATE outlive_job SET args = substr(args, 1, length(args) - 1) WHERE id = 1");
  std::string hex =
      HostConnection(folder.File()).Query("SELECT hex(args) FROM outlive_job WHERE id = 2")[0];
  hex.back() = hex.back() == '0' ? '1' : '0';
  Exec("UPDATE outlive_job SET args = x'" + hex + "' WHERE id = 2");
  Run();
  CHECK(shipped == std::vector<std::int64_t>{3});
  CHECK(Look(1).state == JobState::kDead);
  CHECK(Look(2).state == JobState::kDead);
  CHECK(Look(3).state == JobState::kCompleted);
}

TEST_CASE_FIXTURE(Tampering, "arguments that somebody has put there in plain are not run") {
  Exec("UPDATE outlive_job SET args = CAST('{\"number\":666}' AS BLOB) WHERE id = 1");
  Run();
  CHECK(shipped == std::vector<std::int64_t>{2, 3});
  const Job job = Look(1);
  CHECK(job.state == JobState::kPending);  // The cipher may be told to accept it.
  REQUIRE(job.errors.size() == 1);
  CHECK(job.errors[0].message ==
        "the job's arguments cannot be opened: it was never sealed, and the cipher does not accept "
        "that");
  CHECK(job.args.empty());
}

TEST_CASE_FIXTURE(Tampering, "a checkpoint that is another field's or an older job's is refused") {
  Exec("INSERT INTO outlive_checkpoint SELECT id, args FROM outlive_job WHERE id = 1");
  Exec("UPDATE outlive_job SET flags = flags | 8 WHERE id = 1");
  Run();
  CHECK(shipped == std::vector<std::int64_t>{2, 3});
  CHECK(Look(1).errors.at(0).message ==
        "the job's checkpoint cannot be opened: it is not what key \"new\" sealed for this job");
}

TEST_CASE_FIXTURE(Tampering, "follow-ups that were changed are told in the history of the job") {
  Exec("CREATE TABLE kept AS SELECT job, entries FROM outlive_follow_up");
  Exec(
      "UPDATE outlive_follow_up SET entries ="
      " (SELECT entries FROM kept WHERE kept.job = 3 - outlive_follow_up.job) WHERE job IN (1, 2)");
  Exec("UPDATE outlive_follow_up SET entries = '[]' WHERE job = 3");
  Run();
  CHECK(shipped == std::vector<std::int64_t>{1, 2, 3});
  for (const JobId id : {1, 2, 3}) {
    CAPTURE(id);
    const Job job = Look(id);
    CHECK(job.state == JobState::kCompleted);
    REQUIRE(job.errors.size() == 1);
    CHECK(job.errors[0].message.find("its follow-ups were not inserted") == 0);
  }
  CheckTables(folder.File());
}

TEST_CASE_FIXTURE(Tampering, "what was sealed for one store does not open in another") {
  Exec(
      "UPDATE outlive_meta SET value = replace(value, substr(value, 1, 1),"
      " CASE substr(value, 1, 1) WHEN '0' THEN '1' ELSE '0' END) WHERE name = 'store_id'");
  Run();
  CHECK(shipped.empty());
  CHECK(absl::IsDataLoss(Look(1).payload_status));
}

TEST_CASE("jobs of several keys run side by side, and after a Reencrypt the newest key is enough") {
  const SqliteFolder folder;
  const EnqueueOptions keyed{.idempotency_key = "order-1"};
  for (const auto& [keys, number] : {std::pair(kOld, 1), std::pair(kBoth, 2)}) {
    const SealedStore sealed(folder.File(), keys);
    Client client(*sealed.store);
    REQUIRE(client.Enqueue(Order{number, "ann"}).ok());
    // The same arguments are recognised whichever key they were used with first.
    CHECK(client.Enqueue(Order{9, "ann"}, keyed)->duplicate == (number == 2));
    CHECK(absl::IsAlreadyExists(client.Enqueue(Order{8, "ann"}, keyed).status()));
  }
  CHECK(CountSealedWith(folder.File(), "old") == 2);
  CHECK(CountSealedWith(folder.File(), "new") == 1);
  {
    const SealedStore sealed(folder.File(), kBoth);
    Client client(*sealed.store);
    std::vector<std::int64_t> shipped;
    WorkerSet workers;
    workers.Add<Order>([&](JobContext&, const Order& order) -> Outcome {
      shipped.push_back(order.number);
      return Done("shipped");
    });
    Runner runner(client, workers);
    CHECK(testing::Drain(runner).value() == 3);
    CHECK(shipped == std::vector<std::int64_t>{1, 9, 2});
    CHECK(client.Reencrypt({.after = 0, .job_count_max = 100})->renewed_count == 2);
  }
  const SealedStore sealed(folder.File(), kNew);
  for (const JobId id : {1, 2, 3}) {
    const Job job = MustGet(*sealed.store, id);
    CHECK(job.payload_status.ok());
    CHECK(job.output == "shipped");
  }
}

TEST_CASE("a store that was in plain is taken over: accept, reencrypt, vacuum, refuse") {
  const SqliteFolder folder;
  const std::string path = folder.File();
  const EnqueueOptions keyed{.idempotency_key = "order-1"};
  {
    const SealedStore plain(path, {});
    Client client(*plain.store);
    REQUIRE(client.Enqueue(Order{1, Canary("old")}, keyed).ok());
  }
  {
    const SealedStore sealed(path, kNew, true);
    Client client(*sealed.store);
    CHECK(client.Enqueue(Order{1, Canary("old")}, keyed)->duplicate);
    const Job job = MustGet(*sealed.store, 1);
    CHECK_FALSE(job.sealed);
    CHECK(job.args.find(Canary("old")) != std::string::npos);
    CHECK(client.Reencrypt({.after = 0, .job_count_max = 100})->renewed_count == 1);
    CHECK(MustGet(*sealed.store, 1).sealed);
  }
  // Pages that were freed still have it, until they are used again.
  HostConnection(path).Exec("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)");
  CHECK(BytesIn(folder).find("canary") == std::string::npos);
  const SealedStore sealed(path);
  CHECK(MustGet(*sealed.store, 1).args.find(Canary("old")) != std::string::npos);
  CheckTables(path);
}

}  // namespace
}  // namespace outlive::tests
