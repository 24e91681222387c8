#include "tests/crash/kill_vfs.h"

#include <signal.h>
#include <sqlite3.h>

#include <atomic>
#include <cstdlib>

namespace outlive::testing {
namespace {

class Trigger {
 public:
  explicit Trigger(const VfsPlan& plan) : plan_(plan) {}

  // True where this call is the one.
  bool IsNow(std::string_view call) { return plan_.call == call && ++hits_ == plan_.hit; }
  VfsPlan::When when() const { return plan_.when; }

 private:
  const VfsPlan plan_;
  std::atomic<int> hits_{0};
};

// Made once and kept: SQLite asks for it until the process ends.
struct Layer {
  explicit Layer(const VfsPlan& plan) : trigger(plan) {}
  sqlite3_vfs vfs = {};
  sqlite3_vfs* under = nullptr;
  Trigger trigger;
};

// What SQLite sees as the file; that of the layer below follows it in memory.
struct File {
  sqlite3_file base;
  Layer* layer;
  sqlite3_file* under() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

File& FileOf(sqlite3_file* file) { return *reinterpret_cast<File*>(file); }

template <class Call>
int Around(Layer& layer, std::string_view name, Call call) {
  const bool now = layer.trigger.IsNow(name);
  if (now && layer.trigger.when() != VfsPlan::When::kAfter) raise(SIGKILL);
  const int code = call();
  if (now) raise(SIGKILL);
  return code;
}

int Close(sqlite3_file* file) {
  sqlite3_file* const under = FileOf(file).under();
  return under->pMethods == nullptr ? SQLITE_OK : under->pMethods->xClose(under);
}
int Read(sqlite3_file* file, void* bytes, int count, sqlite3_int64 offset) {
  sqlite3_file* const under = FileOf(file).under();
  return under->pMethods->xRead(under, bytes, count, offset);
}
int Write(sqlite3_file* file, const void* bytes, int count, sqlite3_int64 offset) {
  File& self = FileOf(file);
  sqlite3_file* const under = self.under();
  const bool now = self.layer->trigger.IsNow("write");
  const VfsPlan::When when = self.layer->trigger.when();
  if (now && when == VfsPlan::When::kHalf) {
    under->pMethods->xWrite(under, bytes, count / 2, offset);
  }
  if (now && when != VfsPlan::When::kAfter) raise(SIGKILL);
  const int code = under->pMethods->xWrite(under, bytes, count, offset);
  if (now) raise(SIGKILL);
  return code;
}
int Truncate(sqlite3_file* file, sqlite3_int64 size) {
  sqlite3_file* const under = FileOf(file).under();
  return Around(*FileOf(file).layer, "truncate",
                [&] { return under->pMethods->xTruncate(under, size); });
}
int Sync(sqlite3_file* file, int flags) {
  sqlite3_file* const under = FileOf(file).under();
  return Around(*FileOf(file).layer, "sync", [&] { return under->pMethods->xSync(under, flags); });
}
int FileSize(sqlite3_file* file, sqlite3_int64* size) {
  sqlite3_file* const under = FileOf(file).under();
  return under->pMethods->xFileSize(under, size);
}
int Lock(sqlite3_file* file, int level) {
  sqlite3_file* const under = FileOf(file).under();
  return Around(*FileOf(file).layer, "lock", [&] { return under->pMethods->xLock(under, level); });
}
int Unlock(sqlite3_file* file, int level) {
  sqlite3_file* const under = FileOf(file).under();
  return under->pMethods->xUnlock(under, level);
}
int CheckReservedLock(sqlite3_file* file, int* reserved) {
  sqlite3_file* const under = FileOf(file).under();
  return under->pMethods->xCheckReservedLock(under, reserved);
}
int FileControl(sqlite3_file* file, int op, void* argument) {
  sqlite3_file* const under = FileOf(file).under();
  return under->pMethods->xFileControl(under, op, argument);
}
int SectorSize(sqlite3_file* file) {
  sqlite3_file* const under = FileOf(file).under();
  return under->pMethods->xSectorSize(under);
}
int DeviceCharacteristics(sqlite3_file* file) {
  sqlite3_file* const under = FileOf(file).under();
  return under->pMethods->xDeviceCharacteristics(under);
}
int ShmMap(sqlite3_file* file, int page, int size, int extend, void volatile** mapped) {
  sqlite3_file* const under = FileOf(file).under();
  return Around(*FileOf(file).layer, "shm_map",
                [&] { return under->pMethods->xShmMap(under, page, size, extend, mapped); });
}
int ShmLock(sqlite3_file* file, int offset, int count, int flags) {
  sqlite3_file* const under = FileOf(file).under();
  return Around(*FileOf(file).layer, "shm_lock",
                [&] { return under->pMethods->xShmLock(under, offset, count, flags); });
}
void ShmBarrier(sqlite3_file* file) {
  sqlite3_file* const under = FileOf(file).under();
  under->pMethods->xShmBarrier(under);
}
int ShmUnmap(sqlite3_file* file, int remove) {
  sqlite3_file* const under = FileOf(file).under();
  return under->pMethods->xShmUnmap(under, remove);
}

// Version 2: no memory-mapped reads, which the library switches off anyway.
constexpr sqlite3_io_methods kMethods = {
    2,
    Close,
    Read,
    Write,
    Truncate,
    Sync,
    FileSize,
    Lock,
    Unlock,
    CheckReservedLock,
    FileControl,
    SectorSize,
    DeviceCharacteristics,
    ShmMap,
    ShmLock,
    ShmBarrier,
    ShmUnmap,
    nullptr,
    nullptr,
};

Layer& LayerOf(sqlite3_vfs* vfs) { return *static_cast<Layer*>(vfs->pAppData); }

int Open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* out_flags) {
  Layer& layer = LayerOf(vfs);
  File& self = FileOf(file);
  self.base.pMethods = nullptr;
  self.layer = &layer;
  self.under()->pMethods = nullptr;
  const int code = Around(layer, "open", [&] {
    return layer.under->xOpen(layer.under, name, self.under(), flags, out_flags);
  });
  // With methods, SQLite closes the file even where it could not be opened.
  if (self.under()->pMethods != nullptr) self.base.pMethods = &kMethods;
  return code;
}
int Delete(sqlite3_vfs* vfs, const char* name, int sync_folder) {
  Layer& layer = LayerOf(vfs);
  return Around(layer, "delete",
                [&] { return layer.under->xDelete(layer.under, name, sync_folder); });
}

}  // namespace

void InstallKillVfs(const VfsPlan& plan) {
  static Layer layer(plan);
  layer.under = sqlite3_vfs_find(kPlainVfs);
  if (layer.under == nullptr) std::abort();
  // All else is that of the layer below, which is called with the layer above and only looks at
  // what it finds there: nothing.
  layer.vfs = *layer.under;
  layer.vfs.zName = "kill";
  layer.vfs.szOsFile = static_cast<int>(sizeof(File)) + layer.under->szOsFile;
  layer.vfs.pAppData = &layer;
  layer.vfs.pNext = nullptr;
  layer.vfs.xOpen = Open;
  layer.vfs.xDelete = Delete;
  if (sqlite3_vfs_register(&layer.vfs, 1) != SQLITE_OK) std::abort();
}

}  // namespace outlive::testing
