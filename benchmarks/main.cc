// outlive_bench measures outlive, and beside each figure the limit: the least that the same work
// can cost on the same machine, in the same minute. docs/benchmarks.md explains each measure.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <exception>
#include <memory>
#include <optional>

#include "benchmarks/backend.h"
#include "benchmarks/child_roles.h"
#include "benchmarks/conditions.h"
#include "benchmarks/measure.h"
#include "benchmarks/options.h"
#include "benchmarks/report.h"

namespace outlive::bench {
namespace {

std::vector<MeasureName> Names() {
  std::vector<MeasureName> names;
  for (const Measure& measure : AllMeasures()) {
    names.push_back({std::string(measure.name), std::string(measure.what)});
  }
  return names;
}

bool IsChosen(const Options& options, const Measure& measure) {
  const auto& chosen = options.measures;
  return chosen.empty() || std::find(chosen.begin(), chosen.end(), measure.name) != chosen.end();
}

void Print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

void RunMeasures(const Options& options) {
  const std::unique_ptr<Backend> backend = MakeBackend(options);
  const Conditions conditions = ObserveConditions(options, *backend);
  const Bench bench{options, Scale(options), *backend};
  if (!options.json) Print(TableHead(conditions));
  for (const Measure& measure : AllMeasures()) {
    if (!IsChosen(options, measure)) continue;
    const std::vector<Figure> figures = measure.run(bench);
    if (figures.empty()) {
      fmt::print(stderr, "{} is not for the store {}\n", measure.name, backend->name());
    }
    for (const Figure& figure : figures) {
      Print(options.json ? JsonLine(figure, conditions) + "\n" : TableRow(figure));
    }
  }
}

int Main(int argc, char** argv) {
  int exit_code = 0;
  const std::optional<Options> options = ParseOptions(argc, argv, Names(), exit_code);
  if (!options) return exit_code;
  if (options->role.empty()) {
    RunMeasures(*options);
  } else {
    PlayRole(*options);
  }
  return 0;
}

}  // namespace
}  // namespace outlive::bench

int main(int argc, char** argv) {
  try {
    return outlive::bench::Main(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "outlive_bench: {}\n", error.what());
    return 1;
  }
}
