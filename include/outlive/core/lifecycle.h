// The states of a job and the transitions between them: one table, used by every store and shown
// in docs/lifecycle.md.
//
// Thread-safety: pure functions.
#ifndef OUTLIVE_CORE_LIFECYCLE_H_
#define OUTLIVE_CORE_LIFECYCLE_H_

#include <optional>
#include <string_view>

namespace outlive {

// Persisted: never renumber, never reuse a number.
enum class JobState : int {
  kPending = 0,    // Due once run_at has come: scheduled, available and retryable are all this.
  kBlocked = 1,    // Waits for another job.
  kRunning = 2,    // Leased to a session.
  kCompleted = 3,  // Ended well.
  kCancelled = 4,  // Ended because somebody asked for it.
  kDead = 5,       // Cannot succeed: waits in the dead-letter store for a person.
};
inline constexpr int kJobStateCount = 6;

// What can happen to a job. Stores keep some of them: never renumber.
enum class Transition : int {
  kClaim,     // A session leases it.
  kComplete,  // Its worker is done.
  kRetry,     // Its worker failed, and it may try again.
  kSnooze,    // Its worker asks for a later time; no attempt is burnt.
  kRelease,   // Its runner stops and hands it back; no attempt is burnt.
  kRescue,    // Its session expired; counts as a crash.
  kCancel,    // Somebody does not want it any more.
  kDie,       // It cannot succeed.
  kRequeue,   // A person sends it back to work: a new generation.
  kUnblock,   // What it waited for has ended.
  kCrash,     // The process of its own that ran it has died; counts as a crash.
};
inline constexpr int kTransitionCount = 11;

// The state after `transition` out of `from`; nothing where that is not allowed.
std::optional<JobState> NextState(JobState from, Transition transition);

// Completed, cancelled or dead: only kRequeue leads out.
bool IsTerminal(JobState state);

// "pending", "running", … and back. Stable: used in the API, in metrics and in exports. A number
// that is no state is "unknown".
std::string_view JobStateName(JobState state);
std::optional<JobState> JobStateFromName(std::string_view name);

// "claim", "complete", … as above.
std::string_view TransitionName(Transition transition);

}  // namespace outlive

#endif  // OUTLIVE_CORE_LIFECYCLE_H_
