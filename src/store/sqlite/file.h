// What the store asks the file system about its database file. It never opens the file on its own:
// closing any descriptor of it would drop the locks that SQLite holds on it in this process.
#ifndef OUTLIVE_SRC_STORE_SQLITE_FILE_H_
#define OUTLIVE_SRC_STORE_SQLITE_FILE_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <string>

#include "outlive/core/random.h"

namespace outlive::sqlite {

// Which file a path leads to, whatever its name.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  std::string name = {};  // With a VFS of the host's only that, and the path, tell.

  bool operator==(const FileIdentity&) const = default;
};

// kInvalidArgument: not the name of a file.
absl::Status ValidatePath(const std::string& path);

// `path` made absolute, its folder checked.
//
// Errors: kInvalidArgument: not the name of a file. kUnavailable: the folder is not there.
absl::StatusOr<std::string> AbsolutePath(const std::string& path);

// Makes an empty file that only its owner may read and write, unless there is a file already.
absl::Status CreatePrivateFile(const std::string& path, RandomSource& random);

// kNotFound: no file.
absl::StatusOr<FileIdentity> IdentifyFile(const std::string& path);

// The name of the network file system that holds `path`; empty: none that is known.
std::string NetworkFileSystem(const std::string& path);

}  // namespace outlive::sqlite

#endif  // OUTLIVE_SRC_STORE_SQLITE_FILE_H_
