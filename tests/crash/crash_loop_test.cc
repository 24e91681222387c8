// Four processes at work on one file, killed at random: by others, at failpoints and below SQLite.
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <signal.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "outlive/testing/seeded_random.h"
#include "tests/crash/crash_site.h"
#include "tests/crash/crew.h"
#include "tests/crash/failpoints.h"
#include "tests/crash/vfs_layer.h"

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

// What the driver chooses; what the processes come to meanwhile is the machine's own. Another seed:
// OUTLIVE_CRASH_SEED.
std::uint64_t Seed() {
  const char* const seed = std::getenv("OUTLIVE_CRASH_SEED");
  return seed == nullptr ? 1 : std::strtoull(seed, nullptr, 10);
}

TEST_SUITE("slow") {
  TEST_CASE("four processes are killed three hundred times, and nothing is lost or done twice") {
    constexpr int kKills = 300 / kCrashStride;
    CrashSite site;
    Crew crew(site);
    const std::uint64_t seed = Seed();
    SeededRandom random(seed);
    int kills = 0;
    int suicides = 0;
    const auto bury = [&](std::size_t place) {
      const Exit exit = crew.Bury(place);
      REQUIRE_MESSAGE((exit.signal == SIGKILL || exit.signal == SIGABRT), exit.ToString());
      ++(exit.signal == SIGKILL ? kills : suicides);
      crew.Hire(place, RandomEnd(random));
    };
    for (std::size_t place = 0; place < Crew::kProcessCount; ++place) {
      crew.Hire(place, RandomEnd(random));
    }
    for (int step = 0; kills < kKills; ++step) {
      const std::size_t place = random.Below(Crew::kProcessCount);
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
          for (std::size_t each = 0; each < Crew::kProcessCount; ++each) {
            crew.at(each).Signal(SIGKILL);
          }
          for (std::size_t each = 0; each < Crew::kProcessCount; ++each) bury(each);
          break;
        case 3:
          if (random.OneIn(10) && !crew.Ask(place, "poison")) bury(place);
          break;
        default:
          if (!crew.Ask(place, fmt::format("load {}", 1 + random.Below(4)))) bury(place);
      }
    }
    crew.Finish();
    CheckOptions options = CrashSite::Options();
    options.live_processes_keep_leases = true;
    options.exercised = {"rescued", "crash_deaths", "in_doubt",    "retried",  "duplicates",
                         "refused", "cancelled",    "checkpoints", "artifacts"};
    const CheckReport report = site.Judge(options);
    std::printf("four processes, seed %s: %d kills, %d suicides\n%s", std::to_string(seed).c_str(),
                kills, suicides, report.ToString().c_str());
  }

  // Killed and stopped processes come back as strangers; this one comes back as itself, long after
  // its lease: the zombie that most job systems let complete its successor's attempt.
  TEST_CASE("a process that was stopped for longer than its lease can do nothing any more") {
    CrashSite site;
    Crew crew(site);
    constexpr std::size_t kZombie = 0;
    crew.Hire(kZombie, {"--failpoint=worker.before_effect:1:stop"});
    REQUIRE(crew.IsReady(kZombie));
    REQUIRE(crew.at(kZombie).Send("load 20"));  // It is not going to answer for a while.
    REQUIRE(crew.at(kZombie).WaitUntilStopped());
    for (std::size_t place = 1; place < Crew::kProcessCount; ++place) crew.Hire(place);
    while (!site.IsDrained()) REQUIRE(crew.Beat(kZombie).empty());

    crew.at(kZombie).Signal(SIGCONT);
    REQUIRE(crew.at(kZombie).ReadLine() == "done");
    crew.Finish();
    CheckOptions options = CrashSite::Options();
    options.exercised = {"rescued", "lost_sessions", "fenced", "stale_effects"};
    site.Judge(options);
  }

  TEST_CASE("workers are restarted one after another for twenty rounds, and nothing runs twice") {
    CrashSite site;
    Crew crew(site);
    for (std::size_t place = 0; place < Crew::kProcessCount; ++place) crew.Hire(place);
    for (int round = 0; round < 20 / kCrashStride; ++round) {
      for (std::size_t place = 0; place < Crew::kProcessCount; ++place) {
        for (std::size_t each = 0; each < Crew::kProcessCount; ++each) {
          REQUIRE(crew.Ask(each, "load 3"));
        }
        REQUIRE(crew.Ask(place, "stop"));  // While it has jobs in hand.
        REQUIRE(crew.Bury(place).code == 0);
        crew.Hire(place);
      }
      REQUIRE(crew.Beat().empty());
    }
    crew.Finish();
    CheckOptions options = CrashSite::Options();
    options.live_processes_keep_leases = true;
    CheckReport report = site.Judge(options);
    for (const std::string harm :
         {"rescued", "lost_sessions", "crash_deaths", "fenced", "stale_effects"}) {
      CAPTURE(harm);
      CHECK(report.counts[harm] == 0);
    }
  }
}

}  // namespace
}  // namespace outlive::testing
