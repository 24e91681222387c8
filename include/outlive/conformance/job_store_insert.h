// Conformance of StoreTransaction::Insert(): what is kept, what is refused, idempotency keys,
// backlogs.
#ifndef OUTLIVE_CONFORMANCE_JOB_STORE_INSERT_H_
#define OUTLIVE_CONFORMANCE_JOB_STORE_INSERT_H_

#include <algorithm>
#include <string>
#include <vector>

#include "outlive/conformance/helpers.h"
#include "outlive/core/retry_policy.h"

namespace outlive::conformance {

// A job with something in every field.
inline NewJob FullJob(absl::Time run_at) {
  NewJob job = MakeJob("report.render", std::string("{\"a\":\"\0\xff\"}", 10));
  job.queue = "reports:slow/1";
  job.priority = 9;
  job.attempt_count_max = 10'000;
  job.run_at = run_at;
  job.idempotency_key = "key with spaces, \"quotes\" and \xc3\xa9";
  job.partition_key = "customer 'x'; --";
  job.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  job.tags = {"zebra", "apple", "apple:2"};
  job.retry_policy = EncodeRetryPolicy({.initial = absl::Seconds(7)});
  return job;
}

// Each has one fault.
inline std::vector<NewJob> InvalidJobs() {
  std::vector<NewJob> jobs;
  const auto add = [&jobs](auto spoil) {
    jobs.push_back(MakeJob());
    spoil(jobs.back());
  };
  add([](NewJob& job) { job.kind = ""; });
  add([](NewJob& job) { job.kind = "mail send"; });
  add([](NewJob& job) { job.kind = std::string("mail\0send", 9); });
  add([](NewJob& job) { job.kind = std::string(limits::kNameBytesMax + 1, 'k'); });
  add([](NewJob& job) { job.queue = ""; });
  add([](NewJob& job) { job.queue = "'; DROP TABLE jobs; --"; });
  add([](NewJob& job) { job.queue = "\xf0\x9f\x98\x80"; });
  add([](NewJob& job) { job.args = std::string(limits::kPayloadBytesMax + 1, 'x'); });
  add([](NewJob& job) { job.priority = -1; });
  add([](NewJob& job) { job.priority = limits::kPriorityMax + 1; });
  add([](NewJob& job) { job.attempt_count_max = 0; });
  add([](NewJob& job) { job.attempt_count_max = limits::kAttemptCountMax + 1; });
  add([](NewJob& job) { job.run_at = absl::InfiniteFuture(); });
  add([](NewJob& job) { job.idempotency_key = std::string("a\0b", 3); });
  add([](NewJob& job) { job.idempotency_key = std::string(limits::kKeyBytesMax + 1, 'k'); });
  add([](NewJob& job) { job.idempotency_window = absl::ZeroDuration(); });
  add([](NewJob& job) { job.idempotency_window = -absl::Seconds(1); });
  add([](NewJob& job) { job.idempotency_window = absl::InfiniteDuration(); });
  add([](NewJob& job) { job.partition_key = std::string("a\0b", 3); });
  add([](NewJob& job) { job.traceparent = "00-xyz"; });
  add([](NewJob& job) { job.tags = {"ok", "not ok"}; });
  add([](NewJob& job) { job.tags.assign(limits::kTagCountMax + 1, "tag"); });
  add([](NewJob& job) { job.retry_policy = "{}{"; });
  add([](NewJob& job) { job.follow_ups.assign(1, {.kind = "not ok"}); });
  add([](NewJob& job) { job.follow_ups.assign(limits::kFollowUpCountMax + 1, {.kind = "tell"}); });
  add([](NewJob& job) { job.backlog_max = -1; });
  return jobs;
}

TEST_CASE_TEMPLATE_DEFINE("insert: a job is kept as it was handed in", Backend, insert_keeps) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  const absl::Time run_at = clock.Now() + absl::Hours(5) + absl::Microseconds(3);
  const NewJob in = FullJob(run_at);
  const Job job = MustGet(store, MustInsert(store, in));

  CHECK(job.kind == in.kind);
  CHECK(job.queue == in.queue);
  CHECK(job.args == in.args);
  CHECK(job.priority == in.priority);
  CHECK(job.attempt_count_max == in.attempt_count_max);
  CHECK(job.run_at == run_at);
  CHECK(job.idempotency_key == in.idempotency_key);
  CHECK(job.partition_key == in.partition_key);
  CHECK(job.traceparent == in.traceparent);
  CHECK(job.tags == in.tags);
  CHECK(job.retry_policy == in.retry_policy);
}

TEST_CASE_TEMPLATE_DEFINE("insert: a new job is pending and has no past", Backend, insert_fresh) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  const JobId id = MustInsert(store);
  const Job job = MustGet(store, id);

  CHECK(job.id == id);
  CHECK(job.state == JobState::kPending);
  CHECK(job.created_at == clock.Now());
  CHECK(job.run_at == clock.Now());
  CHECK_FALSE(job.started_at.has_value());
  CHECK_FALSE(job.ended_at.has_value());
  CHECK(job.attempt == 0);
  CHECK(job.crashes == 0);
  CHECK(job.generation == 0);
  CHECK(job.fence == 0);
  CHECK(job.session == "");
  CHECK_FALSE(job.cancel_requested);
  CHECK(job.progress == 0);
  CHECK(job.progress_note == "");
  CHECK(job.checkpoint == "");
  CHECK(job.output == "");
  CHECK(job.errors.empty());
  CHECK(job.artifacts.empty());

  const std::vector<Event> events = AllEvents(store);
  REQUIRE(events.size() == 1);
  CHECK(events[0].type == EventType::kEnqueued);
  CHECK(events[0].job_id == id);
  CHECK(events[0].at == clock.Now());
  CHECK(events[0].fence == 0);
  CHECK(events[0].seq > 0);
}

TEST_CASE_TEMPLATE_DEFINE("insert: arguments are bytes, from none to the limit", Backend,
                          insert_bytes) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  std::string every_byte;
  for (int i = 0; i < 256; ++i) every_byte.push_back(static_cast<char>(i));
  for (const std::string& args : {std::string(), std::string(1, '\0'), every_byte,
                                  std::string(limits::kPayloadBytesMax, 'x')}) {
    const ClaimedJob claimed = InsertAndClaim(store, MakeJob(kKind, args));
    CHECK(claimed.args == args);
    CHECK(MustGet(store, claimed.lease.job).args == args);
  }
}

TEST_CASE_TEMPLATE_DEFINE("insert: ids are positive and grow", Backend, insert_ids) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  JobId last = 0;
  for (int batch = 0; batch < 3; ++batch) {
    for (const absl::StatusOr<Inserted>& inserted : InsertAll(store, {3, MakeJob()})) {
      REQUIRE(inserted.ok());
      CHECK(inserted->id > last);
      last = inserted->id;
    }
  }
}

TEST_CASE_TEMPLATE_DEFINE("insert: due times are whole microseconds and never in the past", Backend,
                          insert_run_at) {
  VirtualClock clock(VirtualClock::Start() + absl::Nanoseconds(999));
  Backend backend(clock);
  JobStore& store = backend.store();
  const absl::Time now = VirtualClock::Start();
  const auto run_at = [&store](absl::Time asked) {
    NewJob job = MakeJob();
    job.run_at = asked;
    return MustGet(store, MustInsert(store, job)).run_at;
  };
  CHECK(run_at(absl::InfinitePast()) == now);
  CHECK(run_at(now - absl::Hours(1)) == now);
  CHECK(run_at(now) == now);
  CHECK(run_at(now + absl::Microseconds(1)) == now + absl::Microseconds(1));
  CHECK(run_at(now + absl::Nanoseconds(2'999)) == now + absl::Microseconds(2));
  const absl::Time far = absl::FromUnixSeconds(253'402'300'799);  // The end of the year 9999.
  CHECK(run_at(far) == far);
  CHECK(run_at(absl::UnixEpoch() - absl::Hours(24 * 366 * 1'900)) == now);
}

TEST_CASE_TEMPLATE_DEFINE("insert: what is invalid is refused alone and leaves no trace", Backend,
                          insert_invalid) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  for (const NewJob& bad : InvalidJobs()) {
    const std::vector<absl::StatusOr<Inserted>> results =
        InsertAll(store, {MakeJob(), bad, MakeJob()});
    REQUIRE(results.size() == 3);
    CHECK(results[0].ok());
    CHECK(absl::IsInvalidArgument(results[1].status()));
    CHECK_FALSE(results[1].status().message().empty());
    CHECK(results[2].ok());
  }
  CHECK(ListAll(store).size() == 2 * InvalidJobs().size());
  CHECK(AllEvents(store).size() == 2 * InvalidJobs().size());
}

TEST_CASE_TEMPLATE_DEFINE("insert: a batch may be empty, and has a limit", Backend, insert_batch) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  CHECK(InsertAll(store, {}).empty());
  const std::vector<NewJob> most(limits::kInsertJobCountMax, MakeJob());
  CHECK(InsertAll(store, most).size() == most.size());
  CHECK(LaneOf(store).pending == static_cast<std::int64_t>(most.size()));

  const std::vector<NewJob> too_many(limits::kInsertJobCountMax + 1, MakeJob());
  CHECK(absl::IsInvalidArgument(Begin(store)->Insert(too_many).status()));
  CHECK(LaneOf(store).pending == static_cast<std::int64_t>(most.size()));
}

TEST_CASE_TEMPLATE_DEFINE("keys: the same key and arguments give the first job", Backend,
                          keys_same) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  const JobId first = MustInsert(store, KeyedJob("k", "{\"n\":1}"));
  const std::string before = Snapshot(store);

  SUBCASE("again and again") {
    for (int i = 0; i < 3; ++i) {
      const Inserted again = Value(InsertOne(store, KeyedJob("k", "{\"n\":1}")));
      CHECK(again.duplicate);
      CHECK(again.id == first);
    }
    CHECK(Snapshot(store) == before);
  }
  SUBCASE("whatever else differs") {
    NewJob other = KeyedJob("k", "{\"n\":1}");
    other.queue = "elsewhere";
    other.priority = 0;
    other.run_at = clock.Now() + absl::Hours(1);
    other.tags = {"x"};
    other.attempt_count_max = 1;
    const Inserted again = Value(InsertOne(store, other));
    CHECK(again.duplicate);
    CHECK(again.id == first);
    CHECK(Snapshot(store) == before);
  }
  SUBCASE("but not with other arguments") {
    for (const char* args : {"{\"n\":2}", "", "{\"n\":1} "}) {
      CHECK(absl::IsAlreadyExists(InsertOne(store, KeyedJob("k", args)).status()));
    }
    CHECK(Snapshot(store) == before);
  }
  SUBCASE("but not for another kind, or another key") {
    CHECK(MustInsert(store, KeyedJob("k", "{\"n\":1}", "mail.other")) != first);
    CHECK(MustInsert(store, KeyedJob("K", "{\"n\":1}")) != first);
    CHECK(MustInsert(store, KeyedJob("k ", "{\"n\":1}")) != first);
    CHECK(MustInsert(store, MakeJob(kKind, "{\"n\":1}")) != first);
  }
}

TEST_CASE_TEMPLATE_DEFINE("keys: they count inside one batch too", Backend, keys_batch) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  const std::vector<absl::StatusOr<Inserted>> results =
      InsertAll(store, {KeyedJob("a"), KeyedJob("a"), KeyedJob("a", "other"), KeyedJob("b")});
  REQUIRE(results.size() == 4);
  REQUIRE(results[0].ok());
  CHECK_FALSE(results[0]->duplicate);
  REQUIRE(results[1].ok());
  CHECK(results[1]->duplicate);
  CHECK(results[1]->id == results[0]->id);
  CHECK(absl::IsAlreadyExists(results[2].status()));
  REQUIRE(results[3].ok());
  CHECK_FALSE(results[3]->duplicate);
  CHECK(ListAll(store).size() == 2);
}

TEST_CASE_TEMPLATE_DEFINE("keys: the window ends at its end, to the microsecond", Backend,
                          keys_window) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  NewJob job = KeyedJob("k", "one");
  job.idempotency_window = absl::Minutes(10);
  const JobId first = MustInsert(store, job);

  clock.Advance(absl::Minutes(10) - absl::Microseconds(1));
  CHECK(Value(InsertOne(store, job)).id == first);  // That does not make the window longer.
  clock.Advance(absl::Microseconds(1));

  NewJob other = KeyedJob("k", "two");
  other.idempotency_window = absl::Minutes(1);
  const JobId second = MustInsert(store, other);
  CHECK(second != first);
  CHECK(absl::IsAlreadyExists(InsertOne(store, job).status()));

  clock.Advance(absl::Minutes(1) - absl::Microseconds(1));
  CHECK(Value(InsertOne(store, other)).id == second);
  clock.Advance(absl::Microseconds(1));
  CHECK(MustInsert(store, job) != second);
}

TEST_CASE_TEMPLATE_DEFINE("keys: a key outlives its job", Backend, keys_outlive) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  NewJob job = KeyedJob("k");
  job.idempotency_window = absl::Hours(100);

  SUBCASE("that has ended") {
    const JobId id = JobIn(store, JobState::kCompleted, job);
    CHECK(Value(InsertOne(store, job)).id == id);
    CHECK(StateOf(store, id) == JobState::kCompleted);
  }
  SUBCASE("that was pruned") {
    const JobId id = JobIn(store, JobState::kCompleted, job);
    clock.Advance(absl::Hours(50));
    CHECK(Value(Prune(store)).job_count == 1);
    const Inserted again = Value(InsertOne(store, job));
    CHECK(again.duplicate);
    CHECK(again.id == id);
    CHECK(absl::IsNotFound(store.Get(id).status()));
  }
  SUBCASE("that was discarded") {
    const JobId id = JobIn(store, JobState::kDead, job);
    CHECK(DiscardJob(store, id).ok());
    CHECK(Value(InsertOne(store, job)).id == id);
    CHECK(absl::IsAlreadyExists(InsertOne(store, KeyedJob("k", "other")).status()));
  }
  CHECK(ListAll(store).size() <= 1);
}

TEST_CASE_TEMPLATE_DEFINE("keys: a key of a job that was never committed is free", Backend,
                          keys_rollback) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  const NewJob undone = KeyedJob("k", "undone");
  CHECK(Begin(store)->Insert({&undone, 1}).ok());
  MustInsert(store, KeyedJob("k", "kept"));

  // A key whose window has ended is back after a rollback, and is still over.
  clock.Advance(absl::Hours(24));
  CHECK(Begin(store)->Insert({&undone, 1}).ok());
  MustInsert(store, KeyedJob("k", "third"));
  CHECK(absl::IsAlreadyExists(InsertOne(store, undone).status()));
}

TEST_CASE_TEMPLATE_DEFINE("backlog: a full queue refuses, and only that", Backend, insert_backlog) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  NewJob job = MakeJob();
  job.backlog_max = 2;
  NewJob later = MakeJob("mail.later");
  later.run_at = clock.Now() + absl::Hours(1);
  MustInsert(store, later);  // Scheduled jobs of any kind are pending too.

  const std::vector<absl::StatusOr<Inserted>> results = InsertAll(store, {job, job, job});
  REQUIRE(results.size() == 3);
  CHECK(results[0].ok());
  CHECK(absl::IsResourceExhausted(results[1].status()));
  CHECK(absl::IsResourceExhausted(results[2].status()));
  CHECK(ListAll(store).size() == 2);
  CHECK(AllEvents(store).size() == 2);

  SUBCASE("another queue has room") {
    NewJob other = job;
    other.queue = "other";
    MustInsert(store, other);
  }
  SUBCASE("who sets no limit gets in") { MustInsert(store, MakeJob()); }
  SUBCASE("running and ended jobs do not count") {
    const ClaimedJob claimed = ClaimOne(store);
    MustInsert(store, job);
    CHECK(absl::IsResourceExhausted(InsertOne(store, job).status()));
    RequireOk(FinishOne(store, claimed, Transition::kComplete));
    CHECK(absl::IsResourceExhausted(InsertOne(store, job).status()));
    RequireOk(FinishOne(store, ClaimOne(store), Transition::kRelease));
    CHECK(absl::IsResourceExhausted(InsertOne(store, job).status()));
  }
  SUBCASE("a repeated key is answered where the queue is full") {
    NewJob keyed = KeyedJob("k");
    const JobId id = MustInsert(store, keyed);
    keyed.backlog_max = 1;
    CHECK(Value(InsertOne(store, keyed)).id == id);
    keyed.args = "other";
    CHECK(absl::IsAlreadyExists(InsertOne(store, keyed).status()));
  }
  SUBCASE("a key that was refused is free") {
    NewJob keyed = KeyedJob("k", "refused");
    keyed.backlog_max = 1;
    CHECK(absl::IsResourceExhausted(InsertOne(store, keyed).status()));
    MustInsert(store, KeyedJob("k", "taken"));
  }
}

}  // namespace outlive::conformance

#define OUTLIVE_JOB_STORE_INSERT_CONFORMANCE(Backend) \
  namespace outlive::conformance {                    \
  TEST_CASE_TEMPLATE_INVOKE(insert_keeps, Backend);   \
  TEST_CASE_TEMPLATE_INVOKE(insert_fresh, Backend);   \
  TEST_CASE_TEMPLATE_INVOKE(insert_bytes, Backend);   \
  TEST_CASE_TEMPLATE_INVOKE(insert_ids, Backend);     \
  TEST_CASE_TEMPLATE_INVOKE(insert_run_at, Backend);  \
  TEST_CASE_TEMPLATE_INVOKE(insert_invalid, Backend); \
  TEST_CASE_TEMPLATE_INVOKE(insert_batch, Backend);   \
  TEST_CASE_TEMPLATE_INVOKE(keys_same, Backend);      \
  TEST_CASE_TEMPLATE_INVOKE(keys_batch, Backend);     \
  TEST_CASE_TEMPLATE_INVOKE(keys_window, Backend);    \
  TEST_CASE_TEMPLATE_INVOKE(keys_outlive, Backend);   \
  TEST_CASE_TEMPLATE_INVOKE(keys_rollback, Backend);  \
  TEST_CASE_TEMPLATE_INVOKE(insert_backlog, Backend); \
  }                                                   \
  static_assert(true, "")

#endif  // OUTLIVE_CONFORMANCE_JOB_STORE_INSERT_H_
