#include "report/chart_axis.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <vector>

#include "outlive/core/report.h"

namespace {

using outlive::Chart;
using outlive::NumberFormat;
using outlive::rendering::Axis;
using outlive::rendering::AxisOf;
using outlive::rendering::RoundAxis;
using Ticks = std::vector<double>;

Axis OfValues(std::vector<double> values, Chart::Type type = Chart::Type::kBar,
              NumberFormat format = NumberFormat::kPlain) {
  Chart chart;
  chart.type = type;
  chart.format = format;
  chart.categories.resize(values.size());
  chart.series.push_back({.name = "", .values = std::move(values)});
  return AxisOf(chart, 5);
}

TEST_CASE("chart axis: ticks are round") {
  CHECK(RoundAxis(0, 10, 5, false).ticks == Ticks{0, 2, 4, 6, 8, 10});
  CHECK(RoundAxis(0, 9.3, 5, false).ticks == Ticks{0, 2, 4, 6, 8, 10});
  CHECK(RoundAxis(0, 1187, 5, false).ticks == Ticks{0, 250, 500, 750, 1000, 1250});
  CHECK(RoundAxis(-3, 7, 5, false).ticks == Ticks{-4, -2, 0, 2, 4, 6, 8});
  CHECK(RoundAxis(0, 0.7, 7, false).ticks == Ticks{0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7});
  CHECK(RoundAxis(0, 0.05, 2, false).ticks == Ticks{0, 0.025, 0.05});
}

TEST_CASE("chart axis: whole ticks where the values are whole") {
  CHECK(RoundAxis(0, 2, 5, true).ticks == Ticks{0, 1, 2});
  CHECK(RoundAxis(0, 1, 5, true).ticks == Ticks{0, 1});
  CHECK(RoundAxis(0, 12, 5, true).ticks == Ticks{0, 5, 10, 15});
  CHECK(RoundAxis(0, 120, 5, true).ticks == Ticks{0, 25, 50, 75, 100, 125});
}

TEST_CASE("chart axis: all values alike") {
  CHECK(RoundAxis(0, 0, 5, true).ticks == Ticks{0, 1});
  for (const double value : {5.0, -5.0, 1e-12, 1e15, -1e300}) {
    CAPTURE(value);
    const Axis axis = RoundAxis(value, value, 5, false);
    CHECK(axis.low <= value);
    CHECK(axis.high >= value);
    CHECK(axis.low < axis.high);
  }
}

TEST_CASE("chart axis: holds every range in a bounded number of even steps") {
  std::mt19937_64 random(7);
  std::uniform_real_distribution<double> mantissa(-1, 1);
  std::uniform_int_distribution<int> exponent(-12, 290);
  for (int i = 0; i < 20'000; ++i) {
    double low = mantissa(random) * std::pow(10.0, exponent(random));
    double high = mantissa(random) * std::pow(10.0, exponent(random));
    if (low > high) std::swap(low, high);
    const int steps = 1 + i % 9;
    const bool whole = i % 2 == 0;
    CAPTURE(low);
    CAPTURE(high);
    const Axis axis = RoundAxis(low, high, steps, whole);
    const double room = (axis.high - axis.low) * 1e-6;
    REQUIRE(axis.ticks.size() >= 2);
    REQUIRE(axis.ticks.size() <= static_cast<std::size_t>(steps) + 3);
    REQUIRE(axis.low <= low + room);
    REQUIRE(axis.high >= high - room);
    const double step = axis.ticks[1] - axis.ticks[0];
    for (std::size_t t = 1; t < axis.ticks.size(); ++t) {
      REQUIRE(axis.ticks[t] - axis.ticks[t - 1] == doctest::Approx(step));
      if (whole) REQUIRE(axis.ticks[t] == std::round(axis.ticks[t]));
    }
  }
}

TEST_CASE("chart axis: bars start at zero, lines far from zero do not") {
  CHECK(OfValues({90, 100}).low == 0);
  CHECK(OfValues({-90, -100}).high == 0);
  CHECK(OfValues({90, 100}, Chart::Type::kLine).low > 0);
  CHECK(OfValues({10, 100}, Chart::Type::kLine).low == 0);
  CHECK(OfValues({-90, -100}, Chart::Type::kLine).high < 0);
  CHECK(OfValues({100, 100}, Chart::Type::kLine).low == 0);
}

TEST_CASE("chart axis: values that are no numbers are left out") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK(OfValues({nan, 5, infinity}).high == 5);
  CHECK(OfValues({nan, -infinity}).ticks.empty());
  CHECK(OfValues({}).ticks.empty());
  CHECK(OfValues({3}, Chart::Type::kBar, NumberFormat::kInteger).ticks == Ticks{0, 1, 2, 3});
}

}  // namespace
