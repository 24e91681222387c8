// What jobs and runners take beside time: disk, memory, and a core that could rest.
#include <string>

#include "benchmarks/child.h"
#include "benchmarks/child_roles.h"
#include "benchmarks/fresh.h"
#include "benchmarks/measure.h"

namespace outlive::bench {
namespace {

constexpr double kMegabyte = 1e6;

Figure FootprintFigure(std::string_view measure, std::string name, std::string unit, const Bar& bar,
                       std::string limit_is) {
  Figure figure;
  figure.measure = measure;
  figure.name = std::move(name);
  figure.unit = std::move(unit);
  figure.bar = bar;
  figure.limit_is = std::move(limit_is);
  return figure;
}

std::vector<double> AskChild(const Bench& bench, std::string_view role) {
  Child child(bench.options, std::string(role));
  return child.ReadNumbers();
}

}  // namespace

// These do not depend on the moment: one run is enough.

std::vector<Figure> MeasureFileSize(const Bench& bench) {
  if (!bench.backend.shared()) return {};
  const int count = bench.scale.drain;
  const Run ours = [&]() -> std::vector<double> {
    FreshHost host(bench);
    host->Preload(count);
    host.Close();
    return {static_cast<double>(bench.backend.Bytes("ours")) / count};
  };
  const Run limit = [&]() -> std::vector<double> {
    FreshLimit bare(bench);
    bare->Insert(count, kPreloadCommit, Keys::kNone);
    bare.Close();
    return {static_cast<double>(bench.backend.Bytes("limit")) / count};
  };
  const Figure figure = FootprintFigure("file_size", "size", "bytes/job",
                                        {.ours_max = 1.5 * bench.options.payload + 100},
                                        bench.backend.LimitIs("the same rows"));
  return Alternate(bench, {figure}, 1, ours, limit);
}

std::vector<Figure> MeasureRssDrain(const Bench& bench) {
  if (!bench.backend.shared()) return {};
  const Run ours = [&]() -> std::vector<double> {
    FreshHost host(bench);
    host->Preload(bench.scale.backlog);
    host.Close();
    return {AskChild(bench, role::kDrain).at(0) / kMegabyte};
  };
  const Run limit = [&]() -> std::vector<double> {
    FreshLimit bare(bench);
    bare->Insert(bench.scale.backlog, kPreloadCommit, Keys::kNone);
    bare.Close();
    return {AskChild(bench, role::kDrainLimit).at(0) / kMegabyte};
  };
  const Figure figure =
      FootprintFigure("rss_drain", "peak", "MB", {.ours_max = 40},
                      bench.backend.LimitIs("in a process that does nothing else"));
  return Alternate(bench, {figure}, 1, ours, limit);
}

std::vector<Figure> MeasureIdleCpu(const Bench& bench) {
  const auto run = [&] {
    FreshHost host(bench);
    host.Close();
    return Pair{AskChild(bench, role::kIdle), {}};
  };
  const Figure figure = FootprintFigure("idle_cpu", "time", "% of core", {.ours_max = 0.2}, "");
  return RunPairs(bench, {figure}, 1, run);
}

std::vector<Figure> MeasureCoroutinesWaiting(const Bench& bench) {
  const Run ours = [&] {
    FreshHost host(bench);
    host.Close();
    return AskChild(bench, role::kSleep);
  };
  const Run limit = [&] { return AskChild(bench, role::kSleepLimit); };
  const std::string limit_is = "asio::co_spawn of as many coroutines that sleep 1 s";
  const std::vector<Figure> figures = {
      FootprintFigure("coroutines_waiting", "time", "s", {.ours_max = 2}, limit_is),
      FootprintFigure("coroutines_waiting", "memory", "bytes/job", {.ours_max = 5'000}, limit_is)};
  return Alternate(bench, figures, bench.options.pairs, ours, limit);
}

}  // namespace outlive::bench
