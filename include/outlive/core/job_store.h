// JobStore is the durable half of the library. Whatever a job must keep across a crash goes through
// this port; nothing else in the library talks to a database.
//
//   Begin ──► Insert … Claim … (a Worker runs) … Finish ──► Commit ──► wake-ups, EventsAfter
//
// It is synchronous, transactional and batch-shaped, so that anybody can write one and so that one
// commit can serve many callers (GroupCommit).
//
// What every store decides alike (what is valid, how errors are kept, what a follow-up is told) is
// in core/store_rules.h, and how payloads are kept, sealed or not, in core/payloads.h;
// docs/guides/writing-a-store.md has the rest.
//
// Thread-safety: a store may be used from many threads at once. One write transaction is open at a
//                time: Begin() waits for the one before. (Where StoreInfo::upkeep_apart says so,
//                one of each Upkeep beside it.) A transaction is for one thread.
// Lifetime:      the store outlives every transaction and subscription it has given out.
// Time:          comes from the store's clock, never goes back; callers never pass "now". "Now" is
//                one moment for a whole transaction: when Begin(), BeginUpkeep() or Join(), or the
//                first call, has got it. Stores keep whole microseconds, rounded down. What lasts
//                until a moment is over at it.
// Errors:        kUnavailable: nothing was written; calling again is safe.
//                kUnknown: the commit is in doubt; each method says what makes a repeat safe.
//                kDeadlineExceeded: a read took longer than its deadline.
//                kFailedPrecondition, kDataLoss: a person has to look at the store.
//                docs/errors.md lists every code and what the engine does on it.
#ifndef OUTLIVE_CORE_JOB_STORE_H_
#define OUTLIVE_CORE_JOB_STORE_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <absl/types/span.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "outlive/core/clock.h"
#include "outlive/core/event.h"
#include "outlive/core/host_transaction.h"
#include "outlive/core/job.h"
#include "outlive/core/lifecycle.h"

namespace outlive {

// -- What goes in and out of a transaction ---------------------------------------------------

struct Inserted {
  JobId id = 0;
  bool duplicate = false;  // The key had been used with the same arguments: this is the first job.
};

// The right to write on behalf of one attempt.
struct Lease {
  JobId job = 0;
  std::int64_t fence = 0;
};

struct QueueClaim {
  std::string queue = {};
  int job_count_max = 0;  // 0: none now.
};

struct ClaimRequest {
  std::string session = {};             // Open.
  std::vector<QueueClaim> queues = {};  // Distinct.
  std::vector<std::string> kinds = {};  // What this process can run. Distinct.
};

struct ClaimedJob {
  Lease lease = {};
  std::size_t queue = 0;  // Index into ClaimRequest::queues.
  std::size_t kind = 0;   // Index into ClaimRequest::kinds.
  int priority = 0;
  int attempt = 0;  // This one: 1, 2, …
  int attempt_count_max = 0;
  int crashes = 0;
  absl::Time run_at = {};      // When it became due.
  absl::Time started_at = {};  // Now, by the store's clock.
  std::string args = {};
  std::string checkpoint = {};
  std::string retry_policy = {};
  std::string traceparent = {};

  // Not OK: args or checkpoint are kept sealed and could not be opened, and are empty here. The
  // attempt counts, and its holder ends it without running it: kDataLoss, for good;
  // kFailedPrecondition, for this time (core/payload_cipher.h).
  absl::Status payload_status = {};
};

struct ClaimResult {
  std::vector<ClaimedJob> jobs = {};

  // When the next job of these queues and kinds is due, as far as known now; InfiniteFuture: none
  // is waiting; InfinitePast: there may be more due than were asked for (else there are none).
  // Paused queues and those asked for 0 jobs do not count.
  absl::Time next_run_at = absl::InfiniteFuture();
};

// The end of one attempt.
struct Finished {
  Lease lease = {};

  // kComplete, kRetry, kSnooze, kRelease, kCancel, kDie or kCrash.
  Transition transition = Transition::kComplete;

  // kRetry, kSnooze, kCrash: due again this long after now. From 0 to kDelayMax.
  absl::Duration delay = absl::ZeroDuration();

  // What does not belong to the transition is not looked at.
  std::string output = {};  // kComplete.
  std::optional<AttemptError> error =
      {};  // kRetry, kDie, kCancel, kCrash; `at` and `attempt` are the store's.

  // kCrash: a job whose crashes reach this is dead. 1 or more.
  int crash_count_max = limits::kCrashCountMaxDefault;
};

// What a running attempt keeps. Only what is set is written.
struct WorkerWrite {
  Lease lease = {};
  std::optional<double> progress = {};  // 0 to 1. Smaller than what is stored: left as it is.
  std::optional<std::string> progress_note = {};
  std::optional<std::string> checkpoint = {};
  std::optional<Artifact> artifact = {};  // job_id and fence are taken from the lease.
};

// What a person asks for.
struct Change {
  enum class Action {
    // Pending or blocked: cancelled now. Running: its worker is asked to stop; the job goes on
    // running, and however that attempt ends, other than by kComplete or kDie, it is cancelled.
    kCancel,

    // Dead, cancelled or completed: pending again, a new generation with a new fence. Attempts,
    // crashes, progress, output and the wish to cancel are gone; history, checkpoint and artifacts
    // stay.
    kRequeue,

    // Dead: deleted, with its history and artifacts. Its idempotency key stays until its window
    // has ended.
    kDiscard,
  };
  JobId id = 0;
  Action action = Action::kCancel;

  // kCancel: goes into the history as a kCancelled entry, unless it is empty or nothing changes.
  std::string reason;

  // kRequeue: due this long after now. From 0 to kDelayMax.
  absl::Duration delay = absl::ZeroDuration();
};

struct RescueRequest {
  int job_count_max = 0;      // 1 or more.
  int crash_count_max = 0;    // A job whose crashes reach this is dead. 1 or more.
  absl::Duration delay = {};  // Before a rescued job is due again. From 0 to kDelayMax.
};

struct Rescued {
  JobId id = 0;
  std::string kind = {};
  std::string queue = {};
  int attempt = 0;                      // The one that was lost.
  JobState state = JobState::kPending;  // Or dead; or cancelled, where it had been asked to stop.
};

struct PruneRequest {
  // How long ended jobs are kept, from their end. Zero or more. Infinite: for ever.
  absl::Duration keep_completed = absl::Hours(24);
  absl::Duration keep_cancelled = absl::Hours(24);
  absl::Duration keep_dead = absl::InfiniteDuration();
  int row_count_max = 1'000;  // Jobs, keys and events, of each at most so many. 1 or more.
};

struct PruneResult {
  int job_count = 0;
  int key_count = 0;    // Idempotency keys whose window has ended.
  int event_count = 0;  // Entries of the log older than keep_completed.
  bool more = false;    // The limit was reached, or there may be more for another reason.
};

struct ReencryptRequest {
  JobId after = 0;        // Jobs with greater ids.
  int job_count_max = 0;  // To look at. 1 or more.
};

struct ReencryptResult {
  JobId last = 0;            // The greatest id it has looked at: where to go on.
  int job_count = 0;         // Looked at.
  int renewed_count = 0;     // Jobs of which something was sealed anew.
  int unreadable_count = 0;  // Jobs of which something could not be opened, and stays as it is.
  bool more = false;         // There may be jobs after `last`.
};

struct QueueSettings {
  std::string queue = {};
  bool paused = false;  // Its jobs are not claimed.
};

// -- What readers get -------------------------------------------------------------------------

struct JobFilter {
  std::optional<JobState> state = {};
  std::string kind = {};         // Empty: every kind.
  std::string queue = {};        // Empty: every queue.
  std::string tag = {};          // Empty: any.
  std::string error_group = {};  // Empty: any; else DeadLetterGroup::key. Dead jobs only.
};

// Pages go from the newest job to the oldest, by id.
struct JobPage {
  JobId before = 0;         // Jobs with a smaller id; 0: from the newest.
  int row_count_max = 100;  // 1 to limits::kPageRowCountMax.
};

struct JobStats {
  struct Lane {
    std::string queue = {};
    std::string kind = {};
    std::int64_t pending = 0;  // Due or scheduled.
    std::int64_t running = 0;
    std::int64_t blocked = 0;
    std::int64_t completed = 0;  // As far as retention keeps them.
    std::int64_t cancelled = 0;
    std::int64_t dead = 0;
    absl::Time oldest_due = absl::InfiniteFuture();  // run_at of the oldest due job.
  };
  absl::Time now;                     // By the store's clock.
  std::vector<Lane> lanes;            // Those that have jobs, by queue, then kind.
  std::vector<QueueSettings> queues;  // Those that were ever set, by name.
};

// Dead letters that died of the same thing: ErrorGroupKey() is the same.
struct DeadLetterGroup {
  std::string key = {};  // For JobFilter::error_group.
  std::string kind = {};
  std::string message = {};  // Of the newest one's last error.
  absl::StatusCode code = absl::StatusCode::kUnknown;
  std::int64_t job_count = 0;
  JobId newest = 0;           // The greatest id.
  absl::Time newest_at = {};  // When that job ended.
};

// What BeginUpkeep() is asked for.
enum class Upkeep {
  kLeases,  // OpenSession(), RenewSession() and CloseSession().
  kSweep,   // Rescue() and Prune().
};

// What a store can do beyond the port.
struct StoreInfo {
  std::string name = {};      // "memory", "sqlite", "postgres".
  std::string version = {};   // Of the database: "SQLite 3.40.1".
  std::string store_id = {};  // 32 hexadecimal digits, made with the store's first schema.
  int schema_version = 0;
  bool durable = false;   // Survives the process.
  bool shared = false;    // Other processes may work on it too.
  bool can_join = false;  // Join() works.
  bool sealing = false;   // It was given a cipher (core/payload_cipher.h).

  // A transaction of each Upkeep can be open beside one of Begin().
  bool upkeep_apart = false;

  // Other processes' transactions may hold the jobs that Apply() waits for: it belongs into a
  // transaction of its own, because it could deadlock with theirs where it shared one with ends.
  bool changes_apart = false;
};

// What a wake-up may be about. A hint: it can come late, twice or for nothing, and others can
// be lost; whoever waits also polls.
struct WakeHint {
  bool work = false;     // Jobs may have become due, or a queue was resumed.
  bool changed = false;  // The event log has grown.
  bool cancel = false;   // Running jobs may have been asked to stop.
};

// Ends the subscription when destroyed; no call is under way or comes after that. Destroying it
// inside its own call is allowed: then that call is the last one.
class Subscription {
 public:
  virtual ~Subscription() = default;
};

// -- The ports --------------------------------------------------------------------------------

// Destroying a transaction that was not committed undoes all of it. After a method has returned an
// error for the whole call, or Commit() has been called, the transaction can only be destroyed:
// everything else is kFailedPrecondition.
//
// A call that takes a batch does its elements in order, each seeing what was done before it. An
// element that fails leaves no trace. Errors of the whole call, beside those named at each method:
// kInvalidArgument (more than limits::kInsertJobCountMax elements, or an invalid request),
// kUnavailable, kDataLoss, and whatever a cipher says that cannot seal.
class StoreTransaction {
 public:
  virtual ~StoreTransaction() = default;

  // Adds jobs, each with its event. One result for each, in order. Ids grow. A job whose run_at has
  // passed is due now, and its run_at is now.
  //
  // A key that is in its window gives the job it was first used for, also where that job is gone,
  // and whatever else differs, as long as the arguments are the same bytes. Repeating after
  // kUnknown is safe with a key.
  //
  // Errors, per element, in this order: kInvalidArgument; kAlreadyExists (the key is in use with
  // other arguments); kResourceExhausted (backlog_max).
  virtual absl::StatusOr<std::vector<absl::StatusOr<Inserted>>> Insert(
      absl::Span<const NewJob> jobs) = 0;

  // Leases due jobs of the queues and kinds asked for, none of a paused queue. Queue after queue in
  // the request's order, and in each: lower priority number first, then earlier run_at, then lower
  // id. At most limits::kClaimJobCountMax jobs, however many are asked for. Each counts an attempt.
  //
  // Every lease carries a fence greater than any earlier fence of its job. That is what makes a
  // late Finish() by a former holder fail. After kUnknown the jobs may be leased to the session:
  // what its holder does not know of, it must let expire with the session.
  //
  // Errors: kAborted: the session is not open, or has expired.
  virtual absl::StatusOr<ClaimResult> Claim(const ClaimRequest& request) = 0;

  // Ends each lease, moves its job as core/lifecycle.h says, appends the event, and inserts the
  // follow-ups of jobs that ended. One status for each element, in order. Repeating with the same
  // fence and transition is OK and changes nothing, as long as the fence is the job's. Follow-ups
  // that cannot be read hold no end up: the history says so, with FollowUpsLost().
  //
  // kSnooze and kRelease give the attempt back; a released job has its old run_at. kCrash counts a
  // crash, and ends the job dead where its crashes reach crash_count_max. Where somebody has asked
  // the job to stop, kRetry, kSnooze, kRelease and kCrash end it cancelled, as kCancel does.
  //
  // Only the fence counts, not the session: an expired lease is good until it is rescued.
  //
  // Errors, per element, in this order: kInvalidArgument (the job stays running); kNotFound;
  // kAborted (lease lost: drop the result).
  virtual absl::StatusOr<std::vector<absl::Status>> Finish(absl::Span<const Finished> finished) = 0;

  // Writes what running attempts keep, with an event where progress or its note has changed.
  // Progress never goes back, from one attempt to the next either. Repeating is safe.
  //
  // Errors, per element, in this order: kInvalidArgument; kNotFound; kAborted (lease lost);
  // kAlreadyExists (the artifact's id is that of another artifact).
  virtual absl::StatusOr<std::vector<absl::Status>> Write(absl::Span<const WorkerWrite> writes) = 0;

  // Does what people asked for; the new state of each job, for kDiscard the one it had. Cancelling
  // what is cancelled, or was asked to stop, is OK and changes nothing.
  //
  // Errors, per element, in this order: kInvalidArgument; kNotFound; kFailedPrecondition (not
  // possible in the job's state).
  virtual absl::StatusOr<std::vector<absl::StatusOr<JobState>>> Apply(
      absl::Span<const Change> changes) = 0;

  // Registers a session (a random name, never used before) that expires `lease` from now: more than
  // 0, at most kDelayMax.
  //
  // Errors: kAlreadyExists: the name is in use.
  virtual absl::Status OpenSession(const std::string& session, absl::Duration lease) = 0;

  // Puts off the expiry of a session to `lease` from now.
  //
  // Errors: kAborted: it has expired, or was never opened. Its jobs may be taken over at any time.
  virtual absl::Status RenewSession(const std::string& session, absl::Duration lease) = 0;

  // Ends a session: it expires now, and Rescue() finds the jobs it still holds. Unknown: OK.
  virtual absl::Status CloseSession(const std::string& session) = 0;

  // Takes jobs away from expired sessions, lower ids first: pending again, or dead where the crash
  // budget is used up, or cancelled where they had been asked to stop. The fence is bumped, a crash
  // is counted and LostError() added to the history; the attempt stays counted. Judges by the
  // session only, never by the age of a job.
  virtual absl::StatusOr<std::vector<Rescued>> Rescue(const RescueRequest& request) = 0;

  // Deletes what has been kept long enough, the oldest first; never a job that has not ended.
  // Leaves no events.
  //
  // A store that keeps jobs in partitions may drop a whole one instead: then jobs stay longer than
  // asked for, never shorter, and a call may delete more than `row_count_max` (PostgresStore).
  virtual absl::StatusOr<PruneResult> Prune(const PruneRequest& request) = 0;

  // Seals with the cipher's newest key what is kept of jobs, in whatever state, under older ones,
  // or in plain where the cipher accepts that. Lower ids first; fewer jobs than asked for where
  // they are large. Changes nothing that anybody sees, and leaves no events. Repeating is safe.
  //
  // Errors: kFailedPrecondition: the store has no cipher. kUnimplemented: it cannot have one.
  virtual absl::StatusOr<ReencryptResult> Reencrypt(const ReencryptRequest&) {
    return absl::UnimplementedError("this store does not seal what it keeps");
  }

  virtual absl::Status SetQueue(const QueueSettings& settings) = 0;

  // Makes everything above durable, or nothing of it, then wakes subscribers with no lock held (not
  // where nothing has changed for them). In a transaction
  // from Join() it is kFailedPrecondition: committing is the host's.
  //
  // Errors: kUnavailable (nothing was written), kUnknown (in doubt: read back by fence or key).
  virtual absl::Status Commit() = 0;
};

class StoreCopy;  // core/store_copy.h

class JobStore {
 public:
  virtual ~JobStore() = default;

  // Starts the write transaction, waiting for others' up to the store's own deadline. A thread that
  // has one open waits for itself, in vain.
  //
  // Errors: kUnavailable: another process held the store too long, or it cannot be written now. A
  // store may find that out at the first call of the transaction, or at its commit.
  virtual absl::StatusOr<std::unique_ptr<StoreTransaction>> Begin() = 0;

  // The same for upkeep. Where StoreInfo::upkeep_apart says so, it waits for others of its kind
  // only, neither for one of Begin() nor for one of the other kind: a lease is renewed however long
  // another transaction of this process, or a sweep, has to wait. Everywhere else it is Begin().
  //
  // Errors: as Begin().
  virtual absl::StatusOr<std::unique_ptr<StoreTransaction>> BeginUpkeep(Upkeep) { return Begin(); }

  // Works inside the host's own open transaction, for Insert() and Finish(). What it has written is
  // undone if one call fails; the host's own work is not touched.
  //
  // Errors: kUnimplemented (see StoreInfo::can_join); kFailedPrecondition: no transaction is open,
  // or it is on another database.
  virtual absl::StatusOr<std::unique_ptr<StoreTransaction>> Join(HostTransaction host) = 0;

  // Readers see what is committed, each at one moment. They may be called while a transaction is
  // open, by its own thread too.

  // kNotFound: there is no such job (any more).
  virtual absl::StatusOr<Job> Get(JobId id) = 0;

  // The jobs that match, without args, checkpoint, output, whether those are sealed, errors and
  // artifacts. A name that no job has matches nothing.
  //
  // Errors: kInvalidArgument: the page.
  virtual absl::StatusOr<std::vector<Job>> List(const JobFilter& filter, const JobPage& page) = 0;

  virtual absl::StatusOr<JobStats> Stats() = 0;

  // Entries of the log with seq > `after`, oldest first, at most `event_count_max` (1 or more).
  virtual absl::StatusOr<std::vector<Event>> EventsAfter(std::int64_t after,
                                                         int event_count_max) = 0;

  // The seq of the newest entry, also where that is pruned by now; 0: none yet.
  virtual absl::StatusOr<std::int64_t> LastEvent() = 0;

  // Largest group first, then the one with the newest job. `group_count_max` is 1 or more.
  virtual absl::StatusOr<std::vector<DeadLetterGroup>> DeadLetterGroups(int group_count_max) = 0;

  // Running jobs of this session that somebody asked to stop, by id.
  virtual absl::StatusOr<std::vector<JobId>> CancelRequests(const std::string& session) = 0;

  // kNotFound: there is no such artifact (any more).
  virtual absl::StatusOr<Artifact> FindArtifact(const std::string& id) = 0;

  // OK where the store can be read and written within `deadline`.
  virtual absl::Status Check(absl::Duration deadline) = 0;

  // Calls `on_wake` after commits, of this process and of others. It runs on a thread that
  // commits: it must be quick, and must not use the store.
  virtual std::unique_ptr<Subscription> Subscribe(std::function<void(WakeHint)> on_wake) = 0;

  virtual const StoreInfo& info() const = 0;
  virtual const Clock& clock() const = 0;

  // What MigrateStore() works with; null: this store does not offer it.
  virtual StoreCopy* copy() { return nullptr; }
};

}  // namespace outlive

#endif  // OUTLIVE_CORE_JOB_STORE_H_
