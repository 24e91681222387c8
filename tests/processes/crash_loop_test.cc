// Four processes at work on one file, killed at random: by others, at failpoints and below SQLite.
#include <doctest/doctest.h>
#include <signal.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "outlive/testing/seeded_random.h"
#include "tests/processes/chaos.h"
#include "tests/processes/crash_site.h"
#include "tests/processes/crew.h"

namespace outlive::testing {
namespace {

// What the driver chooses; what the processes come to meanwhile is the machine's own. Another seed:
// OUTLIVE_CRASH_SEED.
std::uint64_t Seed() {
  const char* const seed = std::getenv("OUTLIVE_CRASH_SEED");
  return seed == nullptr ? 1 : std::strtoull(seed, nullptr, 10);
}

TEST_CASE("four processes are killed three hundred times, and nothing is lost or done twice" *
          doctest::test_suite("slow")) {
  constexpr int kKills = 300 / kCrashStride;
  CrashSite site;
  const std::uint64_t seed = Seed();
  SeededRandom random(seed);
  Chaos chaos(site, {.seed = seed});
  while (chaos.kills() < kKills) {
    switch (random.Below(40)) {
      case 0:
        chaos.Poison();
        break;
      case 1:
      case 2:
      case 3:
      case 4:
        chaos.Kill();  // In the middle of whatever somebody does.
        break;
      case 5:
      case 6:
      case 7:
        chaos.Beat();
        break;
      default:
        chaos.Load();  // Where many come to their own end.
    }
  }
  chaos.Finish();
  CheckOptions options = CrashSite::Options();
  options.live_processes_keep_leases = true;
  options.exercised = {"rescued", "crash_deaths", "in_doubt",    "retried",  "duplicates",
                       "refused", "cancelled",    "checkpoints", "artifacts"};
  const CheckReport report = site.Judge(options);
  std::printf("four processes, seed %s: %d kills, %d suicides\n%s", std::to_string(seed).c_str(),
              chaos.kills(), chaos.suicides(), report.ToString().c_str());
  CHECK(chaos.suicides() > 0);
}

// Killed and stopped processes come back as strangers; this one comes back as itself, long after
// its lease: the zombie that most job systems let complete its successor's attempt.
TEST_CASE("a process that was stopped for longer than its lease can do nothing any more" *
          doctest::test_suite("slow")) {
  CrashSite site;
  Crew crew(site);
  constexpr std::size_t kZombie = 0;
  crew.Hire(kZombie, {"--failpoint=worker.before_effect:1:stop"});
  REQUIRE(crew.IsReady(kZombie));
  REQUIRE(crew.at(kZombie).Send("fill 20"));  // It may not answer for a while.
  REQUIRE(crew.at(kZombie).WaitUntilStopped());
  for (std::size_t place = 1; place < Crew::kProcessCount; ++place) crew.Hire(place);
  while (!site.IsDrained()) REQUIRE(crew.Beat(kZombie).empty());

  crew.at(kZombie).Signal(SIGCONT);
  REQUIRE(crew.at(kZombie).ReadLine() == "done");
  crew.Finish();
  CheckOptions options = CrashSite::Options();
  options.follow_ups = {};
  options.exercised = {"rescued", "lost_sessions", "fenced", "stale_effects"};
  site.Judge(options);
}

TEST_CASE("workers are restarted one after another for twenty rounds, and nothing runs twice" *
          doctest::test_suite("slow")) {
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
  for (const std::string harm : {"rescued", "lost_sessions", "crash_deaths", "stale_effects"}) {
    CAPTURE(harm);
    CHECK(report.counts[harm] == 0);
  }
  // What its worker has completed in a transaction of its own may be sent back before the runner
  // says the same: then the fence is not that attempt's any more.
  CHECK(report.counts["fenced"] <= report.counts["requeued"]);
}

}  // namespace
}  // namespace outlive::testing
