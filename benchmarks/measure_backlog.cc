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

// Drains some jobs of a store, and makes the number of those that are due what it was before.
std::vector<double> DrainSome(const Bench& bench, const FreshHost& host) {
  const int count = bench.scale.beside_backlog;
  const std::int64_t before = host->PendingCount();
  bench.backend.Settle();
  const double seconds = host->Drain(count, bench.options.concurrency);
  host->Preload(static_cast<int>(before - host->PendingCount()));
  return {count / seconds};
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
  return Alternate(
      bench, {figure}, bench.options.pairs, [&] { return DrainSome(bench, many); },
      [&] { return DrainSome(bench, none); });
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
  return Alternate(
      bench, {figure}, bench.options.pairs, [&] { return DrainSome(bench, many); },
      [&] { return DrainSome(bench, none); });
}

}  // namespace

std::vector<Figure> MeasureBacklog(const Bench& bench) {
  const int count = bench.scale.beside_backlog;
  const FreshHost many(bench, "ours");
  const FreshHost few(bench, "limit");
  many->Preload(bench.scale.backlog + count);
  few->Preload(kFew + count);
  const Figure figure = BesideFigure("backlog", "rate", "ours with 10,000 jobs behind");
  return Alternate(
      bench, {figure}, bench.options.pairs, [&] { return DrainSome(bench, many); },
      [&] { return DrainSome(bench, few); });
}

std::vector<Figure> MeasureScheduled(const Bench& bench) {
  std::vector<Figure> figures = MeasureFuture(bench);
  for (Figure& figure : MeasureOneInstant(bench)) figures.push_back(std::move(figure));
  return figures;
}

}  // namespace outlive::bench
