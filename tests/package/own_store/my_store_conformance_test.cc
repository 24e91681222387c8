#include <outlive/conformance/job_store.h>

#include "my_store.h"
#include "temporary_folder.h"

namespace my {

class Backend {
 public:
  // A new, empty store for every case. The suite owns the time: hand the clock on.
  explicit Backend(outlive::testing::VirtualClock& clock) : clock_(clock), store_(Open()) {}

  outlive::JobStore& store() { return *store_; }

  // As after the end of the process. Leave it out if nothing outlives that.
  void Reopen() {
    store_.reset();
    store_ = Open();
  }

 private:
  std::unique_ptr<MyStore> Open() {
    return MyStore::Open(folder_.path() / "jobs", &clock_).value();
  }

  outlive::testing::VirtualClock& clock_;
  TemporaryFolder folder_;
  std::unique_ptr<MyStore> store_;
};

}  // namespace my

OUTLIVE_JOB_STORE_CONFORMANCE(my::Backend);
OUTLIVE_JOB_STORE_DURABLE_CONFORMANCE(my::Backend);
