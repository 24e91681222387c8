// Stores that seal what jobs carry against the whole suite: nobody sees that they do.
#include <memory>
#include <string>

#include "outlive/conformance/job_store.h"
#include "outlive/encrypt/aes_gcm_cipher.h"
#include "outlive/store/memory_store.h"
#include "outlive/store/sqlite_store.h"
#include "tests/store/sqlite_folder.h"

namespace {

std::unique_ptr<outlive::AesGcmCipher> MakeCipher() {
  outlive::AesGcmCipherOptions options;
  options.keys.push_back({"new", outlive::Secret(std::string(32, 'n'))});
  options.keys.push_back({"old", outlive::Secret(std::string(32, 'o'))});
  auto cipher = outlive::AesGcmCipher::Create(options);
  REQUIRE_MESSAGE(cipher.ok(), cipher.status().ToString());
  return *std::move(cipher);
}

class SealedMemoryBackend {
 public:
  explicit SealedMemoryBackend(outlive::testing::VirtualClock& clock)
      : store_({.clock = &clock, .cipher = cipher_.get()}) {}

  outlive::JobStore& store() { return store_; }

 private:
  const std::unique_ptr<outlive::AesGcmCipher> cipher_ = MakeCipher();
  outlive::MemoryStore store_;
};

class SealedSqliteBackend {
 public:
  explicit SealedSqliteBackend(outlive::testing::VirtualClock& clock)
      : clock_(clock), store_(Open()) {}

  outlive::JobStore& store() { return *store_; }

  void Reopen() {
    store_.reset();
    store_ = Open();
  }

 private:
  std::unique_ptr<outlive::SqliteStore> Open() {
    auto store = outlive::SqliteStore::Open(folder_.File(), {.clock = &clock_,
                                                             .cipher = cipher_.get(),
                                                             .busy_timeout = absl::Seconds(1),
                                                             .watch = false});
    REQUIRE_MESSAGE(store.ok(), store.status().ToString());
    return *std::move(store);
  }

  outlive::testing::VirtualClock& clock_;
  const std::unique_ptr<outlive::AesGcmCipher> cipher_ = MakeCipher();
  outlive::testing::SqliteFolder folder_;
  std::unique_ptr<outlive::SqliteStore> store_;
};

}  // namespace

OUTLIVE_JOB_STORE_CONFORMANCE(SealedMemoryBackend);
OUTLIVE_JOB_STORE_CONFORMANCE(SealedSqliteBackend);
OUTLIVE_JOB_STORE_DURABLE_CONFORMANCE(SealedSqliteBackend);
