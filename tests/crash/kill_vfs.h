// KillVfs is a layer between SQLite and the operating system that ends the process at the n-th call
// of one kind: in the middle of a commit, a checkpoint, a recovery, or while the file is being made.
//
// Thread-safety: may be used from many threads at once.
#ifndef OUTLIVE_TESTS_CRASH_KILL_VFS_H_
#define OUTLIVE_TESTS_CRASH_KILL_VFS_H_

#include <array>
#include <string>
#include <string_view>

namespace outlive::testing {

// Calls that change something others can see.
inline constexpr std::array<std::string_view, 8> kVfsCalls = {
    "open", "write", "truncate", "sync", "delete", "lock", "shm_map", "shm_lock",
};

struct VfsPlan {
  std::string call = {};  // One of kVfsCalls.
  int hit = 1;            // 1, 2, …

  // Before it was done; of a write: when the first half of it was done.
  enum class When { kBefore, kHalf, kAfter } when = When::kBefore;
};

// Puts the layer under every connection that this process opens from now on without naming another
// VFS. Once in a process.
void InstallKillVfs(const VfsPlan& plan);

// The VFS of the operating system, for connections that are not to be cut.
inline constexpr const char* kPlainVfs = "unix";

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTS_CRASH_KILL_VFS_H_
