// What it costs that somebody has left a transaction open: what was deleted since it began cannot
// be cleaned away, and is in the way of everybody who looks for what is there.
#include <fmt/format.h>

#include <algorithm>
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

using Seconds = std::chrono::duration<double>;

// As long as it takes until autovacuum comes by again, as servers are set up: what is cleaned up in
// turns is measured over a whole turn.
constexpr Seconds kRoundMax(60);

Figure HeldFigure(std::string name, double share_min, std::string limit_is) {
  Figure figure = RateFigure("old_transaction", {.share_min = share_min}, std::move(limit_is));
  figure.name = std::move(name);
  return figure;
}

}  // namespace

// One load from the beginning to the end, so one run: a round to get into step, a round for how it
// was before; of the time that the transaction is held the last half round counts, by when most is
// in the way; and after its end half a round to clean up, and a round for how it is then.
std::vector<Figure> MeasureOldTransaction(const Bench& bench) {
  if (bench.backend.OpenOldTransaction() == nullptr) return {};
  const Seconds hold(bench.options.hold);
  const Seconds round = std::min(hold, kRoundMax);
  const std::vector<Figure> figures = {
      HeldFigure("held", 0.50, "ours before it began"),
      HeldFigure("after", 0.90,
                 fmt::format("ours before it began; {:.3g} s for cleaning up", round.count() / 2))};
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
    load.RateOver(round);
    const double before = load.RateOver(round);
    std::unique_ptr<OldTransaction> old = bench.backend.OpenOldTransaction();
    load.RateOver(hold - round / 2);
    const double held = load.RateOver(round / 2);
    old = nullptr;
    load.RateOver(round / 2);
    return {{held, load.RateOver(round)}, {before, before}};
  });
}

}  // namespace outlive::bench
