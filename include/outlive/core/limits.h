// Every bound of the library in one place. Going over one is a clear kInvalidArgument (or
// kResourceExhausted, where waiting helps), given before anything is allocated or written.
#ifndef OUTLIVE_CORE_LIMITS_H_
#define OUTLIVE_CORE_LIMITS_H_

#include <cstddef>

namespace outlive::limits {

// Bytes of a job's arguments, of its checkpoint, and of its output; each on its own.
inline constexpr std::size_t kPayloadBytesMax = std::size_t{1} << 20;

// Depth of nesting in JSON arguments.
inline constexpr int kJsonDepthMax = 64;

// Characters of a queue name, kind or tag: `[A-Za-z0-9._:/-]{1,128}`.
inline constexpr std::size_t kNameBytesMax = 128;

// Characters of an idempotency key or partition key. Any bytes but NUL.
inline constexpr std::size_t kKeyBytesMax = 512;

// Tags of one job.
inline constexpr std::size_t kTagCountMax = 16;

// Follow-up jobs of one job.
inline constexpr std::size_t kFollowUpCountMax = 8;

// Jobs of one EnqueueMany, which is one transaction.
inline constexpr std::size_t kInsertJobCountMax = 10'000;

// Jobs in one claim. Commits of more than about a thousand jobs are slower again.
inline constexpr int kClaimJobCountMax = 1'000;

// Jobs that share one commit, after which GroupCommit starts the next one. A single request that
// is larger gets a commit of its own.
inline constexpr int kCommitJobCountMax = 1'000;

// Priorities go from 0, which is first, to this.
inline constexpr int kPriorityMax = 9;
inline constexpr int kPriorityDefault = 5;

// Attempts of one job.
inline constexpr int kAttemptCountMax = 10'000;
inline constexpr int kAttemptCountDefault = 5;

// Attempts of a job that may end by the loss of their process, before it is dead.
inline constexpr int kCrashCountMaxDefault = 3;

// Errors kept in a job's history: the first and the latest ones.
inline constexpr std::size_t kErrorCountMax = 100;

// Bytes of an error message, progress note or reason. Longer ones are cut.
inline constexpr std::size_t kMessageBytesMax = 4'096;

// Rows of one page of a listing.
inline constexpr int kPageRowCountMax = 1'000;

// Jobs that run at once in one queue of one process.
inline constexpr int kConcurrencyMax = 100'000;

// Queues that one runner works on.
inline constexpr int kRunnerQueueCountMax = 1'000;

static_assert(kClaimJobCountMax <= kCommitJobCountMax);
static_assert(kRunnerQueueCountMax <= kClaimJobCountMax);
static_assert(kAttemptCountDefault <= kAttemptCountMax);
static_assert(kPriorityDefault <= kPriorityMax);

}  // namespace outlive::limits

#endif  // OUTLIVE_CORE_LIMITS_H_
