// Conformance of the readers: Get, List, Stats, events, dead letters, and what a store says of
// itself.
#ifndef OUTLIVE_CONFORMANCE_JOB_STORE_READ_H_
#define OUTLIVE_CONFORMANCE_JOB_STORE_READ_H_

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "outlive/conformance/helpers.h"

namespace outlive::conformance {

inline std::vector<JobId> Listed(JobStore& store, const JobFilter& filter,
                                 int row_count_max = 100) {
  std::vector<JobId> ids;
  for (const Job& job : ListAll(store, filter, row_count_max)) ids.push_back(job.id);
  return ids;
}

// Brings a pending job into `state`; it must be the newest one of its queue and kind.
inline void Bring(JobStore& store, JobId id, const NewJob& in, JobState state) {
  if (state == JobState::kPending) return;
  if (state == JobState::kCancelled) return RequireOk(CancelJob(store, id).status());
  const absl::Status opened = OpenSession(store);
  if (!absl::IsAlreadyExists(opened)) RequireOk(opened);
  const std::vector<ClaimedJob> claimed =
      Claim(store, RequestOf(kSession, {in.kind}, {{in.queue, 100}})).jobs;
  REQUIRE_FALSE(claimed.empty());
  for (const ClaimedJob& job : claimed) {
    if (job.lease.job != id) RequireOk(FinishOne(store, job, Transition::kRelease));
  }
  const Lease lease = claimed.back().lease;
  if (state == JobState::kCompleted)
    RequireOk(FinishOne(store, EndOf(lease, Transition::kComplete)));
  if (state == JobState::kDead) RequireOk(FinishOne(store, Failed(lease, Transition::kDie, "why")));
}

// One job in each state, in two queues and of two kinds, tagged with its state's name.
inline std::vector<Job> MixedJobs(JobStore& store) {
  std::vector<Job> jobs;
  for (const char* queue : {"q1", "q2"}) {
    for (const char* kind : {"k1", "k2"}) {
      for (const JobState state : {JobState::kPending, JobState::kRunning, JobState::kCompleted,
                                   JobState::kCancelled, JobState::kDead}) {
        NewJob in = MakeJob(kind, "{\"large\":true}");
        in.queue = queue;
        in.tags = {"all", std::string(JobStateName(state))};
        const JobId id = MustInsert(store, in);
        Bring(store, id, in, state);
        jobs.push_back(MustGet(store, id));
        REQUIRE(jobs.back().state == state);
      }
    }
  }
  return jobs;
}

TEST_CASE_TEMPLATE_DEFINE("get: what is not there is not found", Backend, get_missing) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  for (const JobId id : {JobId{0}, JobId{-1}, JobId{1}, std::numeric_limits<JobId>::max(),
                         std::numeric_limits<JobId>::min()}) {
    CHECK(absl::IsNotFound(store.Get(id).status()));
  }
  CHECK(MustGet(store, MustInsert(store)).id > 0);
}

TEST_CASE_TEMPLATE_DEFINE("list: rows have all but the large fields", Backend, list_rows) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  NewJob in = KeyedJob("k", "{\"large\":true}");
  in.tags = {"b", "a"};
  const ClaimedJob claimed = InsertAndClaim(store, in);
  WorkerWrite write;
  write.lease = claimed.lease;
  write.progress = 0.5;
  write.progress_note = "half";
  write.checkpoint = "page 5";
  write.artifact = MakeArtifact('a');
  RequireOk(WriteOne(store, write));
  RequireOk(FinishOne(store, Failed(claimed.lease, Transition::kRetry, "why")));
  const ClaimedJob again = ClaimOne(store);
  Finished finished = EndOf(again.lease, Transition::kComplete);
  finished.output = "output";
  RequireOk(FinishOne(store, finished));

  Job expected = MustGet(store, claimed.lease.job);
  CHECK(expected.args != "");
  CHECK(expected.checkpoint != "");
  CHECK(expected.output != "");
  CHECK(expected.errors.size() == 1);
  CHECK(expected.artifacts.size() == 1);
  expected.args.clear();
  expected.checkpoint.clear();
  expected.output.clear();
  expected.errors.clear();
  expected.artifacts.clear();
  const std::vector<Job> rows = ListAll(store);
  REQUIRE(rows.size() == 1);
  CHECK(TextOf(rows[0]) == TextOf(expected));
}

TEST_CASE_TEMPLATE_DEFINE("list: every filter, alone and together with others", Backend,
                          list_filters) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  const std::vector<Job> jobs = MixedJobs(store);
  const std::vector<std::optional<JobState>> states = {
      std::nullopt,         JobState::kPending,   JobState::kBlocked, JobState::kRunning,
      JobState::kCompleted, JobState::kCancelled, JobState::kDead};
  for (const std::optional<JobState>& state : states) {
    for (const char* kind : {"", "k1", "k3"}) {
      for (const char* queue : {"", "q2", "k1"}) {
        for (const char* tag : {"", "all", "dead", "al"}) {
          const JobFilter filter{
              .state = state, .kind = kind, .queue = queue, .tag = tag, .error_group = {}};
          std::vector<JobId> expected;
          for (const Job& job : jobs) {
            const bool matches =
                (!state || job.state == *state) && (filter.kind.empty() || job.kind == kind) &&
                (filter.queue.empty() || job.queue == queue) &&
                (filter.tag.empty() ||
                 std::find(job.tags.begin(), job.tags.end(), tag) != job.tags.end());
            if (matches) expected.insert(expected.begin(), job.id);
          }
          CHECK(Listed(store, filter) == expected);
        }
      }
    }
  }
  for (const std::string& odd : {std::string("'; --"), std::string("a\0b", 3), std::string("%")}) {
    CHECK(Listed(store, {.state = {}, .kind = odd, .queue = {}, .tag = {}, .error_group = {}})
              .empty());
    CHECK(Listed(store, {.state = {}, .kind = {}, .queue = odd, .tag = {}, .error_group = {}})
              .empty());
    CHECK(Listed(store, {.state = {}, .kind = {}, .queue = {}, .tag = odd, .error_group = {}})
              .empty());
    CHECK(Listed(store, {.state = {}, .kind = {}, .queue = {}, .tag = {}, .error_group = odd})
              .empty());
  }
}

TEST_CASE_TEMPLATE_DEFINE("list: pages from the newest to the oldest, without gaps", Backend,
                          list_pages) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  std::vector<JobId> all;
  for (int i = 0; i < 23; ++i) all.insert(all.begin(), MustInsert(store));
  for (const int size : {1, 2, 7, 23, 24, limits::kPageRowCountMax}) {
    CHECK(Listed(store, {}, size) == all);
  }
  const auto page = [&store](JobId before, int row_count_max) {
    std::vector<JobId> ids;
    for (const Job& job :
         Value(store.List({}, {.before = before, .row_count_max = row_count_max}))) {
      ids.push_back(job.id);
    }
    return ids;
  };
  CHECK(page(all[5], 2) == std::vector<JobId>{all[6], all[7]});
  CHECK(page(all[0] + 1'000, 1) == std::vector<JobId>{all[0]});
  CHECK(page(all[22], 10).empty());
  CHECK(page(1, 10).empty());

  // A page stays where it is while jobs come and go.
  MustInsert(store);
  RequireOk(CancelJob(store, all[6]).status());
  clock.Advance(absl::Hours(48));
  RequireOk(Prune(store).status());
  CHECK(page(all[5], 2) == std::vector<JobId>{all[7], all[8]});
}

TEST_CASE_TEMPLATE_DEFINE("list: an invalid page is refused", Backend, list_invalid) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  for (const JobPage& page :
       {JobPage{.before = -1}, JobPage{.row_count_max = 0}, JobPage{.row_count_max = -1},
        JobPage{.row_count_max = limits::kPageRowCountMax + 1}}) {
    CHECK(absl::IsInvalidArgument(store.List({}, page).status()));
  }
}

TEST_CASE_TEMPLATE_DEFINE("stats: jobs are counted by queue, kind and state", Backend,
                          stats_counts) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  CHECK(Value(store.Stats()).lanes.empty());
  CHECK(Value(store.Stats()).now == clock.Now());
  MixedJobs(store);
  MixedJobs(store);
  const JobStats stats = Value(store.Stats());
  REQUIRE(stats.lanes.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    const JobStats::Lane& lane = stats.lanes[i];
    CHECK(lane.queue == (i < 2 ? "q1" : "q2"));
    CHECK(lane.kind == (i % 2 == 0 ? "k1" : "k2"));
    CHECK(lane.pending == 2);
    CHECK(lane.running == 2);
    CHECK(lane.blocked == 0);
    CHECK(lane.completed == 2);
    CHECK(lane.cancelled == 2);
    CHECK(lane.dead == 2);
  }
}

TEST_CASE_TEMPLATE_DEFINE("stats: the oldest due job, and lanes without jobs", Backend,
                          stats_oldest) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  const absl::Time soon = clock.Now() + absl::Seconds(10);
  NewJob job = MakeJob();
  job.run_at = soon + absl::Seconds(1);
  job.priority = 0;
  MustInsert(store, job);
  job.run_at = soon;
  job.priority = 9;
  MustInsert(store, job);
  CHECK(LaneOf(store).oldest_due == absl::InfiniteFuture());
  CHECK(LaneOf(store).pending == 2);

  clock.Advance(absl::Seconds(10) - absl::Microseconds(1));
  CHECK(LaneOf(store).oldest_due == absl::InfiniteFuture());
  clock.Advance(absl::Microseconds(1));
  CHECK(LaneOf(store).oldest_due == soon);
  clock.Advance(absl::Seconds(1));
  CHECK(LaneOf(store).oldest_due == soon);

  for (const ClaimedJob& claimed : ClaimDue(store)) {
    RequireOk(FinishOne(store, claimed, Transition::kComplete));
  }
  CHECK(LaneOf(store).oldest_due == absl::InfiniteFuture());
  CHECK(LaneOf(store).completed == 2);
  clock.Advance(absl::Hours(24));
  RequireOk(Prune(store).status());
  CHECK(Value(store.Stats()).lanes.empty());
}

TEST_CASE_TEMPLATE_DEFINE("events: a log in the order of history", Backend, events_order) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  CHECK(Value(store.LastEvent()) == 0);
  CHECK(AllEvents(store).empty());
  InsertAll(store, {3, MakeJob()});
  clock.Advance(absl::Seconds(1));
  const std::vector<ClaimedJob> jobs = ClaimDue(store);
  clock.Advance(absl::Seconds(1));
  for (const ClaimedJob& job : jobs) RequireOk(FinishOne(store, job, Transition::kComplete));

  const std::vector<Event> events = AllEvents(store);
  REQUIRE(events.size() == 9);
  for (std::size_t i = 1; i < events.size(); ++i) {
    CHECK(events[i].seq > events[i - 1].seq);
    CHECK(events[i].at >= events[i - 1].at);
  }
  CHECK(Value(store.LastEvent()) == events.back().seq);
  CHECK(events[0].at == VirtualClock::Start());
  CHECK(events[8].at == clock.Now());

  // Whoever reads on from the last one it has seen misses none.
  std::int64_t after = 0;
  for (std::size_t i = 0; i < events.size(); i += 2) {
    const std::vector<Event> some = Value(store.EventsAfter(after, 2));
    REQUIRE(some.size() == std::min<std::size_t>(2, events.size() - i));
    CHECK(some[0].seq == events[i].seq);
    CHECK(some[0].job_id == events[i].job_id);
    after = some.back().seq;
  }
  CHECK(Value(store.EventsAfter(after, 2)).empty());
  CHECK(Value(store.EventsAfter(after + 1'000, 2)).empty());
  CHECK(Value(store.EventsAfter(std::numeric_limits<std::int64_t>::max(), 2)).empty());
  CHECK(Value(store.EventsAfter(-5, 100)).size() == 9);
  CHECK(absl::IsInvalidArgument(store.EventsAfter(0, 0).status()));
  CHECK(absl::IsInvalidArgument(store.EventsAfter(0, -1).status()));
}

inline void Die(JobStore& store, const std::string& kind, const std::string& message,
                absl::StatusCode code = absl::StatusCode::kInternal) {
  const ClaimedJob claimed = InsertAndClaim(store, MakeJob(kind));
  RequireOk(FinishOne(store, Failed(claimed.lease, Transition::kDie, message, code)));
}

TEST_CASE_TEMPLATE_DEFINE("dead letters: grouped by what they died of", Backend, dead_groups) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  CHECK(Value(store.DeadLetterGroups(10)).empty());
  Die(store, "k1", "row 3 of 17 is bad");
  Die(store, "k1", "row 25 of 17 is bad");
  Die(store, "k1", "row 25 of 17 is bad", absl::StatusCode::kNotFound);
  Die(store, "k2", "row 3 of 17 is bad");
  clock.Advance(absl::Seconds(1));
  Die(store, "k1", "row 1 of 2 is bad");
  Die(store, "k2", "out of paper");
  Die(store, "k2", "");
  const JobId without_error = InsertAndClaim(store, MakeJob("k3")).lease.job;
  RequireOk(FinishOne(store, EndOf({without_error, 1}, Transition::kDie)));

  const std::vector<DeadLetterGroup> groups = Value(store.DeadLetterGroups(100));
  REQUIRE(groups.size() == 6);
  CHECK(groups[0].job_count == 3);
  CHECK(groups[0].kind == "k1");
  CHECK(groups[0].message == "row 1 of 2 is bad");
  CHECK(groups[0].code == absl::StatusCode::kInternal);
  CHECK(groups[0].newest_at == clock.Now());
  CHECK(
      groups[0].newest ==
      Listed(
          store,
          {.state = JobState::kDead, .kind = "k1", .queue = {}, .tag = {}, .error_group = {}})[0]);
  for (std::size_t i = 1; i < groups.size(); ++i) {
    CHECK(groups[i].job_count == 1);
    CHECK(groups[i].newest > 0);
    if (i > 1) CHECK(groups[i].newest < groups[i - 1].newest);
  }
  CHECK(groups[1].newest == without_error);
  CHECK(groups[1].message == "");

  // A group's key lists just its jobs.
  for (const DeadLetterGroup& group : groups) {
    JobFilter filter;
    filter.error_group = group.key;
    const std::vector<JobId> ids = Listed(store, filter);
    REQUIRE(ids.size() == static_cast<std::size_t>(group.job_count));
    CHECK(ids[0] == group.newest);
    const Job newest = MustGet(store, group.newest);
    CHECK(group.key == ErrorGroupKey(newest.kind, newest.errors));
    filter.state = JobState::kCompleted;
    CHECK(Listed(store, filter).empty());
  }
  CHECK(Value(store.DeadLetterGroups(2)).size() == 2);
  CHECK(Value(store.DeadLetterGroups(2))[0].key == groups[0].key);
  CHECK(absl::IsInvalidArgument(store.DeadLetterGroups(0).status()));

  // Whoever is sent back is no dead letter any more, with all its history.
  RequireOk(RequeueJob(store, groups[0].newest).status());
  CHECK(Value(store.DeadLetterGroups(1))[0].job_count == 2);
  CHECK(Value(store.DeadLetterGroups(1))[0].message == "row 25 of 17 is bad");
}

TEST_CASE_TEMPLATE_DEFINE("info: a store says what it is", Backend, store_info) {
  VirtualClock clock;
  Backend backend(clock);
  JobStore& store = backend.store();
  const StoreInfo& info = store.info();
  CHECK(info.name != "");
  CHECK(info.version != "");
  CHECK(info.store_id.size() == 32);
  CHECK(info.store_id.find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(info.schema_version > 0);
  CHECK(&store.info() == &info);
  CHECK(store.clock().Now() == clock.Now());
  CHECK(store.Check(absl::Seconds(10)).ok());
  if (!info.can_join) {
    CHECK(absl::IsUnimplemented(store.Join(static_cast<sqlite3*>(nullptr)).status()));
  }
}

}  // namespace outlive::conformance

#define OUTLIVE_JOB_STORE_READ_CONFORMANCE(Backend) \
  namespace outlive::conformance {                  \
  TEST_CASE_TEMPLATE_INVOKE(get_missing, Backend);  \
  TEST_CASE_TEMPLATE_INVOKE(list_rows, Backend);    \
  TEST_CASE_TEMPLATE_INVOKE(list_filters, Backend); \
  TEST_CASE_TEMPLATE_INVOKE(list_pages, Backend);   \
  TEST_CASE_TEMPLATE_INVOKE(list_invalid, Backend); \
  TEST_CASE_TEMPLATE_INVOKE(stats_counts, Backend); \
  TEST_CASE_TEMPLATE_INVOKE(stats_oldest, Backend); \
  TEST_CASE_TEMPLATE_INVOKE(events_order, Backend); \
  TEST_CASE_TEMPLATE_INVOKE(dead_groups, Backend);  \
  TEST_CASE_TEMPLATE_INVOKE(store_info, Backend);   \
  }                                                 \
  static_assert(true, "")

#endif  // OUTLIVE_CONFORMANCE_JOB_STORE_READ_H_
