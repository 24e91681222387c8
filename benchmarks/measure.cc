#include "benchmarks/measure.h"

#include <cstddef>
#include <utility>

#include "benchmarks/support.h"

namespace outlive::bench {

const std::vector<Measure>& AllMeasures() {
  static const std::vector<Measure> measures = {
      {"drain_64", "jobs that are there: claim, run, finish; 64 at once", MeasureDrain64},
      {"drain_1000", "the same, 1,000 at once", MeasureDrain1000},
      {"drain_processes", "the same by 1, 2, 4 and 8 processes, --concurrency at once in each",
       MeasureDrainProcesses},
      {"enqueue_64", "--producers threads, each waiting for its acknowledgement", MeasureEnqueue64},
      {"enqueue_1", "one thread, waiting for each acknowledgement", MeasureEnqueue1},
      {"enqueue_keyed", "as enqueue_64, with a random idempotency key on each job",
       MeasureEnqueueKeyed},
      {"enqueue_many", "EnqueueMany of 10,000", MeasureEnqueueMany},
      {"end_to_end", "producers and a runner at the same time", MeasureEndToEnd},
      {"latency_idle", "enqueue called to handler entered, in one process", MeasureLatencyIdle},
      {"latency_two_processes", "the same, the runner in another process",
       MeasureLatencyTwoProcesses},
      {"backlog", "drain with --backlog jobs behind, against 10,000", MeasureBacklog},
      {"scheduled", "drain with --backlog jobs in the future, or all due at one instant",
       MeasureScheduled},
      {"old_transaction",
       "end_to_end, and its claims, with a transaction held open for --hold seconds",
       MeasureOldTransaction},
      {"file_size", "bytes of the file for each pending job", MeasureFileSize},
      {"rss_drain", "memory of a process that drains --backlog jobs", MeasureRssDrain},
      {"memory_end_to_end", "as end_to_end, with the in-memory store", MeasureMemoryEndToEnd},
      {"coroutines_waiting", "coroutine jobs that sleep 1 s each, all at once, on one thread",
       MeasureCoroutinesWaiting},
      {"idle_cpu", "CPU time of a runner that has nothing to do", MeasureIdleCpu},
  };
  return measures;
}

std::vector<Figure> RunPairs(const Bench& bench, std::vector<Figure> figures, int pairs,
                             const std::function<Pair()>& run) {
  struct Values {
    std::vector<double> ours, limit, share;
  };
  std::vector<Values> values(figures.size());
  for (int i = 0; i < pairs; ++i) {
    const Pair pair = run();
    for (std::size_t f = 0; f < figures.size(); ++f) {
      values[f].ours.push_back(pair.ours.at(f));
      if (pair.limit.empty()) continue;
      values[f].limit.push_back(pair.limit.at(f));
      values[f].share.push_back(pair.ours[f] / pair.limit[f]);
    }
  }
  for (std::size_t f = 0; f < figures.size(); ++f) {
    Figure& figure = figures[f];
    figure.store = bench.backend.name();
    figure.durability = bench.backend.durability();
    figure.bar = bench.backend.BarOf(figure.measure, figure.name, figure.bar);
    figure.pairs = pairs;
    figure.ours = SpreadOf(values[f].ours);
    if (values[f].limit.empty()) continue;
    figure.limit = SpreadOf(values[f].limit);
    figure.share = SpreadOf(values[f].share);
  }
  return figures;
}

std::vector<Figure> Alternate(const Bench& bench, std::vector<Figure> figures, int pairs,
                              const Run& ours, const Run& limit) {
  bool ours_first = false;
  return RunPairs(bench, std::move(figures), pairs, [&] {
    Pair pair;
    if (ours_first) pair.ours = ours();
    pair.limit = limit();
    if (!ours_first) pair.ours = ours();
    ours_first = !ours_first;
    return pair;
  });
}

double RateOf(const Bench& bench, int job_count, const std::function<void()>& work) {
  bench.backend.Settle();
  const SteadyClock::time_point start = SteadyClock::now();
  work();
  return job_count / SecondsSince(start);
}

Figure RateFigure(std::string_view measure, const Bar& bar, std::string limit_is) {
  Figure figure;
  figure.measure = measure;
  figure.name = "rate";
  figure.unit = "jobs/s";
  figure.bar = bar;
  figure.limit_is = std::move(limit_is);
  return figure;
}

}  // namespace outlive::bench
