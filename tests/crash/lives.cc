#include "tests/crash/lives.h"

#include <cstdio>
#include <utility>

#include "outlive/conformance/helpers.h"
#include "tests/crash/script.h"
#include "tests/store/sqlite_helpers.h"

namespace outlive::crash {

Lives::~Lives() {
  std::printf("power cuts: %lld, failed calls: %lld\n",
              static_cast<long long>(disk_.power_cut_count()),
              static_cast<long long>(disk_.all_failure_count()));
}

void Lives::Begin(const simulation::SimulatedDisk::Image& image) {
  disk_.Load(image);
  clock_ = std::make_unique<testing::VirtualClock>();
  random_ = std::make_unique<testing::SeededRandom>(1);
}

absl::StatusOr<std::unique_ptr<SqliteStore>> Lives::Open(int process) {
  return Open(options_.durability, process);
}

absl::StatusOr<std::unique_ptr<SqliteStore>> Lives::Open(SqliteDurability durability, int process) {
  SqliteStoreOptions options = options_;
  options.durability = durability;
  options.clock = clock_.get();
  options.random = random_.get();
  options.busy_timeout = absl::ZeroDuration();
  options.watch = false;
  options.vfs = disk_.vfs(process);
  return SqliteStore::Open(kFile, options);
}

std::unique_ptr<SqliteStore> Lives::MustOpenSound() {
  auto store = conformance::Value(Open());
  testing::CheckTables(kFile, disk_.vfs());
  return store;
}

simulation::SimulatedDisk::Image Lives::MakeImage() {
  Begin({});
  conformance::Value(Open());
  return disk_.Save();
}

Life RunScript(Lives& lives) {
  Life life;
  absl::StatusOr<std::unique_ptr<SqliteStore>> store = lives.Open();
  if (!store.ok()) return life;
  Script script(lives.clock());
  while (life.acknowledged < script.size() && script.Run(life.acknowledged, **store).ok()) {
    ++life.acknowledged;
  }
  const bool all = life.acknowledged == script.size();
  store->reset();
  life.ended = all && lives.disk().power_is_on();
  return life;
}

std::string WholeSnapshot(Lives& lives, JobStore& store) {
  std::string text = conformance::Snapshot(store);
  const testing::HostConnection host(kFile, lives.disk().vfs());
  for (const char* table : {"session", "key", "meta"}) {
    for (const std::string& row : host.Query(std::string("SELECT * FROM outlive_") + table)) {
      text.append(table).append(" ").append(row).append("\n");
    }
  }
  return text;
}

std::vector<std::string> ScriptSnapshots(Lives& lives,
                                         const simulation::SimulatedDisk::Image& image) {
  lives.Begin(image);
  const auto store = conformance::Value(lives.Open());
  std::vector<std::string> snapshots = {WholeSnapshot(lives, *store)};
  Script script(lives.clock());
  for (std::size_t i = 0; i < script.size(); ++i) {
    CAPTURE(i);
    conformance::RequireOk(script.Run(i, *store));
    snapshots.push_back(WholeSnapshot(lives, *store));
  }
  return snapshots;
}

void CheckWorks(JobStore& store) {
  conformance::RequireOk(conformance::SetQueue(store, conformance::kQueue, false));
  const ClaimedJob job =
      conformance::InsertAndClaim(store, conformance::MakeJob("after"), "after-the-crash");
  conformance::RequireOk(conformance::FinishOne(store, job, Transition::kComplete));
}

}  // namespace outlive::crash
