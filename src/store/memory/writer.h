// What a transaction of the in-memory store does: StoreTransaction's methods over MemoryTables,
// without its locks and its beginning and end.
//
// Thread-safety: none; the store's lock is around every call.
// Errors:        as StoreTransaction says.
#ifndef OUTLIVE_SRC_STORE_MEMORY_WRITER_H_
#define OUTLIVE_SRC_STORE_MEMORY_WRITER_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/types/span.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "outlive/core/job_store.h"
#include "outlive/core/payloads.h"
#include "store/memory/tables.h"

namespace outlive::internal {

class MemoryWriter {
 public:
  // Sets in `hint` what to wake subscribers for, but for `changed`. All outlive the writer, which
  // is for one call.
  MemoryWriter(MemoryTables& tables, WakeHint& hint, const Payloads& payloads)
      : tables_(tables), hint_(hint), payloads_(payloads) {}

  absl::StatusOr<std::vector<absl::StatusOr<Inserted>>> Insert(absl::Span<const NewJob> jobs);
  absl::StatusOr<ClaimResult> Claim(const ClaimRequest& request);
  absl::StatusOr<std::vector<absl::Status>> Finish(absl::Span<const Finished> finished);
  absl::StatusOr<std::vector<absl::Status>> Write(absl::Span<const WorkerWrite> writes);
  absl::StatusOr<std::vector<absl::StatusOr<JobState>>> Apply(absl::Span<const Change> changes);
  absl::Status OpenSession(const std::string& session, absl::Duration lease);
  absl::Status RenewSession(const std::string& session, absl::Duration lease);
  absl::Status CloseSession(const std::string& session);
  absl::StatusOr<std::vector<Rescued>> Rescue(const RescueRequest& request);
  absl::StatusOr<PruneResult> Prune(const PruneRequest& request);
  absl::StatusOr<ReencryptResult> Reencrypt(const ReencryptRequest& request);
  absl::Status SetQueue(const QueueSettings& settings);

 private:
  // A due job, and which of the request's kinds it is.
  struct Due {
    MemoryRecord* record = nullptr;
    std::size_t kind = 0;
  };
  using Lanes = std::vector<std::pair<MemoryLane*, std::size_t>>;  // With the index of the kind.

  absl::StatusOr<Inserted> InsertOne(const NewJob& job);
  Lanes LanesOf(const QueueClaim& queue, const std::vector<std::string>& kinds);
  std::vector<Due> FindDue(const Lanes& lanes, std::size_t count_max) const;
  absl::Time NextRunAt(const Lanes& lanes) const;
  ClaimedJob ClaimOne(MemoryRecord& record, MemorySession& session);
  absl::Status FinishOne(const Finished& finished);
  absl::Status WriteOne(const WorkerWrite& write);
  absl::Status AddArtifact(MemoryRecord& record, Artifact artifact);
  absl::StatusOr<JobState> ApplyOne(const Change& change);
  absl::StatusOr<JobState> Cancel(MemoryRecord& record, const std::string& reason);
  absl::StatusOr<JobState> Requeue(MemoryRecord& record, absl::Duration delay);
  absl::StatusOr<JobState> Discard(MemoryRecord& record);
  Rescued RescueOne(MemoryRecord& record, const RescueRequest& request);
  int PruneJobs(const PruneRequest& request);

  // The job has moved: its event, its follow-ups where it has ended (with `output`), and whom to
  // wake.
  void AfterMove(MemoryRecord& record, EventType event, const std::string& output = {});
  void InsertFollowUps(MemoryRecord& record, const std::string& output);

  // What to keep of a payload. Where the cipher fails, so does the call: Sealed().
  std::string Keep(JobId job, PayloadField field, std::string_view plain);
  std::string KeepFollowUps(JobId job, const std::vector<FollowUp>& follow_ups);
  MemoryRecord& AddJob(const NewJob& job);

  // `result`, unless a payload could not be sealed.
  template <class Result>
  Result Sealed(Result result) const {
    return sealing_.ok() ? std::move(result) : Result(sealing_);
  }

  absl::Status RenewOne(MemoryRecord& record, ReencryptResult& result, std::size_t& bytes);

  absl::Time now() const { return absl::FromUnixMicros(tables_.now()); }
  Micros In(absl::Duration delay) const { return absl::ToUnixMicros(now() + delay); }

  MemoryTables& tables_;
  WakeHint& hint_;
  const Payloads& payloads_;
  absl::Status sealing_;
};

}  // namespace outlive::internal

#endif  // OUTLIVE_SRC_STORE_MEMORY_WRITER_H_
