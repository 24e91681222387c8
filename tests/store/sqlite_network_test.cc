// Files on network file systems. None can be mounted in a test: this program has a statfs() of its
// own, which the store calls, and which says what the test wants to hear.
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tests/store/sqlite_helpers.h"

namespace {

std::uint32_t pretended_type = 0;  // 0: the truth.

}  // namespace

extern "C" int statfs(const char* path, struct statfs* information) noexcept {
  const auto result = static_cast<int>(syscall(SYS_statfs, path, information));
  if (result == 0 && pretended_type != 0) information->f_type = pretended_type;
  return result;
}

namespace outlive {
namespace {

using testing::SqliteFolder;

TEST_CASE("a file on a network file system is refused, unless the host insists (S11)") {
  // From statfs(2) and linux/magic.h.
  const std::vector<std::pair<std::uint32_t, std::string>> types = {
      {0x6969, "NFS"},      {0x517B, "SMB"},     {0xFE534D42, "SMB2"}, {0xFF534D42, "CIFS"},
      {0x00C36400, "Ceph"}, {0x5346414F, "AFS"}, {0x01021997, "9P"},   {0x0BD00BD0, "Lustre"}};
  for (const auto& [type, name] : types) {
    CAPTURE(name);
    const SqliteFolder folder;
    pretended_type = type;
    const absl::Status refused = SqliteStore::Open(folder.File()).status();
    const auto insisted =
        SqliteStore::Open(folder.File(), {.watch = false, .allow_network_file_system = true});
    pretended_type = 0;
    CAPTURE(refused.ToString());
    CHECK(absl::IsFailedPrecondition(refused));
    CHECK(std::string(refused.message()).find("on " + name) != std::string::npos);
    CHECK(insisted.ok());
  }
}

TEST_CASE("a file on a local file system is not refused (S11)") {
  for (const std::uint32_t type : {0xEF53u, 0x01021994u, 0x9123683Eu, 0x58465342u, 0x794C7630u}) {
    CAPTURE(type);
    const SqliteFolder folder;
    pretended_type = type;
    const absl::Status opened = SqliteStore::Open(folder.File(), {.watch = false}).status();
    pretended_type = 0;
    CAPTURE(opened.ToString());
    CHECK(opened.ok());
  }
}

}  // namespace
}  // namespace outlive
