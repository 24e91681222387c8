#include "benchmarks/steady_load.h"

#include <utility>

#include "benchmarks/support.h"

namespace outlive::bench {
namespace {

constexpr absl::Duration kStopGrace = absl::Seconds(60);

WorkerSet& AddNoOp(WorkerSet& workers) {
  return workers.Add<BenchJob>([](JobContext&, const BenchJob&) { return Outcome(Done()); });
}

RunnerOptions OptionsOf(int concurrency, Observer& observer) {
  RunnerOptions options;
  options.queues = {{.name = "default", .concurrency = concurrency}};
  options.observer = &observer;
  return options;
}

}  // namespace

SteadyLoad::SteadyLoad(Client& client, const BenchJob& job, const SteadyLoadOptions& options)
    : client_(client),
      job_(job),
      standing_(options.standing),
      runner_(client, AddNoOp(workers_), OptionsOf(options.concurrency, meter_)),
      waiting_(options.standing) {
  Must(runner_.Start());
  for (int i = 0; i < options.producers; ++i) producers_.emplace_back([this] { Produce(); });
}

SteadyLoad::~SteadyLoad() {
  {
    MutexLock lock(mutex_);
    stopping_ = true;
    room_.NotifyAll();
  }
  producers_.clear();
  runner_.Stop(kStopGrace);
}

void SteadyLoad::Produce() {
  while (true) {
    {
      MutexLock lock(mutex_);
      while (waiting_ >= standing_ && !stopping_) room_.Wait(mutex_);
      if (stopping_) return;
      ++waiting_;
    }
    if (!client_.Enqueue(job_).ok()) return Fail("a job was not taken");
  }
}

double SteadyLoad::RateOver(std::chrono::duration<double> window) {
  const SteadyClock::time_point start = SteadyClock::now();
  MutexLock lock(mutex_);
  const std::int64_t before = ended_;
  for (double left = window.count(); left > 0 && failure_ == nullptr;
       left = window.count() - SecondsSince(start)) {
    failed_.WaitFor(mutex_, std::chrono::duration_cast<std::chrono::nanoseconds>(
                                std::chrono::duration<double>(left)));
  }
  if (failure_ != nullptr) throw BenchError(failure_);
  return static_cast<double>(ended_ - before) / SecondsSince(start);
}

void SteadyLoad::Fail(const char* why) {
  MutexLock lock(mutex_);
  failure_ = why;
  failed_.NotifyAll();
}

void SteadyLoad::Meter::OnEnded(JobLabel, Transition end, absl::Duration) {
  if (end != Transition::kComplete) return load_.Fail("a job has not completed");
  MutexLock lock(load_.mutex_);
  ++load_.ended_;
  --load_.waiting_;
  load_.room_.NotifyOne();
}

}  // namespace outlive::bench
