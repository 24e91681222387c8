// Files and folders by descriptor: the platform calls of the artifact store, and nothing else.
// Every name is one component, looked up in a folder that is already open, and no symbolic link is
// followed; so no name can lead out of the root.
//
// Errors: kUnavailable: disk full, input/output error.   kNotFound.   kAlreadyExists.
//         kResourceExhausted: the system's limit on a file's size.
//         kFailedPrecondition: no permission, read-only, not a folder: a person has to look.
#ifndef OUTLIVE_SRC_ARTIFACT_FOLDER_H_
#define OUTLIVE_SRC_ARTIFACT_FOLDER_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <absl/types/span.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace outlive::internal {

// Closes its descriptor when destroyed.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor();

  int get() const { return fd_; }

 private:
  int fd_ = -1;
};

class File {
 public:
  explicit File(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

  // Appends all of `bytes`.
  absl::Status Write(std::string_view bytes);

  // Up to `into.size()` bytes from `offset` on; 0 is the end.
  absl::StatusOr<std::size_t> ReadAt(std::int64_t offset, absl::Span<char> into) const;

  absl::StatusOr<std::int64_t> Size() const;
  absl::Status SetModified(absl::Time time);

  // Returns once the bytes are durable.
  absl::Status Sync();

  // Locks the file for as long as this File lives. False: somebody else has it open and locked.
  absl::StatusOr<bool> TryLock();

 private:
  Descriptor descriptor_;
};

class Folder {
 public:
  struct Entry {
    std::string name;
    std::int64_t size = 0;  // Bytes.
    absl::Time modified;
  };

  static absl::StatusOr<Folder> Open(const std::string& path);

  // A folder in this one. CreateFolder() is OK where it exists.
  absl::StatusOr<Folder> OpenFolder(const std::string& name) const;
  absl::Status CreateFolder(const std::string& name) const;

  // Creates an empty file, for writing; kAlreadyExists where there is one.
  absl::StatusOr<File> CreateFile(const std::string& name) const;
  // A regular file, for reading.
  absl::StatusOr<File> OpenFile(const std::string& name) const;

  absl::StatusOr<bool> Has(const std::string& name) const;
  absl::Status Rename(const std::string& from, const std::string& to) const;
  absl::Status Remove(const std::string& name) const;

  // Regular files, by name.
  absl::StatusOr<std::vector<Entry>> List() const;

  // Returns once creations, renames and removals in this folder are durable.
  absl::Status Sync() const;

 private:
  explicit Folder(Descriptor descriptor) : descriptor_(std::move(descriptor)) {}

  Descriptor descriptor_;
};

}  // namespace outlive::internal

#endif  // OUTLIVE_SRC_ARTIFACT_FOLDER_H_
