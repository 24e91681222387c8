// What it costs that somebody has left a transaction open: what was deleted since it began cannot
// be cleaned away, and is in the way of everybody who looks for what is there.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "benchmarks/claim_timer.h"
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

// What the load has done in one window.
struct Seen {
  double rate = 0;               // Jobs a second.
  std::vector<double> claims{};  // The seconds of each.
};

// A runner and its producers at full load, by a client of their own, whose claims are timed.
class TimedLoad {
 public:
  TimedLoad(const Bench& bench, Host& host)
      : claims_(host.client().store()),
        client_(claims_),
        load_(client_, host.job(),
              {.producers = bench.options.producers,
               .concurrency = bench.options.concurrency,
               .standing = bench.scale.standing}) {}

  Seen Watch(Seconds window) {
    claims_.Take();
    const double rate = load_.RateOver(window);
    Seen seen{rate, claims_.Take()};
    if (seen.claims.empty()) throw BenchError("nothing was claimed");
    return seen;
  }

 private:
  ClaimTimer claims_;
  Client client_;
  SteadyLoad load_;
};

// In the order of AddValues().
std::vector<Figure> FiguresOf(std::string name, double share_min, std::string limit_is) {
  Figure rate = RateFigure("old_transaction", {.share_min = share_min}, std::move(limit_is));
  rate.name = std::move(name);
  Figure p50 = rate;
  p50.name += " p50";
  p50.unit = "ms";
  p50.bar = {};
  Figure p99 = p50;
  p99.name = rate.name + " p99";
  return {rate, p50, p99};
}

void AddValues(const Seen& seen, std::vector<double>& values) {
  values.push_back(seen.rate);
  values.push_back(1e3 * QuantileOf(seen.claims, 0.50));
  values.push_back(1e3 * QuantileOf(seen.claims, 0.99));
}

}  // namespace

// One load from the beginning to the end, so one run: a round to get into step, a round for how it
// was before; of the time that the transaction is held the last half round counts, by when most is
// in the way; and after its end half a round to clean up, and a round for how it is then.
std::vector<Figure> MeasureOldTransaction(const Bench& bench) {
  if (bench.backend.OpenOldTransaction() == nullptr) return {};
  const Seconds hold(bench.options.hold);
  const Seconds round = std::min(hold, kRoundMax);
  std::vector<Figure> figures = FiguresOf("held", 0.50, "ours before it began");
  for (Figure& figure : FiguresOf(
           "after", 0.90,
           fmt::format("ours before it began; {:.3g} s for cleaning up", round.count() / 2))) {
    figures.push_back(std::move(figure));
  }
  return RunPairs(bench, figures, 1, [&]() -> Pair {
    const FreshHost host(bench);
    host->Preload(bench.scale.warm_up);
    host->Drain(bench.scale.warm_up, bench.options.concurrency);
    host->Preload(bench.scale.standing);
    bench.backend.Settle();
    TimedLoad load(bench, *host);
    load.Watch(round);
    const Seen before = load.Watch(round);
    std::unique_ptr<OldTransaction> old = bench.backend.OpenOldTransaction();
    load.Watch(hold - round / 2);
    const Seen held = load.Watch(round / 2);
    old = nullptr;
    load.Watch(round / 2);
    Pair pair;
    AddValues(held, pair.ours);
    AddValues(load.Watch(round), pair.ours);
    AddValues(before, pair.limit);
    AddValues(before, pair.limit);
    return pair;
  });
}

}  // namespace outlive::bench
