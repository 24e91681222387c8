#include "outlive/core/migrate_store.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "outlive/conformance/helpers.h"
#include "outlive/conformance/job_store_sealing.h"
#include "outlive/store/memory_store.h"
#include "outlive/testing/virtual_clock.h"
#include "tests/core/message.h"
#include "tests/store/migrate_rig.h"

using outlive::JobStore;
using outlive::MemoryStore;
using outlive::MigrateStore;
using outlive::MigrationReport;
using outlive::StoreRows;
using outlive::testing::Everything;
using outlive::testing::FillWithEverything;
using outlive::testing::IsClosed;
using outlive::testing::MissingIn;
using outlive::testing::SqliteFile;
using outlive::testing::TamperedStore;
using outlive::testing::VirtualClock;
using namespace outlive::conformance;  // NOLINT: its helpers are this file's vocabulary.

TEST_CASE("a move takes everything along, there and back") {
  VirtualClock clock;
  RecordingCipher cipher;
  for (const outlive::PayloadCipher* const with :
       {(const outlive::PayloadCipher*)nullptr, (const outlive::PayloadCipher*)&cipher}) {
    CAPTURE(with);
    SqliteFile from(clock, with);
    MemoryStore between({.clock = &clock, .cipher = with});
    SqliteFile to(clock, with);
    FillWithEverything(from.store(), clock);
    const std::string before = Everything(from.store());
    const std::string id = from.store().info().store_id;
    cipher.TakeSealed();

    const MigrationReport first = Value(MigrateStore(from.store(), between));
    CHECK(Everything(between) == before);
    CHECK(between.info().store_id == id);
    const MigrationReport second = Value(MigrateStore(between, to.store(), {.row_count_max = 3}));
    CHECK(IsClosed(to.store()));  // It was opened as another store.
    to.Open();
    CHECK(Everything(to.store()) == before);
    CHECK(to.store().info().store_id == id);
    CHECK(first == second);
    CHECK(first.job_count == 9);
    CHECK(first.key_count == 3);
    CHECK(first.session_count == 1);
    CHECK(first.event_count == static_cast<std::int64_t>(AllEvents(from.store()).size()));
    CHECK(cipher.TakeSealed().empty());  // What was sealed stays as it is, keys or none.
    CHECK(IsClosed(from.store()));
    CHECK(IsClosed(between));
  }
}

TEST_CASE("work goes on in the target where it was") {
  VirtualClock clock;
  SqliteFile from(clock);
  SqliteFile to(clock);
  FillWithEverything(from.store(), clock);
  const outlive::JobId newest = ListAll(from.store()).front().id;
  Value(MigrateStore(from.store(), to.store()));
  to.Open();
  JobStore& store = to.store();

  // Keys are remembered, of jobs that are gone too, and their arguments.
  CHECK(Value(InsertOne(store, KeyedJob("gone"))).duplicate);
  CHECK(absl::IsAlreadyExists(InsertOne(store, KeyedJob("gone", "other")).status()));
  const outlive::JobId next = MustInsert(store);
  CHECK(next > newest);

  // The process that held it is rescued from, by the rules, and cannot come back.
  const outlive::JobId lost = ListAll(store, {.state = outlive::JobState::kRunning}).at(0).id;
  const outlive::Job before = MustGet(store, lost);
  CHECK(RescueAll(store) == 1);
  CHECK(StateOf(store, lost) == outlive::JobState::kCancelled);
  CHECK(absl::IsAborted(
      FinishOne(store, EndOf({lost, before.fence}, outlive::Transition::kComplete))));

  // An end's repeat is known, lanes are counted, a claim finds what is due, and old jobs go away.
  const outlive::Job done = ListAll(store, {.state = outlive::JobState::kCompleted}).at(0);
  RequireOk(FinishOne(store, EndOf({done.id, done.fence}, outlive::Transition::kComplete)));
  CHECK(LaneOf(store, "reports", "report.make").completed == 1);
  RequireOk(OpenSession(store, "session-9"));
  CHECK(ClaimDue(store, "session-9").size() >= 2);
  CHECK(Value(Prune(store, {.keep_completed = absl::ZeroDuration()})).job_count == 2);
  CHECK(LaneOf(store, "reports", "report.make").completed == 0);
}

TEST_CASE("a move that was killed after any transaction goes on, and ends as if it never was") {
  VirtualClock clock;
  SqliteFile from(clock);
  FillWithEverything(from.store(), clock);
  MemoryStore reference({.clock = &clock});
  const std::string before = Everything(from.store());
  const MigrationReport expected = Value(MigrateStore(from.store(), reference));
  from.Open();

  SqliteFile to(clock);
  int kills = 0;
  for (bool done = false; !done; to.Open(), from.Open()) {
    int left = 1;  // Two transactions: the sessions, which are repeated, and one more.
    TamperedStore dies(to.store(), [&](StoreRows&) {
      return left-- >= 0 ? absl::OkStatus() : absl::UnavailableError("killed");
    });
    const absl::StatusOr<MigrationReport> report =
        MigrateStore(from.store(), dies, {.row_count_max = 2});
    done = report.ok();
    if (done) {
      CHECK(*report == expected);
      continue;
    }
    ++kills;
    CHECK(absl::IsUnavailable(report.status()));
    CHECK(IsClosed(to.store()));
    CHECK(IsClosed(from.store()));
    REQUIRE(kills < 100);
  }
  CHECK(kills > 8);
  CHECK(Everything(to.store()) == before);
  CHECK_FALSE(IsClosed(to.store()));
  CHECK(Value(MigrateStore(from.store(), to.store())).already_done);
}

TEST_CASE("what is read back must be what was written, or the target stays closed") {
  VirtualClock clock;
  for (const int what : {0, 1, 2, 3}) {
    CAPTURE(what);
    SqliteFile from(clock);
    SqliteFile to(clock);
    FillWithEverything(from.store(), clock);
    TamperedStore forgets(to.store(), [what](StoreRows& rows) {
      if (what == 0 && !rows.jobs.empty()) rows.jobs.erase(rows.jobs.begin());
      if (what == 1 && !rows.jobs.empty()) rows.jobs.back().job.errors.push_back({});
      if (what == 2 && !rows.keys.empty()) rows.keys.back().args[3] ^= 1;
      if (what == 3 && !rows.events.empty()) ++rows.events.back().fence;
      return absl::OkStatus();
    });
    CHECK(absl::IsDataLoss(MigrateStore(from.store(), forgets).status()));
    to.Open();
    CHECK(IsClosed(to.store()));
  }
}

TEST_CASE("a source that a runner works on is refused, and stays as it is") {
  VirtualClock clock;
  SqliteFile from(clock);
  MemoryStore to({.clock = &clock});
  InsertAndClaim(from.store());
  const absl::Status status = MigrateStore(from.store(), to).status();
  CHECK(absl::IsFailedPrecondition(status));
  CHECK(MissingIn(status, "expires in 1m") == "");
  MustInsert(from.store());
  MustInsert(to);
}

TEST_CASE("a target that is somebody else's is refused, and stays as it is") {
  VirtualClock clock;
  SqliteFile from(clock);
  SqliteFile other(clock);
  MemoryStore to({.clock = &clock});
  MustInsert(from.store());
  MustInsert(other.store());

  SUBCASE("because it has jobs") {
    MustInsert(to);
    CHECK(absl::IsFailedPrecondition(MigrateStore(from.store(), to).status()));
    MustInsert(to);
  }
  SUBCASE("because it had some") {
    RequireOk(DiscardJob(to, JobIn(to, outlive::JobState::kDead)).status());
    CHECK(absl::IsFailedPrecondition(MigrateStore(from.store(), to).status()));
  }
  SUBCASE("because it is the target of another store") {
    TamperedStore dies(to, [](StoreRows&) { return absl::UnavailableError("killed"); });
    CHECK(absl::IsUnavailable(MigrateStore(other.store(), dies).status()));
    CHECK(absl::IsFailedPrecondition(MigrateStore(from.store(), to).status()));
    CHECK(absl::IsFailedPrecondition(MigrateStore(to, from.store()).status()));
  }
  SUBCASE("because it has been at work since") {
    Value(MigrateStore(from.store(), to));
    MustInsert(to);
    CHECK(absl::IsFailedPrecondition(MigrateStore(from.store(), to).status()));
    return;
  }
  MustInsert(from.store());
}

TEST_CASE("an empty store can be moved, and so can one whose log was pruned") {
  VirtualClock clock;
  SqliteFile from(clock);
  SqliteFile to(clock);
  MemoryStore between({.clock = &clock});
  SUBCASE("that never had a job") {}
  SUBCASE("that has none any more") {
    JobIn(from.store(), outlive::JobState::kCompleted);
    clock.Advance(absl::Hours(100));
    while (Value(Prune(from.store(), {.row_count_max = 100})).more) {
    }
    REQUIRE(AllEvents(from.store()).empty());
    REQUIRE(Value(from.store().LastEvent()) > 0);
  }
  Value(MigrateStore(from.store(), between));
  Value(MigrateStore(between, to.store()));
  to.Open();
  CHECK(Everything(to.store()) == Everything(from.store()));
  const std::int64_t last = Value(to.store().LastEvent());
  CHECK(MustInsert(to.store()) > (last > 0 ? 1 : 0));
  CHECK(Value(to.store().LastEvent()) == last + 1);
}

TEST_CASE("what cannot be moved says so") {
  VirtualClock clock;
  MemoryStore store({.clock = &clock});
  MemoryStore to({.clock = &clock});
  class Foreign final : public outlive::ForwardingJobStore {
   public:
    using ForwardingJobStore::ForwardingJobStore;
    outlive::StoreCopy* copy() override { return nullptr; }
  } foreign(store);
  CHECK(absl::IsUnimplemented(MigrateStore(foreign, to).status()));
  CHECK(absl::IsUnimplemented(MigrateStore(to, foreign).status()));
  CHECK(absl::IsInvalidArgument(MigrateStore(store, store).status()));
  CHECK(absl::IsInvalidArgument(MigrateStore(store, to, {.row_count_max = 0}).status()));
}
