// The checks that CheckRun() is made of. Each takes what was seen, in order, and what the event log
// says of each job, and adds what it finds to the verdict.
#ifndef OUTLIVE_SRC_TESTING_CHECKS_H_
#define OUTLIVE_SRC_TESTING_CHECKS_H_

#include <cstdint>
#include <string_view>

#include "testing/job_fold.h"
#include "testing/run_index.h"
#include "testing/verdict.h"

namespace outlive::testing::internal {

// The order of the log, and the final state against it: I1, I6, I15, I17.
void CheckFinalState(const RunIndex& index, const JobFolds& folds, Verdict& verdict);

// What was asked for, and what became of it: I1, I2, I3, I9, I19.
void CheckEnqueues(const RunIndex& index, const JobFolds& folds, Verdict& verdict);
void CheckKeys(const RunIndex& index, const JobFolds& folds, Verdict& verdict);
void CheckChanges(const RunIndex& index, const JobFolds& folds, Verdict& verdict);

// Claims, starts and ends of attempts against the log: I2, I4, I5, I6, I10, I11.
void CheckClaims(const RunIndex& index, const JobFolds& folds, Verdict& verdict);
void CheckStarts(const RunIndex& index, const JobFolds& folds, Verdict& verdict);
void CheckWrites(const RunIndex& index, const JobFolds& folds, Verdict& verdict);
void CheckDueTimes(const RunIndex& index, const JobFolds& folds, Verdict& verdict);
void CheckRetryDelays(const RunIndex& index, const JobFolds& folds, Verdict& verdict);
void CheckRescues(const RunIndex& index, const JobFolds& folds, Verdict& verdict);

// What attempts leave behind: I3, I5, I20, I21.
void CheckKept(const RunIndex& index, const JobFolds& folds, Verdict& verdict);
void CheckEffects(const RunIndex& index, const JobFolds& folds, Verdict& verdict);
void CheckFollowUps(const RunIndex& index, const JobFolds& folds, Verdict& verdict);

// What is known of a job's kind; empty: nothing.
inline std::string_view KindOf(const JobTrace& trace) {
  if (trace.job != nullptr) return trace.job->kind;
  if (!trace.enqueues.empty()) return trace.enqueues.front()->invoke->kind;
  if (!trace.starts.empty()) return trace.starts.front()->invoke->kind;
  return {};
}

// The claim that has given out a lease. One that was rolled back has given out nothing: its fence
// is given out again. Null: nobody can tell which of several it was.
inline const Operation* GrantOf(const JobTrace& trace, std::int64_t fence) {
  const Operation* possible = nullptr;
  int possible_count = 0;
  for (const Operation* const claim : trace.claims) {
    if (claim->invoke->fence != fence || claim->failed()) continue;
    if (claim->ok()) return claim;
    possible = claim;
    ++possible_count;
  }
  return possible_count == 1 ? possible : nullptr;
}

// The fold of a job whose log made sense; else null: its violation has been told already.
inline const JobFold* SoundFold(const JobFolds& folds, JobId id) {
  const auto found = folds.find(id);
  return found == folds.end() || !found->second.sound ? nullptr : &found->second;
}

}  // namespace outlive::testing::internal

#endif  // OUTLIVE_SRC_TESTING_CHECKS_H_
