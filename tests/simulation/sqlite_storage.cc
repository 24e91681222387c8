#include "tests/simulation/sqlite_storage.h"

#include <fmt/format.h>

#include <limits>
#include <utility>

#include "outlive/store/sqlite_store.h"

namespace outlive::simulation {
namespace {

constexpr const char* kFile = "jobs.db";

// In [0, bound).
int Below(int bound, RandomSource& random) { return static_cast<int>(RandomUnit(random) * bound); }

}  // namespace

absl::StatusOr<std::unique_ptr<JobStore>> SqliteStorage::Open(int process, const Clock& clock,
                                                              RandomSource& random) {
  SqliteStoreOptions options;
  options.clock = &clock;
  options.random = &random;
  options.busy_timeout = absl::ZeroDuration();
  options.watch = false;
  options.vfs = disk_.vfs(process);
  options.checkpoint_page_count = 100;
  absl::StatusOr<std::unique_ptr<SqliteStore>> store = SqliteStore::Open(kFile, options);
  if (!store.ok()) return store.status();
  return *std::move(store);
}

void SqliteStorage::Strike(const std::string& fault, RandomSource& random) {
  if (fault == "disk full") {
    disk_.SetCapacity(disk_.bytes_used() + Below(20'000, random));
  } else if (fault == "disk fails") {
    disk_.Fail({.call = static_cast<DiskCall>(Below(kDiskCallCount, random)),
                .first = 1 + Below(20, random),
                .count = 1 + Below(20, random),
                .torn = Below(2, random) == 0});
  } else if (fault == "read-only") {
    disk_.SetReadOnly(true);
  } else {
    disk_.SetDescriptorCountMax(disk_.descriptor_count());
  }
}

void SqliteStorage::Heal() {
  disk_.Heal();
  disk_.SetCapacity(std::numeric_limits<std::int64_t>::max());
  disk_.SetReadOnly(false);
  disk_.SetDescriptorCountMax(std::numeric_limits<int>::max());
}

void SqliteStorage::CutPower() {
  Heal();
  disk_.CutPower();
  disk_.RestorePower();
}

absl::Status SqliteStorage::Check() {
  sqlite3* database = nullptr;
  sqlite3_stmt* check = nullptr;
  const std::string vfs = disk_.vfs(std::numeric_limits<int>::max());
  sqlite3_open_v2(kFile, &database, SQLITE_OPEN_READWRITE, vfs.c_str());
  sqlite3_prepare_v2(database, "PRAGMA integrity_check", -1, &check, nullptr);
  std::string said = "nothing";
  if (sqlite3_step(check) == SQLITE_ROW) {
    said = reinterpret_cast<const char*>(sqlite3_column_text(check, 0));
  }
  sqlite3_finalize(check);
  sqlite3_close(database);
  if (said == "ok") return absl::OkStatus();
  return absl::DataLossError(fmt::format("integrity_check says {}", said));
}

}  // namespace outlive::simulation
