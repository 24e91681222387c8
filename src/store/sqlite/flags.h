// Bits of the `flags` columns: which side tables have rows of a job, so that jobs without any are
// claimed, ended and deleted without looking. Persisted: never renumber, never reuse a bit.
#ifndef OUTLIVE_SRC_STORE_SQLITE_FLAGS_H_
#define OUTLIVE_SRC_STORE_SQLITE_FLAGS_H_

#include <cstdint>

namespace outlive::sqlite {

inline constexpr std::int64_t kHasFollowUps = 1;
inline constexpr std::int64_t kHasTags = 2;
inline constexpr std::int64_t kHasErrors = 4;
inline constexpr std::int64_t kHasCheckpoint = 8;
inline constexpr std::int64_t kHasOutput = 16;
inline constexpr std::int64_t kHasArtifacts = 32;
inline constexpr std::int64_t kCancelRequested = 64;  // Somebody asked it to stop; no rows.

}  // namespace outlive::sqlite

#endif  // OUTLIVE_SRC_STORE_SQLITE_FLAGS_H_
