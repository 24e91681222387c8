// JobStore::Join() on SqliteStore: the host's connection, the host's transaction.
#include <string>
#include <vector>

#include "store/sqlite/checkpointer.h"
#include "tests/store/sqlite_helpers.h"

namespace outlive {
namespace {

using conformance::EndOf;
using conformance::InsertAndClaim;
using conformance::KeyedJob;
using conformance::MakeJob;
using conformance::MustInsert;
using conformance::Value;
using testing::CheckTables;
using testing::HostConnection;
using testing::OpenStore;
using testing::SqliteFolder;

// A store, and a host with a table of its own in the same file.
struct Fixture {
  Fixture() { host.Exec("CREATE TABLE business (name TEXT)"); }

  std::unique_ptr<StoreTransaction> Join() const { return Value(store->Join(host.handle())); }

  JobId InsertIn(StoreTransaction& transaction, const NewJob& job = MakeJob()) const {
    const std::vector<NewJob> jobs = {job};
    return Value(Value(transaction.Insert(jobs))[0]).id;
  }

  std::int64_t BusinessCount() const { return host.Number("SELECT count(*) FROM business"); }

  SqliteFolder folder;
  std::unique_ptr<SqliteStore> store = OpenStore(folder.File());
  HostConnection host{folder.File()};
};

TEST_CASE_FIXTURE(Fixture, "the host's commit keeps its row and the job") {
  host.Exec("BEGIN IMMEDIATE; INSERT INTO business VALUES ('a')");
  const JobId job = InsertIn(*Join());
  CHECK(absl::IsNotFound(store->Get(job).status()));
  host.Exec("COMMIT");
  CHECK(Value(store->Get(job)).state == JobState::kPending);
  CHECK(BusinessCount() == 1);
  CHECK(InsertAndClaim(*store, MakeJob("other")).lease.job == job + 1);
  CheckTables(folder.File());
}

TEST_CASE_FIXTURE(Fixture, "the host's rollback leaves neither") {
  const std::int64_t last = Value(store->LastEvent());
  host.Exec("BEGIN IMMEDIATE; INSERT INTO business VALUES ('a')");
  const JobId job = InsertIn(*Join(), KeyedJob("k"));
  host.Exec("ROLLBACK");
  CHECK(absl::IsNotFound(store->Get(job).status()));
  CHECK(BusinessCount() == 0);
  CHECK(Value(store->LastEvent()) == last);
  CHECK_FALSE(Value(conformance::InsertOne(*store, KeyedJob("k", "other"))).duplicate);
  CheckTables(folder.File());
}

TEST_CASE_FIXTURE(Fixture, "a lease can be ended with the host's own rows") {
  const ClaimedJob job = InsertAndClaim(*store);
  host.Exec("BEGIN IMMEDIATE; INSERT INTO business VALUES ('effect')");
  Finished finished = EndOf(job.lease, Transition::kComplete);
  finished.output = "done";
  CHECK(Value(Join()->Finish({finished}))[0].ok());
  host.Exec("COMMIT");
  CHECK(Value(store->Get(job.lease.job)).output == "done");
  CHECK(BusinessCount() == 1);

  // A lost lease is told before the host commits.
  host.Exec("BEGIN IMMEDIATE; INSERT INTO business VALUES ('late')");
  CHECK(absl::IsAborted(
      Value(Join()->Finish({EndOf({job.lease.job, 99}, Transition::kComplete)}))[0]));
  host.Exec("ROLLBACK");
  CHECK(BusinessCount() == 1);
}

TEST_CASE_FIXTURE(Fixture, "an element that fails leaves the others and the host alone") {
  host.Exec("BEGIN IMMEDIATE; INSERT INTO business VALUES ('a')");
  const std::vector<NewJob> jobs = {MakeJob(), MakeJob("not a kind"), MakeJob()};
  const auto results = Value(Join()->Insert(jobs));
  CHECK(results[0].ok());
  CHECK(absl::IsInvalidArgument(results[1].status()));
  CHECK(results[2].ok());
  host.Exec("COMMIT");
  CHECK(store->Get(results[0]->id).ok());
  CHECK(store->Get(results[2]->id).ok());
  CheckTables(folder.File());
}

TEST_CASE_FIXTURE(Fixture, "a call that fails undoes its own writes only") {
  host.Exec(
      "CREATE TRIGGER stop BEFORE INSERT ON outlive_pending WHEN NEW.priority = 9"
      " BEGIN SELECT RAISE(ABORT, 'stopped'); END");
  host.Exec("BEGIN IMMEDIATE; INSERT INTO business VALUES ('a')");
  const JobId kept = InsertIn(*Join());
  NewJob bad = MakeJob();
  bad.priority = 9;
  const std::vector<NewJob> jobs = {MakeJob(), bad};
  const auto transaction = Join();
  CHECK_FALSE(transaction->Insert(jobs).ok());
  CHECK(absl::IsFailedPrecondition(transaction->Insert(jobs).status()));
  host.Exec("INSERT INTO business VALUES ('b'); COMMIT; DROP TRIGGER stop");
  CHECK(store->Get(kept).ok());
  CHECK(absl::IsNotFound(store->Get(kept + 1).status()));
  CHECK(BusinessCount() == 2);
  CheckTables(folder.File());
}

TEST_CASE_FIXTURE(Fixture, "the host may undo a savepoint around a call, and call again") {
  host.Exec("BEGIN IMMEDIATE");
  const auto transaction = Join();
  host.Exec("SAVEPOINT mine");
  InsertIn(*transaction, MakeJob("first.kind"));
  host.Exec("ROLLBACK TO mine");
  const JobId job = InsertIn(*transaction, MakeJob("second.kind"));
  host.Exec("COMMIT");
  CHECK(Value(store->Get(job)).kind == "second.kind");
  CHECK(Value(store->List({}, {})).size() == 1);
  CheckTables(folder.File());
}

TEST_CASE_FIXTURE(Fixture, "keys hold inside a host's transaction") {
  const JobId first = MustInsert(*store, KeyedJob("k"));
  host.Exec("BEGIN IMMEDIATE");
  CHECK(InsertIn(*Join(), KeyedJob("k")) == first);
  host.Exec("COMMIT");
  CHECK(Value(store->List({}, {})).size() == 1);
}

TEST_CASE_FIXTURE(Fixture, "joining needs an open transaction on this very file") {
  CHECK(absl::IsFailedPrecondition(store->Join(host.handle()).status()));
  const HostConnection elsewhere(folder.File("other.db"));
  elsewhere.Exec("BEGIN IMMEDIATE");
  CHECK(absl::IsFailedPrecondition(store->Join(elsewhere.handle()).status()));
  const HostConnection in_memory(":memory:");
  in_memory.Exec("BEGIN");
  CHECK(absl::IsFailedPrecondition(store->Join(in_memory.handle()).status()));
  CHECK(absl::IsFailedPrecondition(store->Join(static_cast<pg_conn*>(nullptr)).status()));

  host.Exec("BEGIN IMMEDIATE");
  const auto transaction = Join();
  host.Exec("COMMIT");
  CHECK(absl::IsFailedPrecondition(transaction->Insert({MakeJob()}).status()));
}

TEST_CASE_FIXTURE(Fixture, "another name of the file is the same file") {
  const std::string link = folder.File("link.db");
  std::filesystem::create_symlink(folder.File(), link);
  const HostConnection other(link);
  other.Exec("BEGIN IMMEDIATE");
  CHECK(store->Join(other.handle()).ok());
  other.Exec("ROLLBACK");
}

TEST_CASE_FIXTURE(Fixture,
                  "a transaction that has read before others wrote is told to begin well") {
  host.Exec("BEGIN");
  CHECK(BusinessCount() == 0);
  MustInsert(*store);
  const absl::Status status = Join()->Insert({MakeJob()}).status();
  CHECK(absl::IsUnavailable(status));
  CHECK(status.message().find("BEGIN IMMEDIATE") != absl::string_view::npos);
  host.Exec("ROLLBACK");
}

TEST_CASE_FIXTURE(Fixture, "only Insert and Finish work in a host's transaction") {
  host.Exec("BEGIN IMMEDIATE");
  const auto transaction = Join();
  CHECK(absl::IsFailedPrecondition(transaction->Commit()));
  CHECK(absl::IsUnimplemented(transaction->Claim({}).status()));
  CHECK(absl::IsUnimplemented(transaction->Write({}).status()));
  CHECK(absl::IsUnimplemented(transaction->Apply({}).status()));
  CHECK(absl::IsUnimplemented(transaction->OpenSession("s", absl::Seconds(1))));
  CHECK(absl::IsUnimplemented(transaction->RenewSession("s", absl::Seconds(1))));
  CHECK(absl::IsUnimplemented(transaction->CloseSession("s")));
  CHECK(absl::IsUnimplemented(transaction->Rescue({}).status()));
  CHECK(absl::IsUnimplemented(transaction->Prune({}).status()));
  CHECK(absl::IsUnimplemented(transaction->SetQueue({})));
  CHECK(sqlite3_get_autocommit(host.handle()) == 0);
  host.Exec("ROLLBACK");
}

TEST_CASE_FIXTURE(Fixture, "no statement of ours is left on the host's connection") {
  host.Exec("BEGIN IMMEDIATE");
  InsertIn(*Join());
  CHECK(sqlite3_next_stmt(host.handle(), nullptr) == nullptr);
  host.Exec("COMMIT");
}

TEST_CASE_FIXTURE(Fixture,
                  "on an old library the host's connection stops to checkpoint by itself") {
  REQUIRE(host.Number("PRAGMA wal_autocheckpoint") == 1'000);
  host.Exec("BEGIN IMMEDIATE");
  const auto transaction = Join();
  const bool old = sqlite3_libversion_number() < sqlite::kWalResetFixedVersion;
  CHECK(host.Number("PRAGMA wal_autocheckpoint") == (old ? 0 : 1'000));
  host.Exec("ROLLBACK");
}

TEST_CASE_FIXTURE(Fixture, "a host's own WAL hook stays") {
  int calls = 0;
  sqlite3_wal_hook(
      host.handle(),
      [](void* count, sqlite3*, const char*, int) {
        ++*static_cast<int*>(count);
        return SQLITE_OK;
      },
      &calls);
  host.Exec("BEGIN IMMEDIATE");
  InsertIn(*Join());
  host.Exec("COMMIT");
  CHECK(calls == 1);
}

}  // namespace
}  // namespace outlive
