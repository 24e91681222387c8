#include "report/xlsx_package.h"

#include <absl/status/status.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace outlive::rendering {
namespace {

// The least that a sheet of ours has besides its rows: declaration, root element with its name
// spaces, frozen pane, columns, filter, page, and the ends of all that.
constexpr std::uint64_t kSheetFrameBytes = 740;

// A directory is some hundred bytes an entry, and there are as many entries as sheets, about.
constexpr std::size_t kDirectoryBytesMax = std::size_t{64} << 20;

std::uint32_t Number(std::string_view bytes, std::size_t at, std::size_t size) {
  std::uint32_t number = 0;
  for (std::size_t i = size; i-- > 0;) {
    number = number << 8 | static_cast<std::uint8_t>(bytes[at + i]);
  }
  return number;
}

absl::Status Broken(std::string_view what) {
  return absl::UnavailableError(
      fmt::format("xlsx: the file is not whole ({}); is the disk full?", what));
}

// The sizes of the entries before compression, by name. Empty: there is no directory.
// A size that does not fit in 32 bits is the largest number that does.
std::optional<std::map<std::string, std::uint32_t>> EntrySizes(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const auto size = static_cast<std::size_t>(std::max<std::streamoff>(file.tellg(), 0));
  constexpr std::size_t kEndBytes = 22;
  if (!file || size < kEndBytes) return std::nullopt;

  // The library writes no comment: the end record is at the very end.
  std::string end(kEndBytes, '\0');
  file.seekg(-static_cast<std::streamoff>(kEndBytes), std::ios::end);
  file.read(end.data(), static_cast<std::streamsize>(end.size()));
  if (!file || !end.starts_with("PK\x05\x06")) return std::nullopt;
  const std::size_t directory_size = Number(end, 12, 4);
  const std::size_t directory_end = size - kEndBytes;
  // In the long form more records stand between the directory and its end; Broken() would be wrong.
  const std::size_t directory_at = Number(end, 16, 4);
  if (directory_at == 0xFFFFFFFF) return std::map<std::string, std::uint32_t>();
  if (directory_size > kDirectoryBytesMax || directory_at + directory_size > directory_end) {
    return std::nullopt;
  }

  std::string directory(directory_size, '\0');
  file.seekg(static_cast<std::streamoff>(directory_at));
  file.read(directory.data(), static_cast<std::streamsize>(directory.size()));
  if (!file) return std::nullopt;
  std::map<std::string, std::uint32_t> sizes;
  constexpr std::size_t kEntryBytes = 46;
  std::size_t at = 0;
  while (at + kEntryBytes <= directory.size() && directory.compare(at, 4, "PK\x01\x02") == 0) {
    const std::size_t name_size = Number(directory, at + 28, 2);
    const std::size_t rest = Number(directory, at + 30, 2) + Number(directory, at + 32, 2);
    if (at + kEntryBytes + name_size + rest > directory.size()) return std::nullopt;
    sizes[directory.substr(at + kEntryBytes, name_size)] = Number(directory, at + 24, 4);
    at += kEntryBytes + name_size + rest;
  }
  return sizes;
}

}  // namespace

absl::Status CheckPackage(const std::string& path, const std::vector<SheetSize>& sheets) {
  const std::optional<std::map<std::string, std::uint32_t>> sizes = EntrySizes(path);
  if (!sizes.has_value()) return Broken("no directory");
  if (sizes->empty()) return absl::OkStatus();  // Too large for what is checked here.
  for (const SheetSize& sheet : sheets) {
    const std::string name = fmt::format("xl/worksheets/sheet{}.xml", sheet.index + 1);
    const auto found = sizes->find(name);
    if (found == sizes->end()) return Broken(name);
    const bool long_size = found->second == 0xFFFFFFFF;
    if (!long_size && found->second < sheet.byte_count + kSheetFrameBytes) return Broken(name);
  }
  return absl::OkStatus();
}

}  // namespace outlive::rendering
