// CrashSite is the place of one crash test: a folder with the store, the sink, the clock and the
// history of all processes, and in the end the judgement over what happened there.
#ifndef OUTLIVE_TESTS_PROCESSES_CRASH_SITE_H_
#define OUTLIVE_TESTS_PROCESSES_CRASH_SITE_H_

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "outlive/store/sqlite_store.h"
#include "outlive/testing/checker.h"
#include "tests/processes/crash_folder.h"
#include "tests/processes/crash_jobs.h"
#include "tests/processes/shared_clock.h"
#include "tests/processes/worker_process.h"

namespace outlive::testing {

// The sanitizers make processes some ten times slower to start: there the tests take every
// `kCrashStride`-th place only.
#ifdef OUTLIVE_CRASH_STRIDE
inline constexpr int kCrashStride = OUTLIVE_CRASH_STRIDE;
#else
inline constexpr int kCrashStride = 1;
#endif

class CrashSite {
 public:
  // Makes folder, store and the host's tables.
  explicit CrashSite(SharedClock::Flow flow = SharedClock::Flow::kStands,
                     const std::filesystem::path& parent = FastFolder());
  // Starts a process under a name of its own. `mode` is that of crash_process.cc.
  std::unique_ptr<WorkerProcess> Start(const std::string& mode,
                                       std::vector<std::string> options = {});

  // Starts one and waits for its end; then lets enough time pass for its session to expire.
  Exit Run(const std::string& mode, std::vector<std::string> options = {});

  // Lets one process after another settle what is due until every job has ended.
  void Settle();

  // True where nothing waits or runs any more.
  bool IsDrained();

  // Waits for it, woken by what others commit.
  void WaitUntilDrained();

  // Takes what is new in the log, before somebody prunes it.
  void TailLog();

  // The whole judgement: nobody may be at work any more. The test fails where the file is not
  // whole, or an artifact is not there.
  CheckReport Examine(const CheckOptions& options);

  // The same, and the test fails where the verdict is not good.
  CheckReport Judge(const CheckOptions& options = Options());

  SharedClock& clock() { return clock_; }
  const CrashPaths& paths() const { return paths_; }
  static CheckOptions Options();

 private:
  std::unique_ptr<SqliteStore> OpenStore();
  void CheckArtifacts(JobStore& store, const std::vector<Job>& jobs);

  const CrashFolder folder_;
  const CrashPaths paths_;
  SharedClock clock_;
  const SharedClock::Flow flow_;
  int processes_ = 0;
  std::vector<Event> events_;
};

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTS_PROCESSES_CRASH_SITE_H_
