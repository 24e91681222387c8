#include "benchmarks/host.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "benchmarks/support.h"
#include "outlive/core/limits.h"

namespace outlive::bench {
namespace {

constexpr int kManyMax = static_cast<int>(limits::kInsertJobCountMax);
constexpr absl::Duration kStopGrace = absl::Seconds(60);

WorkerSet& AddNoOp(WorkerSet& workers) {
  return workers.Add<BenchJob>([](JobContext&, const BenchJob&) { return Outcome(Done()); });
}

}  // namespace

Host::Host(std::unique_ptr<JobStore> store, int payload)
    : store_(std::move(store)), client_(*store_), job_(MakeBenchJob(payload)) {}

void Host::Preload(int job_count, const std::function<void(int, NewJob&)>& change) {
  const NewJob job = Must(client_.Prepare(job_));
  for (int done = 0; done < job_count;) {
    std::vector<NewJob> jobs(static_cast<std::size_t>(std::min(job_count - done, kManyMax)), job);
    for (NewJob& each : jobs) {
      if (change) change(done, each);
      ++done;
    }
    Must(client_.EnqueueMany(std::move(jobs)));
  }
}

void Host::EnqueueMany(int job_count) {
  const std::vector<BenchJob> jobs(kManyMax, job_);
  for (int done = 0; done < job_count; done += kManyMax) {
    const auto count = static_cast<std::size_t>(std::min(job_count - done, kManyMax));
    Must(client_.EnqueueMany(absl::MakeConstSpan(jobs.data(), count)));
  }
}

void Host::EnqueueFromThreads(int job_count, int thread_count, Keys keys) {
  RunThreads(thread_count, [&](int thread) {
    RandomKeys random;
    EnqueueOptions with;
    for (int left = ShareOf(job_count, thread_count, thread); left > 0; --left) {
      if (keys == Keys::kRandom) {
        const auto [high, low] = random.Next();
        with.idempotency_key = fmt::format("{:016x}{:016x}", high, low);
      }
      Must(client_.Enqueue(job_, with));
    }
  });
}

RunnerOptions Host::OptionsOf(int concurrency) {
  RunnerOptions options;
  options.queues = {{.name = "default", .concurrency = concurrency}};
  options.observer = &ends_;
  return options;
}

double Host::Drain(int job_count, int concurrency) {
  WorkerSet workers;
  Runner runner(client_, AddNoOp(workers), OptionsOf(concurrency));
  ends_.Expect(job_count);
  const SteadyClock::time_point start = SteadyClock::now();
  Must(runner.Start());
  ends_.Wait();
  const double seconds = SecondsSince(start);
  runner.Stop(kStopGrace);
  return seconds;
}

double Host::EndToEnd(int job_count, int thread_count, int concurrency) {
  WorkerSet workers;
  Runner runner(client_, AddNoOp(workers), OptionsOf(concurrency));
  ends_.Expect(job_count);
  Must(runner.Start());
  const SteadyClock::time_point start = SteadyClock::now();
  EnqueueFromThreads(job_count, thread_count, Keys::kNone);
  ends_.Wait();
  const double seconds = SecondsSince(start);
  runner.Stop(kStopGrace);
  return seconds;
}

std::int64_t Host::PendingCount() {
  std::int64_t count = 0;
  for (const JobStats::Lane& lane : Must(client_.Stats()).lanes) count += lane.pending;
  return count;
}

}  // namespace outlive::bench
