// Scenario is a program in which everything comes up that users do: jobs of several kinds that
// fail, snooze, crash, save and publish; keys, follow-ups, cancellations, dead letters, paused
// queues; rows that are written together with jobs. How it is set up is drawn from its seed.
#ifndef OUTLIVE_TESTS_SIMULATION_SCENARIO_H_
#define OUTLIVE_TESTS_SIMULATION_SCENARIO_H_

#include <absl/status/status.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "outlive/core/job.h"
#include "outlive/core/outcome.h"
#include "outlive/core/worker.h"
#include "outlive/testing/seeded_random.h"
#include "outlive/testing/simulation.h"
#include "tests/simulation/host_database.h"

namespace outlive::simulation {

class Scenario {
 public:
  // In memory where `storage` is null. `host` is the host's part of it; null: there is none. Both
  // are borrowed.
  explicit Scenario(std::uint64_t seed, testing::SimulatedStorage* storage = nullptr,
                    HostDatabase* host = nullptr);

  // As drawn from the seed; may be changed before Run().
  testing::SimulationOptions& options() { return options_; }

  testing::SimulationReport Run();

 private:
  using Process = testing::SimulatedProcess;

  static testing::SimulationOptions Draw(std::uint64_t seed);

  void AddWorkers(Process& process);
  Outcome Work(Process& process, JobContext& job);
  Outcome Fail(Process& process);
  Outcome Book(Process& process, JobContext& job, HostSession& host);
  void Save(Process& process, JobContext& job);

  void Request(Process& process);
  void Enqueue(Process& process);
  void EnqueueWithKey(Process& process);
  void Order(Process& process);
  void Steer(Process& process);
  void Calm(Process& process);
  static void Insist(Process& process, const std::function<absl::Status()>& call);
  JobId AnyJob(Process& process) const;

  testing::SimulationOptions options_;
  HostDatabase* const host_;
  std::map<int, std::weak_ptr<HostSession>> sessions_;  // Of each process that lives.
  std::vector<JobId> jobs_;                             // Acknowledged.
  int arg_count_ = 0;
};

// The counts that runs over many seeds must have shown, each at least once; those that are missing,
// as a text. `durable`: on a storage that can lose its power and be full.
std::string Missing(const std::map<std::string, std::int64_t>& counts, bool durable);

}  // namespace outlive::simulation

#endif  // OUTLIVE_TESTS_SIMULATION_SCENARIO_H_
