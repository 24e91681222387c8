// MemoryStorage is one MemoryStore for all processes of a simulation.
#ifndef OUTLIVE_SRC_TESTING_MEMORY_STORAGE_H_
#define OUTLIVE_SRC_TESTING_MEMORY_STORAGE_H_

#include <memory>

#include "outlive/store/memory_store.h"
#include "outlive/testing/simulated_storage.h"

namespace outlive::testing::internal {

class MemoryStorage final : public SimulatedStorage {
 public:
  absl::StatusOr<std::unique_ptr<JobStore>> Open(int process, const Clock& clock,
                                                 RandomSource& random) override;

  // Nothing: the store is memory that the processes share, and the simulation lets none of a dead
  // one's calls through.
  void Kill(int) override {}
  bool wakes_all() const override { return true; }

 private:
  std::unique_ptr<MemoryStore> store_;  // From the first Open() on.
};

}  // namespace outlive::testing::internal

#endif  // OUTLIVE_SRC_TESTING_MEMORY_STORAGE_H_
