// Host is a program that works with the PostgreSQL store, as users have it: it enqueues, runs and
// steers jobs, writes rows of its own in the same transactions, and writes down what it asked for
// and what it was told. Whatever fails, it goes on.
//
// Thread-safety: Load() on one thread; the rest may be called from many threads at once.
// Lifetime:      what the options point to outlives it.
#ifndef OUTLIVE_TESTS_POSTGRES_HOST_H_
#define OUTLIVE_TESTS_POSTGRES_HOST_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "outlive/engine/runner.h"
#include "outlive/store/postgres_store.h"
#include "outlive/testing/checker.h"
#include "outlive/testing/history.h"
#include "outlive/testing/recording_client.h"
#include "outlive/testing/recording_store.h"
#include "tests/processes/crash_jobs.h"
#include "tests/processes/effect_sink.h"
#include "tests/processes/request_mix.h"

namespace outlive::testing {

struct HostOptions {
  std::string conninfo = {};
  std::string schema = {};
  std::string folder = {};  // Of history and sink, which all hosts share (CrashPaths).
  std::string name = {};    // Another one for each start.
  std::uint64_t seed = 1;
  int concurrency = 3;
  absl::Duration lease = absl::Seconds(2);
  PostgresStoreOptions store = {};  // But for the schema.
};

class Host {
 public:
  static absl::StatusOr<std::unique_ptr<Host>> Open(const HostOptions& options);
  ~Host();
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  absl::Status Start() { return runner_->Start(); }
  void Stop(absl::Duration grace = absl::ZeroDuration()) { runner_->Stop(grace); }

  // Does `count` random things that clients do, one after another. Returns how many jobs the store
  // has taken.
  int Load(int count) { return mix_.Draw(count); }

  // From now on every attempt does its work and nothing else.
  void BeQuiet() { quiet_ = true; }

  Client& client() { return client_; }
  RecordingClient& recorded() { return recorded_; }
  JobStore& store() { return recording_; }

  // What the run of such hosts promises; and the tables that hosts have in the schema.
  static CheckOptions Options();
  static std::string TablesSql(const std::string& schema);

 private:
  Host(const HostOptions& options, std::unique_ptr<FileHistory> history,
       std::unique_ptr<PostgresStore> store);

  void AddWorkers();
  bool EnqueueOrder(const Order& order);

  Outcome DoWork(JobContext& job, std::string_view args);
  Outcome DoBooking(JobContext& job);
  Outcome UseSink(JobContext& job);

  const HostOptions options_;
  SystemClock clock_;
  EffectSink sink_;
  const std::unique_ptr<FileHistory> history_;
  Recorder recorder_;
  const std::unique_ptr<PostgresStore> store_;
  RecordingStore recording_;
  Client client_;
  RecordingClient recorded_;
  RequestMix mix_;
  WorkerSet workers_;
  std::unique_ptr<Runner> runner_;
  std::atomic<bool> quiet_{false};
};

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTS_POSTGRES_HOST_H_
