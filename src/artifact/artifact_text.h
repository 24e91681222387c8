// What may stand in an artifact's row: its id, its name, its media type.
#ifndef OUTLIVE_SRC_ARTIFACT_ARTIFACT_TEXT_H_
#define OUTLIVE_SRC_ARTIFACT_ARTIFACT_TEXT_H_

#include <absl/status/status.h>

#include <string_view>

namespace outlive::internal {

// 32 lower-case hexadecimal digits: the only thing that ever becomes a path.
bool IsArtifactId(std::string_view text);

// 1 to 255 bytes of UTF-8 without control characters (C0, DEL, C1). Anything else is fine, because
// a name is never part of a path.
absl::Status ValidateArtifactName(std::string_view name);

// "type/subtype" of RFC 6838, with or without parameters; at most 127 bytes. It becomes a header.
absl::Status ValidateMediaType(std::string_view media_type);

}  // namespace outlive::internal

#endif  // OUTLIVE_SRC_ARTIFACT_ARTIFACT_TEXT_H_
