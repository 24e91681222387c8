// Runs the scenario for as many seeds as it is told: what tools/simulate builds and starts.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "tests/simulation/scenario.h"
#include "tests/simulation/seeds.h"

namespace outlive::simulation {
namespace {

constexpr std::int64_t kProgressEvery = 500;

// Runs them; true: all hold.
bool Run(SeedRange range, const RunSeed& run, bool trace) {
  const auto begin = std::chrono::steady_clock::now();
  const auto seconds = [&begin] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  const auto progress = [&](const SeedTally& tally) {
    const std::int64_t seeds = tally.counts.at("seeds");
    if (seeds % kProgressEvery != 0) return;
    std::printf("%s: %lld seeds hold, %.0f seconds\n", range.store.c_str(),
                static_cast<long long>(seeds), seconds());
    std::fflush(stdout);
  };
  const SeedTally tally = RunSeeds(range, run, progress);
  if (trace) {
    for (const std::string& line : run(range.first).trace) std::printf("%s\n", line.c_str());
  }
  for (const auto& [what, count] : tally.counts) {
    std::printf("  %-28s %12lld\n", what.c_str(), static_cast<long long>(count));
  }
  std::printf("%s: %lld seeds from %llu on, %.1f seconds: %s\n", range.store.c_str(),
              static_cast<long long>(tally.counts.at("seeds")),
              static_cast<unsigned long long>(range.first), seconds(),
              tally.failure.empty() ? "all hold" : "one DOES NOT HOLD");
  std::printf("%s", tally.failure.c_str());
  return tally.failure.empty();
}

int Main(int argc, char** argv) {
  SeedRange range{.first = 1, .count = 1'000};
  std::string store = "all";
  bool trace = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const std::size_t equals = argument.find('=');
    const std::string value(equals == std::string_view::npos ? "" : argument.substr(equals + 1));
    const std::string_view name = argument.substr(0, equals);
    if (name == "--first") range.first = std::strtoull(value.c_str(), nullptr, 10);
    if (name == "--seeds") range.count = std::strtoull(value.c_str(), nullptr, 10);
    if (name == "--store") store = value;
    if (name == "--trace") trace = true;
  }
  bool holds = true;
  if (store != "sqlite") {
    range.store = "memory";
    holds = Run(range, RunInMemory, trace);
  }
#ifdef OUTLIVE_SIMULATION_SQLITE
  if (store != "memory") {
    range.store = "sqlite";
    holds = Run(range, RunOnSqlite, trace) && holds;
  }
#endif
  return holds ? 0 : 1;
}

}  // namespace
}  // namespace outlive::simulation

int main(int argc, char** argv) { return outlive::simulation::Main(argc, argv); }
