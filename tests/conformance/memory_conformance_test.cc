#include "outlive/conformance/job_store.h"

#include "outlive/store/memory_store.h"

namespace outlive::tests {

class MemoryBackend {
 public:
  explicit MemoryBackend(testing::VirtualClock& clock, const PayloadCipher* cipher = nullptr)
      : store_({.clock = &clock, .cipher = cipher}) {}
  JobStore& store() { return store_; }

 private:
  MemoryStore store_;
};

}  // namespace outlive::tests

OUTLIVE_JOB_STORE_CONFORMANCE(outlive::tests::MemoryBackend);
OUTLIVE_JOB_STORE_SEALING_CONFORMANCE(outlive::tests::MemoryBackend);
