// Small runs made by hand, each right but for one thing. tests/testing/mutants_test.cc has the ones
// that happen.
#include "outlive/testing/checker.h"

#include <absl/status/status.h>
#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "outlive/store/memory_store.h"
#include "outlive/testing/virtual_clock.h"

namespace outlive::testing {
namespace {

// Builds a run as several processes would.
class Story {
 public:
  // An operation of `process`, with its result.
  HistoryRecord& Op(HistoryOp op, HistoryPhase phase, HistoryRecord record = {}) {
    record.process = process;
    record.call = ++call_;
    record.op = op;
    record.at = At(0);
    record.phase = HistoryPhase::kInvoke;
    if (op != HistoryOp::kStart && op != HistoryOp::kReturn) Append(record);
    record.phase = phase;
    Append(record);
    return run.history.back();
  }

  void Log(EventType type, JobId job, std::int64_t fence, int second = 0) {
    Event event;
    event.seq = static_cast<std::int64_t>(run.events.size()) + 1;
    event.at = At(second);
    event.type = type;
    event.job_id = job;
    event.fence = fence;
    run.events.push_back(event);
  }

  static absl::Time At(int second) { return VirtualClock::Start() + absl::Seconds(second); }

  RunRecord run;
  std::string process = "p";

 private:
  void Append(HistoryRecord record) {
    record.moment = static_cast<std::int64_t>(run.history.size()) + 1;
    run.history.push_back(std::move(record));
  }

  std::int64_t call_ = 0;
};

HistoryRecord Asked(JobId id, std::string args = "1") {
  HistoryRecord record;
  record.kind = "work";
  record.args = std::move(args);
  record.job = id;
  record.attempt_count_max = 3;
  return record;
}

HistoryRecord OfLease(JobId id, std::int64_t fence) {
  HistoryRecord record;
  record.kind = "work";
  record.args = "1";
  record.job = id;
  record.fence = fence;
  record.attempt = 1;
  record.session = "s";
  record.lease = absl::Seconds(60);
  record.transition = Transition::kComplete;
  return record;
}

Job Ended(JobId id, JobState state, std::int64_t fence) {
  Job job;
  job.id = id;
  job.kind = "work";
  job.queue = "default";
  job.args = "1";
  job.state = state;
  job.attempt = 1;
  job.attempt_count_max = 3;
  job.fence = fence;
  job.created_at = Story::At(0);
  job.ended_at = Story::At(2);
  return job;
}

// One job that is enqueued, claimed and completed by one process.
Story OneJob() {
  Story story;
  story.Op(HistoryOp::kOpenSession, HistoryPhase::kOk, OfLease(0, 0));
  story.Op(HistoryOp::kEnqueue, HistoryPhase::kOk, Asked(1));
  story.Op(HistoryOp::kClaim, HistoryPhase::kOk, OfLease(1, 1));
  story.Op(HistoryOp::kStart, HistoryPhase::kOk, OfLease(1, 1));
  story.Op(HistoryOp::kReturn, HistoryPhase::kOk, OfLease(1, 1));
  story.Op(HistoryOp::kFinish, HistoryPhase::kOk, OfLease(1, 1));
  story.Log(EventType::kEnqueued, 1, 0);
  story.Log(EventType::kClaimed, 1, 1, 1);
  story.Log(EventType::kCompleted, 1, 1, 2);
  story.run.jobs = {Ended(1, JobState::kCompleted, 1)};
  return story;
}

// The invariants that are violated.
using Broken = std::set<std::string>;
Broken Of(const Story& story, const CheckOptions& options = {}) {
  Broken broken;
  for (const Violation& violation : CheckRun(story.run, options).violations) {
    broken.insert(violation.invariant);
  }
  return broken;
}

TEST_CASE("a run that is right is valid, and counted") {
  const CheckReport report = CheckRun(OneJob().run);
  CHECK_MESSAGE(report.ok(), report.ToString());
  CHECK(report.counts.at("completed") == 1);
  CHECK(report.ToString().substr(0, 5) == "valid");
}

TEST_CASE("a run in which nothing happened proves nothing") {
  CHECK(Of({}) == Broken{"exercised"});
  CHECK(Of(OneJob(), {.exercised = {"rescued"}}) == Broken{"exercised"});
  CHECK(Of(OneJob(), {.exercised = {"completed"}}) == Broken{});
}

TEST_CASE("an acknowledged job that never was") {
  Story story = OneJob();
  story.Op(HistoryOp::kEnqueue, HistoryPhase::kOk, Asked(2, "2"));
  const CheckReport report = CheckRun(story.run);
  REQUIRE(report.violations.size() == 1);
  CHECK(report.violations[0].invariant == "I1");
  CHECK(report.violations[0].slice.size() == 1);
  CHECK(report.ToString().find("job 2 was acknowledged and never was") != std::string::npos);
}

TEST_CASE("an enqueue in doubt may have gone either way") {
  Story story = OneJob();
  story.Op(HistoryOp::kEnqueue, HistoryPhase::kUnknown, Asked(0, "2"));
  CHECK(Of(story) == Broken{});
  story.Log(EventType::kEnqueued, 2, 0, 2);
  story.run.jobs.push_back(Ended(2, JobState::kPending, 0));
  story.run.jobs.back().args = "2";
  story.run.jobs.back().attempt = 0;
  story.run.jobs.back().ended_at.reset();
  story.run.jobs.back().created_at = Story::At(2);
  CHECK(Of(story, {.drained = false}) == Broken{});
  CHECK(Of(story) == Broken{"I15"});
}

TEST_CASE("a job that nobody asked for, or that was refused") {
  Story story = OneJob();
  story.run.history[2].args = "other";
  story.run.history[3].args = "other";
  CHECK(Of(story).count("I2") == 1);
  story = OneJob();
  story.run.history[3].phase = HistoryPhase::kFail;
  CHECK(Of(story).count("I2") == 1);
}

TEST_CASE("rows of the host and jobs belong together") {
  Story story = OneJob();
  for (const std::size_t i : {2, 3}) story.run.history[i].joined = true;
  CHECK(Of(story) == Broken{"I3"});
  story.run.joined_rows = {"1"};
  CHECK(Of(story) == Broken{});
  story.run.joined_rows = {"1", "2"};
  CHECK(Of(story) == Broken{"I3"});

  story = OneJob();
  CHECK(Of(story, {.complete_in_kinds = {"work"}}) == Broken{"I3"});
  story.run.completed_rows = {{1, 1}};
  CHECK(Of(story, {.complete_in_kinds = {"work"}}) == Broken{});
  story.run.completed_rows = {{1, 1}, {1, 1}};
  CHECK(Of(story, {.complete_in_kinds = {"work"}}) == Broken{"I3"});
}

TEST_CASE("a log that tells of a second holder") {
  Story story = OneJob();
  story.run.events[2].type = EventType::kClaimed;
  CHECK(Of(story) == Broken{"I4", "exercised"});
}

TEST_CASE("a lease that started its worker twice, or none that did") {
  Story story = OneJob();
  story.Op(HistoryOp::kStart, HistoryPhase::kOk, OfLease(1, 1));
  CHECK(Of(story) == Broken{"I4"});
  story = OneJob();
  story.Op(HistoryOp::kStart, HistoryPhase::kOk, OfLease(1, 2));
  CHECK(Of(story) == Broken{"I4"});
}

// The holder is lost after 30 s; another process completes the job.
Story LostAndFound(int rescued_at) {
  Story story;
  story.Op(HistoryOp::kOpenSession, HistoryPhase::kOk, OfLease(0, 0));
  story.Op(HistoryOp::kEnqueue, HistoryPhase::kOk, Asked(1));
  story.Op(HistoryOp::kClaim, HistoryPhase::kOk, OfLease(1, 1));
  story.Op(HistoryOp::kStart, HistoryPhase::kOk, OfLease(1, 1));
  story.process = "q";
  HistoryRecord second = OfLease(1, 3);
  second.session = "t";
  second.attempt = 2;
  story.Op(HistoryOp::kOpenSession, HistoryPhase::kOk, second);
  story.Op(HistoryOp::kClaim, HistoryPhase::kOk, second);
  story.Op(HistoryOp::kStart, HistoryPhase::kOk, second);
  story.Op(HistoryOp::kFinish, HistoryPhase::kOk, second);
  story.Log(EventType::kEnqueued, 1, 0);
  story.Log(EventType::kClaimed, 1, 1, 1);
  story.Log(EventType::kRescued, 1, 2, rescued_at);
  story.Log(EventType::kClaimed, 1, 3, rescued_at);
  story.Log(EventType::kCompleted, 1, 3, rescued_at + 1);
  story.run.jobs = {Ended(1, JobState::kCompleted, 3)};
  story.run.jobs[0].attempt = 2;
  story.run.jobs[0].crashes = 1;
  story.run.jobs[0].ended_at = Story::At(rescued_at + 1);
  return story;
}

TEST_CASE("a lease is taken away only when its session has expired") {
  CHECK(Of(LostAndFound(60)) == Broken{});
  CHECK(Of(LostAndFound(59)) == Broken{"I4"});
  Story closed = LostAndFound(59);
  closed.process = "p";
  closed.Op(HistoryOp::kCloseSession, HistoryPhase::kOk, OfLease(0, 0));
  CHECK(Of(closed) == Broken{});
}

// A claim of another process, in a session of its own, whose commit came to `phase`.
Story WithOtherClaim(Story story, HistoryPhase phase) {
  Story with;
  with.process = "other";
  HistoryRecord other = OfLease(1, 1);
  other.session = "u";
  with.Op(HistoryOp::kOpenSession, HistoryPhase::kOk, other);
  with.Op(HistoryOp::kClaim, phase, other);
  for (HistoryRecord& record : story.run.history) {
    record.moment += static_cast<std::int64_t>(with.run.history.size());
  }
  story.run.history.insert(story.run.history.begin(), with.run.history.begin(),
                           with.run.history.end());
  return story;
}

TEST_CASE("a claim that was rolled back has given out nothing, and its fence is given out again") {
  CHECK(Of(WithOtherClaim(OneJob(), HistoryPhase::kFail)) == Broken{});
  CHECK(Of(WithOtherClaim(OneJob(), HistoryPhase::kUnknown)) == Broken{});
  CHECK(Of(WithOtherClaim(LostAndFound(60), HistoryPhase::kFail)) == Broken{});
  CHECK(Of(WithOtherClaim(LostAndFound(59), HistoryPhase::kFail)) == Broken{"I4"});

  Story story = OneJob();
  for (HistoryRecord& record : story.run.history) {
    if (record.op == HistoryOp::kClaim && record.phase == HistoryPhase::kOk) {
      record.phase = HistoryPhase::kFail;
    }
  }
  CHECK(Of(WithOtherClaim(story, HistoryPhase::kFail)) == Broken{"I4"});
}

TEST_CASE("a process that lives keeps its leases, where nothing was done to it") {
  const CheckOptions options = {.live_processes_keep_leases = true};
  CHECK(Of(LostAndFound(60), options) == Broken{});
  Story story = LostAndFound(60);
  story.process = "p";
  story.Op(HistoryOp::kReturn, HistoryPhase::kOk, OfLease(1, 1)).at = Story::At(61);
  CHECK(Of(story, options) == Broken{"I4"});
}

TEST_CASE("an end of a former holder that was accepted") {
  Story story = LostAndFound(60);
  story.process = "p";
  story.Op(HistoryOp::kFinish, HistoryPhase::kFail, OfLease(1, 1)).code =
      absl::StatusCode::kAborted;
  CHECK(Of(story, {.exercised = {"fenced"}}) == Broken{});
  story.Op(HistoryOp::kFinish, HistoryPhase::kOk, OfLease(1, 1));
  CHECK(Of(story) == Broken{"I5"});
  story = LostAndFound(60);
  story.process = "p";
  story.Op(HistoryOp::kProgress, HistoryPhase::kOk, OfLease(1, 1));
  CHECK(Of(story) == Broken{"I5"});
}

TEST_CASE("an end that its holder was refused, or never asked for") {
  Story story = OneJob();
  story.run.history.back().phase = HistoryPhase::kFail;
  CHECK(Of(story) == Broken{"I5"});
  story.run.history.pop_back();
  CHECK(Of(story) == Broken{});  // Killed before it knew.
  story.run.history.pop_back();
  CHECK(Of(story) == Broken{"I5"});
}

TEST_CASE("the final state differs from the log") {
  Story story = OneJob();
  story.run.jobs[0].state = JobState::kDead;
  CHECK(Of(story) == Broken{"I17"});
  story = OneJob();
  story.run.jobs[0].attempt = 2;
  CHECK(Of(story) == Broken{"I6"});
  story = OneJob();
  story.run.jobs[0].fence = 2;
  CHECK(Of(story) == Broken{"I17"});
  story = OneJob();
  story.run.jobs.push_back(story.run.jobs[0]);
  CHECK(Of(story) == Broken{"I17"});
  story = OneJob();
  story.run.events[1].seq = 1;
  CHECK(Of(story).count("I17") == 1);
  story = OneJob();
  story.run.events[0].at = Story::At(5);
  CHECK(Of(story).count("I17") == 1);
}

TEST_CASE("where transactions overlap the log's time may go back, but not on a job's way") {
  Story story = OneJob();
  story.Op(HistoryOp::kEnqueue, HistoryPhase::kUnknown, Asked(0, "2"));
  story.Log(EventType::kEnqueued, 2, 0, 1);
  story.run.jobs.push_back(Ended(2, JobState::kPending, 0));
  story.run.jobs.back().args = "2";
  story.run.jobs.back().attempt = 0;
  story.run.jobs.back().ended_at.reset();
  story.run.jobs.back().created_at = Story::At(1);
  CHECK(Of(story, {.drained = false}) == Broken{"I17"});
  CHECK(Of(story, {.drained = false, .transactions_overlap = true}) == Broken{});
  story.run.events[1].at = Story::At(5);
  CHECK(Of(story, {.drained = false, .transactions_overlap = true}) == Broken{"I17"});
}

TEST_CASE("a crash of its own process that its holder tells of") {
  Story story = OneJob();
  story.run.events[2].type = EventType::kDead;
  story.run.jobs = {Ended(1, JobState::kDead, 1)};
  story.run.jobs[0].crashes = 1;
  for (HistoryRecord& record : story.run.history) {
    if (record.op == HistoryOp::kFinish) record.transition = Transition::kCrash;
  }
  CHECK(Of(story) == Broken{});
  story.run.jobs[0].crashes = 2;
  CHECK(Of(story) == Broken{"I6"});
  story.run.events[2].type = EventType::kCompleted;
  story.run.jobs[0] = Ended(1, JobState::kCompleted, 1);
  CHECK(Of(story) == Broken{"I5"});
}

TEST_CASE("a job that is gone must have been allowed to go") {
  Story story = OneJob();
  story.run.jobs.clear();
  CHECK(Of(story) == Broken{"I1"});
  PruneRequest prune;
  prune.keep_completed = absl::Seconds(10);
  CHECK(Of(story, {.prune = prune}) == Broken{"I1"});
  story.Op(HistoryOp::kReturn, HistoryPhase::kOk, OfLease(1, 1)).at = Story::At(12);
  CHECK(Of(story, {.prune = prune}) == Broken{});
}

TEST_CASE("one key that made two jobs, or told two callers that theirs is new") {
  Story story = OneJob();
  HistoryRecord keyed = Asked(1);
  keyed.key = "k";
  keyed.window = absl::Hours(1);
  story.run.history[2].key = story.run.history[3].key = "k";
  story.run.history[2].window = story.run.history[3].window = absl::Hours(1);
  keyed.duplicate = true;
  story.Op(HistoryOp::kEnqueue, HistoryPhase::kOk, keyed);
  CHECK(Of(story) == Broken{});
  keyed.duplicate = false;
  story.Op(HistoryOp::kEnqueue, HistoryPhase::kOk, keyed);
  CHECK(Of(story) == Broken{"I9"});
}

TEST_CASE("an attempt that began too early") {
  Story story = OneJob();
  story.run.history[2].run_at = Story::At(1);
  CHECK(Of(story) == Broken{});
  story.run.history[2].run_at = Story::At(1) + absl::Microseconds(1);
  CHECK(Of(story) == Broken{"I10"});
}

TEST_CASE("a drain that took too long") {
  CHECK(Of(OneJob(), {.end_by = Story::At(2)}) == Broken{});
  CHECK(Of(OneJob(), {.end_by = Story::At(1)}) == Broken{"I15"});
}

TEST_CASE("a cancel that was acknowledged and is not in the log, and one nobody asked for") {
  Story story = OneJob();
  HistoryRecord cancel = OfLease(1, 0);
  cancel.state = JobState::kRunning;
  story.Op(HistoryOp::kCancel, HistoryPhase::kOk, cancel);
  CHECK(Of(story) == Broken{"I19"});
  story = OneJob();
  story.run.events.insert(story.run.events.begin() + 2, story.run.events[1]);
  story.run.events[2].type = EventType::kCancelRequested;
  for (std::size_t i = 0; i < 4; ++i) story.run.events[i].seq = static_cast<std::int64_t>(i) + 1;
  CHECK(Of(story) == Broken{"I19"});
}

TEST_CASE("a checkpoint that did not come back") {
  Story story = LostAndFound(60);
  // Saved by the first attempt, before the second one starts.
  HistoryRecord saved = story.run.history[5];
  REQUIRE(saved.op == HistoryOp::kClaim);
  saved.op = HistoryOp::kCheckpoint;
  saved.call = 100;
  saved.value = "half";
  saved.phase = HistoryPhase::kInvoke;
  story.run.history.push_back(saved);
  saved.phase = HistoryPhase::kOk;
  story.run.history.push_back(saved);
  CHECK(Of(story) == Broken{"I20"});
  for (HistoryRecord& record : story.run.history) {
    if (record.op == HistoryOp::kStart && record.fence == 3) record.value = "half";
  }
  CHECK(Of(story) == Broken{});
}

TEST_CASE("an effect of an attempt that was superseded") {
  Story story = OneJob();
  CHECK(Of(story, {.sink_kinds = {"work"}}) == Broken{"I5"});
  story.run.sink = {{1, 1}};
  CHECK(Of(story, {.sink_kinds = {"work"}}) == Broken{});
  story.run.sink = {{1, 1}, {1, 2}};
  CHECK(Of(story) == Broken{"I4"});
  story = LostAndFound(60);
  story.run.sink = {{1, 3}, {1, 1}};
  CHECK(Of(story) == Broken{"sink"});
}

TEST_CASE("records that do not fit together") {
  Story story = OneJob();
  story.run.history.push_back(story.run.history[3]);
  CHECK(Of(story).count("history") == 1);
}

TEST_CASE("more of one kind are counted and not told") {
  Story story = OneJob();
  for (JobId id = 2; id < 20; ++id) {
    story.Op(HistoryOp::kEnqueue, HistoryPhase::kOk, Asked(id, std::to_string(id)));
  }
  const CheckReport report = CheckRun(story.run, {.violation_count_max = 3});
  CHECK(report.violations.size() == 4);
  CHECK(report.violations.back().what == "and 15 more of this");
}

TEST_CASE("log and final state are read whole, however long") {
  VirtualClock clock;
  MemoryStore store(MemoryStoreOptions{.clock = &clock});
  NewJob job;
  job.kind = "work";
  for (int i = 0; i < 3; ++i) {
    const auto transaction = store.Begin().value();
    REQUIRE(transaction->Insert(std::vector<NewJob>(5'000, job)).ok());
    REQUIRE(transaction->Commit().ok());
  }
  CHECK(AllEvents(store).value().size() == 15'000);
  CHECK(AllJobs(store).value().size() == 15'000);
}

}  // namespace
}  // namespace outlive::testing
