#include "artifact/artifact_text.h"

#include <algorithm>
#include <cstddef>

#include "core/utf8.h"

namespace outlive::internal {
namespace {

bool HasControl(std::string_view utf8) {
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    const auto byte = static_cast<unsigned char>(utf8[i]);
    if (byte < 0x20 || byte == 0x7F) return true;
    // U+0080 to U+009F.
    if (byte == 0xC2 && static_cast<unsigned char>(utf8[i + 1]) < 0xA0) return true;
  }
  return false;
}

bool IsRestrictedName(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$&-^_.+").find(c) != std::string_view::npos;
  });
}

}  // namespace

bool IsArtifactId(std::string_view text) {
  return text.size() == 32 && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

absl::Status ValidateArtifactName(std::string_view name) {
  if (name.empty() || name.size() > 255 || !IsUtf8(name) || HasControl(name)) {
    return absl::InvalidArgumentError(
        "an artifact's name must be 1 to 255 bytes of UTF-8 without control characters");
  }
  return absl::OkStatus();
}

absl::Status ValidateMediaType(std::string_view media_type) {
  const std::string_view essence = media_type.substr(0, media_type.find(';'));
  const std::size_t slash = essence.find('/');
  const bool printable = std::all_of(media_type.begin(), media_type.end(),
                                     [](char c) { return c >= 0x20 && c < 0x7F; });
  if (media_type.size() > 127 || !printable || slash == std::string_view::npos ||
      !IsRestrictedName(essence.substr(0, slash)) || !IsRestrictedName(essence.substr(slash + 1))) {
    return absl::InvalidArgumentError("an artifact's media type must be like \"application/pdf\"");
  }
  return absl::OkStatus();
}

}  // namespace outlive::internal
