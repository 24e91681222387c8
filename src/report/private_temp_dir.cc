#include "report/private_temp_dir.h"

#include <absl/status/status.h>
#include <fmt/format.h>
#include <stdlib.h>  // mkdtemp
#include <sys/resource.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

namespace outlive::rendering {

PrivateTempDir::~PrivateTempDir() {
  std::error_code ignored;  // What is left is an empty folder in a place for such things.
  if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
}

absl::Status PrivateTempDir::Create(const std::string& parent) {
  std::string pattern = parent;
  if (pattern.empty()) {
    const char* from_environment = std::getenv("TMPDIR");
    pattern = from_environment != nullptr && *from_environment != '\0' ? from_environment : "/tmp";
  }
  pattern += "/outlive-XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) {
    const std::error_code error(errno, std::generic_category());
    return absl::UnavailableError(
        fmt::format("no folder for temporary files, {}: {}", pattern, error.message()));
  }
  path_ = pattern;
  return absl::OkStatus();
}

absl::Status PrivateTempDir::CheckRoom(std::uint64_t byte_count, std::uint64_t largest_file) const {
  rlimit limit{};
  if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
      limit.rlim_cur < largest_file) {
    return absl::UnavailableError(
        fmt::format("a temporary file of {} bytes is needed, and files may have {}", largest_file,
                    static_cast<std::uint64_t>(limit.rlim_cur)));
  }
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(path_, error);
  // A file system that does not say how large it is may have room.
  if (error || space.capacity == 0 || space.available >= byte_count) return absl::OkStatus();
  return absl::UnavailableError(
      fmt::format("{} bytes are needed for temporary files, and {} are left", byte_count,
                  static_cast<std::uint64_t>(space.available)));
}

}  // namespace outlive::rendering
