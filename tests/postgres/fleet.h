// Fleet is some hosts at work on one schema of one server, and the judgement of what they did.
#ifndef OUTLIVE_TESTS_POSTGRES_FLEET_H_
#define OUTLIVE_TESTS_POSTGRES_FLEET_H_

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "outlive/core/mutex.h"
#include "outlive/testing/checker.h"
#include "tests/postgres/host.h"
#include "tests/postgres/server_address.h"
#include "tests/processes/crash_folder.h"

namespace outlive::testing {

inline constexpr const char* kFleetSchema = "fleet";

// What a run is judged by, and where it left its traces.
class Judge {
 public:
  Judge() = default;

  const std::string& folder() const { return folder_.path(); }

  // Makes the hosts' tables.
  static void Prepare(const ServerAddress& server);

  // Waits until every job has ended. Looks through connections of its own.
  static void WaitUntilDrained(const ServerAddress& server);

  // How often the log says so.
  static int CountEvents(const ServerAddress& server, EventType type);

  // The whole judgement: nobody may be at work any more. Fails the test where anything is wrong,
  // and returns what was counted.
  CheckReport Pronounce(const ServerAddress& server, const CheckOptions& options) const;

 private:
  CrashFolder folder_;
};

struct FleetOptions {
  int host_count = 3;

  // Where hosts connect. Empty: to the server's socket.
  std::string conninfo = {};

  absl::Duration lease = absl::Seconds(2);
  PostgresStoreOptions store = {};
};

class Fleet {
 public:
  // Starts the hosts, which must work.
  explicit Fleet(const ServerAddress& server, const FleetOptions& options = {});
  ~Fleet();
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  // Each host loads on a thread of its own, `round_count` rounds of `count` things, as long as
  // `more` says so beyond that.
  void Load(int round_count, const std::function<bool()>& more = nullptr);

  // The same in bad weather: until the store has taken `job_count` jobs of each host, however many
  // it refuses in between. On a slow machine so many that what it took would prove nothing.
  void LoadUntilTaken(int job_count, const std::function<bool()>& more);

  // Whether LoadUntilTaken() got on since the last call. Weather that comes again before it has is
  // all that a slow machine sees. For one thread.
  bool HasTakenMore();

  // Without faults: everybody works until nothing is left, and stops. `server`: where the jobs are.
  void Finish(const ServerAddress& server);
  void Finish() { Finish(server_); }

  // After Finish().
  CheckReport Pronounce(const ServerAddress& server, const CheckOptions& options) const {
    return judge_.Pronounce(server, options);
  }
  CheckReport Pronounce(const CheckOptions& options = Host::Options()) const {
    return judge_.Pronounce(server_, options);
  }

  Host& host(std::size_t place) { return *hosts_[place]; }

 private:
  // Calls `load` for each host on a thread of its own.
  void ForEachHost(const std::function<void(Host&)>& load);

  const ServerAddress server_;
  const Judge judge_;
  std::vector<std::unique_ptr<Host>> hosts_;
  std::atomic<int> taken_count_ = 0;
  int taken_before_ = 0;
};

// Nemesis does something again and again, at a pace, until it is destroyed. `strike` says whether
// it has done it this time.
class Nemesis {
 public:
  Nemesis(std::chrono::milliseconds pace, std::function<bool()> strike);
  ~Nemesis();
  Nemesis(const Nemesis&) = delete;
  Nemesis& operator=(const Nemesis&) = delete;

  int strike_count() const;

 private:
  void Run();

  const std::chrono::milliseconds pace_;
  const std::function<bool()> strike_;
  mutable Mutex mutex_;
  CondVar changed_;
  bool stops_ ABSL_GUARDED_BY(mutex_) = false;
  int strike_count_ ABSL_GUARDED_BY(mutex_) = 0;
  std::thread thread_;
};

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTS_POSTGRES_FLEET_H_
