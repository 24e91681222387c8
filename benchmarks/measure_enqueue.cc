// Jobs that are added, by callers that wait until they are durable.
#include <fmt/format.h>

#include <functional>
#include <string>

#include "benchmarks/fresh.h"
#include "benchmarks/measure.h"
#include "benchmarks/support.h"

namespace outlive::bench {
namespace {

// Jobs after which enqueue_1 takes turns.
constexpr int kTurn = 10;

constexpr int kManyCommit = 10'000;  // As limits::kInsertJobCountMax.

// Into stores that have been at work for a while.
std::vector<Figure> MeasureEnqueue(const Bench& bench, const Figure& figure, int count,
                                   const std::function<void(const FreshHost&)>& enqueue,
                                   const std::function<void(const FreshLimit&)>& insert) {
  const Run ours = [&]() -> std::vector<double> {
    const FreshHost host(bench);
    host->Preload(bench.scale.warm_up);
    const double rate = RateOf(bench, count, [&] { enqueue(host); });
    if (host->PendingCount() != bench.scale.warm_up + count) throw BenchError("jobs are missing");
    return {rate};
  };
  const Run limit = [&]() -> std::vector<double> {
    const FreshLimit bare(bench);
    bare->Insert(bench.scale.warm_up, kPreloadCommit, Keys::kNone);
    return {RateOf(bench, count, [&] { insert(bare); })};
  };
  return Alternate(bench, {figure}, bench.options.pairs, ours, limit);
}

std::string GroupCommit(const Bench& bench, const char* more) {
  return bench.backend.LimitIs(fmt::format("{} threads wait, one commits what has come of all{}",
                                           bench.options.producers, more));
}

void GiveRandomKey(NewJob& job, RandomKeys& random) {
  const auto [high, low] = random.Next();
  job.idempotency_key = fmt::format("{:016x}{:016x}", high, low);
}

}  // namespace

std::vector<Figure> MeasureEnqueue64(const Bench& bench) {
  const int count = bench.scale.enqueue;
  const int threads = bench.options.producers;
  return MeasureEnqueue(
      bench, RateFigure("enqueue_64", {.share_min = 0.70}, GroupCommit(bench, "")), count,
      [=](const FreshHost& host) { host->EnqueueFromThreads(count, threads, Keys::kNone); },
      [=](const FreshLimit& limit) { limit->InsertFromThreads(count, threads, Keys::kNone); });
}

// Each job is a commit of its own, so that the disk decides, and disks have moods: both take turns
// every few jobs.
std::vector<Figure> MeasureEnqueue1(const Bench& bench) {
  const int count = bench.scale.enqueue_one;
  const FreshHost host(bench);
  const FreshLimit bare(bench);
  host->Preload(bench.scale.warm_up);
  bare->Insert(bench.scale.warm_up, kPreloadCommit, Keys::kNone);
  const Figure figure =
      RateFigure("enqueue_1", {.share_min = 0.85}, bench.backend.LimitIs("one job in each commit"));
  return RunPairs(bench, {figure}, bench.options.pairs, [&]() -> Pair {
    double ours = 0;
    double limit = 0;
    bench.backend.Settle();
    for (int done = 0; done < count; done += kTurn) {
      SteadyClock::time_point start = SteadyClock::now();
      host->EnqueueFromThreads(kTurn, 1, Keys::kNone);
      ours += SecondsSince(start);
      start = SteadyClock::now();
      bare->Insert(kTurn, 1, Keys::kNone);
      limit += SecondsSince(start);
    }
    return {{count / ours}, {count / limit}};
  });
}

std::vector<Figure> MeasureEnqueueMany(const Bench& bench) {
  const int count = bench.scale.enqueue;
  return MeasureEnqueue(
      bench,
      RateFigure("enqueue_many", {.share_min = 0.75},
                 bench.backend.LimitIs("10,000 jobs in each commit")),
      count, [=](const FreshHost& host) { host->EnqueueMany(count); },
      [=](const FreshLimit& limit) { limit->Insert(count, kManyCommit, Keys::kNone); });
}

// Into stores that have twice as many keys already, so that a new one lands anywhere in an index of
// some size. They stay, and grow alike.
std::vector<Figure> MeasureEnqueueKeyed(const Bench& bench) {
  const int count = bench.scale.keyed;
  const int threads = bench.options.producers;
  const FreshHost host(bench);
  const FreshLimit bare(bench);
  RandomKeys random;
  host->Preload(2 * count, [&random](int, NewJob& job) { GiveRandomKey(job, random); });
  bare->Insert(2 * count, kPreloadCommit, Keys::kRandom);
  const Run ours = [&]() -> std::vector<double> {
    return {RateOf(bench, count, [&] { host->EnqueueFromThreads(count, threads, Keys::kRandom); })};
  };
  const Run limit = [&]() -> std::vector<double> {
    return {RateOf(bench, count, [&] { bare->InsertFromThreads(count, threads, Keys::kRandom); })};
  };
  const Figure figure = RateFigure("enqueue_keyed", {.share_min = 0.60},
                                   GroupCommit(bench, ", with a random unique key on each row"));
  return Alternate(bench, {figure}, bench.options.pairs, ours, limit);
}

}  // namespace outlive::bench
