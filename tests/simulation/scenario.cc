#include "tests/simulation/scenario.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/describe/class.hpp>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "outlive/core/outcome.h"
#include "outlive/core/random.h"

namespace outlive::simulation {
namespace {

using testing::SeededRandom;
using testing::Simulation;
using testing::SimulationOptions;

constexpr const char* kWork = "work";      // Uses the sink in every attempt that completes.
constexpr const char* kPlain = "plain";    // Fails and is retried as the default policy says.
constexpr const char* kParent = "parent";  // Each end brings about a kNotice.
constexpr const char* kNotice = "notice";
constexpr const char* kPoison = "poison";  // Takes its process with it, every time.
constexpr const char* kSlow = "slow";      // Has a time limit, and does not keep to it.

// Written together with its order, and ends together with its booking.
struct Booking {
  static constexpr std::string_view kKind = "booking";
  std::int64_t number = 0;
};
BOOST_DESCRIBE_STRUCT(Booking, (), (number))

constexpr const char* kQueues[] = {"default", "other"};
constexpr int kKeyCount = 20;

// One of several durations.
absl::Duration Pick(std::initializer_list<absl::Duration> all, SeededRandom& random) {
  return all.begin()[random.Below(all.size())];
}

}  // namespace

Scenario::Scenario(std::uint64_t seed, testing::SimulatedStorage* storage, HostDatabase* host)
    : options_(Draw(seed)), host_(host) {
  options_.storage = storage;
}

SimulationOptions Scenario::Draw(std::uint64_t seed) {
  SeededRandom random(~seed);
  SimulationOptions options;
  options.seed = seed;
  options.process_count = static_cast<int>(1 + random.Below(4));
  RunnerOptions& runner = options.runner;
  runner.queues.clear();
  for (const char* queue : kQueues) {
    runner.queues.push_back({queue, static_cast<int>(1 + random.Below(4))});
  }
  runner.lease =
      Pick({absl::Seconds(1), absl::Seconds(5), absl::Seconds(20), absl::Minutes(1)}, random);
  runner.crash_count_max = static_cast<int>(1 + random.Below(3));
  runner.rescue_delay = Pick({absl::ZeroDuration(), absl::Seconds(1), absl::Seconds(5)}, random);
  runner.sweep_interval = Pick({absl::Seconds(1), absl::Seconds(5), absl::Seconds(15)}, random);
  runner.poll_interval_max = Pick({absl::Seconds(1), absl::Seconds(10)}, random);
  runner.stop_patience = Pick({absl::ZeroDuration(), absl::Seconds(2)}, random);
  options.duration = Pick({absl::Minutes(1), absl::Minutes(2), absl::Minutes(4)}, random);
  options.request_interval = Pick({absl::Seconds(1), absl::Seconds(3), absl::Seconds(6)}, random);
  options.drain_max = absl::Hours(1);
  options.check.sink_kinds = {kWork};
  options.check.complete_in_kinds = {Booking::kKind.data()};
  options.check.retry_policies = {{kPlain, RetryPolicy()}};
  options.check.follow_ups = {{kParent, kNotice}};
  return options;
}

testing::SimulationReport Scenario::Run() {
  Simulation simulation(options_);
  simulation.OnStart([this](Process& process) { AddWorkers(process); });
  simulation.OnRequest([this](Process& process) { Request(process); });
  simulation.OnCalm([this](Process& process) { Calm(process); });
  simulation.OnJudge([this](testing::RunRecord& run) {
    if (host_ == nullptr) return;
    run.joined_rows = host_->Orders();
    for (const auto& [job, fence] : host_->Bookings()) run.completed_rows.push_back({job, fence});
  });
  return simulation.Run();
}

// -- Workers ------------------------------------------------------------------------------------

class ScenarioWorker final : public Worker {
 public:
  using Function = std::function<Outcome(JobContext& job)>;
  explicit ScenarioWorker(Function function) : function_(std::move(function)) {}
  Outcome Run(JobContext& job, std::string_view) override { return function_(job); }

 private:
  const Function function_;
};

void Scenario::AddWorkers(Process& process) {
  const auto add = [&process](const char* kind, ScenarioWorker::Function function,
                              const WorkerOptions& options = {}) {
    process.workers().Add(kind, std::make_unique<ScenarioWorker>(std::move(function)), options);
  };
  add(kWork, [this, &process](JobContext& job) { return Work(process, job); });
  add(kParent, [this, &process](JobContext& job) { return Work(process, job); });
  add(kPlain, [&process](JobContext&) -> Outcome {
    process.Pass(absl::Milliseconds(process.random().Below(3'000)));
    if (process.random().OneIn(2)) return Done();
    return absl::InternalError("again");
  });
  add(kNotice, [&process](JobContext&) {
    process.Pass(absl::Milliseconds(process.random().Below(500)));
    return Done("told");
  });
  add(kPoison, [&process](JobContext&) -> Outcome {
    process.Pass(absl::Milliseconds(process.random().Below(500)));
    process.Crash();
  });
  add(kSlow,
      [&process](JobContext& job) -> Outcome {
        // Some look, and some do not.
        const bool looks = process.random().OneIn(2);
        for (int i = 0; i < 10 && !(looks && job.cancelled()); ++i) process.Pass(absl::Seconds(1));
        return process.random().OneIn(2) ? Done() : Retry(absl::UnavailableError("too slow"));
      },
      {.timeout = absl::Seconds(5)});
  if (host_ == nullptr) return;
  // The worker owns it, so that it goes with its process.
  const std::shared_ptr<HostSession> session = host_->Connect(process.number());
  sessions_[process.number()] = session;
  add(Booking::kKind.data(),
      [this, &process, session](JobContext& job) { return Book(process, job, *session); });
}

Outcome Scenario::Work(Process& process, JobContext& job) {
  SeededRandom& random = process.random();
  const absl::Duration lease = options_.runner.lease;
  for (std::uint64_t steps = random.Below(4); steps > 0; --steps) {
    const bool long_one = process.faults_are_on() && random.OneIn(8);
    process.Pass(absl::Trunc((long_one ? lease : absl::Seconds(1)) * (2 * RandomUnit(random)),
                             absl::Microseconds(1)));
    Save(process, job);
    // Some look whether they should stop, and some do not.
    if (job.cancelled() && random.OneIn(2)) return Cancelled("as was asked for");
  }
  if (process.faults_are_on() && random.OneIn(3)) return Fail(process);
  if (!process.Effect(job)) return Retry(absl::AbortedError("somebody else was faster"));
  if (random.OneIn(2)) process.Pass(absl::Milliseconds(random.Below(3'000)));
  return Done("what came of it");
}

// One at a time in each process: it has one connection.
Outcome Scenario::Book(Process& process, JobContext& job, HostSession& host) {
  SeededRandom& random = process.random();
  process.Pass(absl::Milliseconds(random.Below(2'000)));
  // With many attempts left, as its row has to be there in the end.
  if (absl::Status begun = host.Begin(); !begun.ok()) return Retry(begun, absl::Seconds(1));
  absl::Status status = host.AddBooking(job.id(), job.fence());
  if (status.ok()) status = job.CompleteIn(host.transaction(), "booked");
  if (!status.ok()) {
    host.Rollback();
    return Retry(status, absl::Seconds(1));
  }
  if (absl::Status committed = host.Commit(); !committed.ok()) {
    return Retry(committed, absl::Seconds(1));
  }
  if (random.OneIn(2)) process.Pass(absl::Milliseconds(random.Below(2'000)));
  return random.OneIn(2) ? Done() : Retry(absl::UnknownError("what comes after does not count"));
}

void Scenario::Save(Process& process, JobContext& job) {
  SeededRandom& random = process.random();
  switch (random.Below(6)) {
    case 0:
      job.SaveCheckpoint(fmt::format("checkpoint {}", ++arg_count_)).IgnoreError();
      break;
    case 1:
      job.ReportProgress(RandomUnit(random), "on its way");
      break;
    case 2: {
      Artifact artifact;
      artifact.id = RandomHex(random, 16);
      artifact.name = "report.pdf";
      artifact.media_type = "application/pdf";
      artifact.size = 10;
      artifact.sha256 = std::string(64, 'a');
      artifact.created_at = process.clock().Now();
      job.PublishArtifact(artifact).IgnoreError();
      break;
    }
    default:
      break;
  }
}

Outcome Scenario::Fail(Process& process) {
  SeededRandom& random = process.random();
  switch (random.Below(7)) {
    case 0:
      return Snooze(absl::Seconds(random.Below(20)));
    case 1:
      return Dead("it cannot succeed");
    case 2:
      return Cancelled("it is not wanted any more");
    case 3:
      throw std::runtime_error("thrown by a worker");
    case 4:
      return Retry(absl::UnavailableError("not now"), absl::Seconds(random.Below(30)));
    case 5:
      if (random.OneIn(3)) process.Crash();
      return absl::DeadlineExceededError("somebody did not answer");
    default:
      return absl::InternalError("something is wrong");
  }
}

// -- Requests -----------------------------------------------------------------------------------

void Scenario::Request(Process& process) {
  const std::uint64_t what = process.random().Below(10);
  if (host_ != nullptr && process.random().OneIn(4)) return Order(process);
  if (what < 6) return Enqueue(process);
  if (what < 8) return EnqueueWithKey(process);
  Steer(process);
}

void Scenario::Enqueue(Process& process) {
  SeededRandom& random = process.random();
  static constexpr const char* kKinds[] = {kWork, kWork, kPlain, kParent, kSlow};
  const char* kind = random.OneIn(25) ? kPoison : kKinds[random.Below(std::size(kKinds))];
  EnqueueOptions options;
  options.queue = kQueues[random.Below(std::size(kQueues))];
  options.priority = static_cast<int>(random.Below(10));
  options.max_attempts = static_cast<int>(1 + random.Below(5));
  if (random.OneIn(4)) options.delay = absl::Seconds(random.Below(60));
  if (kind == kParent) options.follow_ups = {{.kind = kNotice, .data = "whom"}};
  const std::string args = fmt::format(R"({{"number":{}}})", ++arg_count_);
  const auto job = process.client().Enqueue(kind, args, options);
  if (job.ok()) jobs_.push_back(job->id);
}

// The same few keys again and again, mostly with the same arguments.
void Scenario::EnqueueWithKey(Process& process) {
  SeededRandom& random = process.random();
  const std::uint64_t number = random.Below(kKeyCount);
  EnqueueOptions options;
  options.idempotency_key = fmt::format("key-{}", number);
  options.idempotency_window = absl::Minutes(1 + number % 3);
  const std::string args = random.OneIn(10) ? fmt::format(R"({{"other":{}}})", ++arg_count_)
                                            : fmt::format(R"({{"key":{}}})", number);
  for (int tries = 0; tries < 3; ++tries) {
    const auto job = process.client().Enqueue(kWork, args, options);
    if (job.ok()) jobs_.push_back(job->id);
    // What is in doubt is repeated with its key, as it should be.
    if (!absl::IsUnknown(job.status()) && !absl::IsUnavailable(job.status())) return;
    process.Pass(absl::Milliseconds(random.Below(2'000)));
  }
}

void Scenario::Order(Process& process) {
  const std::shared_ptr<HostSession> session = sessions_[process.number()].lock();
  const Booking booking{++arg_count_};
  Client& client = process.client().client();
  EnqueueOptions options;
  options.max_attempts = 1'000;
  const absl::StatusOr<NewJob> job = client.Prepare(booking, options);
  if (session == nullptr || !job.ok()) return;
  testing::HistoryRecord order = testing::EnqueueOf(*job);
  order.joined = true;
  order = process.recorder().Begin(std::move(order));
  absl::Status status = session->Begin();
  if (!status.ok()) return process.recorder().End(std::move(order), status);
  absl::StatusOr<Enqueued> enqueued = client.EnqueueIn(session->transaction(), booking, options);
  status = enqueued.status();
  // Nobody else can write meanwhile, not even to renew a lease; and it may die.
  if (process.random().OneIn(4)) {
    process.Pass(absl::Trunc(RandomUnit(process.random()) * options_.runner.lease / 5,
                             absl::Microseconds(1)));
  }
  if (status.ok()) status = session->AddOrder(job->args);
  if (status.ok() && !process.random().OneIn(8)) {
    status = session->Commit();
  } else {
    session->Rollback();
    if (status.ok()) status = absl::AbortedError("the host has thought better of it");
  }
  if (status.ok()) {
    order.job = enqueued->id;
    jobs_.push_back(enqueued->id);
  }
  process.recorder().End(std::move(order), status);
}

JobId Scenario::AnyJob(Process& process) const {
  if (jobs_.empty()) return 1;
  // The latest ones, mostly: they are still to be had.
  const std::size_t among =
      std::min<std::size_t>(jobs_.size(), process.random().OneIn(3) ? 100 : 5);
  return jobs_[jobs_.size() - 1 - process.random().Below(among)];
}

void Scenario::Steer(Process& process) {
  SeededRandom& random = process.random();
  const std::string queue = kQueues[random.Below(std::size(kQueues))];
  switch (random.Below(8)) {
    case 0:
    case 1:
    case 2:
      process.client().Cancel(AnyJob(process)).IgnoreError();
      break;
    case 3:
      process.client().Retry(AnyJob(process)).IgnoreError();
      break;
    case 4:
      process.client().DiscardDeadLetter(AnyJob(process)).IgnoreError();
      break;
    case 5:
      process.client().client().PauseQueue(queue).IgnoreError();
      break;
    case 6:
      process.client().client().ResumeQueue(queue).IgnoreError();
      break;
    default:
      process.client().client().Get(AnyJob(process)).IgnoreError();
      process.client().client().Stats().IgnoreError();
  }
}

// What must work once faults have stopped, though calls that were slow may still be in the way.
void Scenario::Insist(Process& process, const std::function<absl::Status()>& call) {
  absl::Status status;
  for (int tries = 0; tries < 100; ++tries) {
    status = call();
    if (status.ok()) return;
    process.Pass(absl::Seconds(1));
  }
  throw std::runtime_error(status.ToString());
}

void Scenario::Calm(Process& process) {
  for (const char* queue : kQueues) {
    Insist(process, [&] { return process.client().client().ResumeQueue(queue); });
  }
  Insist(process,
         [&] { return process.client().Enqueue(kWork, R"({"after":"all"})", {}).status(); });
}

std::string Missing(const std::map<std::string, std::int64_t>& counts, bool durable) {
  std::vector<std::string> wanted = {
      "start", "refusal", "reply lost, done", "reply lost, not done", "slow call",
      "call slower than a lease", "hold", "busy", "busy for too long", "kill in a transaction",
      "kill after a commit", "outage", "outage of one process", "call in an outage", "kill",
      "kill in a call of the store", "crash", "stop", "pause", "pause longer than a lease",
      "pause in a transaction", "suspension", "clock forward", "clock back", "wake-up lost",
      "wake-up late", "wake-up doubled",
      // What the checker has seen of it.
      "enqueued", "refused", "duplicates", "in_doubt", "started", "completed", "cancelled", "dead",
      "retried", "snoozed", "released", "rescued", "crash_deaths", "requeued", "discarded",
      "cancel_requests", "fenced", "effects", "stale_effects", "lost_sessions", "checkpoints",
      "artifacts", "follow_ups"};
  if (durable) wanted.insert(wanted.end(), {"power cut", "disk full", "disk fails", "read-only"});
  std::string missing;
  for (const std::string& what : wanted) {
    const auto count = counts.find(what);
    if (count == counts.end() || count->second == 0) missing += what + "\n";
  }
  return missing;
}

}  // namespace outlive::simulation
