// Conformance of what people ask for: Apply(), Prune() and SetQueue().
#ifndef OUTLIVE_CONFORMANCE_JOB_STORE_ADMIN_H_
#define OUTLIVE_CONFORMANCE_JOB_STORE_ADMIN_H_

#include <optional>
#include <string>
#include <vector>

#include "outlive/conformance/helpers.h"

namespace outlive::conformance {

// Those that a job can be brought into.
inline constexpr JobState kReachableStates[] = {JobState::kPending, JobState::kRunning,
                                                JobState::kCompleted, JobState::kCancelled,
                                                JobState::kDead};

TEST_CASE_TEMPLATE_DEFINE("cancel: in every state, as the lifecycle says", Backend,
                          cancel_lifecycle) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  for (const JobState from : kReachableStates) {
    CAPTURE(JobStateName(from));
    const JobId id = JobIn(store, from);
    const std::string before = Snapshot(store);
    const absl::StatusOr<JobState> result = CancelJob(store, id, "not wanted");

    if (from == JobState::kRunning) {
      CHECK(Value(result) == JobState::kRunning);
      CHECK(MustGet(store, id).cancel_requested);
    } else if (from == JobState::kCancelled) {
      CHECK(Value(result) == JobState::kCancelled);
      CHECK(Snapshot(store) == before);
    } else if (const std::optional<JobState> to = NextState(from, Transition::kCancel)) {
      CHECK(Value(result) == *to);
      CHECK(StateOf(store, id) == *to);
    } else {
      CHECK(absl::IsFailedPrecondition(result.status()));
      CHECK(Snapshot(store) == before);
    }
  }
}

TEST_CASE_TEMPLATE_DEFINE("cancel: a waiting job is cancelled at once", Backend, cancel_pending) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  NewJob job = MakeJob();
  job.run_at = clock.Now() + absl::Hours(1);
  const JobId id = MustInsert(store, job);
  clock.Advance(absl::Seconds(1));
  CHECK(Value(CancelJob(store, id, "double click\n")) == JobState::kCancelled);

  const Job cancelled = MustGet(store, id);
  CHECK(cancelled.state == JobState::kCancelled);
  CHECK(cancelled.ended_at == clock.Now());
  CHECK(cancelled.attempt == 0);
  REQUIRE(cancelled.errors.size() == 1);
  CHECK(cancelled.errors[0] ==
        AttemptError{0, clock.Now(), absl::StatusCode::kCancelled, EscapeForLog("double click\n")});
  CHECK(EventsOf(store, id) == "enqueued cancelled");

  clock.Advance(absl::Hours(2));
  CHECK(Value(CancelJob(store, id, "again")) == JobState::kCancelled);
  CHECK(TextOf(MustGet(store, id)) == TextOf(cancelled));
  CHECK(ClaimDue(store).empty());
}

TEST_CASE_TEMPLATE_DEFINE("cancel: a running job is asked to stop", Backend, cancel_running) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  const ClaimedJob first = InsertAndClaim(store, MakeJob(), "session-1");
  const ClaimedJob second = InsertAndClaim(store, MakeJob(), "session-1");
  const ClaimedJob third = InsertAndClaim(store, MakeJob(), "session-2");
  CHECK(Value(store.CancelRequests("session-1")).empty());

  CHECK(Value(CancelJob(store, second.lease.job, "not wanted")) == JobState::kRunning);
  CHECK(Value(CancelJob(store, third.lease.job)) == JobState::kRunning);
  CHECK(Value(CancelJob(store, first.lease.job)) == JobState::kRunning);
  CHECK(Value(store.CancelRequests("session-1")) ==
        std::vector<JobId>{first.lease.job, second.lease.job});
  CHECK(Value(store.CancelRequests("session-2")) == std::vector<JobId>{third.lease.job});
  CHECK(Value(store.CancelRequests("session-3")).empty());

  const Job asked = MustGet(store, second.lease.job);
  CHECK(asked.state == JobState::kRunning);
  CHECK(asked.cancel_requested);
  CHECK(asked.fence == second.lease.fence);
  REQUIRE(asked.errors.size() == 1);
  CHECK(asked.errors[0].code == absl::StatusCode::kCancelled);
  CHECK(asked.errors[0].message == "not wanted");
  CHECK(asked.errors[0].attempt == 1);

  CHECK(Value(CancelJob(store, second.lease.job, "again")) == JobState::kRunning);
  CHECK(TextOf(MustGet(store, second.lease.job)) == TextOf(asked));
  CHECK(EventsOf(store, second.lease.job) == "enqueued claimed cancel_requested");

  // Its holder goes on to write, and then ends it.
  WorkerWrite write;
  write.lease = second.lease;
  write.progress = 0.5;
  CHECK(WriteOne(store, write).ok());
  CHECK(FinishOne(store, second, Transition::kCancel).ok());
  CHECK(Value(store.CancelRequests("session-1")) == std::vector<JobId>{first.lease.job});
}

TEST_CASE_TEMPLATE_DEFINE("requeue: in every state, as the lifecycle says", Backend,
                          requeue_lifecycle) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  for (const JobState from : kReachableStates) {
    CAPTURE(JobStateName(from));
    const JobId id = JobIn(store, from);
    const std::string before = Snapshot(store);
    const absl::StatusOr<JobState> result = RequeueJob(store, id);
    const std::optional<JobState> to = NextState(from, Transition::kRequeue);
    if (to) {
      CHECK(Value(result) == *to);
      CHECK(StateOf(store, id) == *to);
    } else {
      CHECK(absl::IsFailedPrecondition(result.status()));
      CHECK(Snapshot(store) == before);
    }
    if (StateOf(store, id) == JobState::kPending) RequireOk(CancelJob(store, id).status());
  }
}

TEST_CASE_TEMPLATE_DEFINE("requeue: budgets start anew, history stays", Backend, requeue_fields) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  const ClaimedJob claimed = InsertAndClaim(store);
  const JobId id = claimed.lease.job;
  WorkerWrite write;
  write.lease = claimed.lease;
  write.progress = 0.5;
  write.progress_note = "half";
  write.checkpoint = "page 5";
  write.artifact = MakeArtifact('a');
  RequireOk(WriteOne(store, write));

  SUBCASE("of a dead job") {
    RequireOk(CancelJob(store, id).status());
    RequireOk(FinishOne(store, Failed(claimed.lease, Transition::kDie, "no such customer")));
  }
  SUBCASE("of a completed job") {
    Finished finished = EndOf(claimed.lease, Transition::kComplete);
    finished.output = "output";
    RequireOk(FinishOne(store, finished));
  }
  SUBCASE("of a cancelled job") {
    RequireOk(FinishOne(store, Failed(claimed.lease, Transition::kCancel, "stopped")));
  }
  const Job before = MustGet(store, id);
  clock.Advance(absl::Minutes(1));
  CHECK(Value(RequeueJob(store, id, absl::Seconds(30))) == JobState::kPending);

  const Job after = MustGet(store, id);
  CHECK(after.state == JobState::kPending);
  CHECK(after.generation == 1);
  CHECK(after.fence > before.fence);
  CHECK(after.attempt == 0);
  CHECK(after.crashes == 0);
  CHECK_FALSE(after.cancel_requested);
  CHECK(after.run_at == clock.Now() + absl::Seconds(30));
  CHECK_FALSE(after.ended_at.has_value());
  CHECK(after.progress == 0);
  CHECK(after.progress_note == "");
  CHECK(after.output == "");
  CHECK(after.checkpoint == "page 5");
  CHECK(after.artifacts == before.artifacts);
  CHECK(after.errors == before.errors);
  CHECK(after.created_at == before.created_at);
  CHECK(AllEvents(store).back().type == EventType::kRequeued);
  CHECK(AllEvents(store).back().fence == after.fence);

  CHECK(absl::IsAborted(FinishOne(store, claimed, Transition::kComplete)));
  clock.Advance(absl::Seconds(30));
  const ClaimedJob again = ClaimOne(store, "session-2");
  CHECK(again.lease.fence > after.fence);
  CHECK(again.attempt == 1);
  CHECK(Value(store.CancelRequests("session-2")).empty());
  CHECK(FinishOne(store, again, Transition::kRetry).ok());
  CHECK(StateOf(store, id) == JobState::kPending);
}

TEST_CASE_TEMPLATE_DEFINE("discard: only dead jobs, and then nothing is left but the key", Backend,
                          discard_lifecycle) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  for (const JobState from : kReachableStates) {
    if (from == JobState::kDead) continue;
    CAPTURE(JobStateName(from));
    const JobId id = JobIn(store, from);
    const std::string before = Snapshot(store);
    CHECK(absl::IsFailedPrecondition(DiscardJob(store, id).status()));
    CHECK(Snapshot(store) == before);
    if (from == JobState::kPending) RequireOk(CancelJob(store, id).status());
  }

  const ClaimedJob claimed = InsertAndClaim(store, KeyedJob("k"));
  WorkerWrite write;
  write.lease = claimed.lease;
  write.artifact = MakeArtifact('a');
  RequireOk(WriteOne(store, write));
  RequireOk(FinishOne(store, Failed(claimed.lease, Transition::kDie, "why")));
  const JobId id = claimed.lease.job;
  CHECK(Value(DiscardJob(store, id)) == JobState::kDead);

  CHECK(absl::IsNotFound(store.Get(id).status()));
  CHECK(absl::IsNotFound(store.FindArtifact(MakeArtifact('a').id).status()));
  CHECK(absl::IsNotFound(DiscardJob(store, id).status()));
  CHECK(absl::IsNotFound(RequeueJob(store, id).status()));
  CHECK(LaneOf(store).dead == 0);
  CHECK(Value(store.DeadLetterGroups(10)).empty());
  CHECK(EventsOf(store, id) == "enqueued claimed dead discarded");
  CHECK(MustInsert(store) > id);

  // The artifact's id is free again.
  write.lease = ClaimOne(store).lease;
  CHECK(WriteOne(store, write).ok());
}

TEST_CASE_TEMPLATE_DEFINE("apply: a batch is done in order, each seeing the one before", Backend,
                          apply_batch) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  const JobId dead = JobIn(store, JobState::kDead);
  const JobId id = MustInsert(store);
  using Action = Change::Action;
  const std::vector<Change> changes = {
      {.id = id, .action = Action::kRequeue, .reason = {}},
      {.id = id, .action = Action::kCancel, .reason = {}},
      {.id = id, .action = Action::kRequeue, .reason = {}},
      {.id = dead, .action = Action::kDiscard, .reason = {}},
      {.id = dead, .action = Action::kDiscard, .reason = {}},
      {.id = id, .action = Action::kRequeue, .reason = {}, .delay = -absl::Seconds(1)},
      {.id = id, .action = Action::kRequeue, .reason = {}, .delay = absl::InfiniteDuration()},
      {.id = id, .action = static_cast<Action>(9), .reason = {}},
      {.id = 0, .action = Action::kCancel, .reason = {}},
      {.id = -5, .action = Action::kCancel, .reason = {}},
      {.id = id, .action = Action::kCancel, .reason = {}, .delay = -absl::Seconds(1)},
  };
  const auto results = Value(Call<std::vector<absl::StatusOr<JobState>>>(
      store, [&](StoreTransaction& transaction) { return transaction.Apply(changes); }));
  REQUIRE(results.size() == changes.size());
  CHECK(absl::IsFailedPrecondition(results[0].status()));
  CHECK(Value(results[1]) == JobState::kCancelled);
  CHECK(Value(results[2]) == JobState::kPending);
  CHECK(Value(results[3]) == JobState::kDead);
  CHECK(absl::IsNotFound(results[4].status()));
  CHECK(absl::IsInvalidArgument(results[5].status()));
  CHECK(absl::IsInvalidArgument(results[6].status()));
  CHECK(absl::IsInvalidArgument(results[7].status()));
  CHECK(absl::IsNotFound(results[8].status()));
  CHECK(absl::IsNotFound(results[9].status()));
  CHECK(Value(results[10]) == JobState::kCancelled);
  CHECK(EventsOf(store, id) == "enqueued cancelled requeued cancelled");
  CHECK(MustGet(store, id).generation == 1);
}

TEST_CASE_TEMPLATE_DEFINE("prune: each kind of end is kept as long as asked for", Backend,
                          prune_keep) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  const JobId completed = JobIn(store, JobState::kCompleted);
  const JobId cancelled = JobIn(store, JobState::kCancelled);
  const JobId dead = JobIn(store, JobState::kDead);
  const JobId running = JobIn(store, JobState::kRunning);
  const JobId pending = MustInsert(store);
  const PruneRequest request{.keep_completed = absl::Hours(1),
                             .keep_cancelled = absl::Hours(2),
                             .keep_dead = absl::Hours(3)};
  const auto left = [&store] {
    std::vector<JobId> ids;
    for (const Job& job : ListAll(store)) ids.insert(ids.begin(), job.id);
    return ids;
  };

  clock.Advance(absl::Hours(1) - absl::Microseconds(1));
  CHECK(Value(Prune(store, request)).job_count == 0);
  clock.Advance(absl::Microseconds(1));
  CHECK(Value(Prune(store, request)).job_count == 1);
  CHECK(left() == std::vector<JobId>{cancelled, dead, running, pending});
  CHECK(absl::IsNotFound(store.Get(completed).status()));

  clock.Advance(absl::Hours(1));
  CHECK(Value(Prune(store, request)).job_count == 1);
  CHECK(left() == std::vector<JobId>{dead, running, pending});

  clock.Advance(absl::Hours(24 * 365));
  CHECK(Value(Prune(store)).job_count == 0);  // Dead letters are kept for ever by default.
  CHECK(Value(Prune(store, request)).job_count == 1);
  CHECK(left() == std::vector<JobId>{running, pending});

  const PruneRequest everything{.keep_completed = absl::ZeroDuration(),
                                .keep_cancelled = absl::ZeroDuration(),
                                .keep_dead = absl::ZeroDuration()};
  CHECK(Value(Prune(store, everything)).job_count == 0);
  CHECK(left() == std::vector<JobId>{running, pending});
}

TEST_CASE_TEMPLATE_DEFINE("prune: goes by the end of the job, oldest first, up to the limit",
                          Backend, prune_limit) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  std::vector<JobId> ended;
  for (const JobState state : {JobState::kDead, JobState::kCompleted, JobState::kCancelled,
                               JobState::kCompleted, JobState::kDead}) {
    ended.push_back(JobIn(store, state));
    clock.Advance(absl::Seconds(1));
  }
  // A second life: its end is the latest one now.
  RequireOk(RequeueJob(store, ended[0]).status());
  RequireOk(CancelJob(store, ended[0]).status());
  clock.Advance(absl::Hours(1));
  const PruneRequest request{.keep_completed = absl::Minutes(1),
                             .keep_cancelled = absl::Minutes(1),
                             .keep_dead = absl::Minutes(1),
                             .row_count_max = 2};
  const auto exists = [&store](JobId id) { return store.Get(id).ok(); };

  PruneResult result = Value(Prune(store, request));
  CHECK(result.job_count == 2);
  CHECK(result.more);
  CHECK_FALSE(exists(ended[1]));
  CHECK_FALSE(exists(ended[2]));
  result = Value(Prune(store, request));
  CHECK(result.job_count == 2);
  CHECK(exists(ended[0]));
  result = Value(Prune(store, request));
  CHECK(result.job_count == 1);
  CHECK(ListAll(store).empty());
  while (Value(Prune(store, request)).more) {
  }
  CHECK(AllEvents(store).empty());
}

TEST_CASE_TEMPLATE_DEFINE("prune: keys go when their window has ended", Backend, prune_keys) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  NewJob job = KeyedJob("k");
  job.idempotency_window = absl::Minutes(10);
  const JobId id = MustInsert(store, job);
  MustInsert(store, KeyedJob("longer"));
  clock.Advance(absl::Minutes(10) - absl::Microseconds(1));
  CHECK(Value(Prune(store)).key_count == 0);
  clock.Advance(absl::Microseconds(1));
  CHECK(Value(Prune(store)).key_count == 1);
  CHECK(Value(Prune(store)).key_count == 0);
  CHECK(StateOf(store, id) == JobState::kPending);
  CHECK(MustGet(store, id).idempotency_key == "k");
  CHECK(MustInsert(store, job) != id);
}

TEST_CASE_TEMPLATE_DEFINE("prune: the event log is kept as long as completed jobs", Backend,
                          prune_events) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  MustInsert(store);
  clock.Advance(absl::Minutes(30));
  const JobId second = MustInsert(store);
  const std::int64_t last = Value(store.LastEvent());
  const PruneRequest request{.keep_completed = absl::Hours(1)};

  clock.Advance(absl::Minutes(30) - absl::Microseconds(1));
  CHECK(Value(Prune(store, request)).event_count == 0);
  clock.Advance(absl::Microseconds(1));
  CHECK(Value(Prune(store, request)).event_count == 1);
  REQUIRE(AllEvents(store).size() == 1);
  CHECK(AllEvents(store)[0].job_id == second);

  clock.Advance(absl::Hours(1));
  CHECK(Value(Prune(store, request)).event_count == 1);
  CHECK(AllEvents(store).empty());
  CHECK(Value(store.LastEvent()) == last);

  MustInsert(store);
  CHECK(Value(store.LastEvent()) > last);
  REQUIRE(Value(store.EventsAfter(last, 10)).size() == 1);
  clock.Advance(absl::Hours(24 * 365));
  CHECK(Value(Prune(store, {.keep_completed = absl::InfiniteDuration()})).event_count == 0);
}

TEST_CASE_TEMPLATE_DEFINE("prune: an invalid request is refused", Backend, prune_invalid) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  JobIn(store, JobState::kCompleted);
  clock.Advance(absl::Hours(48));
  const absl::Duration negative = -absl::Microseconds(1);
  for (const PruneRequest& request :
       {PruneRequest{.keep_completed = negative}, PruneRequest{.keep_cancelled = negative},
        PruneRequest{.keep_dead = negative}, PruneRequest{.row_count_max = 0},
        PruneRequest{.row_count_max = -1}}) {
    CHECK(absl::IsInvalidArgument(Prune(store, request).status()));
  }
  CHECK(ListAll(store).size() == 1);
}

TEST_CASE_TEMPLATE_DEFINE("queues: settings are kept, and names are checked", Backend,
                          queue_settings) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  CHECK(Value(store.Stats()).queues.empty());
  RequireOk(SetQueue(store, "b", true));
  RequireOk(SetQueue(store, "a", false));
  RequireOk(SetQueue(store, "b", true));
  std::vector<QueueSettings> queues = Value(store.Stats()).queues;
  REQUIRE(queues.size() == 2);
  CHECK(queues[0].queue == "a");
  CHECK_FALSE(queues[0].paused);
  CHECK(queues[1].queue == "b");
  CHECK(queues[1].paused);

  RequireOk(SetQueue(store, "b", false));
  queues = Value(store.Stats()).queues;
  REQUIRE(queues.size() == 2);
  CHECK_FALSE(queues[1].paused);

  for (const std::string& name :
       {std::string(), std::string("not ok"), std::string("a\0b", 3), std::string(129, 'q')}) {
    CHECK(absl::IsInvalidArgument(SetQueue(store, name, true)));
  }
  CHECK(Value(store.Stats()).queues.size() == 2);
}

}  // namespace outlive::conformance

#define OUTLIVE_JOB_STORE_ADMIN_CONFORMANCE(Backend)     \
  namespace outlive::conformance {                       \
  TEST_CASE_TEMPLATE_INVOKE(cancel_lifecycle, Backend);  \
  TEST_CASE_TEMPLATE_INVOKE(cancel_pending, Backend);    \
  TEST_CASE_TEMPLATE_INVOKE(cancel_running, Backend);    \
  TEST_CASE_TEMPLATE_INVOKE(requeue_lifecycle, Backend); \
  TEST_CASE_TEMPLATE_INVOKE(requeue_fields, Backend);    \
  TEST_CASE_TEMPLATE_INVOKE(discard_lifecycle, Backend); \
  TEST_CASE_TEMPLATE_INVOKE(apply_batch, Backend);       \
  TEST_CASE_TEMPLATE_INVOKE(prune_keep, Backend);        \
  TEST_CASE_TEMPLATE_INVOKE(prune_limit, Backend);       \
  TEST_CASE_TEMPLATE_INVOKE(prune_keys, Backend);        \
  TEST_CASE_TEMPLATE_INVOKE(prune_events, Backend);      \
  TEST_CASE_TEMPLATE_INVOKE(prune_invalid, Backend);     \
  TEST_CASE_TEMPLATE_INVOKE(queue_settings, Backend);    \
  }                                                      \
  static_assert(true, "")

#endif  // OUTLIVE_CONFORMANCE_JOB_STORE_ADMIN_H_
