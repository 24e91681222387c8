// Stands for a store that somebody has written.
#ifndef OUTLIVE_TESTS_PACKAGE_OWN_STORE_MY_STORE_H_
#define OUTLIVE_TESTS_PACKAGE_OWN_STORE_MY_STORE_H_

#include <outlive/core/forwarding_job_store.h>
#include <outlive/store/sqlite_store.h>

#include <memory>
#include <string>
#include <utility>

class MyStore final : public outlive::ForwardingJobStore {
 public:
  static absl::StatusOr<std::unique_ptr<MyStore>> Open(const std::string& path,
                                                       const outlive::Clock* clock) {
    auto inner = outlive::SqliteStore::Open(
        path, {.clock = clock, .busy_timeout = absl::Seconds(1), .watch = false});
    if (!inner.ok()) return inner.status();
    return std::unique_ptr<MyStore>(new MyStore(*std::move(inner)));
  }

 private:
  explicit MyStore(std::unique_ptr<outlive::SqliteStore> inner)
      : ForwardingJobStore(*inner), inner_(std::move(inner)) {}

  std::unique_ptr<outlive::SqliteStore> inner_;
};

#endif  // OUTLIVE_TESTS_PACKAGE_OWN_STORE_MY_STORE_H_
