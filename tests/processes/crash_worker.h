// CrashWorker is what one process of the crash tests is made of: a real store, client and runner on
// the run's shared file, everything recorded, with failpoints on the way.
#ifndef OUTLIVE_TESTS_PROCESSES_CRASH_WORKER_H_
#define OUTLIVE_TESTS_PROCESSES_CRASH_WORKER_H_

#include <absl/status/status.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "outlive/artifact/file_artifact_store.h"
#include "outlive/engine/runner.h"
#include "outlive/store/sqlite_store.h"
#include "outlive/testing/history.h"
#include "outlive/testing/recording_client.h"
#include "outlive/testing/recording_store.h"
#include "tests/processes/beat_store.h"
#include "tests/processes/crash_jobs.h"
#include "tests/processes/effect_sink.h"
#include "tests/processes/failpoint_store.h"
#include "tests/processes/failpoints.h"
#include "tests/processes/request_mix.h"
#include "tests/processes/shared_clock.h"

struct sqlite3;

namespace outlive::testing {

struct CrashWorkerOptions {
  std::string folder = {};
  std::string name = {};  // Another one for each start.
  std::uint64_t seed = 1;
  std::optional<Failpoints::Plan> failpoint = {};
  int concurrency = 3;
  absl::Duration busy_timeout = absl::Hours(1);
  int checkpoint_page_count = 100;
  bool clock_flows = false;

  // How long ended jobs and the log are kept.
  absl::Duration keep = absl::InfiniteDuration();
};

class CrashWorker {
 public:
  // Opens everything. The process ends with a message where that does not work.
  explicit CrashWorker(const CrashWorkerOptions& options);
  ~CrashWorker();
  CrashWorker(const CrashWorker&) = delete;
  CrashWorker& operator=(const CrashWorker&) = delete;

  // -- A whole life on one thread: the same calls in the same order, whatever time it is ----------

  // Something of everything: enqueues of each kind, upkeep, attempts with every end, changes.
  absl::Status LiveOnce();

  // Upkeep, and attempts that do their work and nothing else, until nothing is due.
  absl::Status Settle();

  // -- In the service of a driver ----------------------------------------------------------------

  absl::Status Start() { return runner_->Start(); }
  void Stop() { runner_->Stop(absl::Hours(1)); }

  // Does `count` random things that clients do, one after another.
  void Load(int count) { mix_.Draw(count); }

  // Enqueues `count` jobs in one transaction.
  void Fill(int count);

  // Enqueues `count` jobs, each in a commit of its own, as fast as it can.
  void Hammer(int count);

  // Enqueues poison.
  void Poison();

  // Renews the lease, as the clock demands after it was moved by a quarter of a lease and more.
  void Beat() { beats_.Beat(); }

  // From now on every attempt does its work and nothing else.
  void BeQuiet() { quiet_ = true; }

 private:
  void AddWorkers();
  bool EnqueueOrder(const Order& order);

  Outcome DoWork(JobContext& job, std::string_view args);
  Outcome DoBooking(JobContext& job);
  Outcome UseSink(JobContext& job);
  void MakeArtifact(JobContext& job);

  const CrashWorkerOptions options_;
  const CrashPaths paths_;
  SharedClock clock_;
  SystemClock order_;
  Failpoints failpoints_;
  EffectSink sink_;
  std::unique_ptr<FileHistory> history_;
  Recorder recorder_;
  std::unique_ptr<SqliteStore> store_;
  FailpointStore failing_;
  BeatStore beats_;
  RecordingStore recording_;
  std::unique_ptr<FileArtifactStore> artifacts_;
  Client client_;
  RecordingClient recorded_;
  RequestMix mix_;
  WorkerSet workers_;
  std::unique_ptr<Runner> runner_;
  std::atomic<bool> quiet_{false};
};

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTS_PROCESSES_CRASH_WORKER_H_
