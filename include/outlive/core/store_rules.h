// What every JobStore decides alike, as pure functions, so that two stores cannot differ in it:
// what is valid, how an attempt's end is read, how errors are kept, what follows an end. For those
// who write a store; everybody else meets it only in its results.
//
//   request ──► Validate…() ──► (the store's own rows) ──► EndTransition(), AddError(), …
//
// Thread-safety: pure functions.
// Errors:        Validate…() give OK, or one kInvalidArgument that names every fault.
#ifndef OUTLIVE_CORE_STORE_RULES_H_
#define OUTLIVE_CORE_STORE_RULES_H_

#include <absl/status/status.h>
#include <absl/time/time.h>
#include <absl/types/span.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "outlive/core/event.h"
#include "outlive/core/job.h"
#include "outlive/core/job_store.h"

namespace outlive {

// The longest delay and the longest lease.
inline constexpr absl::Duration kDelayMax = absl::Hours(24 * 366);

// -- What is valid ----------------------------------------------------------------------------
// Beside ValidateNewJob(). The first two are for the whole call, and so are those of requests;
// those of Finished, WorkerWrite and Change are for the element.

// A batch has at most limits::kInsertJobCountMax elements.
absl::Status ValidateBatch(std::size_t element_count);

// A session has a name, and its lease is more than 0 and at most kDelayMax.
absl::Status ValidateSession(std::string_view session, absl::Duration lease);

absl::Status ValidateClaimRequest(const ClaimRequest& request);
absl::Status ValidateRescueRequest(const RescueRequest& request);
absl::Status ValidatePruneRequest(const PruneRequest& request);
absl::Status ValidateReencryptRequest(const ReencryptRequest& request);
absl::Status ValidateJobPage(const JobPage& page);

absl::Status ValidateFinished(const Finished& finished);
absl::Status ValidateWorkerWrite(const WorkerWrite& write);
absl::Status ValidateChange(const Change& change);

// -- Time -------------------------------------------------------------------------------------

// Whole microseconds, rounded down. Infinite times stay what they are.
absl::Time ToStoreTime(absl::Time time);

// When a new job is due: as asked for, but not before `now`.
absl::Time DueTime(absl::Time asked, absl::Time now);

// -- Ends of attempts -------------------------------------------------------------------------

// The transition that a Finished makes, kCrash apart: what it says, but kCancel for kRetry, kSnooze
// and kRelease of a job that was asked to stop.
Transition EndTransition(Transition asked, bool cancel_requested);

// The same for kRescue and kCrash (`by`) of a job with `crashes` crashes, this one included: what
// it says, but kDie where they have reached crash_count_max, and kCancel where the job was asked to
// stop.
Transition LossTransition(Transition by, int crashes, int crash_count_max, bool cancel_requested);

// Whether the error of a Finished with this transition goes into the history.
bool KeepsError(Transition asked);

// What the event log says of it. Not for kUnblock, which has no event: that gives kEnqueued.
EventType EventOf(Transition transition);

// -- Conflicts --------------------------------------------------------------------------------

// kUnavailable because two transactions were in each other's way, and this one was undone for the
// other's sake: doing the same again is likely to work. GroupCommit does.
absl::Status ConflictError(std::string_view message);
bool IsConflict(const absl::Status& status);

// -- Errors -----------------------------------------------------------------------------------

// Adds one to a history, cleaned by EscapeForLog(). Over limits::kErrorCountMax, the first half and
// the latest half are kept.
void AddError(std::vector<AttemptError>& errors, AttemptError error);

// What the history says of an attempt whose session expired.
AttemptError LostError(int attempt, absl::Time at);

// Which DeadLetterGroup a dead job belongs to: 32 hexadecimal digits made of its kind, and of the
// code and the message of its last error, where every number counts as the same.
std::string ErrorGroupKey(std::string_view kind, absl::Span<const AttemptError> errors);

// -- Follow-ups -------------------------------------------------------------------------------

// The jobs to insert with the end of `ended`, which is as it is after its end, errors included.
// They are inserted as they are, unchecked: backlog_max does not hold them up.
std::vector<NewJob> FollowUpJobs(absl::Span<const FollowUp> follow_ups, const Job& ended);

}  // namespace outlive

#endif  // OUTLIVE_CORE_STORE_RULES_H_
