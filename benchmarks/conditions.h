// Conditions are what a figure depends on beside the code: without them it says nothing.
#ifndef OUTLIVE_BENCHMARKS_CONDITIONS_H_
#define OUTLIVE_BENCHMARKS_CONDITIONS_H_

#include <string>
#include <utility>
#include <vector>

#include "benchmarks/backend.h"
#include "benchmarks/options.h"

namespace outlive::bench {

// Name and value, in the order in which they are shown.
using Conditions = std::vector<std::pair<std::string, std::string>>;

// Looks at the machine, and measures what an fsync costs where the store's files are.
Conditions ObserveConditions(const Options& options, const Backend& backend);

}  // namespace outlive::bench

#endif  // OUTLIVE_BENCHMARKS_CONDITIONS_H_
