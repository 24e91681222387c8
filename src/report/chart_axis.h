// Where the ticks of an axis stand: at round numbers, whatever the values are.
#ifndef OUTLIVE_SRC_REPORT_CHART_AXIS_H_
#define OUTLIVE_SRC_REPORT_CHART_AXIS_H_

#include <vector>

#include "outlive/core/report.h"

namespace outlive::rendering {

struct Axis {
  double low = 0;
  double high = 1;
  std::vector<double> ticks;  // Ascending, the first is `low`, the last is `high`.
};

// An axis that holds [low, high] (finite, low <= high) in about `step_count` steps of 1, 2, 2.5 or
// 5 times a power of ten. `whole`: ticks at whole numbers only.
Axis RoundAxis(double low, double high, int step_count, bool whole);

// The axis for the values of a chart: bars start at zero; lines too, unless all values lie close
// together far from it. Values that are not finite are left out. Empty ticks: there are no values.
Axis AxisOf(const Chart& chart, int step_count);

}  // namespace outlive::rendering

#endif  // OUTLIVE_SRC_REPORT_CHART_AXIS_H_
