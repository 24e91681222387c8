// SimulatedStore is the store as one process of a simulation has it: far away, and not always well.
// Nothing of a process that is dead gets through.
//
// Thread-safety: none.
#ifndef OUTLIVE_SRC_TESTING_SIMULATED_STORE_H_
#define OUTLIVE_SRC_TESTING_SIMULATED_STORE_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "outlive/core/forwarding_job_store.h"

namespace outlive::testing::internal {

class ProcessLife;

class SimulatedStore final : public ForwardingJobStore {
 public:
  SimulatedStore(JobStore& inner, ProcessLife& life) : ForwardingJobStore(inner), life_(life) {
    info_.upkeep_apart = false;
  }

  absl::StatusOr<std::unique_ptr<StoreTransaction>> Begin() override;

  // A process has one transaction at a time, whatever the store could do.
  absl::StatusOr<std::unique_ptr<StoreTransaction>> BeginUpkeep(Upkeep) override { return Begin(); }

  absl::StatusOr<std::unique_ptr<StoreTransaction>> Join(HostTransaction host) override;
  absl::StatusOr<Job> Get(JobId id) override;
  absl::StatusOr<std::vector<Job>> List(const JobFilter& filter, const JobPage& page) override;
  absl::StatusOr<JobStats> Stats() override;
  absl::StatusOr<std::vector<Event>> EventsAfter(std::int64_t after, int event_count_max) override;
  absl::StatusOr<std::int64_t> LastEvent() override;
  absl::StatusOr<std::vector<DeadLetterGroup>> DeadLetterGroups(int group_count_max) override;
  absl::StatusOr<std::vector<JobId>> CancelRequests(const std::string& session) override;
  absl::StatusOr<Artifact> FindArtifact(const std::string& id) override;
  absl::Status Check(absl::Duration deadline) override;
  std::unique_ptr<Subscription> Subscribe(std::function<void(WakeHint)> on_wake) override;
  const StoreInfo& info() const override { return info_; }

 private:
  // What happens on the way there. OK: the call arrives.
  absl::Status Arrive(const char* what);

  // Waits for the transaction of another process.
  absl::Status WaitForTurn();

  ProcessLife& life_;
  StoreInfo info_ = inner().info();
};

}  // namespace outlive::testing::internal

#endif  // OUTLIVE_SRC_TESTING_SIMULATED_STORE_H_
