#include "testing/memory_storage.h"

#include "outlive/core/forwarding_job_store.h"

namespace outlive::testing {

void SimulatedStorage::Strike(const std::string&, RandomSource&) {}

namespace internal {

absl::StatusOr<std::unique_ptr<JobStore>> MemoryStorage::Open(int, const Clock& clock,
                                                              RandomSource& random) {
  if (store_ == nullptr) {
    store_ = MemoryStore::Create(
        {.clock = &clock, .random = &random, .begin_timeout = absl::ZeroDuration()});
  }
  return std::make_unique<ForwardingJobStore>(*store_);
}

}  // namespace internal
}  // namespace outlive::testing
