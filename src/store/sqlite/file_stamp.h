// FileStamp tells whether a file may have been written since the last look, from its size and the
// time of its last change.
#ifndef OUTLIVE_SRC_STORE_SQLITE_FILE_STAMP_H_
#define OUTLIVE_SRC_STORE_SQLITE_FILE_STAMP_H_

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <utility>

namespace outlive::sqlite {

class FileStamp {
 public:
  explicit FileStamp(std::string path) : path_(std::move(path)) { Changed(); }

  // True where the file may have been written since the last call.
  bool Changed() {
    struct stat now{};
    if (stat(path_.c_str(), &now) != 0) now = {};
    const std::int64_t changed_at =
        std::int64_t{now.st_mtim.tv_sec} * 1'000'000'000 + now.st_mtim.tv_nsec;
    const bool changed = changed_at != changed_at_ || now.st_size != size_;
    changed_at_ = changed_at;
    size_ = now.st_size;
    // A second write within one tick of the kernel's clock leaves the same time: look once more.
    const bool changed_before = std::exchange(changed_before_, changed);
    return changed || changed_before;
  }

 private:
  const std::string path_;
  std::int64_t changed_at_ = 0;
  std::int64_t size_ = 0;
  bool changed_before_ = false;
};

}  // namespace outlive::sqlite

#endif  // OUTLIVE_SRC_STORE_SQLITE_FILE_STAMP_H_
