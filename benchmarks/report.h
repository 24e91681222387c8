// The result, for people as a table, for programs as one object a line.
#ifndef OUTLIVE_BENCHMARKS_REPORT_H_
#define OUTLIVE_BENCHMARKS_REPORT_H_

#include <string>

#include "benchmarks/conditions.h"
#include "benchmarks/figure.h"

namespace outlive::bench {

// Conditions, and the head of the table.
std::string TableHead(const Conditions& conditions);

// One figure of it, on two lines: the numbers, and what the limit is.
std::string TableRow(const Figure& figure);

// The figure with its conditions, without a line end.
std::string JsonLine(const Figure& figure, const Conditions& conditions);

}  // namespace outlive::bench

#endif  // OUTLIVE_BENCHMARKS_REPORT_H_
