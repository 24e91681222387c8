// SqliteStore against the suite, with one store and with two on one file. Two processes are in
// tests/store/sqlite_processes_test.cc.
#include <memory>
#include <utility>

#include "outlive/conformance/job_store.h"
#include "outlive/store/sqlite_store.h"
#include "tests/store/sqlite_folder.h"

namespace {

class SqliteBackend {
 public:
  explicit SqliteBackend(outlive::testing::VirtualClock& clock,
                         const outlive::PayloadCipher* cipher = nullptr)
      : clock_(clock), cipher_(cipher), store_(Open()) {}

  outlive::JobStore& store() { return *store_; }

  outlive::JobStore& second() {
    if (second_ == nullptr) second_ = Open();
    return *second_;
  }

  void Reopen() {
    second_.reset();
    store_.reset();
    store_ = Open();
  }

 private:
  std::unique_ptr<outlive::SqliteStore> Open() {
    // The suite's thread holds one transaction and begins another: it must not wait long.
    auto store = outlive::SqliteStore::Open(
        folder_.File(),
        {.clock = &clock_, .cipher = cipher_, .busy_timeout = absl::Seconds(1), .watch = false});
    REQUIRE_MESSAGE(store.ok(), store.status().ToString());
    return *std::move(store);
  }

  outlive::testing::VirtualClock& clock_;
  const outlive::PayloadCipher* const cipher_;
  outlive::testing::SqliteFolder folder_;
  std::unique_ptr<outlive::SqliteStore> store_;
  std::unique_ptr<outlive::SqliteStore> second_;
};

}  // namespace

OUTLIVE_JOB_STORE_CONFORMANCE(SqliteBackend);
OUTLIVE_JOB_STORE_DURABLE_CONFORMANCE(SqliteBackend);
OUTLIVE_JOB_STORE_SHARED_CONFORMANCE(SqliteBackend);
OUTLIVE_JOB_STORE_SEALING_CONFORMANCE(SqliteBackend);
