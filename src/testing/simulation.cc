#include "outlive/testing/simulation.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "testing/simulation_world.h"

namespace outlive::testing {
namespace {

// Lines of the trace that a failure shows.
constexpr std::size_t kShownLineCountMax = 60;

}  // namespace

SimulationFaults SimulationFaults::None() {
  return {.refusals = false,
          .lost_replies = false,
          .slow_calls = false,
          .holds = false,
          .outages = false,
          .kills = false,
          .stops = false,
          .pauses = false,
          .suspensions = false,
          .clock_steps = false,
          .lost_wakeups = false,
          .storage_faults = false};
}

std::string SimulationReport::ToString() const {
  std::string text = fmt::format("seed {}: {}\n", seed, ok() ? "holds" : "DOES NOT HOLD");
  if (!status.ok()) text.append(status.ToString()).append("\n");
  text.append(check.ToString());
  for (const auto& [what, count] : counts) {
    fmt::format_to(std::back_inserter(text), "  {}: {}\n", what, count);
  }
  if (ok()) return text;
  const std::size_t shown = std::min(trace.size(), kShownLineCountMax);
  fmt::format_to(std::back_inserter(text), "the last {} steps:\n", shown);
  for (std::size_t i = trace.size() - shown; i < trace.size(); ++i) {
    text.append("  ").append(trace[i]).append("\n");
  }
  return text;
}

Simulation::Simulation(SimulationOptions options)
    : world_(std::make_unique<internal::World>(std::move(options))) {}

Simulation::~Simulation() = default;

void Simulation::OnStart(std::function<void(SimulatedProcess&)> on_start) {
  world_->on_start = std::move(on_start);
}

void Simulation::OnRequest(std::function<void(SimulatedProcess&)> on_request) {
  world_->on_request = std::move(on_request);
}

void Simulation::OnCalm(std::function<void(SimulatedProcess&)> on_calm) {
  world_->on_calm = std::move(on_calm);
}

void Simulation::OnJudge(std::function<void(RunRecord&)> on_judge) {
  world_->on_judge = std::move(on_judge);
}

SimulationReport Simulation::Run() { return world_->Run(); }

}  // namespace outlive::testing
