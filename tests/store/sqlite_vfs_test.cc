// SqliteStore on a VFS of the host's.
#include <filesystem>
#include <string>

#include "tests/simulation/simulated_disk.h"
#include "tests/store/sqlite_helpers.h"

namespace outlive {
namespace {

using conformance::MustInsert;
using conformance::Value;
using simulation::SimulatedDisk;
using testing::HostConnection;
using testing::OpenStore;

TEST_CASE("a VFS that is not registered is refused") {
  const absl::Status status = SqliteStore::Open("jobs.db", {.vfs = "no-such-vfs"}).status();
  CHECK(absl::IsInvalidArgument(status));
  CHECK(status.message().find("no-such-vfs") != absl::string_view::npos);
}

TEST_CASE("every file is opened through the VFS that was named") {
  SimulatedDisk disk(1);
  {
    const auto store = OpenStore("only-simulated.db", {.watch = false, .vfs = disk.vfs()});
    MustInsert(*store);
    CHECK(disk.Exists("only-simulated.db-wal"));
    CHECK(Value(store->List({}, {})).size() == 1);
    CHECK(store->Check(absl::Seconds(1)).ok());
  }
  CHECK(disk.Exists("only-simulated.db"));
  CHECK_FALSE(std::filesystem::exists("only-simulated.db"));
  const auto store = OpenStore("only-simulated.db", {.watch = false, .vfs = disk.vfs()});
  CHECK(Value(store->List({}, {})).size() == 1);
  for (const std::string path : {"", ":memory:"}) {
    CHECK(absl::IsInvalidArgument(SqliteStore::Open(path, {.vfs = disk.vfs()}).status()));
  }
}

TEST_CASE("a host's transaction is joined on the same VFS and file only") {
  SimulatedDisk disk(1);
  SimulatedDisk other_disk(2);
  const auto store = OpenStore("jobs.db", {.watch = false, .vfs = disk.vfs()});
  const auto join = [&](const HostConnection& host) {
    host.Exec("BEGIN IMMEDIATE");
    absl::Status status = store->Join(host.handle()).status();
    host.Exec("ROLLBACK");
    return status;
  };
  CHECK(join(HostConnection("jobs.db", disk.vfs())).ok());
  CHECK(absl::IsFailedPrecondition(join(HostConnection("other.db", disk.vfs()))));
  CHECK(absl::IsFailedPrecondition(join(HostConnection("jobs.db", other_disk.vfs()))));
}

}  // namespace
}  // namespace outlive
