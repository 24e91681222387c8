#include "tests/processes/chaos.h"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <signal.h>

#include <array>
#include <string_view>

#include "tests/processes/failpoints.h"
#include "tests/processes/vfs_layer.h"

namespace outlive::testing {
namespace {

// How a process is going to end, if at all: at a failpoint, below SQLite, or by the driver.
std::vector<std::string> RandomEnd(SeededRandom& random) {
  switch (random.Below(4)) {
    case 0:
    case 1: {
      const std::string_view name = kFailpoints[random.Below(kFailpoints.size())];
      return {fmt::format("--failpoint={}:{}:kill", name, 1 + random.Below(12))};
    }
    case 2: {
      static constexpr std::array kWays = {"before", "half", "after"};
      const std::string_view call = kVfsCalls[random.Below(kVfsCalls.size())];
      return {fmt::format("--vfs={}:{}:{}", call, 1 + random.Below(300),
                          kWays[random.Below(call == "write" ? 3 : 1)])};
    }
    default:
      return {};
  }
}

}  // namespace

Chaos::Chaos(CrashSite& site, const ChaosOptions& options)
    : options_(options), crew_(site), random_(options.seed) {
  for (std::size_t place = 0; place < Crew::kProcessCount; ++place) Hire(place);
}

void Chaos::Hire(std::size_t place) {
  std::vector<std::string> words = options_.worker;
  if (!IsSpared(place)) {
    for (std::string& word : RandomEnd(random_)) words.push_back(std::move(word));
  }
  crew_.Hire(place, std::move(words));
}

void Chaos::Bury(std::size_t place) {
  const Exit exit = crew_.Bury(place);
  REQUIRE_MESSAGE((exit.signal == SIGKILL || exit.signal == SIGABRT), exit.ToString());
  ++(exit.signal == SIGKILL ? kills_ : suicides_);
  Hire(place);
}

int Chaos::Load() {
  const std::size_t place = SomePlace();
  const int count = static_cast<int>(1 + random_.Below(4));
  if (!crew_.Ask(place, fmt::format("load {}", count))) Bury(place);
  return count;
}

void Chaos::Kill() {
  // All at once: whoever opens the file next has to recover it, and they all do.
  const bool all = options_.spared == 0 && random_.OneIn(8);
  const std::size_t one = options_.spared + random_.Below(Crew::kProcessCount - options_.spared);
  for (std::size_t place = 0; place < Crew::kProcessCount; ++place) {
    if (all || place == one) crew_.at(place).Signal(SIGKILL);
  }
  for (std::size_t place = 0; place < Crew::kProcessCount; ++place) {
    if (all || place == one) Bury(place);
  }
}

void Chaos::Beat() {
  for (const std::size_t place : crew_.Beat()) Bury(place);
}

void Chaos::Poison() {
  const std::size_t place = SomePlace();
  if (!crew_.Ask(place, "poison")) Bury(place);
}

}  // namespace outlive::testing
