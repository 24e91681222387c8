// SimulatedDisk is a disk in memory as SQLite sees one: files, locks and shared memory, offered to
// each simulated process as a VFS of its own. It can lose its power, fill up, and fail.
//
//   SimulatedDisk disk(seed);
//   auto store = SqliteStore::Open("jobs.db", {.watch = false, .vfs = disk.vfs()});
//   disk.CutPowerAfter(17);                 // The 18th change and all that follows fail.
//   …
//   store = nullptr;                        // It cannot do anything any more.
//   disk.RestorePower();
//   store = SqliteStore::Open(…);           // What was synced is there; of the rest, anything.
//
// What a power cut does. Of each file there is what was synced, and in order what was written or
// cut off since. Each of these writes is kept, lost, or torn: of its sectors of 512 bytes each is
// kept, lost or filled with rubbish, but nothing outside the write is touched. Of the changes of a
// file's size as many are kept as the seed says, the earlier ones first. A file that was made,
// or deleted, without a sync of its folder is there or not. Shared memory is gone. That is what
// ext4, XFS and the like may do; a disk that lies about syncs does more (LieAboutSyncs()).
//
// What a failed sync does. It makes nothing durable, and of the writes before it the kernel may
// believe that they are: later syncs do not write them again.
//
// Thread-safety: none.
// Lifetime:      outlives every connection through its VFSs.
#ifndef OUTLIVE_TESTS_SIMULATION_SIMULATED_DISK_H_
#define OUTLIVE_TESTS_SIMULATION_SIMULATED_DISK_H_

#include <sqlite3.h>

#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "outlive/testing/seeded_random.h"

namespace outlive::simulation {

// What SQLite asks of a disk, as far as it can fail.
enum class DiskCall : int {
  kOpen,
  kRead,
  kWrite,
  kSync,
  kTruncate,
  kDelete,
  kSize,    // The size of a file.
  kLock,    // Of files and of shared memory.
  kShmMap,  // A piece of shared memory.
};
inline constexpr int kDiskCallCount = 9;

const char* DiskCallName(DiskCall call);

// Calls that fail: of this kind, from the `first` one on (1: the next), `count` of them.
struct DiskFault {
  DiskCall call = DiskCall::kWrite;
  int first = 1;
  int count = 1;

  // Of a write: half of it arrives.
  bool torn = false;
};

class SimulatedDisk {
 public:
  explicit SimulatedDisk(std::uint64_t seed);
  ~SimulatedDisk();
  SimulatedDisk(const SimulatedDisk&) = delete;
  SimulatedDisk& operator=(const SimulatedDisk&) = delete;

  // The name of the VFS of a process. After Kill() the process lives again.
  std::string vfs(int process = 0);

  // -- What goes wrong -----------------------------------------------------------------------

  // Lets `change_count` more changes of the disk through (files made, written, synced, cut,
  // deleted), and no call after that.
  void CutPowerAfter(std::int64_t change_count) { changes_left_ = change_count; }

  // Now.
  void CutPower() { power_is_on_ = false; }
  bool power_is_on() const { return power_is_on_; }

  // What is synced is as it was, of the rest see above. Every connection has been closed.
  void RestorePower();

  // The process is gone without a word: its locks are free, and its connections can do nothing but
  // be closed. What it wrote is there.
  void Kill(int process);

  // One fault at a time; another one takes its place.
  void Fail(const DiskFault& fault);
  void Heal() { Fail({.count = 0}); }

  // How many calls this fault has met, and all faults since the disk was made.
  int failure_count() const { return failure_count_; }
  std::int64_t all_failure_count() const { return all_failure_count_; }

  // Cuts that RestorePower() has come after.
  std::int64_t power_cut_count() const { return power_cut_count_; }

  // Files and shared memory take this much; writes that need more give SQLITE_FULL.
  void SetCapacity(std::int64_t bytes) { capacity_ = bytes; }

  // Nothing can be changed or made.
  void SetReadOnly(bool read_only) { read_only_ = read_only; }

  // Descriptors that may be open at once, as far as they are the disk's.
  void SetDescriptorCountMax(int count) { descriptor_count_max_ = count; }

  // One in so many syncs does nothing, and says OK; 0: none.
  void LieAboutSyncs(int one_in) { lie_one_in_ = one_in; }

  // -- What there is -------------------------------------------------------------------------

  std::int64_t change_count() const { return change_count_; }
  std::int64_t call_count(DiskCall call) const { return calls_[static_cast<std::size_t>(call)]; }
  std::int64_t bytes_used() const;
  int descriptor_count() const { return descriptor_count_; }
  bool Exists(const std::string& name) const { return names_.contains(name); }
  std::int64_t SizeOf(const std::string& name) const;

  // All files as processes see them, to begin many times from one state.
  using Image = std::map<std::string, std::string>;
  Image Save() const;

  // Takes the place of all there is, synced. Every connection has been closed; power is on, and
  // nothing fails.
  void Load(const Image& image);

 private:
  class Handle;
  struct File;
  struct SharedMemory;
  struct Vfs;
  struct Change;

  static int OpenFile(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags,
                      int* out_flags);
  static int DeleteFile(sqlite3_vfs* vfs, const char* name, int sync_folder);
  static int Access(sqlite3_vfs* vfs, const char* name, int flags, int* result);
  static int FullPathname(sqlite3_vfs* vfs, const char* name, int size, char* out);
  static int Randomness(sqlite3_vfs* vfs, int size, char* out);
  static int Sleep(sqlite3_vfs* vfs, int microseconds);
  static int CurrentTime(sqlite3_vfs* vfs, double* days);
  static int LastError(sqlite3_vfs* vfs, int size, char* out);

  // SQLITE_OK where the call may go on, else what it gives.
  int Meet(DiskCall call);

  // The same for what changes the disk.
  int MeetChange(DiskCall call);

  std::int64_t room() const { return capacity_ - bytes_used(); }
  void SyncFolder() { synced_names_ = names_; }
  void RequireClosed(const char* where) const;

  // Makes the file what a power cut leaves of it.
  void Settle(File& file);
  void Tear(std::string& bytes, const Change& change);

  // What a sync that fails does to the file.
  void FailSync(File& file);

  testing::SeededRandom random_;
  std::set<Handle*> handles_;
  std::map<int, std::unique_ptr<Vfs>> vfses_;
  std::map<std::string, std::shared_ptr<File>> names_;
  std::map<std::string, std::shared_ptr<File>> synced_names_;

  bool power_is_on_ = true;
  std::int64_t changes_left_ = std::numeric_limits<std::int64_t>::max();
  std::int64_t change_count_ = 0;
  std::array<std::int64_t, kDiskCallCount> calls_ = {};
  DiskFault fault_ = {.count = 0};
  int failure_count_ = 0;
  std::int64_t all_failure_count_ = 0;
  std::int64_t power_cut_count_ = 0;
  std::int64_t capacity_ = std::numeric_limits<std::int64_t>::max();
  bool read_only_ = false;
  int descriptor_count_max_ = std::numeric_limits<int>::max();
  int descriptor_count_ = 0;
  int lie_one_in_ = 0;
};

}  // namespace outlive::simulation

#endif  // OUTLIVE_TESTS_SIMULATION_SIMULATED_DISK_H_
