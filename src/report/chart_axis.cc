#include "report/chart_axis.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "outlive/core/report.h"

namespace outlive::rendering {
namespace {

// Values of this size are drawn as if they were this: beyond it sums overflow.
constexpr double kValueMax = 1e300;

// A step is `factor` times ten to the power of `exponent`.
struct Step {
  double factor = 1;
  int exponent = 0;
  double size() const { return factor * std::pow(10.0, exponent); }
};

bool IsWhole(const Step& step) {
  return step.exponent > 0 || (step.exponent == 0 && step.factor != 2.5);
}

// The smallest round step of at least `least`.
Step StepOf(double least, bool whole) {
  const int exponent = static_cast<int>(std::floor(std::log10(least)));
  for (int e = exponent; e <= exponent + 1; ++e) {
    for (const double factor : {1.0, 2.0, 2.5, 5.0}) {
      const Step step{factor, e};
      // A hair of tolerance: 0.1 + 0.2 must not cost a step.
      if (step.size() < least * (1 - 1e-9)) continue;
      if (!whole || IsWhole(step)) return step;
    }
  }
  return whole && least < 1 ? Step{1, 0} : Step{1, exponent + 2};
}

// index * step, as near as a double comes to the decimal number: 0.3, never 0.30000000000000004.
double TickAt(double index, const Step& step) {
  const int decimals = std::max(0, (step.factor == 2.5 ? 1 : 0) - step.exponent);
  if (decimals > 15) return index * step.size();
  const double scale = std::pow(10.0, decimals);
  return std::round(index * step.size() * scale) / scale;
}

}  // namespace

Axis RoundAxis(double low, double high, int step_count, bool whole) {
  low = std::clamp(low, -kValueMax, kValueMax);
  high = std::clamp(high, -kValueMax, kValueMax);
  if (high - low <= std::max(std::abs(low), std::abs(high)) * 1e-9) {
    // All the same: room on the side away from zero.
    const double room = low == 0 ? 1 : std::abs(low) * 0.5;
    if (low < 0) {
      low -= room;
    } else {
      high += room;
    }
  }
  const Step step = StepOf((high - low) / std::max(step_count, 1), whole);
  const double first = std::floor(low / step.size() + 1e-9);
  const double last = std::ceil(high / step.size() - 1e-9);
  Axis axis;
  for (double index = first; index <= last; ++index) axis.ticks.push_back(TickAt(index, step));
  axis.low = axis.ticks.front();
  axis.high = axis.ticks.back();
  return axis;
}

Axis AxisOf(const Chart& chart, int step_count) {
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  for (const Chart::Series& series : chart.series) {
    for (const double value : series.values) {
      if (!std::isfinite(value)) continue;
      low = std::min(low, value);
      high = std::max(high, value);
    }
  }
  if (low > high) return {};
  const bool far_from_zero =
      (low > 0 && high - low < 0.4 * high) || (high < 0 && high - low < -0.4 * low);
  if (chart.type == Chart::Type::kBar || !far_from_zero || low == high) {
    low = std::min(low, 0.0);
    high = std::max(high, 0.0);
  }
  const bool whole = chart.format == NumberFormat::kInteger || chart.format == NumberFormat::kMoney;
  return RoundAxis(low, high, step_count, whole);
}

}  // namespace outlive::rendering
