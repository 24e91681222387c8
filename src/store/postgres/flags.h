// Bits of the `flags` columns: which side tables have rows of a job, so that jobs without any are
// claimed, ended and deleted without looking. Persisted: never renumber, never reuse a bit.
#ifndef OUTLIVE_SRC_STORE_POSTGRES_FLAGS_H_
#define OUTLIVE_SRC_STORE_POSTGRES_FLAGS_H_

namespace outlive::postgres {

inline constexpr int kHasFollowUps = 1;
inline constexpr int kHasTags = 2;
inline constexpr int kHasErrors = 4;
inline constexpr int kHasCheckpoint = 8;
inline constexpr int kHasOutput = 16;
inline constexpr int kHasArtifacts = 32;
inline constexpr int kCancelRequested = 64;  // Somebody asked it to stop; no rows.

}  // namespace outlive::postgres

#endif  // OUTLIVE_SRC_STORE_POSTGRES_FLAGS_H_
