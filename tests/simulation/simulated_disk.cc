#include "tests/simulation/simulated_disk.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

namespace outlive::simulation {
namespace {

constexpr std::int64_t kSectorBytes = 512;
constexpr int kPathBytesMax = 256;

int CodeOf(DiskCall call) {
  switch (call) {
    case DiskCall::kOpen:
      return SQLITE_CANTOPEN;
    case DiskCall::kRead:
      return SQLITE_IOERR_READ;
    case DiskCall::kWrite:
      return SQLITE_IOERR_WRITE;
    case DiskCall::kSync:
      return SQLITE_IOERR_FSYNC;
    case DiskCall::kTruncate:
      return SQLITE_IOERR_TRUNCATE;
    case DiskCall::kDelete:
      return SQLITE_IOERR_DELETE;
    case DiskCall::kSize:
      return SQLITE_IOERR_FSTAT;
    case DiskCall::kLock:
      return SQLITE_IOERR_LOCK;
    case DiskCall::kShmMap:
      return SQLITE_IOERR_SHMMAP;
  }
  return SQLITE_IOERR;
}

}  // namespace

const char* DiskCallName(DiskCall call) {
  static constexpr const char* kNames[kDiskCallCount] = {
      "open", "read", "write", "sync", "truncate", "delete", "size", "lock", "shared memory"};
  return kNames[static_cast<std::size_t>(call)];
}

// Of a file, not yet synced, in order.
struct SimulatedDisk::Change {
  std::int64_t offset = 0;
  std::string bytes = {};
  bool cut = false;  // The file ends at `offset` instead.

  std::int64_t end() const { return offset + static_cast<std::int64_t>(bytes.size()); }
};

// Locks are those of the WAL index: each is held by one alone, or by many together.
struct SimulatedDisk::SharedMemory {
  struct Lock {
    Handle* alone = nullptr;
    std::set<Handle*> together;
  };
  std::set<Handle*> users;
  std::vector<std::unique_ptr<char[]>> regions;
  std::size_t region_bytes = 0;
  std::array<Lock, SQLITE_SHM_NLOCK> locks;
};

struct SimulatedDisk::File {
  std::string data;    // As processes see it.
  std::string synced;  // As it was at the last sync.
  std::vector<Change> changes;
  std::map<Handle*, int> locks;  // SQLITE_LOCK_SHARED and so on.
  SharedMemory memory;

  static void Apply(const Change& change, std::string& to) {
    if (change.cut) {
      to.resize(static_cast<std::size_t>(change.offset));
      return;
    }
    if (std::cmp_less(to.size(), change.end())) to.resize(static_cast<std::size_t>(change.end()));
    to.replace(static_cast<std::size_t>(change.offset), change.bytes.size(), change.bytes);
  }

  void Do(Change change) {
    Apply(change, data);
    changes.push_back(std::move(change));
  }

  void Sync() {
    for (const Change& change : changes) Apply(change, synced);
    changes.clear();
    synced.resize(data.size());
  }
};

struct SimulatedDisk::Vfs {
  sqlite3_vfs base = {};
  std::string name;
  SimulatedDisk* disk = nullptr;
  bool dead = false;
  std::uint64_t life = 0;  // Handles of an earlier one are dead.
};

// An open file. SQLite gives the memory.
class SimulatedDisk::Handle final : public sqlite3_file {
 public:
  Handle(Vfs& vfs, std::shared_ptr<File> file, int flags)
      : vfs_(vfs), file_(std::move(file)), flags_(flags), life_(vfs.life) {
    static const sqlite3_io_methods kMethods = MakeMethods();
    pMethods = &kMethods;
    disk().handles_.insert(this);
    ++disk().descriptor_count_;
  }

  const Vfs& vfs() const { return vfs_; }

  // Lets go of every lock.
  void Unlock() {
    file_->locks.erase(this);
    for (SharedMemory::Lock& lock : file_->memory.locks) {
      if (lock.alone == this) lock.alone = nullptr;
      lock.together.erase(this);
    }
    LeaveMemory();
  }

 private:
  static Handle& Of(sqlite3_file* file) { return *static_cast<Handle*>(file); }

  static sqlite3_io_methods MakeMethods();

  SimulatedDisk& disk() const { return *vfs_.disk; }
  bool alive() const { return life_ == vfs_.life; }
  int Meet(DiskCall call) const { return alive() ? disk().Meet(call) : SQLITE_IOERR; }
  int MeetChange(DiskCall call) const { return alive() ? disk().MeetChange(call) : SQLITE_IOERR; }

  // The last one to leave switches off the light.
  void LeaveMemory() {
    SharedMemory& memory = file_->memory;
    if (memory.users.erase(this) == 0) return;
    --disk().descriptor_count_;
    if (memory.users.empty()) memory = SharedMemory();
  }

  bool OthersHold(int level) const {
    return std::any_of(file_->locks.begin(), file_->locks.end(), [&](const auto& lock) {
      return lock.first != this && lock.second >= level;
    });
  }

  static int Close(sqlite3_file* base) {
    Handle& self = Of(base);
    SimulatedDisk& disk = self.disk();
    if (self.alive()) self.Unlock();
    disk.handles_.erase(&self);
    --disk.descriptor_count_;
    self.~Handle();
    return SQLITE_OK;
  }

  static int Read(sqlite3_file* base, void* out, int size, sqlite3_int64 offset) {
    const Handle& self = Of(base);
    if (const int code = self.Meet(DiskCall::kRead); code != SQLITE_OK) return code;
    const std::string& data = self.file_->data;
    const auto begin = std::min(static_cast<std::size_t>(offset), data.size());
    const auto count = std::min(static_cast<std::size_t>(size), data.size() - begin);
    std::memcpy(out, data.data() + begin, count);
    if (count == static_cast<std::size_t>(size)) return SQLITE_OK;
    std::memset(static_cast<char*>(out) + count, 0, static_cast<std::size_t>(size) - count);
    return SQLITE_IOERR_SHORT_READ;
  }

  static int Write(sqlite3_file* base, const void* bytes, int size, sqlite3_int64 offset) {
    const Handle& self = Of(base);
    Change change{offset, std::string(static_cast<const char*>(bytes), static_cast<size_t>(size))};
    if (const int code = self.MeetChange(DiskCall::kWrite); code != SQLITE_OK) {
      change.bytes.resize(change.bytes.size() / 2);
      if (self.disk().power_is_on_ && self.disk().fault_.torn) self.file_->Do(std::move(change));
      return code;
    }
    // As much of it as there is room for.
    const std::int64_t grows = change.end() - static_cast<std::int64_t>(self.file_->data.size());
    const std::int64_t missing = std::min(grows - self.disk().room(), grows);
    if (missing > 0) {
      change.bytes.resize(change.bytes.size() -
                          std::min(change.bytes.size(), static_cast<std::size_t>(missing)));
    }
    if (!change.bytes.empty()) self.file_->Do(std::move(change));
    return missing > 0 ? SQLITE_FULL : SQLITE_OK;
  }

  static int Truncate(sqlite3_file* base, sqlite3_int64 size) {
    const Handle& self = Of(base);
    if (const int code = self.MeetChange(DiskCall::kTruncate); code != SQLITE_OK) return code;
    self.file_->Do({.offset = size, .cut = true});
    return SQLITE_OK;
  }

  static int Sync(sqlite3_file* base, int) {
    Handle& self = Of(base);
    SimulatedDisk& disk = self.disk();
    if (const int code = self.MeetChange(DiskCall::kSync); code != SQLITE_OK) {
      if (disk.power_is_on_) disk.FailSync(*self.file_);
      return code;
    }
    if (disk.lie_one_in_ > 0 && disk.random_.OneIn(static_cast<std::uint64_t>(disk.lie_one_in_))) {
      return SQLITE_OK;
    }
    self.file_->Sync();
    // As SQLite's own VFS does for the files that it makes beside a database.
    constexpr int kBeside = SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL;
    if ((self.flags_ & SQLITE_OPEN_CREATE) != 0 && (self.flags_ & kBeside) != 0) {
      disk.SyncFolder();
      self.flags_ &= ~SQLITE_OPEN_CREATE;
    }
    return SQLITE_OK;
  }

  static int FileSize(sqlite3_file* base, sqlite3_int64* size) {
    const Handle& self = Of(base);
    if (const int code = self.Meet(DiskCall::kSize); code != SQLITE_OK) return code;
    *size = static_cast<sqlite3_int64>(self.file_->data.size());
    return SQLITE_OK;
  }

  static int Lock(sqlite3_file* base, int level) {
    Handle& self = Of(base);
    if (const int code = self.Meet(DiskCall::kLock); code != SQLITE_OK) return code;
    int& held = self.file_->locks[&self];
    if (held >= level) return SQLITE_OK;
    if (level == SQLITE_LOCK_SHARED && self.OthersHold(SQLITE_LOCK_PENDING)) return SQLITE_BUSY;
    if (level > SQLITE_LOCK_SHARED && self.OthersHold(SQLITE_LOCK_RESERVED)) return SQLITE_BUSY;
    if (level == SQLITE_LOCK_EXCLUSIVE && self.OthersHold(SQLITE_LOCK_SHARED)) {
      held = SQLITE_LOCK_PENDING;
      return SQLITE_BUSY;
    }
    held = level;
    return SQLITE_OK;
  }

  static int UnlockFile(sqlite3_file* base, int level) {
    Handle& self = Of(base);
    if (!self.alive()) return SQLITE_OK;
    int& held = self.file_->locks[&self];
    held = std::min(held, level);
    return SQLITE_OK;
  }

  static int CheckReservedLock(sqlite3_file* base, int* result) {
    const Handle& self = Of(base);
    if (const int code = self.Meet(DiskCall::kLock); code != SQLITE_OK) return code;
    *result = self.OthersHold(SQLITE_LOCK_RESERVED) ? 1 : 0;
    return SQLITE_OK;
  }

  static int FileControl(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
  static int SectorSize(sqlite3_file*) { return 4'096; }
  static int Characteristics(sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

  static int ShmMap(sqlite3_file* base, int region, int size, int extend, void volatile** out) {
    Handle& self = Of(base);
    SimulatedDisk& disk = self.disk();
    *out = nullptr;
    if (const int code = self.Meet(DiskCall::kShmMap); code != SQLITE_OK) return code;
    SharedMemory& memory = self.file_->memory;
    if (!memory.users.contains(&self)) {
      if (disk.descriptor_count_ >= disk.descriptor_count_max_) return SQLITE_CANTOPEN;
      if (memory.users.empty() && disk.read_only_) return SQLITE_CANTOPEN;
      memory.users.insert(&self);
      ++disk.descriptor_count_;
    }
    memory.region_bytes = static_cast<std::size_t>(size);
    const auto index = static_cast<std::size_t>(region);
    if (index >= memory.regions.size() && extend == 0) return SQLITE_OK;
    while (index >= memory.regions.size()) {
      if (disk.room() < size) return SQLITE_IOERR_SHMSIZE;
      memory.regions.push_back(std::make_unique<char[]>(memory.region_bytes));
    }
    *out = memory.regions[index].get();
    return SQLITE_OK;
  }

  static int ShmLock(sqlite3_file* base, int first, int count, int flags) {
    Handle& self = Of(base);
    if ((flags & SQLITE_SHM_UNLOCK) != 0 && !self.alive()) return SQLITE_OK;
    if ((flags & SQLITE_SHM_LOCK) != 0) {
      const int code = self.Meet(DiskCall::kLock);
      if (code != SQLITE_OK) return code == SQLITE_IOERR_LOCK ? SQLITE_IOERR_SHMLOCK : code;
    }
    const auto begin = self.file_->memory.locks.begin() + first;
    const auto end = begin + count;
    const bool alone = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
    if ((flags & SQLITE_SHM_UNLOCK) != 0) {
      for (auto lock = begin; lock != end; ++lock) {
        if (alone && lock->alone == &self) lock->alone = nullptr;
        if (!alone) lock->together.erase(&self);
      }
      return SQLITE_OK;
    }
    const bool taken = std::any_of(begin, end, [&](const SharedMemory::Lock& lock) {
      if (lock.alone != nullptr && lock.alone != &self) return true;
      return alone && !lock.together.empty() &&
             !(lock.together.size() == 1 && lock.together.contains(&self));
    });
    if (taken) return SQLITE_BUSY;
    for (auto lock = begin; lock != end; ++lock) {
      if (alone) {
        lock->alone = &self;
      } else {
        lock->together.insert(&self);
      }
    }
    return SQLITE_OK;
  }

  static void ShmBarrier(sqlite3_file*) {}

  static int ShmUnmap(sqlite3_file* base, int) {
    Handle& self = Of(base);
    if (self.alive()) self.LeaveMemory();
    return SQLITE_OK;
  }

  Vfs& vfs_;
  const std::shared_ptr<File> file_;
  int flags_;
  const std::uint64_t life_;
};

sqlite3_io_methods SimulatedDisk::Handle::MakeMethods() {
  sqlite3_io_methods methods = {};
  methods.iVersion = 2;  // With shared memory, without mapped files.
  methods.xClose = &Close;
  methods.xRead = &Read;
  methods.xWrite = &Write;
  methods.xTruncate = &Truncate;
  methods.xSync = &Sync;
  methods.xFileSize = &FileSize;
  methods.xLock = &Lock;
  methods.xUnlock = &UnlockFile;
  methods.xCheckReservedLock = &CheckReservedLock;
  methods.xFileControl = &FileControl;
  methods.xSectorSize = &SectorSize;
  methods.xDeviceCharacteristics = &Characteristics;
  methods.xShmMap = &ShmMap;
  methods.xShmLock = &ShmLock;
  methods.xShmBarrier = &ShmBarrier;
  methods.xShmUnmap = &ShmUnmap;
  return methods;
}

// -- Processes and their VFSs -------------------------------------------------------------------

SimulatedDisk::SimulatedDisk(std::uint64_t seed) : random_(seed) {
  // The salts of the WAL come from SQLite's own generator: the same for the same seed, too.
  sqlite3_initialize();
  sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, static_cast<int>(seed % 1'000'000) + 1, nullptr);
}

SimulatedDisk::~SimulatedDisk() {
  for (const auto& [process, vfs] : vfses_) sqlite3_vfs_unregister(&vfs->base);
}

std::string SimulatedDisk::vfs(int process) {
  static int disk_count = 0;
  std::unique_ptr<Vfs>& vfs = vfses_[process];
  if (vfs != nullptr) {
    vfs->dead = false;
    return vfs->name;
  }
  vfs = std::make_unique<Vfs>();
  vfs->name = fmt::format("simulated-{}", ++disk_count);
  vfs->disk = this;
  sqlite3_vfs& base = vfs->base;
  base.iVersion = 1;
  base.szOsFile = sizeof(Handle);
  base.mxPathname = kPathBytesMax;
  base.zName = vfs->name.c_str();
  base.pAppData = vfs.get();
  base.xOpen = &OpenFile;
  base.xDelete = &DeleteFile;
  base.xAccess = &Access;
  base.xFullPathname = &FullPathname;
  base.xRandomness = &Randomness;
  base.xSleep = &Sleep;
  base.xCurrentTime = &CurrentTime;
  base.xGetLastError = &LastError;
  sqlite3_vfs_register(&base, 0);
  return vfs->name;
}

void SimulatedDisk::Kill(int process) {
  const auto vfs = vfses_.find(process);
  if (vfs == vfses_.end()) return;
  for (Handle* handle : handles_) {
    if (&handle->vfs() == vfs->second.get()) handle->Unlock();
  }
  vfs->second->dead = true;
  ++vfs->second->life;
}

void SimulatedDisk::RequireClosed(const char* where) const {
  if (handles_.empty()) return;
  std::fprintf(stderr, "SimulatedDisk::%s: connections are open\n", where);
  std::abort();
}

// -- Power --------------------------------------------------------------------------------------

void SimulatedDisk::RestorePower() {
  RequireClosed("RestorePower");
  if (!power_is_on_) ++power_cut_count_;
  std::set<std::string> all;
  for (const auto& [name, file] : names_) all.insert(name);
  for (const auto& [name, file] : synced_names_) all.insert(name);
  std::set<std::shared_ptr<File>> files;
  for (const std::string& name : all) {
    const auto now = names_.find(name);
    const auto synced = synced_names_.find(name);
    const bool keep_change = random_.OneIn(2);
    const std::shared_ptr<File> after = keep_change ? (now == names_.end() ? nullptr : now->second)
                                        : synced == synced_names_.end() ? nullptr
                                                                        : synced->second;
    if (after == nullptr) {
      names_.erase(name);
    } else {
      names_[name] = after;
      files.insert(after);
    }
  }
  // In the order of their names, not of their addresses.
  for (const auto& [name, file] : names_) {
    if (files.erase(file) > 0) Settle(*file);
  }
  SyncFolder();
  power_is_on_ = true;
  changes_left_ = std::numeric_limits<std::int64_t>::max();
}

void SimulatedDisk::Settle(File& file) {
  enum { kLoseAll, kKeepAll, kKeepSome, kKeepFirst, kTear, kWays };
  const std::uint64_t way = random_.Below(kWays);
  const std::uint64_t count = file.changes.size();
  const std::uint64_t size_changes = way == kLoseAll   ? 0
                                     : way == kKeepAll ? count
                                                       : random_.Below(count + 1);
  const std::uint64_t first = random_.Below(count + 1);
  std::string bytes = file.synced;
  for (std::uint64_t i = 0; i < count; ++i) {
    Change& change = file.changes[i];
    if (i < size_changes) {
      if (change.cut || std::cmp_less(bytes.size(), change.end())) {
        bytes.resize(static_cast<std::size_t>(change.end()));
      }
    }
    if (change.cut || std::cmp_greater_equal(change.offset, bytes.size())) continue;
    const auto room = bytes.size() - static_cast<std::size_t>(change.offset);
    if (change.bytes.size() > room) change.bytes.resize(room);
    const bool keep = way == kKeepAll || (way == kKeepFirst && i < first) ||
                      (way != kLoseAll && way != kKeepFirst && random_.OneIn(2));
    if (keep) {
      File::Apply(change, bytes);
    } else if (way == kTear || (way == kKeepFirst && i == first)) {
      Tear(bytes, change);
    }
  }
  file.data = std::move(bytes);
  file.synced = file.data;
  file.changes.clear();
}

void SimulatedDisk::Tear(std::string& bytes, const Change& change) {
  std::int64_t at = change.offset;
  while (at < change.end()) {
    const std::int64_t end = std::min((at / kSectorBytes + 1) * kSectorBytes, change.end());
    const auto begin = bytes.begin() + at;
    if (random_.OneIn(2)) {
      std::copy(change.bytes.begin() + (at - change.offset),
                change.bytes.begin() + (end - change.offset), begin);
    } else if (random_.OneIn(8)) {
      random_.Fill(&*begin, static_cast<std::size_t>(end - at));
    }
    at = end;
  }
}

void SimulatedDisk::FailSync(File& file) {
  if (random_.OneIn(2)) return;  // All of it is still to be written.
  for (const Change& change : file.changes) {
    if (random_.OneIn(2)) File::Apply(change, file.synced);
  }
  file.changes.clear();
}

// -- Faults -------------------------------------------------------------------------------------

void SimulatedDisk::Fail(const DiskFault& fault) {
  fault_ = fault;
  failure_count_ = 0;
}

int SimulatedDisk::Meet(DiskCall call) {
  if (!power_is_on_) return SQLITE_IOERR;
  ++calls_[static_cast<std::size_t>(call)];
  if (fault_.count <= 0 || fault_.call != call || --fault_.first > 0) return SQLITE_OK;
  --fault_.count;
  ++failure_count_;
  ++all_failure_count_;
  return CodeOf(call);
}

int SimulatedDisk::MeetChange(DiskCall call) {
  if (power_is_on_ && changes_left_ == 0) power_is_on_ = false;
  if (const int code = Meet(call); code != SQLITE_OK) return code;
  if (read_only_) return CodeOf(call);
  --changes_left_;
  ++change_count_;
  return SQLITE_OK;
}

// -- What there is ------------------------------------------------------------------------------

std::int64_t SimulatedDisk::bytes_used() const {
  std::size_t bytes = 0;
  for (const auto& [name, file] : names_) {
    bytes += file->data.size() + file->memory.regions.size() * file->memory.region_bytes;
  }
  return static_cast<std::int64_t>(bytes);
}

std::int64_t SimulatedDisk::SizeOf(const std::string& name) const {
  const auto file = names_.find(name);
  return file == names_.end() ? 0 : static_cast<std::int64_t>(file->second->data.size());
}

SimulatedDisk::Image SimulatedDisk::Save() const {
  Image image;
  for (const auto& [name, file] : names_) image[name] = file->data;
  return image;
}

void SimulatedDisk::Load(const Image& image) {
  RequireClosed("Load");
  names_.clear();
  for (const auto& [name, data] : image) {
    names_[name] = std::make_shared<File>();
    names_[name]->data = data;
    names_[name]->synced = data;
  }
  SyncFolder();
  power_is_on_ = true;
  changes_left_ = std::numeric_limits<std::int64_t>::max();
  change_count_ = 0;
  calls_ = {};
  capacity_ = std::numeric_limits<std::int64_t>::max();
  read_only_ = false;
  descriptor_count_max_ = std::numeric_limits<int>::max();
  lie_one_in_ = 0;
  Heal();
}

// -- The methods of a VFS -----------------------------------------------------------------------

int SimulatedDisk::OpenFile(sqlite3_vfs* base, const char* name, sqlite3_file* out, int flags,
                            int* out_flags) {
  Vfs& vfs = *static_cast<Vfs*>(base->pAppData);
  SimulatedDisk& disk = *vfs.disk;
  out->pMethods = nullptr;
  if (vfs.dead) return SQLITE_IOERR;
  std::shared_ptr<File> file;
  const auto found = name == nullptr ? disk.names_.end() : disk.names_.find(name);
  if (found != disk.names_.end()) file = found->second;
  const bool make = file == nullptr;
  if (make && (flags & SQLITE_OPEN_CREATE) == 0) return SQLITE_CANTOPEN;
  if (disk.descriptor_count_ >= disk.descriptor_count_max_) return SQLITE_CANTOPEN;
  const int code = make ? disk.MeetChange(DiskCall::kOpen) : disk.Meet(DiskCall::kOpen);
  if (code != SQLITE_OK) return code;
  if (disk.read_only_ && (flags & SQLITE_OPEN_READWRITE) != 0) {
    flags = (flags & ~(SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)) | SQLITE_OPEN_READONLY;
  }
  if (make) file = std::make_shared<File>();
  if (make && name != nullptr) disk.names_[name] = file;
  new (out) Handle(vfs, std::move(file), flags);
  if (out_flags != nullptr) *out_flags = flags;
  return SQLITE_OK;
}

int SimulatedDisk::DeleteFile(sqlite3_vfs* base, const char* name, int sync_folder) {
  const Vfs& vfs = *static_cast<Vfs*>(base->pAppData);
  SimulatedDisk& disk = *vfs.disk;
  if (vfs.dead) return SQLITE_IOERR;
  if (disk.power_is_on_ && !disk.names_.contains(name)) return SQLITE_IOERR_DELETE_NOENT;
  if (const int code = disk.MeetChange(DiskCall::kDelete); code != SQLITE_OK) return code;
  disk.names_.erase(name);
  if (sync_folder != 0) disk.SyncFolder();
  return SQLITE_OK;
}

int SimulatedDisk::Access(sqlite3_vfs* base, const char* name, int flags, int* result) {
  const Vfs& vfs = *static_cast<Vfs*>(base->pAppData);
  const SimulatedDisk& disk = *vfs.disk;
  if (vfs.dead || !disk.power_is_on_) return SQLITE_IOERR_ACCESS;
  *result = disk.SizeOf(name) > 0 && (flags != SQLITE_ACCESS_READWRITE || !disk.read_only_) ? 1 : 0;
  return SQLITE_OK;
}

int SimulatedDisk::FullPathname(sqlite3_vfs*, const char* name, int size, char* out) {
  sqlite3_snprintf(size, out, "%s", name);
  return SQLITE_OK;
}

int SimulatedDisk::Randomness(sqlite3_vfs* base, int size, char* out) {
  static_cast<Vfs*>(base->pAppData)->disk->random_.Fill(out, static_cast<std::size_t>(size));
  return size;
}

int SimulatedDisk::Sleep(sqlite3_vfs*, int microseconds) { return microseconds; }

int SimulatedDisk::CurrentTime(sqlite3_vfs*, double* days) {
  *days = 2'460'676.5;  // The first day of 2025, as a Julian day.
  return SQLITE_OK;
}

int SimulatedDisk::LastError(sqlite3_vfs*, int, char*) { return 0; }

}  // namespace outlive::simulation
