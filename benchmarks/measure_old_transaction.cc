// What it costs that somebody has left a transaction open: what was deleted since it began cannot
// be cleaned away, and is in the way of everybody who looks for what is there.
#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "benchmarks/fresh.h"
#include "benchmarks/measure.h"
#include "benchmarks/steady_load.h"
#include "benchmarks/support.h"

namespace outlive::bench {
namespace {

Figure HeldFigure(std::string name, double share_min, std::string limit_is) {
  Figure figure = RateFigure("old_transaction", {.share_min = share_min}, std::move(limit_is));
  figure.name = std::move(name);
  return figure;
}

}  // namespace

// One load from the beginning to the end, so one run: a quarter of the time that the transaction is
// held to get into step, a quarter for how it was before; of the time that it is held the last
// quarter counts, by when most is in the way; and after its end a quarter to clean up, and a
// quarter for how it is then.
std::vector<Figure> MeasureOldTransaction(const Bench& bench) {
  if (bench.backend.OpenOldTransaction() == nullptr) return {};
  const std::chrono::duration<double> quarter(bench.options.hold / 4.0);
  const std::vector<Figure> figures = {
      HeldFigure("held", 0.50, "ours before it began"),
      HeldFigure("after", 0.90,
                 fmt::format("ours before it began; {:.3g} s for cleaning up", quarter.count()))};
  return RunPairs(bench, figures, 1, [&]() -> Pair {
    const FreshHost host(bench);
    host->Preload(bench.scale.warm_up);
    host->Drain(bench.scale.warm_up, bench.options.concurrency);
    host->Preload(bench.scale.standing);
    bench.backend.Settle();
    SteadyLoad load(host->client(), host->job(),
                    {.producers = bench.options.producers,
                     .concurrency = bench.options.concurrency,
                     .standing = bench.scale.standing});
    load.RateOver(quarter);
    const double before = load.RateOver(quarter);
    std::unique_ptr<OldTransaction> old = bench.backend.OpenOldTransaction();
    load.RateOver(3 * quarter);
    const double held = load.RateOver(quarter);
    old = nullptr;
    load.RateOver(quarter);
    return {{held, load.RateOver(quarter)}, {before, before}};
  });
}

}  // namespace outlive::bench
