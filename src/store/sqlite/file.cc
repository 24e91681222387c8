#include "store/sqlite/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#ifdef __linux__
#include <sys/vfs.h>
#endif

namespace outlive::sqlite {
namespace {

absl::Status SystemError(std::string_view doing, const std::string& path, int error) {
  return absl::UnavailableError(
      fmt::format("cannot {} {}: {}", doing, path, std::generic_category().message(error)));
}

bool Exists(const std::string& path) {
  struct stat information{};
  return stat(path.c_str(), &information) == 0;
}

}  // namespace

absl::Status ValidatePath(const std::string& path) {
  if (!path.empty() && path != ":memory:" && path.find('\0') == std::string::npos) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      "a SqliteStore needs the path of a file; for a store in memory take a MemoryStore");
}

absl::StatusOr<std::string> AbsolutePath(const std::string& path) {
  if (absl::Status valid = ValidatePath(path); !valid.ok()) return valid;
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(path, error);
  if (error) return SystemError("find", path, error.value());
  if (!std::filesystem::is_directory(absolute.parent_path(), error)) {
    return absl::UnavailableError(
        fmt::format("cannot open {}: its folder does not exist", absolute.string()));
  }
  if (std::filesystem::is_directory(absolute, error)) {
    return absl::InvalidArgumentError(fmt::format("{} is a folder", absolute.string()));
  }
  return absolute.string();
}

absl::Status CreatePrivateFile(const std::string& path, RandomSource& random) {
  if (Exists(path)) return absl::OkStatus();
  // Made under another name: the descriptor that is closed here is never one of the database's.
  const std::string fresh = fmt::format("{}-new-{}", path, RandomHex(random, 8));
  const int descriptor = open(fresh.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
  if (descriptor < 0) return SystemError("create", path, errno);
  fchmod(descriptor, 0600);  // Whatever the umask.
  close(descriptor);
  // Unlike rename() this does not replace a file that another process has just made.
  const int error = link(fresh.c_str(), path.c_str()) == 0 ? 0 : errno;
  if (error == EPERM || error == ENOTSUP || error == ENOSYS) {
    // No links here. At worst two processes both rename an empty file.
    if (!Exists(path)) rename(fresh.c_str(), path.c_str());
  } else if (error != 0 && error != EEXIST) {
    unlink(fresh.c_str());
    return SystemError("create", path, error);
  }
  unlink(fresh.c_str());
  return absl::OkStatus();
}

absl::StatusOr<FileIdentity> IdentifyFile(const std::string& path) {
  struct stat information{};
  if (stat(path.c_str(), &information) != 0) {
    return absl::NotFoundError(fmt::format("there is no file {}", path));
  }
  return FileIdentity{.device = static_cast<std::uint64_t>(information.st_dev),
                      .inode = static_cast<std::uint64_t>(information.st_ino)};
}

std::string NetworkFileSystem(const std::string& path) {
#ifdef __linux__
  struct statfs information{};
  if (statfs(path.c_str(), &information) != 0) return "";
  switch (static_cast<std::uint32_t>(information.f_type)) {
    case 0x6969:
      return "NFS";
    case 0x517B:
      return "SMB";
    case 0xFE534D42:
      return "SMB2";
    case 0xFF534D42:
      return "CIFS";
    case 0x00C36400:
      return "CephFS";
    case 0x5346414F:
      return "AFS";
    case 0x01021997:
      return "9P";
    case 0x0BD00BD0:
      return "Lustre";
    case 0x47504653:
      return "GPFS";
    default:
      return "";
  }
#else
  static_cast<void>(path);
  return "";
#endif
}

}  // namespace outlive::sqlite
