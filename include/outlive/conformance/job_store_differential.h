// Differential conformance: the same random operations on the store under test and on the in-memory
// store must give the same results, transaction by transaction. What the contract leaves open (how
// ids and fences are numbered) is not compared.
//
// OUTLIVE_CONFORMANCE_SEED_COUNT (an environment variable) is how many seeds are tried, from 1 on;
// OUTLIVE_CONFORMANCE_SEED tries this one only. A failure tells its seed and step.
#ifndef OUTLIVE_CONFORMANCE_JOB_STORE_DIFFERENTIAL_H_
#define OUTLIVE_CONFORMANCE_JOB_STORE_DIFFERENTIAL_H_

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "outlive/conformance/helpers.h"
#include "outlive/core/follow_up.h"
#include "outlive/store/memory_store.h"
#include "outlive/testing/seeded_random.h"

namespace outlive::conformance {

inline constexpr int kDifferentialSeedCountDefault = 8;
inline constexpr int kDifferentialStepCount = 150;

// -- One store, and what the operations know of it ----------------------------------------------

// Jobs and leases go by their number, in the order in which they came to be, which is the same in
// both stores.
class Twin {
 public:
  explicit Twin(JobStore& store) : store_(store) {}

  JobStore& store() { return store_; }

  void Begin() { transaction_ = conformance::Begin(store_); }
  StoreTransaction& transaction() { return *transaction_; }

  // Ends the transaction; the text of the outcome.
  std::string End(bool commit) {
    std::string text = "rolled back";
    if (commit) text = transaction_->Commit().ok() ? "committed" : "commit failed";
    transaction_.reset();
    if (text == "committed") {
      leases_.insert(leases_.end(), new_leases_.begin(), new_leases_.end());
    }
    new_leases_.clear();
    ReadEvents();
    return text;
  }

  // A number that there is not gives an id that there is not.
  JobId IdOf(std::size_t number) const {
    return number < ids_.size() ? ids_[number] : JobId{1} << 40;
  }
  Lease LeaseOf(std::size_t number) const {
    return number < leases_.size() ? leases_[number] : Lease{JobId{1} << 40, 1};
  }
  std::size_t job_count() const { return ids_.size(); }
  std::size_t lease_count() const { return leases_.size(); }

  // The job's number; for one that is not committed yet, its place behind them.
  std::string NameOf(JobId id) const {
    for (std::size_t i = 0; i < ids_.size(); ++i) {
      if (ids_[i] == id) return fmt::format("#{}", i);
    }
    return "#new";
  }

  std::string Claim(const ClaimRequest& request, std::string& next) {
    const absl::StatusOr<ClaimResult> result = transaction_->Claim(request);
    if (!result.ok()) return absl::StatusCodeToString(result.status().code());
    next = outlive::conformance::TextOf(result->next_run_at);
    std::string text;
    for (const ClaimedJob& job : result->jobs) {
      new_leases_.push_back(job.lease);
      fmt::format_to(std::back_inserter(text),
                     "{} q{} k{} p{} attempt {}/{} crashes {} run {} started {} '{}' '{}'\n",
                     NameOf(job.lease.job), job.queue, job.kind, job.priority, job.attempt,
                     job.attempt_count_max, job.crashes, TextOf(job.run_at), TextOf(job.started_at),
                     job.checkpoint, job.traceparent);
    }
    return text;
  }

  // Everything that is committed.
  std::string Dump() {
    std::string text;
    for (const Job& row : ListAll(store_, {}, 50)) text.append(TextOfJob(row.id) + "\n");
    const JobStats stats = Value(store_.Stats());
    text.append(TextOf(stats.now) + "\n" + TextOf(stats));
    for (DeadLetterGroup group : Value(store_.DeadLetterGroups(1'000))) {
      const std::string newest = NameOf(std::exchange(group.newest, 0));
      text.append(newest + " " + TextOf(group) + "\n");
    }
    return text + new_events_;
  }

  std::string List(const JobFilter& filter) {
    std::string text;
    for (const Job& row : ListAll(store_, filter, 7)) text.append(NameOf(row.id) + " ");
    return text;
  }

  std::string CancelRequests(const std::string& session) {
    std::string text;
    for (const JobId id : Value(store_.CancelRequests(session))) text.append(NameOf(id) + " ");
    return text;
  }

 private:
  std::string TextOfJob(JobId id) {
    Job job = MustGet(store_, id);
    job.id = 0;
    job.fence = 0;
    for (Artifact& artifact : job.artifacts) artifact.job_id = artifact.fence = 0;
    if (const auto told = DecodeFollowUpArgs(job.args); told.ok() && told->end.job_id != 0) {
      job.args = fmt::format("told of {} {} attempt {} generation {} '{}' '{}' '{}' at {}",
                             NameOf(told->end.job_id), JobStateName(told->end.state),
                             told->end.attempt, told->end.generation, told->data, told->end.output,
                             told->end.error, TextOf(told->end.ended_at));
    }
    return NameOf(id) + " " + TextOf(job);
  }

  // Learns the numbers of new jobs.
  void ReadEvents() {
    new_events_.clear();
    for (const Event& event : Value(store_.EventsAfter(last_event_, 1'000'000))) {
      if (event.type == EventType::kEnqueued) ids_.push_back(event.job_id);
      fmt::format_to(std::back_inserter(new_events_), "{} {} at {}\n", NameOf(event.job_id),
                     EventTypeName(event.type), TextOf(event.at));
      last_event_ = event.seq;
    }
  }

  JobStore& store_;
  std::unique_ptr<StoreTransaction> transaction_;
  std::vector<JobId> ids_;
  std::vector<Lease> leases_;
  std::vector<Lease> new_leases_;  // Of the open transaction.
  std::int64_t last_event_ = 0;
  std::string new_events_;  // Of the last transaction.
};

// The lines that only one of them has; nothing where both are the same.
inline std::string Difference(const std::string& tested, const std::string& model) {
  if (tested == model) return "";
  std::vector<std::string> lines[2];
  for (const int side : {0, 1}) {
    std::istringstream stream(side == 0 ? tested : model);
    for (std::string line; std::getline(stream, line);) lines[side].push_back(line);
  }
  std::string text;
  for (const int side : {0, 1}) {
    const std::vector<std::string>& other = lines[1 - side];
    for (const std::string& line : lines[side]) {
      if (std::find(other.begin(), other.end(), line) != other.end()) continue;
      text.append(side == 0 ? "\n  tested: " : "\n  model:  ").append(line);
    }
  }
  return text.empty() ? "the same lines in another order" : text;
}

// -- Random operations --------------------------------------------------------------------------

class RandomOperations {
 public:
  RandomOperations(std::uint64_t seed, VirtualClock& clock, JobStore& tested, JobStore& model)
      : random_(seed), clock_(clock), tested_(tested), model_(model) {}

  // One transaction of some operations, in both stores, and a look at both.
  void Step() {
    static constexpr absl::Duration kSteps[] = {absl::ZeroDuration(), absl::Microseconds(1),
                                                absl::Milliseconds(1), absl::Seconds(1),
                                                absl::Seconds(7)};
    clock_.Advance(kSteps[random_.Below(std::size(kSteps))]);
    tested_.Begin();
    model_.Begin();
    log_.clear();
    bool alive = true;
    for (std::uint64_t i = 1 + random_.Below(4); alive && i > 0; --i) alive = Operation();
    const bool commit = !random_.OneIn(8);
    CAPTURE(log_);
    REQUIRE(tested_.End(commit) == model_.End(commit));
    REQUIRE(Difference(tested_.Dump(), model_.Dump()) == "");
    const JobFilter filter{.state = random_.OneIn(2) ? std::optional<JobState>() : RandomState(),
                           .kind = random_.OneIn(2) ? "" : Kind(),
                           .queue = random_.OneIn(2) ? "" : Queue(),
                           .tag = random_.OneIn(2) ? "" : Tag(),
                           .error_group = {}};
    REQUIRE(tested_.List(filter) == model_.List(filter));
    const std::string session = Session();
    REQUIRE(tested_.CancelRequests(session) == model_.CancelRequests(session));
  }

 private:
  // False: the transaction is over.
  bool Operation() {
    switch (random_.Below(16)) {
      case 0:
      case 1:
      case 2:
        return Insert();
      case 3:
      case 4:
      case 5:
        return Claim();
      case 6:
      case 7:
      case 8:
        return Finish();
      case 9:
        return Write();
      case 10:
      case 11:
        return Apply();
      case 12:
        return Rescue();
      case 13:
        return Prune();
      case 14:
        return SetQueue();
      default:
        return ChangeSession();
    }
  }

  // Both must have given the same; true where the transaction goes on.
  bool Same(const char* what, const std::string& tested, const std::string& model, bool ok = true) {
    log_.append(what).append(": ").append(model).append("\n");
    CAPTURE(log_);
    REQUIRE(tested == model);
    return ok;
  }

  template <class Result>
  static std::string CodesOf(const Result& results) {
    std::string text;
    for (const auto& result : results) {
      text.append(absl::StatusCodeToString(CodeOf(result))).push_back(' ');
    }
    return text;
  }
  static absl::StatusCode CodeOf(const absl::Status& status) { return status.code(); }
  template <class T>
  static absl::StatusCode CodeOf(const absl::StatusOr<T>& result) {
    return result.status().code();
  }

  bool Insert() {
    std::vector<NewJob> jobs;
    for (std::uint64_t i = 1 + random_.Below(4); i > 0; --i) jobs.push_back(RandomJob());
    const auto insert = [&jobs](Twin& twin) {
      std::string text;
      for (const auto& result : Value(twin.transaction().Insert(jobs))) {
        text.append(absl::StatusCodeToString(result.status().code()));
        // What was inserted in this transaction has no number yet.
        if (result.ok() && result->duplicate) text.append(" duplicate " + twin.NameOf(result->id));
        text.push_back(' ');
      }
      return text;
    };
    return Same("insert", insert(tested_), insert(model_));
  }

  bool Claim() {
    ClaimRequest request{.session = Session(), .queues = {}, .kinds = {}};
    bool full = false;
    for (const char* queue : {"q0", "q1"}) {
      if (random_.OneIn(3)) continue;
      request.queues.push_back({queue, static_cast<int>(random_.Below(5))});
    }
    for (const char* kind : {"k2", "k0", "k1"}) {
      if (!random_.OneIn(4)) request.kinds.push_back(kind);
    }
    std::string tested_next;
    std::string model_next;
    const std::string tested = tested_.Claim(request, tested_next);
    const std::string model = model_.Claim(request, model_next);
    // "There may be more" is allowed where a queue gave as many as were asked for.
    full = tested_next == "ever" && model_next != "ever";
    if (full) tested_next = model_next;
    return Same("claim", tested + " next " + tested_next, model + " next " + model_next,
                !model_next.empty());
  }

  bool Finish() {
    std::vector<std::pair<std::size_t, Finished>> ends;
    for (std::uint64_t i = 1 + random_.Below(3); i > 0; --i) {
      static constexpr Transition kTransitions[] = {
          Transition::kComplete, Transition::kRetry, Transition::kSnooze, Transition::kRelease,
          Transition::kCancel,   Transition::kDie,   Transition::kCrash,  Transition::kClaim};
      Finished finished;
      finished.transition = kTransitions[random_.Below(random_.OneIn(10) ? 8 : 7)];
      finished.crash_count_max = static_cast<int>(1 + random_.Below(3));
      finished.delay = RandomDelay();
      finished.output = Word();
      if (!random_.OneIn(4)) {
        finished.error = AttemptError{.code = absl::StatusCode::kInternal,
                                      .message = fmt::format("{} {}", Word(), random_.Below(9))};
      }
      ends.emplace_back(RecentLease(), std::move(finished));
    }
    const auto finish = [&ends](Twin& twin) {
      std::vector<Finished> batch;
      for (auto& [lease, finished] : ends) {
        finished.lease = twin.LeaseOf(lease);
        batch.push_back(finished);
      }
      return CodesOf(Value(twin.transaction().Finish(batch)));
    };
    return Same("finish", finish(tested_), finish(model_));
  }

  bool Write() {
    WorkerWrite write;
    const std::size_t lease = RecentLease();
    if (random_.OneIn(2)) write.progress = static_cast<double>(random_.Below(5)) / 4;
    if (random_.OneIn(2)) write.progress_note = Word();
    if (random_.OneIn(2)) write.checkpoint = Word();
    if (random_.OneIn(3)) {
      write.artifact = MakeArtifact("0123456789abcdef"[random_.Below(16)], Word() + ".pdf");
    }
    const auto do_write = [&](Twin& twin) {
      write.lease = twin.LeaseOf(lease);
      return CodesOf(Value(twin.transaction().Write({&write, 1})));
    };
    return Same("write", do_write(tested_), do_write(model_));
  }

  bool Apply() {
    std::vector<std::pair<std::size_t, Change>> changes;
    for (std::uint64_t i = 1 + random_.Below(3); i > 0; --i) {
      static constexpr Change::Action kActions[] = {
          Change::Action::kCancel, Change::Action::kRequeue, Change::Action::kDiscard};
      changes.emplace_back(random_.Below(model_.job_count() + 2),
                           Change{.id = 0,
                                  .action = kActions[random_.Below(3)],
                                  .reason = random_.OneIn(2) ? "" : Word(),
                                  .delay = RandomDelay()});
    }
    const auto apply = [&changes](Twin& twin) {
      std::vector<Change> batch;
      for (auto& [job, change] : changes) {
        change.id = twin.IdOf(job);
        batch.push_back(change);
      }
      std::string text;
      for (const absl::StatusOr<JobState>& state : Value(twin.transaction().Apply(batch))) {
        text.append(state.ok() ? std::string(JobStateName(*state))
                               : absl::StatusCodeToString(state.status().code()));
        text.push_back(' ');
      }
      return text;
    };
    return Same("apply", apply(tested_), apply(model_));
  }

  bool Rescue() {
    const RescueRequest request{.job_count_max = static_cast<int>(1 + random_.Below(4)),
                                .crash_count_max = static_cast<int>(1 + random_.Below(3)),
                                .delay = absl::Seconds(random_.Below(3))};
    const auto rescue = [&request](Twin& twin) {
      std::string text;
      for (const Rescued& one : Value(twin.transaction().Rescue(request))) {
        fmt::format_to(std::back_inserter(text), "{} {} {} {} {}, ", twin.NameOf(one.id), one.kind,
                       one.queue, one.attempt, JobStateName(one.state));
      }
      return text;
    };
    return Same("rescue", rescue(tested_), rescue(model_));
  }

  bool Prune() {
    // Not zero: whether that takes this transaction's own events is open.
    const PruneRequest request{.keep_completed = absl::Seconds(1 + random_.Below(60)),
                               .keep_cancelled = absl::Seconds(random_.Below(60)),
                               .keep_dead = absl::Seconds(random_.Below(200)),
                               .row_count_max = 1'000'000};
    const auto prune = [&request](Twin& twin) {
      const PruneResult result = Value(twin.transaction().Prune(request));
      // Not the keys: one whose window has ended may be gone before.
      return fmt::format("{} jobs {} events more {}", result.job_count, result.event_count,
                         result.more);
    };
    return Same("prune", prune(tested_), prune(model_));
  }

  bool SetQueue() {
    const QueueSettings settings{.queue = Queue(), .paused = random_.OneIn(3)};
    const auto set = [&settings](Twin& twin) {
      return absl::StatusCodeToString(twin.transaction().SetQueue(settings).code());
    };
    return Same("set queue", set(tested_), set(model_));
  }

  bool ChangeSession() {
    const std::uint64_t action = random_.Below(6);
    // A name is used once.
    const std::string session = action < 3 ? fmt::format("s{}", session_count_++) : Session();
    const absl::Duration lease = absl::Seconds(5 + random_.Below(20));
    absl::Status model_status;
    const auto change = [&](Twin& twin) {
      StoreTransaction& transaction = twin.transaction();
      const absl::Status status = action < 3   ? transaction.OpenSession(session, lease)
                                  : action < 5 ? transaction.RenewSession(session, lease)
                                               : transaction.CloseSession(session);
      model_status = status;
      return absl::StatusCodeToString(status.code());
    };
    const std::string tested = change(tested_);
    const std::string model = change(model_);
    return Same("session", tested, model, model_status.ok());
  }

  NewJob RandomJob() {
    NewJob job = MakeJob(Kind(), Word());
    job.queue = Queue();
    job.priority = static_cast<int>(random_.Below(random_.OneIn(10) ? 12 : 4));
    job.run_at = clock_.Now() + absl::Seconds(5) - absl::Seconds(random_.Below(10));
    if (random_.OneIn(2)) job.run_at = absl::InfinitePast();
    if (random_.OneIn(3)) {
      job.idempotency_key = fmt::format("key {}", random_.Below(4));
      job.args = random_.OneIn(4) ? "other" : "same";
      job.idempotency_window = absl::Seconds(random_.Below(30));
    }
    if (random_.OneIn(3)) job.tags = {Tag(), "t"};
    if (random_.OneIn(6)) job.backlog_max = static_cast<int>(1 + random_.Below(8));
    if (random_.OneIn(4)) {
      job.follow_ups.push_back({.on_completed = random_.OneIn(2),
                                .on_cancelled = random_.OneIn(2),
                                .on_dead = true,
                                .kind = Kind(),
                                .queue = Queue(),
                                .data = Word()});
    }
    return job;
  }

  // Mostly of the latest, so that some are held still.
  std::size_t RecentLease() {
    const std::size_t count = model_.lease_count();
    if (count == 0 || random_.OneIn(20)) return count;
    const std::size_t back = random_.Below(random_.OneIn(4) ? count : 8);
    return back < count ? count - 1 - back : count - 1;
  }

  absl::Duration RandomDelay() {
    return random_.OneIn(20) ? -absl::Seconds(1) : absl::Milliseconds(random_.Below(9'000));
  }
  JobState RandomState() { return static_cast<JobState>(random_.Below(kJobStateCount)); }
  std::string Session() {
    const std::uint64_t back = random_.Below(4);
    return fmt::format("s{}", back < session_count_ ? session_count_ - 1 - back : 0);
  }
  std::string Kind() { return fmt::format("k{}", random_.Below(3)); }
  std::string Queue() { return fmt::format("q{}", random_.Below(2)); }
  std::string Tag() { return fmt::format("tag-{}", random_.Below(3)); }
  std::string Word() {
    static constexpr const char* kWords[] = {"", "one", "two", "three\n", "f\xc3\xbcnf"};
    return kWords[random_.Below(std::size(kWords))];
  }

  testing::SeededRandom random_;
  VirtualClock& clock_;
  Twin tested_;
  Twin model_;
  std::uint64_t session_count_ = 0;
  std::string log_;  // Of the step.
};

inline void RunDifferential(std::uint64_t seed, VirtualClock& clock, JobStore& tested) {
  MemoryStore model({.clock = &clock});
  RandomOperations operations(seed, clock, tested, model);
  for (int step = 0; step < kDifferentialStepCount; ++step) {
    CAPTURE(seed);
    CAPTURE(step);
    operations.Step();
  }
}

inline std::uint64_t NumberFromEnvironment(const char* name, std::uint64_t otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

TEST_CASE_TEMPLATE_DEFINE("differential: random operations give what the in-memory store gives",
                          Backend, differential) {
  const std::uint64_t only = NumberFromEnvironment("OUTLIVE_CONFORMANCE_SEED", 0);
  const std::uint64_t count =
      NumberFromEnvironment("OUTLIVE_CONFORMANCE_SEED_COUNT", kDifferentialSeedCountDefault);
  for (std::uint64_t seed = only != 0 ? only : 1; seed <= (only != 0 ? only : count); ++seed) {
    VirtualClock clock;
    Backend backend(clock);
    RunDifferential(seed, clock, backend.store());
  }
}

}  // namespace outlive::conformance

#define OUTLIVE_JOB_STORE_DIFFERENTIAL_CONFORMANCE(Backend) \
  namespace outlive::conformance {                          \
  TEST_CASE_TEMPLATE_INVOKE(differential, Backend);         \
  }                                                         \
  static_assert(true, "")

#endif  // OUTLIVE_CONFORMANCE_JOB_STORE_DIFFERENTIAL_H_
