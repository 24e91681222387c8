// A measure is a piece of work that is done by ours and by the limit, in turns.
#ifndef OUTLIVE_BENCHMARKS_MEASURE_H_
#define OUTLIVE_BENCHMARKS_MEASURE_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "benchmarks/backend.h"
#include "benchmarks/figure.h"
#include "benchmarks/options.h"
#include "benchmarks/scale.h"

namespace outlive::bench {

// What a measure works with.
struct Bench {
  const Options& options;
  const Scale scale;
  Backend& backend;
};

struct Measure {
  std::string_view name;
  std::string_view what;
  // Nothing: the store cannot do that.
  std::vector<Figure> (*run)(const Bench& bench);
};

// All of them, in the order in which they are run.
const std::vector<Measure>& AllMeasures();

// One run: a value for each figure of the measure, in order.
using Run = std::function<std::vector<double>()>;

// A run of each, in the same conditions.
struct Pair {
  std::vector<double> ours;
  std::vector<double> limit;  // Empty: there is none to compare with.
};

// Makes figures of `pairs` pairs, by median, least and most.
std::vector<Figure> RunPairs(const Bench& bench, std::vector<Figure> figures, int pairs,
                             const std::function<Pair()>& run);

// The same of runs that stand alone. They take turns, and turns at being the first.
std::vector<Figure> Alternate(const Bench& bench, std::vector<Figure> figures, int pairs,
                              const Run& ours, const Run& limit);

// Jobs a second of `work`, which handles as many; begun once the disk has come to rest.
double RateOf(const Bench& bench, int job_count, const std::function<void()>& work);

// Of a measure that gives a rate in jobs/s, to be compared with the limit's.
Figure RateFigure(std::string_view measure, const Bar& bar, std::string limit_is);

// The measures, by what they are about.
std::vector<Figure> MeasureDrain64(const Bench& bench);
std::vector<Figure> MeasureDrain1000(const Bench& bench);
std::vector<Figure> MeasureEndToEnd(const Bench& bench);
std::vector<Figure> MeasureMemoryEndToEnd(const Bench& bench);

std::vector<Figure> MeasureDrainProcesses(const Bench& bench);

std::vector<Figure> MeasureEnqueue64(const Bench& bench);
std::vector<Figure> MeasureEnqueue1(const Bench& bench);
std::vector<Figure> MeasureEnqueueKeyed(const Bench& bench);
std::vector<Figure> MeasureEnqueueMany(const Bench& bench);

std::vector<Figure> MeasureLatencyIdle(const Bench& bench);
std::vector<Figure> MeasureLatencyTwoProcesses(const Bench& bench);

std::vector<Figure> MeasureBacklog(const Bench& bench);
std::vector<Figure> MeasureScheduled(const Bench& bench);

std::vector<Figure> MeasureOldTransaction(const Bench& bench);

std::vector<Figure> MeasureFileSize(const Bench& bench);
std::vector<Figure> MeasureRssDrain(const Bench& bench);
std::vector<Figure> MeasureCoroutinesWaiting(const Bench& bench);
std::vector<Figure> MeasureIdleCpu(const Bench& bench);

}  // namespace outlive::bench

#endif  // OUTLIVE_BENCHMARKS_MEASURE_H_
