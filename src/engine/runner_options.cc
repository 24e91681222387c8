#include "engine/runner_options.h"

#include <fmt/format.h>

#include <set>

#include "core/faults.h"
#include "outlive/core/job.h"
#include "outlive/core/limits.h"

namespace outlive::internal {
namespace {

class Blind final : public Observer {
 public:
  void OnEnqueued(JobLabel, int) override {}
  void OnStarted(JobLabel, absl::Duration) override {}
  void OnEnded(JobLabel, Transition, absl::Duration) override {}
  void OnLeaseLost(JobLabel) override {}
  void OnRescued(JobLabel, JobState) override {}
};

bool Within(absl::Duration value, absl::Duration min, absl::Duration max) {
  return value >= min && value <= max;
}

void CheckQueues(const RunnerOptions& options, Faults& faults) {
  if (options.queues.empty() || options.queues.size() > limits::kRunnerQueueCountMax) {
    faults.Add(fmt::format("there must be 1 to {} queues, and there are {}",
                           limits::kRunnerQueueCountMax, options.queues.size()));
    return;
  }
  std::set<std::string> names;
  for (const QueueOptions& queue : options.queues) {
    faults.AddIfError(ValidateName("queue", queue.name));
    if (!names.insert(queue.name).second) {
      faults.Add(fmt::format("queue \"{}\" is named twice", queue.name));
    }
    if (queue.concurrency < 1 || queue.concurrency > limits::kConcurrencyMax) {
      faults.Add(fmt::format("concurrency must be from 1 to {}, and is {}", limits::kConcurrencyMax,
                             queue.concurrency));
    }
  }
}

void CheckTimes(const RunnerOptions& options, Faults& faults) {
  constexpr absl::Duration kDay = absl::Hours(24);
  constexpr absl::Duration kTick = absl::Milliseconds(10);
  faults.Require(Within(options.lease, absl::Seconds(1), kDay), "lease must be from 1 s to 1 day");
  faults.Require(options.crash_count_max >= 1 && options.crash_count_max <= 1000,
                 "crash_count_max must be from 1 to 1000");
  faults.Require(Within(options.rescue_delay, absl::ZeroDuration(), kDay),
                 "rescue_delay must be from 0 to 1 day");
  faults.Require(options.keep_completed >= absl::ZeroDuration() &&
                     options.keep_cancelled >= absl::ZeroDuration() &&
                     options.keep_dead >= absl::ZeroDuration(),
                 "keep_completed, keep_cancelled and keep_dead must be 0 or more");
  faults.Require(options.stop_patience >= absl::ZeroDuration(), "stop_patience must be 0 or more");
  faults.Require(Within(options.poll_interval_max, kTick, absl::Hours(1)),
                 "poll_interval_max must be from 10 ms to 1 h");
  faults.Require(Within(options.sweep_interval, kTick, absl::Hours(1)),
                 "sweep_interval must be from 10 ms to 1 h");
  faults.Require(Within(options.prune_interval, kTick, kDay),
                 "prune_interval must be from 10 ms to 1 day");
  faults.Require(Within(options.progress_interval, kTick, absl::Minutes(1)),
                 "progress_interval must be from 10 ms to 1 min");
}

}  // namespace

absl::Status ValidateRunner(const RunnerOptions& options, const WorkerSet& workers, bool starts) {
  Faults faults("runner");
  CheckQueues(options, faults);
  CheckTimes(options, faults);
  faults.AddIfError(workers.status());
  faults.Require(!workers.entries().empty(), "there is no worker");
  for (const auto& [kind, entry] : workers.entries()) {
    if (starts && entry.coroutine != nullptr && !options.executor) {
      faults.Add(fmt::format("the worker of \"{}\" is a coroutine and needs an executor", kind));
    }
  }
  return faults.ToStatus();
}

Observer& NullObserver() {
  static Blind observer;
  return observer;
}

}  // namespace outlive::internal
