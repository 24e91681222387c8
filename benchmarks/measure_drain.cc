// Jobs that are run: alone, while others are enqueued, with the in-memory store.
#include <fmt/format.h>

#include <memory>
#include <string>

#include "benchmarks/fresh.h"
#include "benchmarks/measure.h"
#include "benchmarks/support.h"

namespace outlive::bench {
namespace {

std::vector<Figure> MeasureDrain(const Bench& bench, std::string_view name, int at_once) {
  const int count = bench.scale.drain;
  const Run ours = [&]() -> std::vector<double> {
    const FreshHost host(bench);
    host->Preload(count);
    bench.backend.Settle();
    const double seconds = host->Drain(count, at_once);
    if (host->PendingCount() != 0) throw BenchError("jobs were left over");
    return {count / seconds};
  };
  const Run limit = [&]() -> std::vector<double> {
    const FreshLimit bare(bench);
    bare->Insert(count, kPreloadCommit, Keys::kNone);
    return {RateOf(bench, count, [&] { bare->Drain(count, at_once); })};
  };
  const std::string work = fmt::format("{0} finished and {0} claimed in each commit", at_once);
  const Figure figure = RateFigure(name, {.share_min = 0.60}, bench.backend.LimitIs(work));
  return Alternate(bench, {figure}, bench.options.pairs, ours, limit);
}

std::vector<Figure> MeasureBothEnds(const Bench& bench, std::string_view name, const Bar& bar) {
  const int count = bench.scale.end_to_end;
  const int producers = bench.options.producers;
  const int at_once = bench.options.concurrency;
  const Run ours = [&]() -> std::vector<double> {
    const FreshHost host(bench);
    host->Preload(bench.scale.warm_up);
    host->Drain(bench.scale.warm_up, at_once);
    bench.backend.Settle();
    return {count / host->EndToEnd(count, producers, at_once)};
  };
  const Run limit = [&]() -> std::vector<double> {
    const FreshLimit bare(bench);
    bare->Insert(bench.scale.warm_up, kPreloadCommit, Keys::kNone);
    bare->Drain(bench.scale.warm_up, at_once);
    return {RateOf(bench, count, [&] { bare->EndToEnd(count, producers, at_once); })};
  };
  const std::string work =
      fmt::format("in each commit what has come of {} threads, {} claimed and as many finished",
                  producers, at_once);
  const Figure figure = RateFigure(name, bar, bench.backend.LimitIs(work));
  return Alternate(bench, {figure}, bench.options.pairs, ours, limit);
}

}  // namespace

std::vector<Figure> MeasureDrain64(const Bench& bench) {
  return MeasureDrain(bench, "drain_64", 64);
}

std::vector<Figure> MeasureDrain1000(const Bench& bench) {
  return MeasureDrain(bench, "drain_1000", 1'000);
}

std::vector<Figure> MeasureEndToEnd(const Bench& bench) {
  return MeasureBothEnds(bench, "end_to_end", {.share_min = 0.50});
}

std::vector<Figure> MeasureMemoryEndToEnd(const Bench& bench) {
  const std::unique_ptr<Backend> memory = MakeMemoryBackend(bench.options);
  return MeasureBothEnds({bench.options, bench.scale, *memory}, "memory_end_to_end",
                         {.share_min = 0.20, .ours_min = 300'000});
}

}  // namespace outlive::bench
