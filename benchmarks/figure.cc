#include "benchmarks/figure.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

namespace outlive::bench {

Spread SpreadOf(std::vector<double> values) {
  const auto [min, max] = std::minmax_element(values.begin(), values.end());
  Spread spread{0, *min, *max};
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  spread.median = values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
  return spread;
}

double QuantileOf(std::vector<double> values, double quantile) {
  std::sort(values.begin(), values.end());
  const double rank = std::ceil(quantile * static_cast<double>(values.size()));
  return values[static_cast<std::size_t>(std::max(rank, 1.0)) - 1];
}

std::string Bar::Text() const {
  std::string text;
  const auto add = [&text](const char* what, const std::optional<double>& bound) {
    if (!bound) return;
    if (!text.empty()) text += ", ";
    text += *bound < 10 ? fmt::format("{} {:.2f}", what, *bound)
                        : fmt::format("{} {:.0f}", what, *bound);
  };
  add("share ≥", share_min);
  add("share ≤", share_max);
  add("ours ≥", ours_min);
  add("ours ≤", ours_max);
  return text;
}

bool Figure::ReachesBar() const {
  const double part = share ? share->median : 0;
  return (!bar.share_min || part >= *bar.share_min) && (!bar.share_max || part <= *bar.share_max) &&
         (!bar.ours_min || ours.median >= *bar.ours_min) &&
         (!bar.ours_max || ours.median <= *bar.ours_max);
}

}  // namespace outlive::bench
