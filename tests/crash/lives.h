// A store on a simulated disk, and the lives it is used in.
#ifndef OUTLIVE_TESTS_CRASH_LIVES_H_
#define OUTLIVE_TESTS_CRASH_LIVES_H_

#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "outlive/store/sqlite_store.h"
#include "outlive/testing/seeded_random.h"
#include "outlive/testing/virtual_clock.h"
#include "tests/simulation/simulated_disk.h"

namespace outlive::crash {

inline constexpr const char* kFile = "jobs.db";

// Opens stores on the disk, on a clock that begins anew with each disk image.
class Lives {
 public:
  explicit Lives(std::uint64_t seed, SqliteStoreOptions options = {})
      : disk_(seed), options_(std::move(options)) {}

  // Says how often the power was cut, and how many calls failed, for those who read the log.
  ~Lives();
  Lives(const Lives&) = delete;
  Lives& operator=(const Lives&) = delete;

  simulation::SimulatedDisk& disk() { return disk_; }
  testing::VirtualClock& clock() { return *clock_; }

  // As if nothing had ever happened but this.
  void Begin(const simulation::SimulatedDisk::Image& image);

  absl::StatusOr<std::unique_ptr<SqliteStore>> Open(int process = 0);
  absl::StatusOr<std::unique_ptr<SqliteStore>> Open(SqliteDurability durability, int process = 0);

  // Opens it, which must work, and looks whether everything in it is as it should be.
  std::unique_ptr<SqliteStore> MustOpenSound();

  // A new store that was closed in order.
  simulation::SimulatedDisk::Image MakeImage();

 private:
  simulation::SimulatedDisk disk_;
  SqliteStoreOptions options_;
  std::unique_ptr<testing::VirtualClock> clock_ = std::make_unique<testing::VirtualClock>();
  std::unique_ptr<testing::SeededRandom> random_ = std::make_unique<testing::SeededRandom>(1);
};

// How far a life came.
struct Life {
  std::size_t acknowledged = 0;  // Transactions of the script.
  bool ended = false;            // It came to its end, and closed its store.
};

// Opens the store and runs the script until something fails.
Life RunScript(Lives& lives);

// All that the store holds, as text.
std::string WholeSnapshot(Lives& lives, JobStore& store);

// What the store holds after each number of the script's transactions, from none on.
std::vector<std::string> ScriptSnapshots(Lives& lives,
                                         const simulation::SimulatedDisk::Image& image);

// A job can be inserted, claimed and completed.
void CheckWorks(JobStore& store);

}  // namespace outlive::crash

#endif  // OUTLIVE_TESTS_CRASH_LIVES_H_
