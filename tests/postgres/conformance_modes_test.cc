// Other ways to run the store against the suite: sealing what jobs carry, which lie in many
// partitions; as if behind a pooler, and with its watch.
#include <memory>
#include <string>
#include <utility>

#include "outlive/conformance/job_store.h"
#include "outlive/encrypt/aes_gcm_cipher.h"
#include "tests/postgres/conformance_backend.h"

namespace {

std::unique_ptr<outlive::AesGcmCipher> MakeCipher() {
  outlive::AesGcmCipherOptions options;
  options.keys.push_back({"new", outlive::Secret(std::string(32, 'n'))});
  options.keys.push_back({"old", outlive::Secret(std::string(32, 'o'))});
  auto cipher = outlive::AesGcmCipher::Create(options);
  REQUIRE_MESSAGE(cipher.ok(), cipher.status().ToString());
  return *std::move(cipher);
}

class SealedPostgresBackend {
 public:
  explicit SealedPostgresBackend(outlive::testing::VirtualClock& clock)
      : backend_(clock, cipher_.get()) {
    backend_.SplitFinely();
  }
  outlive::JobStore& store() { return backend_.store(); }
  void Reopen() { backend_.Reopen(); }

 private:
  const std::unique_ptr<outlive::AesGcmCipher> cipher_ = MakeCipher();
  outlive::testing::PostgresBackend backend_;
};

class PooledPostgresBackend {
 public:
  explicit PooledPostgresBackend(outlive::testing::VirtualClock& clock)
      : backend_(clock, {.transaction_pooling = true, .poll_interval = absl::Milliseconds(10)}) {}
  outlive::JobStore& store() { return backend_.store(); }
  outlive::JobStore& second() { return backend_.second(); }

 private:
  outlive::testing::PostgresBackend backend_;
};

}  // namespace

OUTLIVE_JOB_STORE_CONFORMANCE(SealedPostgresBackend);
OUTLIVE_JOB_STORE_DURABLE_CONFORMANCE(SealedPostgresBackend);
OUTLIVE_JOB_STORE_CONFORMANCE(PooledPostgresBackend);
OUTLIVE_JOB_STORE_SHARED_CONFORMANCE(PooledPostgresBackend);
