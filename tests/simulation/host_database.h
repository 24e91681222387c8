// HostDatabase is the host's own part of the database that the store is in: orders that are written
// together with the jobs that handle them, and bookings that are written together with the end of
// the jobs that make them.
#ifndef OUTLIVE_TESTS_SIMULATION_HOST_DATABASE_H_
#define OUTLIVE_TESTS_SIMULATION_HOST_DATABASE_H_

#include <absl/status/status.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "outlive/core/host_transaction.h"
#include "outlive/core/job.h"

namespace outlive::simulation {

// A connection of one process. Destroyed with the process.
class HostSession {
 public:
  virtual ~HostSession() = default;

  // kUnavailable: others are writing.
  virtual absl::Status Begin() = 0;
  virtual HostTransaction transaction() = 0;
  virtual absl::Status AddOrder(const std::string& args) = 0;
  virtual absl::Status AddBooking(JobId job, std::int64_t fence) = 0;

  // kUnknown: in doubt.
  virtual absl::Status Commit() = 0;
  virtual void Rollback() = 0;
};

class HostDatabase {
 public:
  virtual ~HostDatabase() = default;
  virtual std::unique_ptr<HostSession> Connect(int process) = 0;

  // What there is in the end.
  virtual std::vector<std::string> Orders() = 0;
  virtual std::vector<std::pair<JobId, std::int64_t>> Bookings() = 0;
};

}  // namespace outlive::simulation

#endif  // OUTLIVE_TESTS_SIMULATION_HOST_DATABASE_H_
