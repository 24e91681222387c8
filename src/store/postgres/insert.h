// Inserter adds jobs. They are kept in memory until Take(): many callers who share a transaction
// share the statements too. Only a key and a limit of the backlog have to ask the server at once.
//
// Ids come from a sequence of the server. While transactions follow one another closely, some take
// those of the next ones along with their commit, so that a transaction that only adds jobs is one
// round trip.
//
// Thread-safety: none; for the thread that has the transaction.
#ifndef OUTLIVE_SRC_STORE_POSTGRES_INSERT_H_
#define OUTLIVE_SRC_STORE_POSTGRES_INSERT_H_

#include <absl/container/flat_hash_map.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <absl/types/span.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "outlive/core/idempotency.h"
#include "outlive/core/job_store.h"
#include "store/postgres/write_context.h"

namespace outlive::postgres {

class Inserter {
 public:
  // It outlives it.
  explicit Inserter(WriteContext& context) : context_(context) { Forget(); }

  // Of a new transaction.
  void Forget();

  // StoreTransaction::Insert().
  absl::StatusOr<std::vector<absl::StatusOr<Inserted>>> Insert(absl::Span<const NewJob> jobs);

  // Follow-ups: as they are.
  absl::Status InsertUnchecked(absl::Span<const NewJob> jobs);

  // What writes the new jobs; nothing where there are none.
  std::vector<Query> Take();

  // Takes ids for the next transactions, along with this one's commit; nothing where that is not
  // worth it. Then Committed() has its answer, which is null where it was not asked.
  std::optional<Query> TakeIdsAhead() const;
  void Committed(const Rows* ids);

  // The transaction was not committed: whether its ids were taken from the sequence for good is not
  // certain.
  void RolledBack() { ids_.clear(); }

 private:
  // Who has a key, in this transaction's eyes.
  struct Key {
    JobId job = 0;
    Fingerprint args = {};
    std::size_t owner = 0;  // Which of the batch.
    bool free = false;      // It was taken for one of the batch, which has not been inserted yet.
    bool moved = false;     // It was taken for another one.
  };
  struct Batch;

  void ClearColumns();
  absl::StatusOr<std::vector<JobId>> TakeIds(std::size_t count);
  void KeepIds(const Rows& ids);
  absl::Status TakeKeys(Batch& batch);
  absl::Status CountBacklogs(const Batch& batch);
  absl::Status GiveKeysBack(const Batch& batch);
  absl::StatusOr<absl::StatusOr<Inserted>> InsertOne(Batch& batch, std::size_t i);
  absl::Status AddJob(JobId id, int lane, const NewJob& job);
  absl::Status WriteIfLarge();

  WriteContext& context_;
  std::deque<JobId> ids_;  // To be used, in this order.
  std::size_t used_ids_ = 0;
  std::size_t usual_ids_ = 1;           // As many as a transaction is likely to use.
  absl::Duration started_at_ = {};      // When the transaction did, since boot.
  absl::Duration last_commit_at_ = {};  // Of a transaction that used ids.

  absl::flat_hash_map<std::string, std::int64_t> backlog_;  // Pending jobs by queue.

  // What waits for Take(): columns of outlive.job and outlive.live, and the rest.
  std::size_t payload_bytes_ = 0;
  std::vector<Array> columns_;
  Array tag_names_{Element::kText};
  Array tag_jobs_{Element::kBigint};
  Array follow_up_jobs_{Element::kBigint};
  Array follow_ups_{Element::kText};
};

}  // namespace outlive::postgres

#endif  // OUTLIVE_SRC_STORE_POSTGRES_INSERT_H_
