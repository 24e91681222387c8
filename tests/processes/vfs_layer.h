// VfsLayer puts an observer between SQLite and the operating system: it sees each call that changes
// what others can see, and says what becomes of it.
//
// Thread-safety: observers are called from many threads at once.
#ifndef OUTLIVE_TESTS_PROCESSES_VFS_LAYER_H_
#define OUTLIVE_TESTS_PROCESSES_VFS_LAYER_H_

#include <absl/functional/function_ref.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>

namespace outlive::testing {

inline constexpr std::array<std::string_view, 8> kVfsCalls = {
    "open", "write", "truncate", "sync", "delete", "lock", "shm_map", "shm_lock",
};

struct VfsCall {
  std::string_view name = {};  // One of kVfsCalls.
  const void* file = nullptr;  // Whose; null for "delete".

  // Of "shm_lock", as sqlite3_io_methods::xShmLock has them.
  int offset = 0;
  int count = 0;
  int flags = 0;
};

class VfsObserver {
 public:
  virtual ~VfsObserver() = default;

  // `go` does the call (of a write only its first half, if told so) and gives SQLite's code.
  // Returns what SQLite is told.
  virtual int OnCall(const VfsCall& call, absl::FunctionRef<int(bool half)> go) = 0;
};

// As long as it is there, it lies under every connection that is opened without naming a VFS. One
// at a time. Those connections are closed before it goes.
class VfsLayer {
 public:
  // The observer outlives it.
  explicit VfsLayer(VfsObserver& observer);
  ~VfsLayer();
  VfsLayer(const VfsLayer&) = delete;
  VfsLayer& operator=(const VfsLayer&) = delete;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The VFS of the operating system, for connections that are to be left alone.
inline constexpr const char* kPlainVfs = "unix";

struct VfsPlan {
  std::string call = {};  // One of kVfsCalls.
  int hit = 1;            // 1, 2, …
  enum class When { kBefore, kHalf, kAfter } when = When::kBefore;
};

// From now on the process ends itself (SIGKILL) at the n-th call of one kind: in the middle of a
// commit, a checkpoint, a recovery, or while the file is being made. Once in a process.
void InstallKiller(const VfsPlan& plan);

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTS_PROCESSES_VFS_LAYER_H_
