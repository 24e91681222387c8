// A folder for temporary files that only this process can look into, gone with the object.
#ifndef OUTLIVE_SRC_REPORT_PRIVATE_TEMP_DIR_H_
#define OUTLIVE_SRC_REPORT_PRIVATE_TEMP_DIR_H_

#include <absl/status/status.h>

#include <cstdint>
#include <string>

namespace outlive::rendering {

class PrivateTempDir {
 public:
  PrivateTempDir() = default;
  ~PrivateTempDir();
  PrivateTempDir(const PrivateTempDir&) = delete;
  PrivateTempDir& operator=(const PrivateTempDir&) = delete;

  // Makes the folder below `parent`; empty: $TMPDIR, or /tmp. kUnavailable where that fails.
  absl::Status Create(const std::string& parent);

  // kUnavailable where the file system has not this many bytes left, or where this process may not
  // write a file of `largest_file` bytes.
  absl::Status CheckRoom(std::uint64_t byte_count, std::uint64_t largest_file) const;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace outlive::rendering

#endif  // OUTLIVE_SRC_REPORT_PRIVATE_TEMP_DIR_H_
