// The history that real processes share. POSIX.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <system_error>

#include "outlive/testing/history.h"

namespace outlive::testing {

absl::StatusOr<std::unique_ptr<FileHistory>> FileHistory::Open(const std::string& path,
                                                               const Clock& order) {
  const int file = open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) {
    return absl::UnavailableError(
        fmt::format("open {}: {}", path, std::generic_category().message(errno)));
  }
  return std::unique_ptr<FileHistory>(new FileHistory(file, order));
}

FileHistory::~FileHistory() { close(file_); }

void FileHistory::Append(HistoryRecord record) {
  record.moment = absl::ToInt64Nanoseconds(order_.SinceBoot());
  const std::string line = EncodeHistoryRecord(record) + "\n";
  ssize_t written = 0;
  do {
    written = write(file_, line.data(), line.size());
  } while (written < 0 && errno == EINTR);
  if (written != static_cast<ssize_t>(line.size())) std::abort();
}

absl::StatusOr<std::vector<HistoryRecord>> ReadHistory(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::NotFoundError(fmt::format("there is no file {}", path));
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (file.bad()) return absl::UnavailableError(fmt::format("{} cannot be read", path));
  return DecodeHistory(text);
}

}  // namespace outlive::testing
