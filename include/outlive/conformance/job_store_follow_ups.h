// Conformance of follow-ups: jobs that are inserted in the transaction that ends another job.
#ifndef OUTLIVE_CONFORMANCE_JOB_STORE_FOLLOW_UPS_H_
#define OUTLIVE_CONFORMANCE_JOB_STORE_FOLLOW_UPS_H_

#include <algorithm>
#include <string>
#include <vector>

#include "outlive/conformance/helpers.h"
#include "outlive/core/follow_up.h"
#include "outlive/core/retry_policy.h"

namespace outlive::conformance {

inline constexpr const char* kTell = "tell";

// A job that is followed by one `tell` job at each of the ends asked for.
inline NewJob FollowedJob(bool on_completed, bool on_cancelled, bool on_dead) {
  NewJob job = MakeJob();
  job.follow_ups.push_back({.on_completed = on_completed,
                            .on_cancelled = on_cancelled,
                            .on_dead = on_dead,
                            .kind = kTell,
                            .data = "ann@example.com"});
  return job;
}

// The follow-ups there are, oldest first.
inline std::vector<Job> FollowUpsIn(JobStore& store, const std::string& kind = kTell) {
  std::vector<Job> jobs;
  JobFilter filter;
  filter.kind = kind;
  for (const Job& row : ListAll(store, filter)) jobs.push_back(MustGet(store, row.id));
  std::reverse(jobs.begin(), jobs.end());
  return jobs;
}

inline FollowUpArgs ToldBy(const Job& follow_up) {
  return Value(DecodeFollowUpArgs(follow_up.args));
}

TEST_CASE_TEMPLATE_DEFINE("follow-ups: a follow-up tells how the job ended", Backend,
                          follow_ups_told) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  NewJob job = MakeJob();
  job.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  job.follow_ups.push_back({.kind = "notify.mail",
                            .queue = "notify",
                            .priority = 2,
                            .attempt_count_max = 9,
                            .retry_policy = EncodeRetryPolicy({.initial = absl::Seconds(3)}),
                            .data = "ann@example.com"});
  const ClaimedJob claimed = InsertAndClaim(store, job);
  RequireOk(FinishOne(store, Failed(claimed.lease, Transition::kRetry, "first try")));
  const ClaimedJob again = ClaimOne(store);
  clock.Advance(absl::Seconds(3));
  Finished finished = EndOf(again.lease, Transition::kComplete);
  finished.output = "artifact-7";
  RequireOk(FinishOne(store, finished));

  const std::vector<Job> follow_ups = FollowUpsIn(store, "notify.mail");
  REQUIRE(follow_ups.size() == 1);
  const Job& told = follow_ups[0];
  CHECK(told.state == JobState::kPending);
  CHECK(told.queue == "notify");
  CHECK(told.priority == 2);
  CHECK(told.attempt_count_max == 9);
  CHECK(told.retry_policy == job.follow_ups[0].retry_policy);
  CHECK(told.traceparent == job.traceparent);
  CHECK(told.created_at == clock.Now());
  CHECK(told.run_at == clock.Now());
  CHECK(told.id > claimed.lease.job);

  const FollowUpArgs args = ToldBy(told);
  CHECK(args.data == "ann@example.com");
  CHECK(args.end.job_id == claimed.lease.job);
  CHECK(args.end.kind == kKind);
  CHECK(args.end.queue == kQueue);
  CHECK(args.end.state == JobState::kCompleted);
  CHECK(args.end.attempt == 2);
  CHECK(args.end.generation == 0);
  CHECK(args.end.ended_at == clock.Now());
  CHECK(args.end.output == "artifact-7");
  CHECK(args.end.error == "");
  CHECK(args.end.traceparent == job.traceparent);

  const std::vector<Event> events = AllEvents(store);
  REQUIRE(events.size() >= 2);
  CHECK(events[events.size() - 2].type == EventType::kCompleted);
  CHECK(events[events.size() - 1].type == EventType::kEnqueued);
  CHECK(events[events.size() - 1].job_id == told.id);
}

// Ends a job that is the next to be claimed in one of the ways there are; which state it must be in
// then.
inline JobState EndOfInserted(JobStore& store, VirtualClock& clock, JobId id, int way) {
  if (way == 0) {
    RequireOk(CancelJob(store, id, "not wanted").status());
    return JobState::kCancelled;
  }
  const std::string session = fmt::format("way-{}-{}", way, id);
  const ClaimedJob claimed = ClaimOne(store, session);
  if (way == 1) RequireOk(FinishOne(store, claimed, Transition::kComplete));
  if (way == 2) RequireOk(FinishOne(store, Failed(claimed.lease, Transition::kDie, "bad data")));
  if (way == 3) RequireOk(FinishOne(store, Failed(claimed.lease, Transition::kCancel, "stop")));
  if (way == 4 || way == 6) RequireOk(CancelJob(store, id, "not wanted").status());
  if (way == 4) RequireOk(FinishOne(store, claimed, Transition::kRelease));
  if (way == 5 || way == 6) {
    clock.Advance(kLease);
    REQUIRE(RescueAll(store, 1) == 1);
  }
  if (way == 1) return JobState::kCompleted;
  return way == 2 || way == 5 ? JobState::kDead : JobState::kCancelled;
}
inline constexpr int kWayCount = 7;

// The same for a job of `in`.
inline JobState EndIn(JobStore& store, VirtualClock& clock, const NewJob& in, int way) {
  return EndOfInserted(store, clock, MustInsert(store, in), way);
}

TEST_CASE_TEMPLATE_DEFINE("follow-ups: every way to end a job inserts those that follow it",
                          Backend, follow_ups_ends) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  std::size_t expected = 0;
  for (int way = 0; way < kWayCount; ++way) {
    CAPTURE(way);
    const JobState state = EndIn(store, clock, FollowedJob(true, true, true), way);
    const std::vector<Job> told = FollowUpsIn(store);
    REQUIRE(told.size() == ++expected);
    const JobEnd end = ToldBy(told.back()).end;
    CHECK(end.state == state);
    CHECK(end.ended_at == clock.Now());
    CHECK((end.error == "") == (state == JobState::kCompleted));

    // What follows the other ends does not follow this one.
    const NewJob other = FollowedJob(state != JobState::kCompleted, state != JobState::kCancelled,
                                     state != JobState::kDead);
    CHECK(EndIn(store, clock, other, way) == state);
    CHECK(FollowUpsIn(store).size() == expected);
  }
}

TEST_CASE_TEMPLATE_DEFINE("follow-ups: what does not end a job inserts none", Backend,
                          follow_ups_none) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  ClaimedJob claimed = InsertAndClaim(store, FollowedJob(true, true, true));
  for (const Transition end : {Transition::kRetry, Transition::kSnooze, Transition::kRelease}) {
    RequireOk(FinishOne(store, claimed, end));
    claimed = ClaimOne(store);
  }
  clock.Advance(kLease);
  REQUIRE(RescueAll(store) == 1);
  claimed = ClaimOne(store, "session-2");
  RequireOk(CancelJob(store, claimed.lease.job).status());
  CHECK(FollowUpsIn(store).empty());

  // Not a stale end either, nor a repeat.
  CHECK(absl::IsAborted(
      FinishOne(store, EndOf({claimed.lease.job, claimed.lease.fence - 1}, Transition::kDie))));
  CHECK(FollowUpsIn(store).empty());
  for (int i = 0; i < 3; ++i) CHECK(FinishOne(store, claimed, Transition::kDie).ok());
  CHECK(FollowUpsIn(store).size() == 1);
  RequireOk(DiscardJob(store, claimed.lease.job).status());
  CHECK(FollowUpsIn(store).size() == 1);
}

TEST_CASE_TEMPLATE_DEFINE("follow-ups: a job that is sent back is followed again", Backend,
                          follow_ups_again) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  const JobId id = JobIn(store, JobState::kDead, FollowedJob(true, false, true));
  RequireOk(RequeueJob(store, id).status());
  RequireOk(FinishOne(store, ClaimOne(store), Transition::kComplete));
  const std::vector<Job> told = FollowUpsIn(store);
  REQUIRE(told.size() == 2);
  CHECK(ToldBy(told[0]).end.state == JobState::kDead);
  CHECK(ToldBy(told[0]).end.error == "no such customer");
  CHECK(ToldBy(told[0]).end.generation == 0);
  CHECK(ToldBy(told[1]).end.state == JobState::kCompleted);
  CHECK(ToldBy(told[1]).end.generation == 1);
}

TEST_CASE_TEMPLATE_DEFINE("follow-ups: several follow in their order, whatever the backlog",
                          Backend, follow_ups_order) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  NewJob job = MakeJob();
  for (std::size_t i = 0; i < limits::kFollowUpCountMax; ++i) {
    job.follow_ups.push_back({.kind = kTell, .data = fmt::format("number {}", i)});
  }
  RequireOk(FinishOne(store, InsertAndClaim(store, job), Transition::kComplete));
  const std::vector<Job> told = FollowUpsIn(store);
  REQUIRE(told.size() == limits::kFollowUpCountMax);
  for (std::size_t i = 0; i < told.size(); ++i) {
    CHECK(ToldBy(told[i]).data == fmt::format("number {}", i));
  }
}

TEST_CASE_TEMPLATE_DEFINE("follow-ups: outputs that are long or not text are left out", Backend,
                          follow_ups_output) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  const auto told_output = [&store](const std::string& output) {
    Finished finished =
        EndOf(InsertAndClaim(store, FollowedJob(true, true, true)).lease, Transition::kComplete);
    finished.output = output;
    RequireOk(FinishOne(store, finished));
    return ToldBy(FollowUpsIn(store).back()).end.output;
  };
  CHECK(told_output(std::string(kFollowUpOutputBytesMax, 'o')).size() == kFollowUpOutputBytesMax);
  CHECK(told_output(std::string(kFollowUpOutputBytesMax + 1, 'o')) == "");
  CHECK(told_output("\xff\xfe") == "");
}

TEST_CASE_TEMPLATE_DEFINE("follow-ups: they commit with the end, or not at all", Backend,
                          follow_ups_rollback) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  const ClaimedJob claimed = InsertAndClaim(store, FollowedJob(true, true, true));
  const std::string before = Snapshot(store);
  const Finished finished = EndOf(claimed.lease, Transition::kComplete);
  CHECK(Begin(store)->Finish({&finished, 1}).ok());
  CHECK(Snapshot(store) == before);
  CHECK(FinishOne(store, finished).ok());
  CHECK(FollowUpsIn(store).size() == 1);
}

}  // namespace outlive::conformance

#define OUTLIVE_JOB_STORE_FOLLOW_UPS_CONFORMANCE(Backend)  \
  namespace outlive::conformance {                         \
  TEST_CASE_TEMPLATE_INVOKE(follow_ups_told, Backend);     \
  TEST_CASE_TEMPLATE_INVOKE(follow_ups_ends, Backend);     \
  TEST_CASE_TEMPLATE_INVOKE(follow_ups_none, Backend);     \
  TEST_CASE_TEMPLATE_INVOKE(follow_ups_again, Backend);    \
  TEST_CASE_TEMPLATE_INVOKE(follow_ups_order, Backend);    \
  TEST_CASE_TEMPLATE_INVOKE(follow_ups_output, Backend);   \
  TEST_CASE_TEMPLATE_INVOKE(follow_ups_rollback, Backend); \
  }                                                        \
  static_assert(true, "")

#endif  // OUTLIVE_CONFORMANCE_JOB_STORE_FOLLOW_UPS_H_
