// PostgresCopy reads and fills a whole schema for a move, in the writer's turn.
//
// What a schema is closed for stands in outlive.meta: `frozen` of a source; `copy_of`, with the id
// of its source, of a target. Each transaction reads both with the time.
//
// Thread-safety: one thread at a time.
#ifndef OUTLIVE_SRC_STORE_POSTGRES_STORE_COPY_H_
#define OUTLIVE_SRC_STORE_POSTGRES_STORE_COPY_H_

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "outlive/core/store_copy.h"
#include "store/postgres/writer.h"

namespace outlive::postgres {

class PostgresCopy final : public StoreCopy {
 public:
  // Both outlive it. `stale` becomes true when the store has another id than it was opened with.
  PostgresCopy(Writer& writer, absl::Duration timeout, std::atomic<bool>& stale)
      : writer_(writer), timeout_(timeout), stale_(stale) {}

  absl::Status Freeze(bool frozen) override;
  absl::StatusOr<StoreState> State() override;
  absl::StatusOr<std::vector<StoredJob>> Jobs(JobId after, int count_max) override;
  absl::StatusOr<std::vector<StoredKey>> Keys(const std::optional<Fingerprint>& after,
                                              int count_max) override;
  absl::StatusOr<std::vector<StoredSession>> Sessions() override;
  absl::StatusOr<std::optional<Filling>> FindFilling() override;
  absl::Status StartFilling(const std::string& source_id) override;
  absl::Status Fill(const StoreRows& rows) override;
  absl::Status FinishFilling(const StoreState& source) override;

 private:
  // Begins a transaction, whether or not the store is closed.
  absl::Status Begin();

  // Runs `call` in a transaction, which is undone, or kept.
  absl::Status Reading(absl::FunctionRef<absl::Status()> call);
  absl::Status Writing(absl::FunctionRef<absl::Status()> call);

  absl::Status ReadState(StoreState& state);
  absl::Status ReadJobs(JobId after, int count_max, std::vector<StoredJob>& jobs);
  absl::Status ReadHistories(std::vector<StoredJob>& jobs);
  absl::Status ReadFilling(std::optional<Filling>& filling);
  static absl::Status AddBatches(const std::vector<Event>& events, std::vector<Query>& queries);
  static Query Batch(std::int64_t seq, absl::Time at, std::int64_t count, Array types, Array jobs,
                     Array fences);
  absl::Status Adopt(const StoreState& source);
  WriteContext& context() { return writer_.session().context; }

  Writer& writer_;
  const absl::Duration timeout_;
  std::atomic<bool>& stale_;
};

}  // namespace outlive::postgres

#endif  // OUTLIVE_SRC_STORE_POSTGRES_STORE_COPY_H_
