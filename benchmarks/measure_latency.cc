// How long one job waits in a system that is idle: from the call of Enqueue() to the first line of
// the handler.
#include <chrono>
#include <functional>
#include <string>

#include "benchmarks/arrival.h"
#include "benchmarks/child.h"
#include "benchmarks/child_roles.h"
#include "benchmarks/end_counter.h"
#include "benchmarks/fresh.h"
#include "benchmarks/measure.h"
#include "benchmarks/support.h"

namespace outlive::bench {
namespace {

// Between two samples, so that each of them finds everything asleep.
constexpr std::chrono::milliseconds kPause{2};

// A commit of another process is looked for again and again for some time after the last one.
constexpr std::chrono::milliseconds kPauseBetweenProcesses{5};

// In milliseconds.
std::vector<double> Quantiles(const std::vector<double>& seconds) {
  return {1e3 * QuantileOf(seconds, 0.50), 1e3 * QuantileOf(seconds, 0.99)};
}

std::vector<Figure> LatencyFigures(const Bench& bench, std::string_view measure, const Bar& p50,
                                   const Bar& p99) {
  Figure figure;
  figure.measure = measure;
  figure.unit = "ms";
  figure.limit_is = bench.backend.LimitIs("two commits in a row: one job added, one job claimed");
  Figure median = figure;
  median.name = "p50";
  median.bar = p50;
  figure.name = "p99";
  figure.bar = p99;
  return {median, figure};
}

// A host that has been at work for a while, and the limit too. They take turns with every sample.
class IdlePair {
 public:
  IdlePair(const Bench& bench, std::string name)
      : bench_(bench), host_(bench, std::move(name)), bare_(bench) {
    const int count = bench.scale.warm_up;
    host_->Preload(count);
    host_->Drain(count, bench.options.concurrency);
    bare_->Insert(count, kPreloadCommit, Keys::kNone);
    bare_->Drain(count, bench.options.concurrency);
  }

  Host& host() { return *host_; }

  // `ours` gives the seconds of one sample.
  Pair Sample(std::chrono::milliseconds pause, const std::function<double()>& ours) {
    std::vector<double> ours_seconds;
    std::vector<double> limit_seconds;
    bench_.backend.Settle();
    for (int i = 0; i < bench_.scale.latency; ++i) {
      Rest(pause);
      limit_seconds.push_back(bare_->Latency());
      Rest(pause);
      ours_seconds.push_back(ours());
    }
    return {Quantiles(ours_seconds), Quantiles(limit_seconds)};
  }

 private:
  const Bench& bench_;
  const FreshHost host_;
  const FreshLimit bare_;
};

}  // namespace

std::vector<Figure> MeasureLatencyIdle(const Bench& bench) {
  IdlePair pair(bench, "ours");
  Client& client = pair.host().client();
  Arrival arrival;
  EndCounter ends;
  WorkerSet workers;
  workers.Add<BenchJob>([&arrival](JobContext&, const BenchJob&) {
    arrival.Tell();
    return Outcome(Done());
  });
  RunnerOptions options;
  options.queues = {{.name = "default", .concurrency = bench.options.concurrency}};
  options.observer = &ends;
  Runner runner(client, workers, std::move(options));
  Must(runner.Start());
  const auto sample = [&] {
    ends.Expect(1);
    const std::int64_t start = SteadyNanoseconds();
    Must(client.Enqueue(pair.host().job()));
    const std::int64_t entered = arrival.Take();
    ends.Wait();
    return 1e-9 * static_cast<double>(entered - start);
  };
  return RunPairs(bench,
                  LatencyFigures(bench, "latency_idle", {.share_max = 1.5}, {.share_max = 2}),
                  bench.options.pairs, [&] { return pair.Sample(kPause, sample); });
}

// The store is open in both processes, and the runner is in the other one.
std::vector<Figure> MeasureLatencyTwoProcesses(const Bench& bench) {
  if (!bench.backend.shared()) return {};
  IdlePair pair(bench, "shared");
  Child child(bench.options, std::string(role::kRun));
  if (child.ReadLine() != "ready") throw BenchError("the other process is not ready");
  const auto sample = [&] {
    const std::int64_t start = SteadyNanoseconds();
    Must(pair.host().client().Enqueue(pair.host().job()));
    const std::int64_t entered = std::stoll(child.ReadLine());
    return 1e-9 * static_cast<double>(entered - start);
  };
  return RunPairs(bench, LatencyFigures(bench, "latency_two_processes", {}, {.share_max = 5}),
                  bench.options.pairs, [&] { return pair.Sample(kPauseBetweenProcesses, sample); });
}

}  // namespace outlive::bench
