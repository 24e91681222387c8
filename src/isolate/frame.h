// Frames are how messages cross a socket: four bytes of length, the lowest first, then so many
// bytes. Pure functions: what a child sends is input of unknown origin.
#ifndef OUTLIVE_SRC_ISOLATE_FRAME_H_
#define OUTLIVE_SRC_ISOLATE_FRAME_H_

#include <absl/status/statusor.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "outlive/core/limits.h"

namespace outlive::isolate {

inline constexpr std::size_t kFrameHeadBytes = 4;

// Bytes of a frame after its length: arguments and checkpoint of a job, and what else it has.
inline constexpr std::size_t kFrameBytesMax =
    2 * limits::kPayloadBytesMax + (std::size_t{64} << 10);
static_assert(kFrameBytesMax <= 0xFFFF'FFFF);

// `body` has at most kFrameBytesMax bytes.
void AppendFrame(std::string& bytes, std::string_view body);

// The body of the first frame of `bytes`, which is kFrameHeadBytes larger; nothing where that is
// not all there yet. Allocates nothing, whatever length is announced.
//
// Errors: kInvalidArgument: a frame over the limit. What follows cannot be read.
absl::StatusOr<std::optional<std::string_view>> FirstFrame(std::string_view bytes);

}  // namespace outlive::isolate

#endif  // OUTLIVE_SRC_ISOLATE_FRAME_H_
