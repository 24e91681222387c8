#include "tests/testing/checked_run.h"

#include <absl/status/status.h>
#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "outlive/core/forwarding_job_store.h"
#include "outlive/testing/recording_store.h"
#include "outlive/testing/recording_worker.h"
#include "tests/testing/no_log.h"

namespace outlive::testing {
namespace {

constexpr absl::Duration kLease = absl::Seconds(20);
constexpr int kProcessCount = 3;
constexpr int kDepthMax = 3;
constexpr int kDrainRoundCount = 60;

const RetryPolicy& Policy() {
  static const RetryPolicy policy = {
      .initial = absl::Seconds(1), .factor = 2, .delay_max = absl::Seconds(10)};
  return policy;
}

// The store as a process that may be dead sees it.
class CutStore final : public ForwardingJobStore {
 public:
  CutStore(JobStore& inner, const bool& dead) : ForwardingJobStore(inner), dead_(dead) {}

  absl::StatusOr<std::unique_ptr<StoreTransaction>> Begin() override {
    if (dead_) return absl::UnavailableError("this process is dead");
    return ForwardingJobStore::Begin();
  }
  absl::StatusOr<std::unique_ptr<StoreTransaction>> BeginUpkeep(Upkeep) override { return Begin(); }

 private:
  const bool& dead_;
};

// The history of a process that may be dead.
class CutHistory final : public HistorySink {
 public:
  CutHistory(HistorySink& inner, const bool& dead) : inner_(inner), dead_(dead) {}
  void Append(HistoryRecord record) override {
    if (!dead_) inner_.Append(std::move(record));
  }

 private:
  HistorySink& inner_;
  const bool& dead_;
};

}  // namespace

bool FencedSink::Accept(JobId job, std::int64_t fence) {
  std::int64_t& highest = highest_[job];
  if (fence < highest) return false;
  highest = fence;
  accepted_.push_back({job, fence});
  return true;
}

class CheckedRun::Process {
 public:
  Process(CheckedRun& run, std::string name)
      : history(run.history_, dead),
        recorder(std::move(name), history, run.clock_),
        cut(run.broken_ == nullptr ? static_cast<JobStore&>(run.store_) : *run.broken_, dead),
        store(cut, recorder),
        client(store,
               {.log = &NoLog(),
                .random = run.options_.engine_random == nullptr ? &run.random_
                                                                : run.options_.engine_random}),
        recorded(client, recorder) {
    for (const char* const kind : {"work", "poison", "notice"}) {
      workers.Add(kind,
                  std::make_unique<RecordingWorker>(
                      recorder, [&run, this](JobContext& job,
                                             std::string_view) { return run.Work(*this, job); }),
                  {.retry = Policy()});
    }
    RunnerOptions options;
    options.lease = kLease;
    options.queues = {{.name = "default", .concurrency = 3}};
    options.keep_completed = absl::InfiniteDuration();
    options.keep_cancelled = absl::InfiniteDuration();
    runner = std::make_unique<Runner>(client, workers, options);
  }

  bool dead = false;
  bool busy = false;  // In a turn: it cannot take another one.
  CutHistory history;
  Recorder recorder;
  CutStore cut;
  RecordingStore store;
  Client client;
  RecordingClient recorded;
  WorkerSet workers;
  std::unique_ptr<Runner> runner;
};

CheckedRun::CheckedRun(const CheckedRunOptions& options)
    : options_(options),
      random_(options.seed),
      store_(MemoryStoreOptions{.clock = &clock_, .random = &random_}),
      broken_(options.breaker == nullptr ? nullptr : options.breaker(store_)) {
  processes_.resize(kProcessCount);
  Revive();
}

CheckedRun::~CheckedRun() = default;

CheckOptions CheckedRun::Options() {
  CheckOptions options;
  options.sink_kinds = {"work", "notice"};
  options.retry_policies = {{"work", Policy()}};
  options.follow_ups = {{"work", "notice"}};
  return options;
}

CheckReport CheckedRun::Run() {
  for (int i = 0; i < options_.step_count; ++i) Step();
  Drain();
  JobStore& seen = broken_ == nullptr ? static_cast<JobStore&>(store_) : *broken_;
  RunRecord run;
  run.history = history_.records();
  run.events = AllEvents(seen).value();
  run.jobs = AllJobs(seen).value();
  run.sink = sink_.accepted();
  return CheckRun(run, Options());
}

// Where a process was cut off, another one takes its place.
void CheckedRun::Revive() {
  for (std::unique_ptr<Process>& process : processes_) {
    if (process != nullptr && !process->dead) continue;
    process = nullptr;
    process = std::make_unique<Process>(*this, fmt::format("process-{}", ++incarnation_));
  }
}

void CheckedRun::Step() {
  Revive();
  switch (random_.Below(8)) {
    case 0:
    case 1:
    case 2:
      Enqueue();
      break;
    case 3:
      Change();
      break;
    case 4:
      clock_.Advance(absl::Seconds(static_cast<std::int64_t>(random_.Below(6))));
      break;
    default:
      TakeTurn(*processes_[random_.Below(kProcessCount)]);
  }
}

void CheckedRun::Enqueue() {
  Process& process = *processes_[random_.Below(kProcessCount)];
  EnqueueOptions options;
  options.max_attempts = static_cast<int>(1 + random_.Below(4));
  std::string args = fmt::format("{}", ++request_);
  std::string_view kind = "work";
  if (random_.OneIn(12)) kind = "poison";
  if (kind == "work") options.follow_ups = {{.kind = "notice", .data = "told"}};
  if (random_.OneIn(4)) options.delay = absl::Seconds(static_cast<std::int64_t>(random_.Below(30)));
  if (random_.OneIn(3)) {
    options.idempotency_key = fmt::format("key-{}", random_.Below(20));
    options.idempotency_window = absl::Minutes(10);
    // Sometimes with other arguments than before: refused.
    if (!random_.OneIn(4)) args = options.idempotency_key;
  }
  const absl::StatusOr<Enqueued> enqueued = process.recorded.Enqueue(kind, args, options);
  if (!enqueued.ok()) return;
  known_.push_back(enqueued->id);
  if (options.idempotency_key.empty() || !random_.OneIn(2)) return;
  // The button that is pressed twice.
  processes_[random_.Below(kProcessCount)]->recorded.Enqueue(kind, args, options).IgnoreError();
}

void CheckedRun::Change() {
  if (known_.empty()) return;
  Process& process = *processes_[random_.Below(kProcessCount)];
  const JobId id = known_[random_.Below(known_.size())];
  if (random_.OneIn(2)) {
    process.recorded.Cancel(id).IgnoreError();
  } else if (random_.OneIn(3)) {
    process.recorded.DiscardDeadLetter(id).IgnoreError();
  } else {
    process.recorded.Retry(id).IgnoreError();
  }
}

void CheckedRun::TakeTurn(Process& process) {
  if (process.busy || process.dead || depth_ == kDepthMax) return;
  process.busy = true;
  ++depth_;
  process.runner->Maintain().IgnoreError();
  process.runner->RunDue().IgnoreError();
  --depth_;
  process.busy = false;
}

// Once nothing breaks any more, everything has to end.
void CheckedRun::Drain() {
  quiet_ = true;
  for (int round = 0; round < kDrainRoundCount; ++round) {
    Revive();
    clock_.Advance(kLease);
    for (const std::unique_ptr<Process>& process : processes_) TakeTurn(*process);
  }
}

Outcome CheckedRun::Work(Process& process, JobContext& job) {
  if (process.dead) return Done();
  if (!quiet_) Meddle(process, job);
  if (job.kind() == "poison") process.dead = true;
  if (process.dead) return Done();
  RecordEffect(process.recorder, job.id(), job.fence(),
               [&] { return sink_.Accept(job.id(), job.fence()); });
  if (!quiet_ && random_.OneIn(20)) process.dead = true;  // After its effect, before its end.
  return quiet_ ? Done() : End(job);
}

// What happens to an attempt, and around it, before it has its effect.
void CheckedRun::Meddle(Process& process, JobContext& job) {
  if (random_.OneIn(3)) {
    job.SaveCheckpoint(fmt::format("{}-{}", job.id(), job.fence())).IgnoreError();
  }
  if (random_.OneIn(3)) job.ReportProgress(0.5, "half of it");
  if (random_.OneIn(4)) {
    Artifact artifact;
    artifact.id = RandomHex(random_, 16);
    artifact.name = "report.csv";
    artifact.media_type = "text/csv";
    artifact.sha256 = std::string(64, '0');
    artifact.created_at = clock_.Now();
    job.PublishArtifact(artifact).IgnoreError();
  }
  if (random_.OneIn(6)) {
    processes_[random_.Below(kProcessCount)]->recorded.Cancel(job.id()).IgnoreError();
  }
  if (random_.OneIn(5)) {
    // A pause, sometimes longer than the lease, in which others go on.
    clock_.Advance(kLease * 0.1 * static_cast<double>(random_.Below(16)));
    TakeTurn(*processes_[random_.Below(kProcessCount)]);
    job.SaveCheckpoint(fmt::format("{}-{}-late", job.id(), job.fence())).IgnoreError();
  }
  if (random_.OneIn(15)) process.dead = true;
}

Outcome CheckedRun::End(JobContext& job) {
  switch (random_.Below(10)) {
    case 0:
      return Snooze(absl::Seconds(static_cast<std::int64_t>(random_.Below(10))));
    case 1:
      return Dead("it cannot be done");
    case 2:
      return Cancelled("it is not wanted");
    case 3:
      throw std::runtime_error("a worker that throws");
    case 4:
    case 5:
    case 6:
      return Retry(absl::UnavailableError(fmt::format("not in attempt {}", job.attempt())));
    default:
      return Done();
  }
}

}  // namespace outlive::testing
