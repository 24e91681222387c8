// SqliteHost is a HostDatabase in the file of a SqliteStorage.
#ifndef OUTLIVE_TESTS_SIMULATION_SQLITE_HOST_H_
#define OUTLIVE_TESTS_SIMULATION_SQLITE_HOST_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/simulation/host_database.h"
#include "tests/simulation/simulated_disk.h"

namespace outlive::simulation {

class SqliteHost final : public HostDatabase {
 public:
  // Both are borrowed.
  SqliteHost(SimulatedDisk& disk, std::string path) : disk_(disk), path_(std::move(path)) {}

  std::unique_ptr<HostSession> Connect(int process) override;
  std::vector<std::string> Orders() override;
  std::vector<std::pair<JobId, std::int64_t>> Bookings() override;

 private:
  SimulatedDisk& disk_;
  const std::string path_;
};

}  // namespace outlive::simulation

#endif  // OUTLIVE_TESTS_SIMULATION_SQLITE_HOST_H_
