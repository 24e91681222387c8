#include "tests/processes/crew.h"

#include <doctest/doctest.h>
#include <signal.h>

#include <utility>

namespace outlive::testing {

void Crew::Hire(std::size_t place, std::vector<std::string> options) {
  crew_[place] = site_.Start("serve", std::move(options));
  fresh_[place] = true;
}

bool Crew::IsReady(std::size_t place) {
  return !std::exchange(fresh_[place], false) || crew_[place]->ReadLine() == "ready";
}

bool Crew::Ask(std::size_t place, const std::string& command) {
  return IsReady(place) && crew_[place]->Ask(command);
}

std::vector<std::size_t> Crew::Beat(std::size_t absent) {
  // Who starts after the clock was moved has nothing to renew.
  std::array<bool, kProcessCount> ready = {};
  for (std::size_t place = 0; place < kProcessCount; ++place) {
    ready[place] = place != absent && IsReady(place);
  }
  site_.clock().Advance(kBeat);
  std::vector<std::size_t> ended;
  for (std::size_t place = 0; place < kProcessCount; ++place) {
    if (place == absent || (ready[place] && crew_[place]->Ask("beat"))) continue;
    ended.push_back(place);
  }
  return ended;
}

Exit Crew::Bury(std::size_t place) { return std::exchange(crew_[place], nullptr)->Wait(); }

void Crew::Replace(std::size_t place) {
  constexpr int kDeathsMax = 100;
  for (int deaths = 0; deaths < kDeathsMax; ++deaths) {
    const Exit exit = Bury(place);
    CHECK_MESSAGE((exit.signal == SIGABRT || exit.signal == SIGKILL), exit.ToString());
    Hire(place);
    if (Ask(place, "quiet")) return;
  }
  FAIL("nobody lives in place ", place);
}

void Crew::Finish() {
  for (std::size_t place = 0; place < kProcessCount; ++place) {
    if (crew_[place] == nullptr) Hire(place);
    if (!Ask(place, "quiet")) Replace(place);
  }
  for (int round = 0; round < 1'000 && !site_.IsDrained(); ++round) {
    for (const std::size_t place : Beat()) Replace(place);
  }
  CHECK(site_.IsDrained());
  for (std::size_t place = 0; place < kProcessCount; ++place) {
    const bool stopped = Ask(place, "stop");
    const Exit exit = Bury(place);
    // Its end may have been waiting for it there.
    CHECK_MESSAGE((stopped ? exit.code == 0 : exit.signal == SIGKILL), exit.ToString());
  }
}

}  // namespace outlive::testing
