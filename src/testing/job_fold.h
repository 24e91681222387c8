// FoldJob replays the event log of one job through the lifecycle: what it says, and whether it may
// say so.
#ifndef OUTLIVE_SRC_TESTING_JOB_FOLD_H_
#define OUTLIVE_SRC_TESTING_JOB_FOLD_H_

#include <cstdint>
#include <map>
#include <vector>

#include "testing/run_index.h"
#include "testing/verdict.h"

namespace outlive::testing::internal {

// From a claim to the end of that lease.
struct FoldedAttempt {
  std::int64_t fence = 0;
  int generation = 0;
  int number = 0;   // Of the attempt, as the store counts it: 1, 2, …
  int crashes = 0;  // Before it, in its generation.
  const Event* claimed = nullptr;
  const Event* ended = nullptr;  // Null: it runs on.
  bool crashed = false;          // Taken away, not ended by its holder.
};

// How one generation ended.
struct FoldedEnd {
  int generation = 0;
  const Event* event = nullptr;
  const FoldedAttempt* attempt = nullptr;  // Null: cancelled while it waited.
};

struct JobFold {
  // False: the log is not that of a job; what is below goes as far as it made sense.
  bool sound = true;

  const Event* enqueued = nullptr;
  const Event* discarded = nullptr;
  JobState state = JobState::kPending;
  int attempt = 0;
  int crashes = 0;
  int generation = 0;
  std::int64_t fence = 0;
  bool cancel_requested = false;

  std::map<std::int64_t, FoldedAttempt> attempts;  // By fence.
  std::vector<FoldedEnd> ends;                     // By generation.

  const FoldedAttempt* FindAttempt(std::int64_t of_fence) const {
    const auto found = attempts.find(of_fence);
    return found == attempts.end() ? nullptr : &found->second;
  }
};

using JobFolds = std::map<JobId, JobFold>;

// The first thing that may not be ends the fold, as a violation of I4, I5, I6, I7, I8, I17 or I19.
JobFold FoldJob(const JobTrace& trace, const CheckOptions& options, Verdict& verdict);

}  // namespace outlive::testing::internal

#endif  // OUTLIVE_SRC_TESTING_JOB_FOLD_H_
