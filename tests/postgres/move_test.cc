// Moves of jobs from a file to a server, and back.
#include <doctest/doctest.h>

#include <cstdint>
#include <memory>
#include <string>

#include "outlive/conformance/helpers.h"
#include "outlive/conformance/job_store_sealing.h"
#include "outlive/core/migrate_store.h"
#include "outlive/store/postgres_store.h"
#include "outlive/testing/virtual_clock.h"
#include "tests/postgres/connection.h"
#include "tests/postgres/server.h"
#include "tests/store/migrate_rig.h"

using outlive::JobStore;
using outlive::MigrateStore;
using outlive::MigrationReport;
using outlive::PostgresStore;
using outlive::StoreRows;
using outlive::testing::Everything;
using outlive::testing::FillWithEverything;
using outlive::testing::IsClosed;
using outlive::testing::SqliteFile;
using outlive::testing::TamperedStore;
using outlive::testing::VirtualClock;
using namespace outlive::conformance;  // NOLINT: its helpers are this file's vocabulary.

namespace {

// A schema, as a process that opens it finds it.
class Schema {
 public:
  Schema(const VirtualClock& clock, const outlive::PayloadCipher* cipher = nullptr,
         std::int64_t partition_job_count_min = 1'000)
      : clock_(clock), cipher_(cipher), partition_job_count_min_(partition_job_count_min) {
    Open();
  }
  ~Schema() { store_.reset(); }  // Before its tables.

  JobStore& store() { return *store_; }
  const std::string& name() const { return schema_.name(); }
  std::string conninfo() const { return schema_.conninfo(); }
  void Open() {
    store_.reset();
    outlive::PostgresStoreOptions options;
    options.clock = &clock_;
    options.schema = schema_.name();
    options.cipher = cipher_;
    options.watch = false;
    options.partition_job_count_min = partition_job_count_min_;
    options.lock_timeout = absl::Milliseconds(200);
    store_ = Value(PostgresStore::Open(schema_.conninfo(), options));
  }

 private:
  const outlive::testing::TestSchema schema_;
  const VirtualClock& clock_;
  const outlive::PayloadCipher* const cipher_;
  const std::int64_t partition_job_count_min_;
  std::unique_ptr<PostgresStore> store_;
};

}  // namespace

TEST_CASE("a move to a server and back takes everything along") {
  VirtualClock clock;
  RecordingCipher cipher;
  for (const bool sealed : {false, true}) {
    CAPTURE(sealed);
    const outlive::PayloadCipher* const with = sealed ? &cipher : nullptr;
    SqliteFile from(clock, with);
    Schema between(clock, with);
    SqliteFile to(clock, with);
    FillWithEverything(from.store(), clock);
    const std::string before = Everything(from.store());
    const std::string id = from.store().info().store_id;
    cipher.TakeSealed();

    const MigrationReport first = Value(MigrateStore(from.store(), between.store()));
    CHECK(IsClosed(between.store()));  // It was opened as another store.
    between.Open();
    CHECK(Everything(between.store()) == before);
    CHECK(between.store().info().store_id == id);
    CHECK_FALSE(IsClosed(between.store()));

    const MigrationReport second =
        Value(MigrateStore(between.store(), to.store(), {.row_count_max = 3}));
    to.Open();
    CHECK(Everything(to.store()) == before);
    CHECK(first == second);
    CHECK(cipher.TakeSealed().empty());
    CHECK(IsClosed(from.store()));
    CHECK(IsClosed(between.store()));
    between.Open();
    CHECK(IsClosed(between.store()));
  }
}

TEST_CASE("work goes on on the server where it was") {
  VirtualClock clock;
  SqliteFile from(clock);
  Schema to(clock);
  FillWithEverything(from.store(), clock);
  const outlive::JobId newest = ListAll(from.store()).front().id;
  Value(MigrateStore(from.store(), to.store()));
  to.Open();
  JobStore& store = to.store();

  CHECK(Value(InsertOne(store, KeyedJob("gone"))).duplicate);
  CHECK(absl::IsAlreadyExists(InsertOne(store, KeyedJob("gone", "other")).status()));
  CHECK(MustInsert(store) > newest);
  const outlive::JobId lost = ListAll(store, {.state = outlive::JobState::kRunning}).at(0).id;
  const outlive::Job before = MustGet(store, lost);
  CHECK(RescueAll(store) == 1);
  CHECK(StateOf(store, lost) == outlive::JobState::kCancelled);
  CHECK(absl::IsAborted(
      FinishOne(store, EndOf({lost, before.fence}, outlive::Transition::kComplete))));
  const outlive::Job done = ListAll(store, {.state = outlive::JobState::kCompleted}).at(0);
  RequireOk(FinishOne(store, EndOf({done.id, done.fence}, outlive::Transition::kComplete)));
  RequireOk(OpenSession(store, "session-9"));
  CHECK(ClaimDue(store, "session-9").size() >= 2);
  CHECK(Value(Prune(store, {.keep_completed = absl::ZeroDuration()})).job_count == 2);
}

TEST_CASE("what was moved lies in partitions, and goes with them") {
  VirtualClock clock;
  SqliteFile from(clock);
  Schema to(clock, nullptr, 16);
  for (int i = 0; i < 50; ++i) JobIn(from.store(), outlive::JobState::kCancelled);
  const outlive::JobId waits = MustInsert(from.store());
  Value(MigrateStore(from.store(), to.store(), {.row_count_max = 20}));
  to.Open();
  JobStore& store = to.store();
  outlive::testing::Connection host(to.conninfo());
  const auto count = [&](const std::string& table) {
    return std::stoi(host.Query("SELECT count(*) FROM \"" + to.name() + "\"." + table));
  };
  CHECK(count("job_1") == 16);
  CHECK(count("job_17") == 32);
  CHECK(count("job_49") == 3);
  CHECK(count("job_default") == 0);
  // A vacuum that comes by is in the way for five minutes of a clock that stands still.
  for (const char* const part : {"1", "17", "49", "default"}) {
    for (const char* const table : {"job_", "ended_"}) {
      host.Query("ALTER TABLE \"" + to.name() + "\"." + table + part +
                 " SET (autovacuum_enabled = off)");
    }
  }
  RequireOk(Prune(store).status());
  CHECK(MustInsert(store) > waits);
  CHECK(count("job_49") == 4);
  CHECK(count("partition") == 3);

  clock.Advance(absl::Hours(25));
  int pruned = 0;
  for (outlive::PruneResult result{.more = true}; result.more;) {
    result = Value(Prune(store, {.row_count_max = 10}));
    pruned += result.job_count;
  }
  CHECK(pruned == 50);
  CHECK(count("ended") == 0);
  CHECK(count("partition") == 1);
  CHECK(StateOf(store, waits) == outlive::JobState::kPending);
}

TEST_CASE("where few ids of a move are used a partition begins with a job, and 64 are enough") {
  VirtualClock clock;
  SqliteFile from(clock);
  Schema to(clock, nullptr, 16);
  constexpr int kJobs = 70;
  constexpr outlive::JobId kFar = outlive::JobId{1} << 40;
  for (int i = 0; i < kJobs; ++i) MustInsert(from.store());
  outlive::StoreRows rows;
  rows.jobs = Value(from.store().copy()->Jobs(0, kJobs));
  for (outlive::StoredJob& row : rows.jobs) row.job.id *= kFar;
  RequireOk(to.store().copy()->StartFilling("source"));
  RequireOk(to.store().copy()->Fill(rows));
  outlive::testing::Connection host(to.conninfo());
  const auto ask = [&](const std::string& what) {
    return std::stoi(host.Query("SELECT " + what + " FROM \"" + to.name() + "\".partition"));
  };
  CHECK(ask("count(*)") == 64);
  CHECK(ask("count(*) FILTER (WHERE mod(first, 1::bigint << 40) = 0)") == 63);
  CHECK(host.Query("SELECT count(*) FROM \"" + to.name() + "\".job_default") == "7");
}

TEST_CASE("a move to a server that was killed after any transaction goes on") {
  VirtualClock clock;
  SqliteFile from(clock);
  Schema to(clock);
  FillWithEverything(from.store(), clock);
  const std::string before = Everything(from.store());
  int kills = 0;
  for (bool done = false; !done; to.Open()) {
    int left = 1;  // Two transactions: the sessions, which are repeated, and one more.
    TamperedStore dies(to.store(), [&](StoreRows&) {
      return left-- >= 0 ? absl::OkStatus() : absl::UnavailableError("killed");
    });
    const absl::StatusOr<MigrationReport> report =
        MigrateStore(from.store(), dies, {.row_count_max = 3});
    done = report.ok();
    if (done) continue;
    ++kills;
    CHECK(absl::IsUnavailable(report.status()));
    CHECK(IsClosed(to.store()));
    REQUIRE(kills < 100);
  }
  CHECK(kills > 4);
  CHECK(Everything(to.store()) == before);
  CHECK(Value(MigrateStore(from.store(), to.store())).already_done);
}

TEST_CASE("a schema is frozen only when whoever was let in before has ended") {
  VirtualClock clock;
  Schema from(clock);
  SqliteFile to(clock);
  MustInsert(from.store());
  outlive::testing::Connection host(from.conninfo());
  host.Query("BEGIN");
  const std::string add = "SELECT \"" + from.name() + "\".enqueue('mail.send', '{}'::jsonb)";
  host.Query(add);
  CHECK(absl::IsUnavailable(MigrateStore(from.store(), to.store()).status()));
  MustInsert(from.store());
  host.Query("COMMIT");

  const MigrationReport report = Value(MigrateStore(from.store(), to.store()));
  CHECK(report.job_count == 3);
  CHECK(report.event_count == 3);  // Also that of the host's transaction.
  CHECK(host.Try(add) == "55000");
  RequireOk(from.store().copy()->Freeze(false));
  MustInsert(from.store());
  CHECK(host.Try(add) == "");
}
