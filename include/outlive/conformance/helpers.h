// What the cases of the conformance suite are written with. Each function works in a transaction of
// its own and commits it. What must not fail is REQUIREd here; where failing is the point, the
// status is given back.
//
// Nothing here is a template over the store, so that another store costs little to compile.
#ifndef OUTLIVE_CONFORMANCE_HELPERS_H_
#define OUTLIVE_CONFORMANCE_HELPERS_H_

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "outlive/core/job_store.h"
#include "outlive/core/limits.h"
#include "outlive/core/log.h"
#include "outlive/core/store_rules.h"
#include "outlive/testing/virtual_clock.h"

namespace outlive::conformance {

using testing::VirtualClock;

// What jobs, queues and sessions are named where it does not matter.
inline constexpr const char* kKind = "mail.send";
inline constexpr const char* kQueue = "default";
inline constexpr const char* kSession = "session-1";
inline constexpr absl::Duration kLease = absl::Seconds(60);

// -- Transactions -----------------------------------------------------------------------------

template <class T>
T Value(absl::StatusOr<T> result) {
  REQUIRE_MESSAGE(result.ok(), result.status().ToString());
  return *std::move(result);
}

inline void RequireOk(const absl::Status& status) {
  REQUIRE_MESSAGE(status.ok(), status.ToString());
}

inline std::unique_ptr<StoreTransaction> Begin(JobStore& store) { return Value(store.Begin()); }

// Commits what `work` has done, unless it has failed.
inline absl::Status InTransaction(JobStore& store,
                                  absl::FunctionRef<absl::Status(StoreTransaction&)> work) {
  const std::unique_ptr<StoreTransaction> transaction = Begin(store);
  if (absl::Status status = work(*transaction); !status.ok()) return status;
  return transaction->Commit();
}

// Calls one method of a transaction, and commits.
template <class T>
absl::StatusOr<T> Call(JobStore& store,
                       absl::FunctionRef<absl::StatusOr<T>(StoreTransaction&)> method) {
  const std::unique_ptr<StoreTransaction> transaction = Begin(store);
  absl::StatusOr<T> result = method(*transaction);
  if (result.ok()) RequireOk(transaction->Commit());
  return result;
}

// -- Insert -----------------------------------------------------------------------------------

inline NewJob MakeJob(std::string kind = kKind, std::string args = "{}") {
  NewJob job;
  job.kind = std::move(kind);
  job.args = std::move(args);
  return job;
}

inline NewJob KeyedJob(std::string key, std::string args = "{}", std::string kind = kKind) {
  NewJob job = MakeJob(std::move(kind), std::move(args));
  job.idempotency_key = std::move(key);
  return job;
}

inline std::vector<absl::StatusOr<Inserted>> InsertAll(JobStore& store,
                                                       const std::vector<NewJob>& jobs) {
  return Value(Call<std::vector<absl::StatusOr<Inserted>>>(
      store, [&](StoreTransaction& transaction) { return transaction.Insert(jobs); }));
}

inline absl::StatusOr<Inserted> InsertOne(JobStore& store, const NewJob& job) {
  std::vector<absl::StatusOr<Inserted>> results = InsertAll(store, {job});
  REQUIRE(results.size() == 1);
  return results[0];
}

inline JobId MustInsert(JobStore& store, const NewJob& job = MakeJob()) {
  const Inserted inserted = Value(InsertOne(store, job));
  REQUIRE_FALSE(inserted.duplicate);
  return inserted.id;
}

// -- Sessions and claims ----------------------------------------------------------------------

inline absl::Status OpenSession(JobStore& store, const std::string& session = kSession,
                                absl::Duration lease = kLease) {
  return InTransaction(store, [&](StoreTransaction& transaction) {
    return transaction.OpenSession(session, lease);
  });
}

inline absl::Status RenewSession(JobStore& store, const std::string& session = kSession,
                                 absl::Duration lease = kLease) {
  return InTransaction(store, [&](StoreTransaction& transaction) {
    return transaction.RenewSession(session, lease);
  });
}

inline absl::Status CloseSession(JobStore& store, const std::string& session = kSession) {
  return InTransaction(
      store, [&](StoreTransaction& transaction) { return transaction.CloseSession(session); });
}

inline ClaimRequest RequestOf(std::string session = kSession,
                              std::vector<std::string> kinds = {kKind},
                              std::vector<QueueClaim> queues = {{kQueue, 100}}) {
  return {.session = std::move(session), .queues = std::move(queues), .kinds = std::move(kinds)};
}

inline absl::StatusOr<ClaimResult> TryClaim(JobStore& store, const ClaimRequest& request) {
  return Call<ClaimResult>(
      store, [&](StoreTransaction& transaction) { return transaction.Claim(request); });
}

inline ClaimResult Claim(JobStore& store, const ClaimRequest& request) {
  return Value(TryClaim(store, request));
}

// Claims what is due, at most `count_max` jobs of the usual queue; opens the session if need be.
inline std::vector<ClaimedJob> ClaimDue(JobStore& store, const std::string& session = kSession,
                                        int count_max = 100,
                                        const std::vector<std::string>& kinds = {kKind}) {
  const absl::Status opened = OpenSession(store, session);
  if (!absl::IsAlreadyExists(opened)) RequireOk(opened);
  return Claim(store, RequestOf(session, kinds, {{kQueue, count_max}})).jobs;
}

// Claims the next job of the usual queue and kind, which must be there.
inline ClaimedJob ClaimOne(JobStore& store, const std::string& session = kSession) {
  std::vector<ClaimedJob> jobs = ClaimDue(store, session, 1);
  REQUIRE(jobs.size() == 1);
  return jobs[0];
}

// Inserts a job and claims it, which must be the next one.
inline ClaimedJob InsertAndClaim(JobStore& store, const NewJob& job = MakeJob(),
                                 const std::string& session = kSession) {
  const JobId id = MustInsert(store, job);
  const std::vector<ClaimedJob> jobs = ClaimDue(store, session, 1, {job.kind});
  REQUIRE(jobs.size() == 1);
  REQUIRE(jobs[0].lease.job == id);
  return jobs[0];
}

inline std::vector<JobId> IdsOf(const std::vector<ClaimedJob>& jobs) {
  std::vector<JobId> ids;
  for (const ClaimedJob& job : jobs) ids.push_back(job.lease.job);
  return ids;
}

inline int RescueAll(JobStore& store, int crash_count_max = limits::kCrashCountMaxDefault,
                     absl::Duration delay = absl::ZeroDuration()) {
  const RescueRequest request{
      .job_count_max = 100, .crash_count_max = crash_count_max, .delay = delay};
  return static_cast<int>(
      Value(Call<std::vector<Rescued>>(store, [&](StoreTransaction& transaction) {
        return transaction.Rescue(request);
      })).size());
}

// -- Ends of attempts -------------------------------------------------------------------------

inline Finished EndOf(const Lease& lease, Transition transition,
                      absl::Duration delay = absl::ZeroDuration()) {
  Finished finished;
  finished.lease = lease;
  finished.transition = transition;
  finished.delay = delay;
  return finished;
}

inline Finished Failed(const Lease& lease, Transition transition, std::string message,
                       absl::StatusCode code = absl::StatusCode::kInternal) {
  Finished finished = EndOf(lease, transition);
  finished.error = AttemptError{.code = code, .message = std::move(message)};
  return finished;
}

inline std::vector<absl::Status> FinishAll(JobStore& store, const std::vector<Finished>& finished) {
  return Value(Call<std::vector<absl::Status>>(
      store, [&](StoreTransaction& transaction) { return transaction.Finish(finished); }));
}

inline absl::Status FinishOne(JobStore& store, const Finished& finished) {
  std::vector<absl::Status> results = FinishAll(store, {finished});
  REQUIRE(results.size() == 1);
  return results[0];
}

inline absl::Status FinishOne(JobStore& store, const ClaimedJob& job, Transition transition) {
  return FinishOne(store, EndOf(job.lease, transition));
}

inline absl::Status WriteOne(JobStore& store, const WorkerWrite& write) {
  const std::vector<absl::Status> results = Value(Call<std::vector<absl::Status>>(
      store, [&](StoreTransaction& transaction) { return transaction.Write({&write, 1}); }));
  REQUIRE(results.size() == 1);
  return results[0];
}

// `digit`: every digit of its id, so that different ones make different artifacts.
inline Artifact MakeArtifact(char digit, std::string name = "report.pdf") {
  Artifact artifact;
  artifact.id = std::string(32, digit);
  artifact.name = std::move(name);
  artifact.media_type = "application/pdf";
  artifact.size = 1'234;
  artifact.sha256 = std::string(64, 'e');
  artifact.created_at = VirtualClock::Start();
  return artifact;
}

// -- What people ask for ----------------------------------------------------------------------

inline absl::StatusOr<JobState> ApplyOne(JobStore& store, const Change& change) {
  const std::vector<absl::StatusOr<JobState>> results =
      Value(Call<std::vector<absl::StatusOr<JobState>>>(
          store, [&](StoreTransaction& transaction) { return transaction.Apply({&change, 1}); }));
  REQUIRE(results.size() == 1);
  return results[0];
}

inline absl::StatusOr<JobState> CancelJob(JobStore& store, JobId id, std::string reason = {}) {
  return ApplyOne(store,
                  {.id = id, .action = Change::Action::kCancel, .reason = std::move(reason)});
}

inline absl::StatusOr<JobState> RequeueJob(JobStore& store, JobId id,
                                           absl::Duration delay = absl::ZeroDuration()) {
  return ApplyOne(store,
                  {.id = id, .action = Change::Action::kRequeue, .reason = {}, .delay = delay});
}

inline absl::StatusOr<JobState> DiscardJob(JobStore& store, JobId id) {
  return ApplyOne(store, {.id = id, .action = Change::Action::kDiscard, .reason = {}});
}

inline absl::Status SetQueue(JobStore& store, const std::string& queue, bool paused) {
  return InTransaction(store, [&](StoreTransaction& transaction) {
    return transaction.SetQueue({.queue = queue, .paused = paused});
  });
}

inline absl::StatusOr<PruneResult> Prune(JobStore& store, const PruneRequest& request = {}) {
  return Call<PruneResult>(
      store, [&](StoreTransaction& transaction) { return transaction.Prune(request); });
}

// A new job, brought into `state` by the ways that lead there. Not kBlocked: nothing leads there
// yet.
inline JobId JobIn(JobStore& store, JobState state, const NewJob& job = MakeJob()) {
  if (state == JobState::kPending) return MustInsert(store, job);
  if (state == JobState::kCancelled) {
    const JobId id = MustInsert(store, job);
    REQUIRE(Value(CancelJob(store, id)) == JobState::kCancelled);
    return id;
  }
  REQUIRE(state != JobState::kBlocked);
  const ClaimedJob claimed = InsertAndClaim(store, job);
  if (state == JobState::kCompleted) RequireOk(FinishOne(store, claimed, Transition::kComplete));
  if (state == JobState::kDead) {
    RequireOk(FinishOne(store, Failed(claimed.lease, Transition::kDie, "no such customer")));
  }
  return claimed.lease.job;
}

// -- Reading ----------------------------------------------------------------------------------

inline Job MustGet(JobStore& store, JobId id) { return Value(store.Get(id)); }

inline JobState StateOf(JobStore& store, JobId id) { return MustGet(store, id).state; }

inline std::vector<Event> AllEvents(JobStore& store) {
  return Value(store.EventsAfter(0, 1'000'000));
}

// Of one job, in order: "enqueued claimed completed".
inline std::string EventsOf(JobStore& store, JobId id) {
  std::string names;
  for (const Event& event : AllEvents(store)) {
    if (event.job_id != id) continue;
    if (!names.empty()) names.push_back(' ');
    names.append(EventTypeName(event.type));
  }
  return names;
}

inline JobStats::Lane LaneOf(JobStore& store, const std::string& queue = kQueue,
                             const std::string& kind = kKind) {
  for (JobStats::Lane& lane : Value(store.Stats()).lanes) {
    if (lane.queue == queue && lane.kind == kind) return lane;
  }
  return {.queue = queue, .kind = kind};
}

// -- Everything that can be read, as text -----------------------------------------------------

inline std::string TextOf(absl::Time time) {
  if (time == absl::InfiniteFuture()) return "never";
  if (time == absl::InfinitePast()) return "ever";
  return fmt::format("{}us", absl::ToUnixMicros(time) - absl::ToUnixMicros(VirtualClock::Start()));
}

inline std::string TextOf(const std::optional<absl::Time>& time) {
  return time ? TextOf(*time) : "none";
}

inline std::string TextOf(const Job& job) {
  std::string text = fmt::format(
      "job {} {} {} {} p{} attempt {}/{} crashes {} generation {} fence {} session '{}' cancel {} "
      "created {} run {} started {} ended {} progress {} '{}' args '{}' checkpoint '{}' output "
      "'{}' "
      "key '{}' partition '{}' trace '{}' policy '{}' tags",
      job.id, job.kind, job.queue, JobStateName(job.state), job.priority, job.attempt,
      job.attempt_count_max, job.crashes, job.generation, job.fence, job.session,
      job.cancel_requested, TextOf(job.created_at), TextOf(job.run_at), TextOf(job.started_at),
      TextOf(job.ended_at), job.progress, job.progress_note, EscapeForLog(job.args),
      EscapeForLog(job.checkpoint), EscapeForLog(job.output), EscapeForLog(job.idempotency_key),
      EscapeForLog(job.partition_key), job.traceparent, job.retry_policy);
  for (const std::string& tag : job.tags) text.append(" ").append(tag);
  for (const AttemptError& error : job.errors) {
    fmt::format_to(std::back_inserter(text), " error({} {} {} '{}')", error.attempt,
                   TextOf(error.at), static_cast<int>(error.code), error.message);
  }
  for (const Artifact& artifact : job.artifacts) {
    fmt::format_to(std::back_inserter(text), " artifact({} {} {} '{}' {} {} {})", artifact.id,
                   artifact.job_id, artifact.fence, artifact.name, artifact.size, artifact.sha256,
                   TextOf(artifact.created_at));
  }
  return text;
}

inline std::string TextOf(const Event& event) {
  return fmt::format("event {} {} job {} fence {}", TextOf(event.at), EventTypeName(event.type),
                     event.job_id, event.fence);
}

// All jobs of a listing, from the newest to the oldest, page by page.
inline std::vector<Job> ListAll(JobStore& store, const JobFilter& filter = {},
                                int row_count_max = limits::kPageRowCountMax) {
  std::vector<Job> jobs;
  JobPage page{.before = 0, .row_count_max = row_count_max};
  while (true) {
    const std::vector<Job> rows = Value(store.List(filter, page));
    REQUIRE(rows.size() <= static_cast<std::size_t>(row_count_max));
    if (rows.empty()) return jobs;
    jobs.insert(jobs.end(), rows.begin(), rows.end());
    page.before = rows.back().id;
  }
}

inline std::string TextOf(const JobStats& stats) {
  std::string text;
  for (const JobStats::Lane& lane : stats.lanes) {
    fmt::format_to(std::back_inserter(text), "lane {} {}: {} {} {} {} {} {} oldest {}\n",
                   lane.queue, lane.kind, lane.pending, lane.running, lane.blocked, lane.completed,
                   lane.cancelled, lane.dead, TextOf(lane.oldest_due));
  }
  for (const QueueSettings& queue : stats.queues) {
    fmt::format_to(std::back_inserter(text), "queue {} paused {}\n", queue.queue, queue.paused);
  }
  return text;
}

inline std::string TextOf(const DeadLetterGroup& group) {
  return fmt::format("group {} {} {} '{}' count {} newest {} at {}", group.key, group.kind,
                     static_cast<int>(group.code), group.message, group.job_count, group.newest,
                     TextOf(group.newest_at));
}

// What is committed, but for sequence numbers (which may have gaps) and the present time.
inline std::string Snapshot(JobStore& store) {
  std::string text;
  for (const Job& row : ListAll(store)) text.append(TextOf(MustGet(store, row.id)) + "\n");
  text.append(TextOf(Value(store.Stats())));
  for (const DeadLetterGroup& group : Value(store.DeadLetterGroups(1'000))) {
    text.append(TextOf(group) + "\n");
  }
  for (const Event& event : AllEvents(store)) text.append(TextOf(event) + "\n");
  return text;
}

}  // namespace outlive::conformance

#endif  // OUTLIVE_CONFORMANCE_HELPERS_H_
