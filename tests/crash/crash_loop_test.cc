// Four processes at work on one file, killed at random: by others, at failpoints and below SQLite.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <signal.h>

#include <array>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "outlive/testing/seeded_random.h"
#include "tests/crash/crash_site.h"
#include "tests/crash/failpoints.h"
#include "tests/crash/kill_vfs.h"

namespace outlive::testing {
namespace {

constexpr std::size_t kProcessCount = 4;

// More than a quarter of the lease, jitter included; three of them are less than a lease.
constexpr absl::Duration kBeat = absl::Seconds(17);
static_assert(kCrashLease == absl::Seconds(60));

class Crew {
 public:
  explicit Crew(CrashSite& site) : site_(site) {}

  // How a process that is started is to end.
  void Hire(std::size_t place, std::vector<std::string> options) {
    crew_[place] = site_.Start("serve", std::move(options));
    fresh_[place] = true;
  }

  WorkerProcess& at(std::size_t place) { return *crew_[place]; }

  // False: it has ended.
  bool Ask(std::size_t place, const std::string& command) {
    return IsReady(place) && crew_[place]->Ask(command);
  }

  // Moves the clock on, and lets everybody but `absent` renew its lease. Says who has ended.
  std::vector<std::size_t> Beat(std::size_t absent = kProcessCount) {
    std::vector<std::size_t> ended;
    // Who starts after the clock was moved has nothing to renew.
    std::array<bool, kProcessCount> ready = {};
    for (std::size_t place = 0; place < kProcessCount; ++place) {
      ready[place] = place != absent && IsReady(place);
    }
    site_.clock().Advance(kBeat);
    for (std::size_t place = 0; place < kProcessCount; ++place) {
      if (place == absent || (ready[place] && crew_[place]->Ask("beat"))) continue;
      ended.push_back(place);
    }
    return ended;
  }

  Exit Bury(std::size_t place) { return std::exchange(crew_[place], nullptr)->Wait(); }

  // Everybody does what is left, without a fault, and stops.
  void Finish() {
    for (std::size_t place = 0; place < kProcessCount; ++place) {
      if (crew_[place] == nullptr) Hire(place, {});
      if (Ask(place, "quiet")) continue;
      Bury(place);
      Hire(place, {});
      REQUIRE(Ask(place, "quiet"));
    }
    for (int round = 0; round < 40; ++round) {
      // Poison that is left may still take some along.
      for (const std::size_t place : Beat()) {
        CHECK(Bury(place).signal == SIGABRT);
        Hire(place, {});
        REQUIRE(Ask(place, "quiet"));
      }
    }
    for (std::size_t place = 0; place < kProcessCount; ++place) {
      REQUIRE(Ask(place, "stop"));
      const Exit exit = Bury(place);
      CHECK_MESSAGE(exit.code == 0, exit.ToString());
    }
  }

 private:
  // Processes start side by side: one says that it is ready when it is needed.
  bool IsReady(std::size_t place) {
    return !std::exchange(fresh_[place], false) || crew_[place]->ReadLine() == "ready";
  }

  CrashSite& site_;
  std::array<std::unique_ptr<WorkerProcess>, kProcessCount> crew_;
  std::array<bool, kProcessCount> fresh_ = {};
};

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

TEST_SUITE("slow") {
  TEST_CASE("four processes are killed three hundred times, and nothing is lost or done twice") {
    constexpr int kKills = 300 / kCrashStride;
    CrashSite site;
    Crew crew(site);
    SeededRandom random(20'250'101);
    int kills = 0;
    int suicides = 0;
    const auto bury = [&](std::size_t place) {
      const Exit exit = crew.Bury(place);
      REQUIRE_MESSAGE((exit.signal == SIGKILL || exit.signal == SIGABRT), exit.ToString());
      ++(exit.signal == SIGKILL ? kills : suicides);
      crew.Hire(place, RandomEnd(random));
    };
    for (std::size_t place = 0; place < kProcessCount; ++place) {
      crew.Hire(place, RandomEnd(random));
    }
    for (int step = 0; kills < kKills; ++step) {
      const std::size_t place = random.Below(kProcessCount);
      switch (random.Below(10)) {
        case 0:
          crew.at(place).Signal(SIGKILL);  // In the middle of whatever it does.
          bury(place);
          break;
        case 1:
          for (const std::size_t ended : crew.Beat()) bury(ended);
          break;
        case 2:
          if (!random.OneIn(6)) break;
          // All at once: whoever opens the file next has to recover it, and four do.
          for (std::size_t each = 0; each < kProcessCount; ++each) {
            crew.at(each).Signal(SIGKILL);
          }
          for (std::size_t each = 0; each < kProcessCount; ++each) bury(each);
          break;
        case 3:
          if (random.OneIn(10) && !crew.Ask(place, "poison")) bury(place);
          break;
        default:
          if (!crew.Ask(place, fmt::format("load {}", 1 + random.Below(4)))) bury(place);
      }
    }
    crew.Finish();
    CHECK(site.IsDrained());
    CheckOptions options = CrashSite::Options();
    options.live_processes_keep_leases = true;
    options.exercised = {"rescued", "crash_deaths", "in_doubt",    "retried",  "duplicates",
                         "refused", "cancelled",    "checkpoints", "artifacts"};
    const CheckReport report = site.Judge(options);
    std::printf("four processes: %d kills, %d suicides\n%s", kills, suicides,
                report.ToString().c_str());
  }
}

}  // namespace
}  // namespace outlive::testing
