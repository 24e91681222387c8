#include "tests/processes/vfs_layer.h"

#include <signal.h>
#include <sqlite3.h>

#include <atomic>
#include <cstdlib>
#include <utility>

namespace outlive::testing {
namespace {

struct Layer;

// What SQLite sees as the file; that of the layer below follows it in memory.
struct File {
  sqlite3_file base;
  Layer* layer;
  sqlite3_file* under() { return reinterpret_cast<sqlite3_file*>(this + 1); }
};

File& FileOf(sqlite3_file* file) { return *reinterpret_cast<File*>(file); }

struct Layer {
  explicit Layer(VfsObserver& sees) : observer(sees) {}
  sqlite3_vfs vfs = {};
  sqlite3_vfs* under = nullptr;
  VfsObserver& observer;
};

// A call that has no half.
template <class Go>
int Pass(Layer& layer, const VfsCall& call, Go go) {
  return layer.observer.OnCall(call, [&](bool) { return go(); });
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
  sqlite3_file* const under = FileOf(file).under();
  return FileOf(file).layer->observer.OnCall({.name = "write", .file = file}, [&](bool half) {
    return under->pMethods->xWrite(under, bytes, half ? count / 2 : count, offset);
  });
}
int Truncate(sqlite3_file* file, sqlite3_int64 size) {
  sqlite3_file* const under = FileOf(file).under();
  return Pass(*FileOf(file).layer, {.name = "truncate", .file = file},
              [&] { return under->pMethods->xTruncate(under, size); });
}
int Sync(sqlite3_file* file, int flags) {
  sqlite3_file* const under = FileOf(file).under();
  return Pass(*FileOf(file).layer, {.name = "sync", .file = file},
              [&] { return under->pMethods->xSync(under, flags); });
}
int FileSize(sqlite3_file* file, sqlite3_int64* size) {
  sqlite3_file* const under = FileOf(file).under();
  return under->pMethods->xFileSize(under, size);
}
int Lock(sqlite3_file* file, int level) {
  sqlite3_file* const under = FileOf(file).under();
  return Pass(*FileOf(file).layer, {.name = "lock", .file = file},
              [&] { return under->pMethods->xLock(under, level); });
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
  return Pass(*FileOf(file).layer, {.name = "shm_map", .file = file},
              [&] { return under->pMethods->xShmMap(under, page, size, extend, mapped); });
}
int ShmLock(sqlite3_file* file, int offset, int count, int flags) {
  sqlite3_file* const under = FileOf(file).under();
  return Pass(*FileOf(file).layer,
              {.name = "shm_lock", .file = file, .offset = offset, .count = count, .flags = flags},
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
  const int code = Pass(layer, {.name = "open", .file = file}, [&] {
    return layer.under->xOpen(layer.under, name, self.under(), flags, out_flags);
  });
  // With methods, SQLite closes the file even where it could not be opened.
  if (self.under()->pMethods != nullptr) self.base.pMethods = &kMethods;
  return code;
}
int Delete(sqlite3_vfs* vfs, const char* name, int sync_folder) {
  Layer& layer = LayerOf(vfs);
  return Pass(layer, {.name = "delete"},
              [&] { return layer.under->xDelete(layer.under, name, sync_folder); });
}

// Ends the process at its call.
class Killer final : public VfsObserver {
 public:
  explicit Killer(VfsPlan plan) : plan_(std::move(plan)) {}

  int OnCall(const VfsCall& call, absl::FunctionRef<int(bool half)> go) override {
    if (call.name != plan_.call || ++hits_ != plan_.hit) return go(false);
    if (plan_.when != VfsPlan::When::kBefore) go(plan_.when == VfsPlan::When::kHalf);
    return raise(SIGKILL);
  }

 private:
  const VfsPlan plan_;
  std::atomic<int> hits_{0};
};

}  // namespace

struct VfsLayer::State {
  explicit State(VfsObserver& observer) : layer(observer) {}
  Layer layer;
};

VfsLayer::VfsLayer(VfsObserver& observer) : state_(std::make_unique<State>(observer)) {
  Layer& layer = state_->layer;
  layer.under = sqlite3_vfs_find(kPlainVfs);
  if (layer.under == nullptr) std::abort();
  // All else is that of the layer below, which does not look at what it is called with.
  layer.vfs = *layer.under;
  layer.vfs.zName = "outlive-layer";
  layer.vfs.szOsFile = static_cast<int>(sizeof(File)) + layer.under->szOsFile;
  layer.vfs.pAppData = &layer;
  layer.vfs.pNext = nullptr;
  layer.vfs.xOpen = Open;
  layer.vfs.xDelete = Delete;
  if (sqlite3_vfs_register(&layer.vfs, 1) != SQLITE_OK) std::abort();
}

VfsLayer::~VfsLayer() {
  sqlite3_vfs_unregister(&state_->layer.vfs);
  sqlite3_vfs_register(state_->layer.under, 1);
}

void InstallKiller(const VfsPlan& plan) {
  // SQLite asks for them until the process ends.
  static Killer killer(plan);
  static const VfsLayer layer(killer);
}

}  // namespace outlive::testing
