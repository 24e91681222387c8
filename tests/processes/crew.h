// Crew is a number of processes at work on one file, and what their driver does with them.
#ifndef OUTLIVE_TESTS_PROCESSES_CREW_H_
#define OUTLIVE_TESTS_PROCESSES_CREW_H_

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "tests/processes/crash_site.h"
#include "tests/processes/worker_process.h"

namespace outlive::testing {

class Crew {
 public:
  static constexpr std::size_t kProcessCount = 4;

  // More than a quarter of the lease, jitter included; three of them are less than a lease.
  static constexpr absl::Duration kBeat = absl::Seconds(17);
  static_assert(kCrashLease == absl::Seconds(60));

  explicit Crew(CrashSite& site) : site_(site) {}

  // Starts a process. It starts beside others: nobody waits until it is ready.
  void Hire(std::size_t place, std::vector<std::string> options = {});

  WorkerProcess& at(std::size_t place) { return *crew_[place]; }

  // False: it has ended. A process that has just started is waited for.
  bool IsReady(std::size_t place);

  // Sends a command and waits for the answer. False: it has ended.
  bool Ask(std::size_t place, const std::string& command);

  // Moves the clock on, and lets everybody renew its lease but `absent`. Returns who has ended.
  std::vector<std::size_t> Beat(std::size_t absent = kProcessCount);

  // Waits for the end of one.
  Exit Bury(std::size_t place);

  // Everybody does what is left, without a fault; poison may still take some along. Then all stop.
  void Finish();

 private:
  // Hires somebody in the place of one who has been killed. He may take up the poison that has
  // killed the one before, and then the next one comes.
  void Replace(std::size_t place);

  CrashSite& site_;
  std::array<std::unique_ptr<WorkerProcess>, kProcessCount> crew_;
  std::array<bool, kProcessCount> fresh_ = {};
};

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTS_PROCESSES_CREW_H_
