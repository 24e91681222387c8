#include "isolate/frame.h"

#include <fmt/format.h>

#include <cstdint>

namespace outlive::isolate {

void AppendFrame(std::string& bytes, std::string_view body) {
  const auto length = static_cast<std::uint32_t>(body.size());
  for (std::size_t i = 0; i < kFrameHeadBytes; ++i) {
    bytes.push_back(static_cast<char>(length >> (8 * i) & 0xFF));
  }
  bytes.append(body);
}

absl::StatusOr<std::optional<std::string_view>> FirstFrame(std::string_view bytes) {
  if (bytes.size() < kFrameHeadBytes) return std::nullopt;
  std::uint32_t length = 0;
  for (std::size_t i = 0; i < kFrameHeadBytes; ++i) {
    length |= std::uint32_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  }
  if (length > kFrameBytesMax) {
    return absl::InvalidArgumentError(
        fmt::format("a frame must have at most {} bytes, and has {}", kFrameBytesMax, length));
  }
  bytes.remove_prefix(kFrameHeadBytes);
  if (bytes.size() < length) return std::nullopt;
  return bytes.substr(0, length);
}

}  // namespace outlive::isolate
