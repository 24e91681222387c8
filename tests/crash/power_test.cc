// The power is cut, after every change of the disk: SqliteStore on a disk that forgets, loses and
// tears what was not synced. tests/simulation/simulated_disk.h says what exactly it may do.
#include <algorithm>
#include <array>
#include <functional>
#include <string>
#include <vector>

#include "outlive/conformance/helpers.h"
#include "outlive/conformance/job_store_differential.h"
#include "store/sqlite/schema.h"
#include "tests/crash/lives.h"
#include "tests/crash/script.h"
#include "tests/store/sqlite_helpers.h"

namespace outlive::crash {
namespace {

using conformance::MustInsert;
using conformance::Value;
using simulation::SimulatedDisk;
using testing::HostConnection;

// Which of the snapshots it is; −1: none.
int IndexOf(const std::vector<std::string>& snapshots, const std::string& snapshot) {
  const auto found = std::find(snapshots.begin(), snapshots.end(), snapshot);
  return found == snapshots.end() ? -1 : static_cast<int>(found - snapshots.begin());
}

// Whether SQLite finds nothing wrong with the file.
bool IsSound(Lives& lives) {
  sqlite3* database = nullptr;
  sqlite3_stmt* check = nullptr;
  sqlite3_open_v2(kFile, &database, SQLITE_OPEN_READWRITE, lives.disk().vfs().c_str());
  sqlite3_prepare_v2(database, "PRAGMA integrity_check", -1, &check, nullptr);
  const bool sound =
      sqlite3_step(check) == SQLITE_ROW &&
      std::string_view("ok") == reinterpret_cast<const char*>(sqlite3_column_text(check, 0));
  sqlite3_finalize(check);
  sqlite3_close(database);
  return sound;
}

// What a loop over all cuts has seen.
struct Tally {
  int cut_count = 0;
  int lost_count = 0;      // Lives of which something acknowledged was gone.
  int in_doubt_count = 0;  // Lives of which the transaction under way was there.
};

// Cuts the power after every number of changes, until there are not so many. `min` and `max` say
// how many transactions may be there, of `acknowledged` ones.
Tally CutEverywhere(Lives& lives, const SimulatedDisk::Image& image, int lost_max) {
  const std::vector<std::string> snapshots = ScriptSnapshots(lives, image);
  Tally tally;
  for (int changes = 0;; ++changes) {
    CAPTURE(changes);
    lives.Begin(image);
    lives.disk().CutPowerAfter(changes);
    const Life life = RunScript(lives);
    const int acknowledged = static_cast<int>(life.acknowledged);
    CAPTURE(acknowledged);
    lives.disk().RestorePower();
    const auto store = lives.MustOpenSound();
    const int there = IndexOf(snapshots, WholeSnapshot(lives, *store));
    REQUIRE_MESSAGE(there >= 0, WholeSnapshot(lives, *store));
    REQUIRE(there <= acknowledged + 1);
    REQUIRE(there >= acknowledged - lost_max);
    CheckWorks(*store);
    if (life.ended) return tally;
    ++tally.cut_count;
    tally.lost_count += there < acknowledged ? 1 : 0;
    tally.in_doubt_count += there > acknowledged ? 1 : 0;
  }
}

constexpr std::uint64_t kSeedCount = 3;

TEST_CASE("power is cut after every change: at kFull nothing acknowledged is lost (W01)") {
  for (std::uint64_t seed = 1; seed <= kSeedCount; ++seed) {
    CAPTURE(seed);
    Lives lives(seed);
    const Tally tally = CutEverywhere(lives, lives.MakeImage(), 0);
    CHECK(tally.cut_count > 100);
    CHECK(tally.lost_count == 0);
    CHECK(tally.in_doubt_count > 0);
  }
}

TEST_CASE("power is cut after every change: at kNormal what is there is a prefix (W02)") {
  int lost_count = 0;
  for (std::uint64_t seed = 1; seed <= kSeedCount; ++seed) {
    CAPTURE(seed);
    Lives lives(seed, {.durability = SqliteDurability::kNormal});
    lost_count += CutEverywhere(lives, lives.MakeImage(), 1'000).lost_count;
  }
  CHECK(lost_count > 0);  // Else this has not cut where it can hurt.
}

// The canary: what a disk loses that lies must be seen by the very comparison above.
TEST_CASE("power is cut on a disk that does not sync: the loss is seen") {
  Lives lives(1);
  const SimulatedDisk::Image image = lives.MakeImage();
  const std::vector<std::string> snapshots = ScriptSnapshots(lives, image);
  int lost_count = 0;
  int cut_count = 0;
  for (bool ended = false; !ended; ++cut_count) {
    lives.Begin(image);
    lives.disk().LieAboutSyncs(1);
    lives.disk().CutPowerAfter(7 * cut_count);
    const Life life = RunScript(lives);
    ended = life.ended;
    lives.disk().RestorePower();
    const auto store = lives.Open();
    const bool sound = store.ok() && IsSound(lives);
    const int there = sound ? IndexOf(snapshots, WholeSnapshot(lives, **store)) : -1;
    lost_count += there < static_cast<int>(life.acknowledged) ? 1 : 0;
  }
  CHECK(lost_count > cut_count / 2);
}

// A store in whose file a host has written so much that the second transaction of the next life
// begins by moving the WAL, and whose process was killed.
SimulatedDisk::Image MakeLongWal(Lives& lives) {
  lives.Begin({});
  {
    const auto store = Value(lives.Open());
    const HostConnection host(kFile, lives.disk().vfs());
    host.Exec(
        "PRAGMA wal_autocheckpoint = 0; CREATE TABLE filler (bytes BLOB);"
        "INSERT INTO filler VALUES (zeroblob(500000))");
    lives.disk().Kill(0);
  }
  SimulatedDisk::Image image = lives.disk().Save();
  REQUIRE(image.at("jobs.db-wal").size() > 100 * 4'096);
  return image;
}

TEST_CASE("power is cut while the WAL is moved into the file, and while it is closed (W03)") {
  for (const SqliteDurability durability : {SqliteDurability::kFull, SqliteDurability::kNormal}) {
    CAPTURE(static_cast<int>(durability));
    Lives lives(4, {.durability = durability, .checkpoint_page_count = 100});
    const SimulatedDisk::Image image = MakeLongWal(lives);
    const Tally tally =
        CutEverywhere(lives, image, durability == SqliteDurability::kFull ? 0 : 1'000);
    CHECK(tally.cut_count > 300);  // Some 150 pages, twice: by the checkpointer and at the end.
  }
}

// Cuts the power at every change of `live`, and looks at what is there with `check`, which gets
// whether `live` was OK.
void CutEveryChangeOf(Lives& lives, const SimulatedDisk::Image& image,
                      const std::function<absl::Status()>& live,
                      const std::function<void(bool)>& check) {
  for (int changes = 0;; ++changes) {
    CAPTURE(changes);
    lives.Begin(image);
    lives.disk().CutPowerAfter(changes);
    const absl::Status lived = live();
    const bool cut = !lives.disk().power_is_on();
    lives.disk().RestorePower();
    check(lived.ok());
    if (!cut) {
      REQUIRE(lived.ok());
      REQUIRE(changes > 10);
      return;
    }
  }
}

TEST_CASE("power is cut while the file is made: it is opened or made anew (W04)") {
  for (std::uint64_t seed = 1; seed <= kSeedCount; ++seed) {
    CAPTURE(seed);
    Lives lives(seed);
    CutEveryChangeOf(
        lives, {}, [&] { return lives.Open().status(); },
        [&](bool) {
          const auto store = lives.MustOpenSound();
          CHECK(store->info().store_id.size() == 32);
          CheckWorks(*store);
        });
  }
}

// As a host has it that does not know of outlive yet.
SimulatedDisk::Image MakeHostImage(Lives& lives) {
  lives.Begin({});
  {
    const HostConnection host(kFile, lives.disk().vfs());
    host.Exec("CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT)");
    for (int i = 0; i < 50; ++i) {
      host.Exec("INSERT INTO customer (name) VALUES (hex(zeroblob(200)))");
    }
  }
  return lives.disk().Save();
}

TEST_CASE("power is cut while a host's file becomes a store too: the host's rows stay (W04)") {
  for (std::uint64_t seed = 1; seed <= kSeedCount; ++seed) {
    CAPTURE(seed);
    Lives lives(seed);
    const SimulatedDisk::Image image = MakeHostImage(lives);
    CutEveryChangeOf(
        lives, image, [&] { return lives.Open().status(); },
        [&](bool) {
          {
            const HostConnection host(kFile, lives.disk().vfs());
            REQUIRE(host.Number("SELECT count(*) FROM customer WHERE length(name) = 400") == 50);
          }
          CheckWorks(*lives.MustOpenSound());
        });
  }
}

absl::StatusOr<int> MigrateToTwo(Lives& lives) {
  const std::array<std::string_view, 2> migrations = {
      sqlite::Migrations()[0],
      "CREATE TABLE outlive_new (job INTEGER PRIMARY KEY, args BLOB);"
      "INSERT INTO outlive_new SELECT id, args FROM outlive_job;"
      "UPDATE outlive_job SET priority = 9;"};
  testing::SeededRandom random(1);
  auto database = sqlite::Database::Open(kFile, sqlite::ConnectionUse::kWriter,
                                         {.clock = &lives.clock(),
                                          .random = &random,
                                          .cache_bytes = 1 << 20,
                                          .vfs = lives.disk().vfs()},
                                         absl::ZeroDuration());
  if (!database.ok()) return database.status();
  absl::Status status = sqlite::Migrate(**database, random, {.migrations = migrations});
  if (!status.ok()) return status;
  return sqlite::ReadSchemaVersion(**database);
}

TEST_CASE("power is cut in a migration: its schema is there as a whole or not at all (W05)") {
  constexpr int kJobCount = 40;
  for (std::uint64_t seed = 1; seed <= kSeedCount; ++seed) {
    CAPTURE(seed);
    Lives lives(seed);
    lives.Begin({});
    {
      const auto store = Value(lives.Open());
      conformance::InsertAll(*store, std::vector<NewJob>(kJobCount, conformance::MakeJob()));
    }
    const SimulatedDisk::Image image = lives.disk().Save();
    int old_count = 0;
    CutEveryChangeOf(
        lives, image, [&] { return MigrateToTwo(lives).status(); },
        [&](bool migrated) {
          {
            const HostConnection host(kFile, lives.disk().vfs());
            const auto version =
                host.Number("SELECT value FROM outlive_meta WHERE name = 'schema_version'");
            REQUIRE((version == 2 || (version == 1 && !migrated)));
            old_count += version == 1 ? 1 : 0;
            const int moved = version == 2 ? kJobCount : 0;
            CHECK(host.Number("SELECT count(*) FROM outlive_job WHERE priority = 9") == moved);
            CHECK(host.Number("SELECT count(*) FROM sqlite_schema WHERE name = 'outlive_new'") ==
                  (version == 2 ? 1 : 0));
            CHECK(host.Query("PRAGMA integrity_check") == std::vector<std::string>{"ok"});
          }
          // What was left half way is done by the next start.
          CHECK(Value(MigrateToTwo(lives)) == 2);
        });
    CHECK(old_count > 10);
  }
}

// Removes the lines that have `word` in them. False: there are none.
bool RemoveLines(std::string& text, std::string_view word) {
  bool removed = false;
  for (std::size_t at = text.find(word); at != std::string::npos; at = text.find(word)) {
    const std::size_t begin = text.rfind('\n', at) + 1;
    text.erase(begin, text.find('\n', at) + 1 - begin);
    removed = true;
  }
  return removed;
}

// The power comes back, and is cut again while the store that was found is opened, worked on and
// closed.
TEST_CASE("power is cut again while the store recovers: the same holds (W06)") {
  Lives lives(5);
  const SimulatedDisk::Image image = MakeLongWal(lives);
  const std::vector<std::string> snapshots = ScriptSnapshots(lives, image);
  int twice_count = 0;
  for (int first = 20;; first += 29) {
    CAPTURE(first);
    lives.Begin(image);
    lives.disk().CutPowerAfter(first);
    const Life life = RunScript(lives);
    if (life.ended) break;
    lives.disk().RestorePower();
    const SimulatedDisk::Image after_first = lives.disk().Save();
    for (int second = 0;; second += 1 + second / 8) {
      CAPTURE(second);
      lives.disk().Load(after_first);
      lives.disk().CutPowerAfter(second);
      absl::Status inserted = absl::UnavailableError("not opened");
      if (const auto store = lives.Open(); store.ok()) {
        inserted = conformance::SetQueue(**store, "second-life", true);
      }
      const bool cut = !lives.disk().power_is_on();
      lives.disk().RestorePower();
      const auto store = lives.MustOpenSound();
      std::string snapshot = WholeSnapshot(lives, *store);
      const bool added = RemoveLines(snapshot, "second-life");
      REQUIRE((added || !inserted.ok()));
      const int there = IndexOf(snapshots, snapshot);
      REQUIRE_MESSAGE(there >= static_cast<int>(life.acknowledged),
                      conformance::Difference(snapshot, snapshots[life.acknowledged]));
      REQUIRE(there <= static_cast<int>(life.acknowledged) + 1);
      if (!cut) break;
      ++twice_count;
    }
  }
  CHECK(twice_count > 300);
}

TEST_CASE("a commit at kFull makes those before it durable that were at kNormal (W09)") {
  Lives lives(6);
  const SimulatedDisk::Image image = lives.MakeImage();
  const std::vector<std::string> snapshots = ScriptSnapshots(lives, image);
  bool ended = false;
  int lost_count = 0;
  for (int changes = 0; !ended; ++changes) {
    CAPTURE(changes);
    lives.Begin(image);
    lives.disk().CutPowerAfter(changes);
    std::size_t done = 0;
    std::size_t full = 0;  // Transactions up to the last one that was acknowledged at kFull.
    {
      const auto at_full = lives.Open(SqliteDurability::kFull, 0);
      const auto at_normal = lives.Open(SqliteDurability::kNormal, 1);
      Script script(lives.clock());
      const bool opened = at_full.ok() && at_normal.ok();
      while (opened && done < script.size()) {
        const bool durable = done % 4 == 3;
        if (!script.Run(done, durable ? **at_full : **at_normal).ok()) break;
        ++done;
        if (durable) full = done;
      }
      ended = done == script.size();
    }
    ended = ended && lives.disk().power_is_on();
    lives.disk().RestorePower();
    const auto store = lives.MustOpenSound();
    const int there = IndexOf(snapshots, WholeSnapshot(lives, *store));
    REQUIRE_MESSAGE(there >= static_cast<int>(full), WholeSnapshot(lives, *store));
    REQUIRE(there <= static_cast<int>(done) + 1);
    lost_count += there < static_cast<int>(done) ? 1 : 0;
  }
  CHECK(lost_count > 0);
}

// The first error of opening the store and of reading all there is.
absl::Status ReadAll(Lives& lives) {
  const auto store = lives.Open();
  if (!store.ok()) return store.status();
  absl::Status status = (*store)->Stats().status();
  status.Update((*store)->EventsAfter(0, 100'000).status());
  const auto jobs = (*store)->List({}, {.row_count_max = 1'000});
  status.Update(jobs.status());
  if (!jobs.ok()) return status;
  for (const Job& job : *jobs) status.Update((*store)->Get(job.id).status());
  return status;
}

// What a disk that lies may lose is not promised; what is left is said, and nothing crashes.
TEST_CASE("power is cut on a disk that lies now and then: no crash, and typed errors (W08)") {
  int damaged_count = 0;
  for (std::uint64_t seed = 1; seed <= kSeedCount; ++seed) {
    CAPTURE(seed);
    Lives lives(seed, {.checkpoint_page_count = 100});
    const SimulatedDisk::Image image = MakeLongWal(lives);
    bool cut = true;
    for (int changes = 0; cut; changes += 3) {
      CAPTURE(changes);
      lives.Begin(image);
      lives.disk().LieAboutSyncs(2);
      lives.disk().CutPowerAfter(changes);
      RunScript(lives);
      cut = !lives.disk().power_is_on();
      lives.disk().RestorePower();
      lives.disk().LieAboutSyncs(0);
      const absl::Status status = ReadAll(lives);
      CAPTURE(status.ToString());
      CHECK((status.ok() || absl::IsDataLoss(status)));
      damaged_count += status.ok() ? 0 : 1;
    }
  }
  CHECK(damaged_count > 0);
}

}  // namespace
}  // namespace outlive::crash
