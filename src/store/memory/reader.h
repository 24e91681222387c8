// What readers of the in-memory store get: JobStore's reading methods over MemoryTables. They show
// what is committed, whatever the open transaction has done since.
//
// Thread-safety: none; the store's lock is around every call.
// Errors:        as JobStore says.
#ifndef OUTLIVE_SRC_STORE_MEMORY_READER_H_
#define OUTLIVE_SRC_STORE_MEMORY_READER_H_

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <string>
#include <vector>

#include "outlive/core/job_store.h"
#include "outlive/core/payloads.h"
#include "store/memory/tables.h"

namespace outlive::internal {

class MemoryReader {
 public:
  // Both outlive the reader.
  MemoryReader(const MemoryTables& tables, const Payloads& payloads)
      : tables_(tables), payloads_(payloads) {}

  absl::StatusOr<Job> Get(JobId id) const;
  absl::StatusOr<std::vector<Job>> List(const JobFilter& filter, const JobPage& page) const;

  // `now` is the store's.
  JobStats Stats(absl::Time now) const;

  absl::StatusOr<std::vector<Event>> EventsAfter(std::int64_t after, int event_count_max) const;
  std::int64_t LastEvent() const { return tables_.committed_seq(); }
  absl::StatusOr<std::vector<DeadLetterGroup>> DeadLetterGroups(int group_count_max) const;
  std::vector<JobId> CancelRequests(const std::string& session) const;
  absl::StatusOr<Artifact> FindArtifact(const std::string& id) const;

 private:
  absl::Time OldestPending(const MemoryLane& lane) const;

  const MemoryTables& tables_;
  const Payloads& payloads_;
};

}  // namespace outlive::internal

#endif  // OUTLIVE_SRC_STORE_MEMORY_READER_H_
