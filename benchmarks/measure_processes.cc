// Jobs that are drained by several processes at once, as many hosts do that share a database.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "benchmarks/child.h"
#include "benchmarks/child_roles.h"
#include "benchmarks/fresh.h"
#include "benchmarks/measure.h"
#include "benchmarks/support.h"

namespace outlive::bench {
namespace {

constexpr std::array<int, 4> kProcessCounts = {1, 2, 4, 8};

// Processes of one role, which begin when all of them are ready. Each says how many jobs it has
// ended, and when the last of them, until its input ends; then a negative number.
class Crew {
 public:
  Crew(const Bench& bench, std::string_view role, int size) {
    for (int i = 0; i < size; ++i) {
      children_.push_back(std::make_unique<Child>(bench.options, std::string(role)));
    }
    for (const auto& child : children_) {
      if (child->ReadLine() != "ready") throw BenchError("another process is not ready");
    }
  }

  // Jobs a second, from the word to begin until the last end. Each process may do `share_max` jobs.
  double Drain(int job_count, int share_max) {
    const int size = static_cast<int>(children_.size());
    std::atomic<std::int64_t> last = 0;
    std::atomic<int> ended = 0;
    std::atomic<bool> stopped = false;
    const std::int64_t start = SteadyNanoseconds();
    for (const auto& child : children_) child->Say(fmt::format("{}", share_max));
    RunThreads(size, [&](int index) {
      Child& child = *children_[static_cast<std::size_t>(index)];
      int own = 0;
      while (true) {
        const std::vector<double> numbers = child.ReadNumbers();
        if (numbers.at(0) < 0) break;
        const int now = static_cast<int>(numbers[0]);
        std::int64_t at = static_cast<std::int64_t>(numbers.at(1)) + start;
        for (std::int64_t seen = last; seen < at && !last.compare_exchange_weak(seen, at);) {
        }
        if (ended += now - own; ended >= job_count && !stopped.exchange(true)) {
          for (const auto& each : children_) each->EndInput();
        }
        own = now;
      }
    });
    if (ended != job_count) throw BenchError("jobs were ended twice, or not at all");
    return job_count / (1e-9 * static_cast<double>(last - start));
  }

 private:
  std::vector<std::unique_ptr<Child>> children_;
};

}  // namespace

std::vector<Figure> MeasureDrainProcesses(const Bench& bench) {
  if (!bench.backend.limit_shared()) return {};
  std::vector<Figure> figures;
  for (const int processes : kProcessCounts) {
    const int count = bench.scale.drain / processes * processes;
    const Run ours = [&]() -> std::vector<double> {
      const FreshHost host(bench);
      host->Preload(count);
      Crew crew(bench, role::kDrainTogether, processes);
      bench.backend.Settle();
      return {crew.Drain(count, count)};
    };
    const Run limit = [&]() -> std::vector<double> {
      const FreshLimit bare(bench);
      bare->Insert(count, kPreloadCommit, Keys::kNone);
      Crew crew(bench, role::kDrainLimitTogether, processes);
      bench.backend.Settle();
      return {crew.Drain(count, count / processes)};
    };
    Figure figure = RateFigure("drain_processes", {}, bench.backend.LimitIs("as many processes"));
    figure.name = fmt::format("{} processes", processes);
    const std::vector<Figure> one = Alternate(bench, {figure}, bench.options.pairs, ours, limit);
    figures.insert(figures.end(), one.begin(), one.end());
  }
  return figures;
}

}  // namespace outlive::bench
