#include "report_app/keys.h"

#include <absl/cleanup/cleanup.h>
#include <absl/strings/ascii.h>
#include <absl/strings/str_split.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <system_error>

namespace report_app {
namespace {

constexpr std::size_t kSecretBytes = 32;
constexpr std::size_t kFileBytesMax = 64 * 1024;

absl::Status Unavailable(std::string_view what, const std::string& path) {
  return absl::UnavailableError(
      fmt::format("cannot {} {}: {}", what, path, std::generic_category().message(errno)));
}

// Puts `text` at `path` as a whole, unless there is something already.
absl::Status MakeFile(const std::string& path, std::string_view text) {
  const std::string temporary = fmt::format("{}.{}.tmp", path, getpid());
  (void)unlink(temporary.c_str());  // Of a process that died here and had our number.
  const int file = open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return Unavailable("create", temporary);
  const bool written = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                       fsync(file) == 0;
  absl::Status status = written ? absl::OkStatus() : Unavailable("write", temporary);
  close(file);
  if (status.ok() && link(temporary.c_str(), path.c_str()) != 0 && errno != EEXIST) {
    status = Unavailable("create", path);
  }
  (void)unlink(temporary.c_str());
  return status;
}

absl::StatusOr<std::string> ReadPrivateFile(int file, const std::string& path) {
  struct stat info = {};
  if (fstat(file, &info) != 0) return Unavailable("look at", path);
  if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return absl::FailedPreconditionError(
        fmt::format("{} can be read by others; its mode must be 0600", path));
  }
  std::string text(kFileBytesMax, '\0');
  const ssize_t count = read(file, text.data(), text.size());
  if (count < 0) return Unavailable("read", path);
  text.resize(static_cast<std::size_t>(count));
  return text;
}

bool IsSecret(std::string_view text) {
  return text.size() == 2 * kSecretBytes &&
         std::all_of(text.begin(), text.end(), [](char c) { return absl::ascii_isxdigit(c); });
}

absl::StatusOr<Keys> ParseKeys(const std::string& text, const std::string& path) {
  Keys keys;
  int number = 0;
  for (const std::string& line : std::vector<std::string>(absl::StrSplit(text, '\n'))) {
    ++number;
    const std::vector<std::string> words = absl::StrSplit(line, ' ', absl::SkipWhitespace());
    if (words.empty() || words[0].starts_with('#')) continue;
    if (words[0] == "link" && words.size() == 3 && IsSecret(words[2])) {
      keys.links.push_back({.id = words[1], .secret = outlive::Secret(words[2])});
    } else if (words[0] == "cookie" && words.size() == 2 && IsSecret(words[1])) {
      keys.cookies.emplace_back(words[1]);
    } else {
      return absl::FailedPreconditionError(
          fmt::format("{}, line {}: neither `link ID SECRET` nor `cookie SECRET`", path, number));
    }
  }
  if (keys.links.empty() || keys.cookies.empty()) {
    return absl::FailedPreconditionError(
        fmt::format("{} needs a key for links and one for cookies", path));
  }
  return keys;
}

}  // namespace

absl::StatusOr<Keys> ReadOrMakeKeys(const std::string& path, outlive::RandomSource& random) {
  int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0 && errno == ENOENT) {
    const absl::Status made = MakeFile(
        path, fmt::format("# The secrets of this report app.\nlink {} {}\ncookie {}\n",
                          outlive::RandomHex(random, 4), outlive::RandomHex(random, kSecretBytes),
                          outlive::RandomHex(random, kSecretBytes)));
    if (!made.ok()) return made;
    file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  }
  if (file < 0) return Unavailable("open", path);
  const absl::Cleanup close_file = [file] { close(file); };
  absl::StatusOr<std::string> text = ReadPrivateFile(file, path);
  if (!text.ok()) return text.status();
  return ParseKeys(*text, path);
}

}  // namespace report_app
