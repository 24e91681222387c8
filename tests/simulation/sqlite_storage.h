// SqliteStorage is a SqliteStore in a simulation: each process has its own, on one file of one
// simulated disk, which can lose its power, fill up and fail.
#ifndef OUTLIVE_TESTS_SIMULATION_SQLITE_STORAGE_H_
#define OUTLIVE_TESTS_SIMULATION_SQLITE_STORAGE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "outlive/testing/simulated_storage.h"
#include "tests/simulation/simulated_disk.h"
#include "tests/simulation/sqlite_host.h"

namespace outlive::simulation {

class SqliteStorage final : public testing::SimulatedStorage {
 public:
  explicit SqliteStorage(std::uint64_t seed) : disk_(seed) {}

  absl::StatusOr<std::unique_ptr<JobStore>> Open(int process, const Clock& clock,
                                                 RandomSource& random) override;
  void Kill(int process) override { disk_.Kill(process); }
  bool wakes_all() const override { return false; }

  std::vector<std::string> faults() const override {
    return {"disk full", "disk fails", "read-only", "no descriptors"};
  }
  void Strike(const std::string& fault, RandomSource& random) override;
  void Heal() override;

  bool has_power() const override { return true; }
  void CutPower() override;

  // SQLite finds nothing wrong with the file.
  absl::Status Check() override;

  HostDatabase& host() { return host_; }

 private:
  SimulatedDisk disk_;
  SqliteHost host_{disk_, "jobs.db"};
};

}  // namespace outlive::simulation

#endif  // OUTLIVE_TESTS_SIMULATION_SQLITE_STORAGE_H_
