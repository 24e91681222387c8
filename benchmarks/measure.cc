#include "benchmarks/measure.h"

#include <cstddef>
#include <utility>

#include "benchmarks/support.h"

namespace outlive::bench {

const std::vector<Measure>& AllMeasures() {
  static const std::vector<Measure> measures = {
      {"drain_64", "jobs that are there: claim, run, finish; 64 at once", MeasureDrain64},
      {"drain_1000", "the same, 1,000 at once", MeasureDrain1000},
      {"enqueue_64", "--producers threads, each waiting for its acknowledgement", MeasureEnqueue64},
      {"enqueue_1", "one thread, waiting for each acknowledgement", MeasureEnqueue1},
      {"enqueue_keyed", "as enqueue_64, with a random idempotency key on each job",
       MeasureEnqueueKeyed},
      {"enqueue_many", "EnqueueMany of 10,000", MeasureEnqueueMany},
      {"end_to_end", "producers and a runner at the same time", MeasureEndToEnd},
      {"memory_end_to_end", "as end_to_end, with the in-memory store", MeasureMemoryEndToEnd},
  };
  return measures;
}

std::vector<Figure> Alternate(const Bench& bench, std::vector<Figure> figures, int pairs,
                              const Run& ours, const Run& limit) {
  struct Values {
    std::vector<double> ours, limit, share;
  };
  std::vector<Values> values(figures.size());
  for (int pair = 0; pair < pairs; ++pair) {
    std::vector<double> bare;
    if (limit) bare = limit();
    const std::vector<double> own = ours();
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i].ours.push_back(own[i]);
      if (!limit) continue;
      values[i].limit.push_back(bare[i]);
      values[i].share.push_back(own[i] / bare[i]);
    }
  }
  for (std::size_t i = 0; i < figures.size(); ++i) {
    Figure& figure = figures[i];
    figure.store = bench.backend.name();
    figure.durability = bench.backend.durability();
    figure.pairs = pairs;
    figure.ours = SpreadOf(values[i].ours);
    if (!limit) continue;
    figure.limit = SpreadOf(values[i].limit);
    figure.share = SpreadOf(values[i].share);
  }
  return figures;
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
