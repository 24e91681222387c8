// FailpointStore reaches a failpoint before and after every call of the store port that writes.
#ifndef OUTLIVE_TESTS_PROCESSES_FAILPOINT_STORE_H_
#define OUTLIVE_TESTS_PROCESSES_FAILPOINT_STORE_H_

#include <memory>

#include "outlive/core/forwarding_job_store.h"
#include "tests/processes/failpoints.h"

namespace outlive::testing {

class FailpointStore final : public ForwardingJobStore {
 public:
  // Both outlive it.
  FailpointStore(JobStore& inner, Failpoints& failpoints)
      : ForwardingJobStore(inner), failpoints_(failpoints) {}

  absl::StatusOr<std::unique_ptr<StoreTransaction>> Begin() override;
  absl::StatusOr<std::unique_ptr<StoreTransaction>> BeginUpkeep(Upkeep upkeep) override;
  absl::StatusOr<std::unique_ptr<StoreTransaction>> Join(HostTransaction host) override;

 private:
  Failpoints& failpoints_;
};

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTS_PROCESSES_FAILPOINT_STORE_H_
