// A figure is one line of the result: what was measured of ours, the limit beside it, the share of
// the limit that ours has reached, and the bar that is set.
#ifndef OUTLIVE_BENCHMARKS_FIGURE_H_
#define OUTLIVE_BENCHMARKS_FIGURE_H_

#include <optional>
#include <string>
#include <vector>

namespace outlive::bench {

// Of several runs.
struct Spread {
  double median = 0;
  double min = 0;
  double max = 0;
};

Spread SpreadOf(std::vector<double> values);

// The value that the part `quantile` (0 to 1) of `values` does not exceed.
double QuantileOf(std::vector<double> values, double quantile);

// What is to be reached: all of what is set.
struct Bar {
  std::optional<double> share_min = {};
  std::optional<double> share_max = {};
  std::optional<double> ours_min = {};
  std::optional<double> ours_max = {};

  // "share ≥ 0.60". Empty: there is none.
  std::string Text() const;
};

struct Figure {
  std::string measure = {};
  std::string name = {};  // Which of a measure's figures: "rate", "p99", "memory".
  std::string unit = {};
  Bar bar = {};
  std::string limit_is = {};  // In words.

  // Filled in by Alternate().
  std::string store = {};
  std::string durability = {};
  Spread ours = {};
  std::optional<Spread> limit = {};
  std::optional<Spread> share = {};  // Of ours and limit of the same pair.
  int pairs = 0;

  bool ReachesBar() const;
};

}  // namespace outlive::bench

#endif  // OUTLIVE_BENCHMARKS_FIGURE_H_
