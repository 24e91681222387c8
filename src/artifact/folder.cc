#include "artifact/folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <system_error>

namespace outlive::internal {
namespace {

constexpr int kOpenFlags = O_CLOEXEC | O_NOFOLLOW;

absl::StatusCode CodeOf(int error) {
  switch (error) {
    case ENOENT:
      return absl::StatusCode::kNotFound;
    case EEXIST:
      return absl::StatusCode::kAlreadyExists;
    case EFBIG:
      return absl::StatusCode::kResourceExhausted;
    case EACCES:
    case EPERM:
    case EROFS:
    case ENOTDIR:
    case ELOOP:
    case EISDIR:
    case ENAMETOOLONG:
      return absl::StatusCode::kFailedPrecondition;
    default:  // ENOSPC, EDQUOT, EIO, EMFILE, …: may be better later.
      return absl::StatusCode::kUnavailable;
  }
}

absl::Status ErrnoStatus(std::string_view what, int error = errno) {
  // The message of the C++ library is thread-safe, which strerror() is not.
  return absl::Status(CodeOf(error),
                      fmt::format("{}: {}", what, std::generic_category().message(error)));
}

// Repeats a call that a signal has interrupted.
template <class Call>
auto Retrying(Call call) {
  auto result = call();
  while (result == -1 && errno == EINTR) result = call();
  return result;
}

absl::Status SyncDescriptor(int fd, std::string_view what) {
  if (Retrying([&] { return fsync(fd); }) != 0) return ErrnoStatus(what);
  return absl::OkStatus();
}

absl::StatusOr<Descriptor> OpenAt(int folder, const std::string& name, int flags,
                                  std::string_view what) {
  const int fd = Retrying([&] { return openat(folder, name.c_str(), flags | kOpenFlags, 0600); });
  if (fd < 0) return ErrnoStatus(what);
  return Descriptor(fd);
}

}  // namespace

Descriptor::~Descriptor() {
  if (fd_ >= 0) close(fd_);  // What had to be durable was synchronised before.
}

absl::Status File::Write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written =
        Retrying([&] { return write(descriptor_.get(), bytes.data(), bytes.size()); });
    if (written < 0) return ErrnoStatus("cannot write an artifact");
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::size_t> File::ReadAt(std::int64_t offset, absl::Span<char> into) const {
  const ssize_t count =
      Retrying([&] { return pread(descriptor_.get(), into.data(), into.size(), offset); });
  if (count < 0) return ErrnoStatus("cannot read an artifact");
  return static_cast<std::size_t>(count);
}

absl::StatusOr<std::int64_t> File::Size() const {
  struct stat info = {};
  if (fstat(descriptor_.get(), &info) != 0) return ErrnoStatus("cannot look at an artifact");
  return info.st_size;
}

absl::Status File::SetModified(absl::Time time) {
  const timespec now = absl::ToTimespec(time);
  const timespec times[2] = {now, now};
  if (futimens(descriptor_.get(), times) != 0) return ErrnoStatus("cannot date an artifact");
  return absl::OkStatus();
}

absl::Status File::Sync() {
  return SyncDescriptor(descriptor_.get(), "cannot make an artifact durable");
}

absl::StatusOr<bool> File::TryLock() {
  if (Retrying([&] { return flock(descriptor_.get(), LOCK_EX | LOCK_NB); }) == 0) return true;
  if (errno == EWOULDBLOCK) return false;
  return ErrnoStatus("cannot lock an artifact");
}

absl::StatusOr<Folder> Folder::Open(const std::string& path) {
  // The root itself may be reached through a symbolic link: that is its owner's choice.
  const int fd = Retrying([&] { return open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); });
  if (fd < 0) return ErrnoStatus("cannot open the folder");
  return Folder(Descriptor(fd));
}

absl::StatusOr<Folder> Folder::OpenFolder(const std::string& name) const {
  absl::StatusOr<Descriptor> opened =
      OpenAt(descriptor_.get(), name, O_RDONLY | O_DIRECTORY, "cannot open an artifact folder");
  if (!opened.ok()) return opened.status();
  return Folder(*std::move(opened));
}

absl::Status Folder::CreateFolder(const std::string& name) const {
  if (mkdirat(descriptor_.get(), name.c_str(), 0700) == 0 || errno == EEXIST) {
    return absl::OkStatus();
  }
  return ErrnoStatus("cannot create an artifact folder");
}

absl::StatusOr<File> Folder::CreateFile(const std::string& name) const {
  absl::StatusOr<Descriptor> opened = OpenAt(
      descriptor_.get(), name, O_WRONLY | O_CREAT | O_EXCL | O_APPEND, "cannot create an artifact");
  if (!opened.ok()) return opened.status();
  return File(*std::move(opened));
}

absl::StatusOr<File> Folder::OpenFile(const std::string& name) const {
  // O_NONBLOCK: opening must not wait where somebody has put a pipe.
  absl::StatusOr<Descriptor> opened =
      OpenAt(descriptor_.get(), name, O_RDONLY | O_NONBLOCK, "cannot open an artifact");
  if (!opened.ok()) return opened.status();
  struct stat info = {};
  if (fstat(opened->get(), &info) != 0) return ErrnoStatus("cannot look at an artifact");
  if (!S_ISREG(info.st_mode)) return absl::FailedPreconditionError("not a regular file");
  return File(*std::move(opened));
}

absl::StatusOr<bool> Folder::Has(const std::string& name) const {
  struct stat info = {};
  if (fstatat(descriptor_.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) return true;
  if (errno == ENOENT) return false;
  return ErrnoStatus("cannot look for an artifact");
}

absl::Status Folder::Rename(const std::string& from, const std::string& to) const {
  if (renameat(descriptor_.get(), from.c_str(), descriptor_.get(), to.c_str()) != 0) {
    return ErrnoStatus("cannot rename an artifact");
  }
  return absl::OkStatus();
}

absl::Status Folder::Remove(const std::string& name) const {
  if (unlinkat(descriptor_.get(), name.c_str(), 0) != 0) {
    return ErrnoStatus("cannot remove an artifact");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Folder::Entry>> Folder::List() const {
  // A descriptor of its own: reading a folder moves its position.
  absl::StatusOr<Descriptor> opened =
      OpenAt(descriptor_.get(), ".", O_RDONLY | O_DIRECTORY, "cannot list an artifact folder");
  if (!opened.ok()) return opened.status();
  const int copy = dup(opened->get());
  if (copy < 0) return ErrnoStatus("cannot list an artifact folder");
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(fdopendir(copy), &closedir);
  if (folder == nullptr) {
    Descriptor closed(copy);
    return ErrnoStatus("cannot list an artifact folder");
  }
  std::vector<Entry> entries;
  errno = 0;
  while (const dirent* each = readdir(folder.get())) {
    struct stat info = {};
    if (fstatat(copy, each->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(info.st_mode)) {
      entries.push_back({each->d_name, info.st_size, absl::TimeFromTimespec(info.st_mtim)});
    }
    errno = 0;  // What has gone meanwhile is not there; readdir() reports its own errors here.
  }
  if (errno != 0) return ErrnoStatus("cannot list an artifact folder");
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.name < b.name; });
  return entries;
}

absl::Status Folder::Sync() const {
  return SyncDescriptor(descriptor_.get(), "cannot make an artifact folder durable");
}

}  // namespace outlive::internal
