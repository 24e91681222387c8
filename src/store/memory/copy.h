// MemoryCopy reads and fills the tables of the in-memory store for a move.
//
// Thread-safety: none; the store's lock is around every call.
#ifndef OUTLIVE_SRC_STORE_MEMORY_COPY_H_
#define OUTLIVE_SRC_STORE_MEMORY_COPY_H_

#include <absl/status/status.h>

#include <optional>
#include <vector>

#include "outlive/core/store_copy.h"
#include "store/memory/tables.h"

namespace outlive::internal {

class MemoryCopy {
 public:
  explicit MemoryCopy(MemoryTables& tables) : tables_(tables) {}

  std::vector<StoredJob> Jobs(JobId after, int count_max) const;
  std::vector<StoredKey> Keys(const std::optional<Fingerprint>& after, int count_max) const;
  std::vector<StoredSession> Sessions(Micros now) const;
  std::vector<QueueSettings> Queues() const;

  // Whether all of it can be kept, and then that it is: inside a transaction that is committed.
  absl::Status Check(const StoreRows& rows) const;
  void Fill(const StoreRows& rows);

 private:
  absl::Status CheckJob(const StoredJob& stored, const StoreRows& rows) const;
  absl::Status CheckEvents(const std::vector<Event>& events) const;

  MemoryTables& tables_;
};

}  // namespace outlive::internal

#endif  // OUTLIVE_SRC_STORE_MEMORY_COPY_H_
