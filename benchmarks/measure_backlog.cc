// Whether what lies behind slows down what is drained: the same work beside many jobs and beside
// few. Here the "limit" is ours as well, without the many.
#include <absl/time/clock.h>
#include <absl/time/time.h>

#include <string>
#include <utility>

#include "benchmarks/fresh.h"
#include "benchmarks/measure.h"
#include "benchmarks/support.h"

namespace outlive::bench {
namespace {

constexpr int kFew = 10'000;

// In how many pieces the two take turns, so that both meet the same moods of the disk.
constexpr int kTurnCount = 5;

// The machine's time, put on by an offset.
class ShiftedClock final : public Clock {
 public:
  absl::Time Now() const override { return SystemClockInstance().Now() + offset_; }
  absl::Duration SinceBoot() const override { return SystemClockInstance().SinceBoot(); }

  // Before anything runs that looks at it.
  void Shift(absl::Duration offset) { offset_ = offset; }

 private:
  absl::Duration offset_ = absl::ZeroDuration();
};

Figure BesideFigure(std::string_view measure, std::string name, std::string limit_is) {
  Figure figure = RateFigure(measure, {.share_min = 0.90}, std::move(limit_is));
  figure.name = std::move(name);
  return figure;
}

// Drains some jobs of a store, and makes the number of those that wait what it was before. The
// seconds of the drain.
double DrainSome(const Bench& bench, Host& host, int count) {
  const std::int64_t before = host.PendingCount();
  const double seconds = host.Drain(count, bench.options.concurrency);
  host.Preload(static_cast<int>(before - host.PendingCount()));
  return seconds;
}

// Drains as much of both, a piece of each in turn.
std::vector<Figure> Compare(const Bench& bench, const Figure& figure, Host& many, Host& few) {
  const int piece = bench.scale.beside_backlog / kTurnCount;
  return RunPairs(bench, {figure}, bench.options.pairs, [&]() -> Pair {
    double beside_many = 0;
    double beside_few = 0;
    bench.backend.Settle();
    for (int i = 0; i < kTurnCount; ++i) {
      beside_few += DrainSome(bench, few, piece);
      beside_many += DrainSome(bench, many, piece);
    }
    const double count = piece * kTurnCount;
    return {{count / beside_many}, {count / beside_few}};
  });
}

// Many jobs that are due tomorrow, each at an instant of its own, and some that are due now.
std::vector<Figure> MeasureFuture(const Bench& bench) {
  const int count = bench.scale.beside_backlog;
  const FreshHost many(bench, "ours");
  const FreshHost none(bench, "limit");
  const absl::Time tomorrow = absl::Now() + absl::Hours(24);
  many->Preload(bench.scale.backlog,
                [tomorrow](int i, NewJob& job) { job.run_at = tomorrow + absl::Milliseconds(i); });
  many->Preload(count);
  none->Preload(count);
  const Figure figure = BesideFigure("scheduled", "future", "ours with nothing in the future");
  return Compare(bench, figure, *many, *none);
}

// Many jobs that were scheduled for one instant, which has come.
std::vector<Figure> MeasureOneInstant(const Bench& bench) {
  const int count = bench.scale.beside_backlog;
  ShiftedClock clock;
  const FreshHost many(bench, "ours", clock);
  const FreshHost none(bench, "limit");
  const absl::Time instant = clock.Now() + absl::Hours(1);
  many->Preload(bench.scale.backlog + count, [instant](int, NewJob& job) { job.run_at = instant; });
  none->Preload(count);
  clock.Shift(absl::Hours(2));
  const Figure figure =
      BesideFigure("scheduled", "one instant", "ours with nothing else that is due");
  return Compare(bench, figure, *many, *none);
}

}  // namespace

std::vector<Figure> MeasureBacklog(const Bench& bench) {
  const int count = bench.scale.beside_backlog;
  const FreshHost many(bench, "ours");
  const FreshHost few(bench, "limit");
  many->Preload(bench.scale.backlog + count);
  few->Preload(kFew + count);
  const Figure figure = BesideFigure("backlog", "rate", "ours with 10,000 jobs behind");
  return Compare(bench, figure, *many, *few);
}

std::vector<Figure> MeasureScheduled(const Bench& bench) {
  std::vector<Figure> figures = MeasureFuture(bench);
  for (Figure& figure : MeasureOneInstant(bench)) figures.push_back(std::move(figure));
  return figures;
}

}  // namespace outlive::bench
