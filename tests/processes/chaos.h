// Chaos keeps a crew at work and kills it: at random moments, at random failpoints, below SQLite,
// one at a time or all at once, with poison among the jobs. Who ends is replaced.
#ifndef OUTLIVE_TESTS_PROCESSES_CHAOS_H_
#define OUTLIVE_TESTS_PROCESSES_CHAOS_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "outlive/testing/seeded_random.h"
#include "tests/processes/crash_site.h"
#include "tests/processes/crew.h"

namespace outlive::testing {

struct ChaosOptions {
  std::uint64_t seed = 1;

  // The first so many are left alone.
  std::size_t spared = 0;

  // For each process that is started.
  std::vector<std::string> worker = {};
};

class Chaos {
 public:
  // The site outlives it. Starts the crew.
  Chaos(CrashSite& site, const ChaosOptions& options);

  // Work for somebody. Returns how many things were asked for.
  int Load();

  // A kill, by the driver; now and then of all.
  void Kill();

  // Time for everybody's heartbeat. Only where the site's clock stands.
  void Beat();

  void Poison();

  void Finish() { crew_.Finish(); }

  int kills() const { return kills_; }        // By SIGKILL.
  int suicides() const { return suicides_; }  // By poison.
  Crew& crew() { return crew_; }

 private:
  std::size_t SomePlace() { return random_.Below(Crew::kProcessCount); }
  bool IsSpared(std::size_t place) const { return place < options_.spared; }
  void Hire(std::size_t place);
  void Bury(std::size_t place);

  const ChaosOptions options_;
  Crew crew_;
  SeededRandom random_;
  int kills_ = 0;
  int suicides_ = 0;
};

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTS_PROCESSES_CHAOS_H_
