#include "tests/artifact/faulty_calls.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>

namespace outlive::testing {
namespace {

thread_local FaultyCalls* current = nullptr;

bool Fails(const char* name) { return current != nullptr && current->Fails(name); }

// The C library's own function of this name.
template <class Function>
Function* Real(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

FaultyCalls::FaultyCalls(int fail_at, int error) : fail_at_(fail_at), error_(error) {
  current = this;
}
FaultyCalls::~FaultyCalls() { current = nullptr; }

void FaultyCalls::Record(const std::string& name) {
  if (name != "write" || calls_.empty() || calls_.back() != "write") calls_.push_back(name);
}

bool FaultyCalls::Fails(const std::string& name) {
  Record(name);
  if (++count_ != fail_at_) return false;
  has_failed_ = true;
  errno = error_;
  return true;
}

}  // namespace outlive::testing

// A definition in the program goes before the C library's.
extern "C" {

int fsync(int fd) {
  if (outlive::testing::Fails("sync")) return -1;
  return outlive::testing::Real<int(int)>("fsync")(fd);
}

int futimens(int fd, const timespec times[2]) {
  if (outlive::testing::Fails("date")) return -1;
  return outlive::testing::Real<int(int, const timespec*)>("futimens")(fd, times);
}

int renameat(int from_folder, const char* from, int to_folder, const char* to) {
  if (outlive::testing::Fails("rename")) return -1;
  return outlive::testing::Real<int(int, const char*, int, const char*)>("renameat")(
      from_folder, from, to_folder, to);
}

int mkdirat(int folder, const char* name, mode_t mode) {
  if (outlive::testing::Fails("mkdir")) return -1;
  return outlive::testing::Real<int(int, const char*, mode_t)>("mkdirat")(folder, name, mode);
}

ssize_t write(int fd, const void* bytes, size_t size) {
  // Standard output and error are the test's own.
  if (fd > 2 && outlive::testing::Fails("write")) return -1;
  return outlive::testing::Real<ssize_t(int, const void*, size_t)>("write")(fd, bytes, size);
}

int openat(int folder, const char* name, int flags, ...) {
  mode_t mode = 0;
  if ((flags & O_CREAT) != 0) {
    va_list arguments;
    va_start(arguments, flags);
    mode = va_arg(arguments, mode_t);
    va_end(arguments);
    if (outlive::testing::Fails("create")) return -1;
  }
  return outlive::testing::Real<int(int, const char*, int, ...)>("openat")(folder, name, flags,
                                                                           mode);
}

}  // extern "C"
