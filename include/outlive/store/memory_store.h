// MemoryStore keeps jobs in the memory of one process: for tests, for work that need not outlive
// the process, and as the model that other stores are compared with. It keeps every promise of
// JobStore but durability.
//
//   auto store = outlive::MemoryStore::Create();
//   outlive::Client client(*store);
//
// A claim touches only due jobs of the queues and kinds asked for; no write looks at all jobs.
// Everything that has ended, and the event log, stays until Prune(): whoever runs without a Runner,
// which prunes, has to call it.
//
// Thread-safety: as JobStore. Readers never wait for a transaction that is open, only for a call of
//                one that is under way.
// Lifetime:      the store outlives every transaction and subscription it has given out.
// Time:          the clock's, to the microsecond, but never earlier than that of a transaction
//                before.
// Errors:        as JobStore. Join() is kUnimplemented: there is no database to join in.
//                Begin() is kUnavailable after MemoryStoreOptions::begin_timeout.
#ifndef OUTLIVE_STORE_MEMORY_STORE_H_
#define OUTLIVE_STORE_MEMORY_STORE_H_

#include <absl/time/time.h>

#include <memory>

#include "outlive/core/clock.h"
#include "outlive/core/job_store.h"
#include "outlive/core/payload_cipher.h"
#include "outlive/core/random.h"

namespace outlive {

struct MemoryStoreOptions {
  // Where time comes from; borrowed. Null: the machine's clock.
  const Clock* clock = nullptr;

  // Where StoreInfo::store_id comes from; borrowed, used once. Null: the kernel.
  RandomSource* random = nullptr;

  // Seals what jobs carry, as a store on disk would; borrowed. Null: it is kept as it is. For tests
  // of what depends on it: whoever reads this process's memory reads the keys too.
  const PayloadCipher* cipher = nullptr;

  // How long Begin() waits for the transaction before; real time, whatever the clock says. Zero
  // or less: not at all. Infinite: for ever.
  absl::Duration begin_timeout = absl::Seconds(30);
};

class MemoryStore final : public JobStore {
 public:
  explicit MemoryStore(const MemoryStoreOptions& options = {});
  ~MemoryStore() override;
  MemoryStore(const MemoryStore&) = delete;
  MemoryStore& operator=(const MemoryStore&) = delete;

  // The same, as the other stores are made.
  static std::unique_ptr<MemoryStore> Create(const MemoryStoreOptions& options = {});

  absl::StatusOr<std::unique_ptr<StoreTransaction>> Begin() override;
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
  const StoreInfo& info() const override;
  const Clock& clock() const override;
  StoreCopy* copy() override;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace outlive

#endif  // OUTLIVE_STORE_MEMORY_STORE_H_
