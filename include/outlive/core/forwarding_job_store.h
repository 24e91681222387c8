// ForwardingJobStore and ForwardingStoreTransaction hand every call on to another store, so that a
// decorator (one that measures, injects faults, encrypts) overrides only what it changes.
//
//   class CountingStore final : public outlive::ForwardingJobStore {
//    public:
//     using ForwardingJobStore::ForwardingJobStore;
//     absl::StatusOr<outlive::Job> Get(outlive::JobId id) override {
//       ++gets_;
//       return ForwardingJobStore::Get(id);
//     }
//     …
//
// To change what a transaction does, override Begin(), BeginUpkeep() and Join() and wrap what they
// give in a class of your own that derives from ForwardingStoreTransaction.
//
// Thread-safety: as that of the store behind it.
// Lifetime:      the store behind it outlives it; a transaction owns the one behind it.
// Errors:        those of the store behind it.
#ifndef OUTLIVE_CORE_FORWARDING_JOB_STORE_H_
#define OUTLIVE_CORE_FORWARDING_JOB_STORE_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <absl/types/span.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "outlive/core/job_store.h"

namespace outlive {

class ForwardingStoreTransaction : public StoreTransaction {
 public:
  // `inner` is not null.
  explicit ForwardingStoreTransaction(std::unique_ptr<StoreTransaction> inner)
      : inner_(std::move(inner)) {}

  absl::StatusOr<std::vector<absl::StatusOr<Inserted>>> Insert(
      absl::Span<const NewJob> jobs) override {
    return inner_->Insert(jobs);
  }
  absl::StatusOr<ClaimResult> Claim(const ClaimRequest& request) override {
    return inner_->Claim(request);
  }
  absl::StatusOr<std::vector<absl::Status>> Finish(absl::Span<const Finished> finished) override {
    return inner_->Finish(finished);
  }
  absl::StatusOr<std::vector<absl::Status>> Write(absl::Span<const WorkerWrite> writes) override {
    return inner_->Write(writes);
  }
  absl::StatusOr<std::vector<absl::StatusOr<JobState>>> Apply(
      absl::Span<const Change> changes) override {
    return inner_->Apply(changes);
  }
  absl::Status OpenSession(const std::string& session, absl::Duration lease) override {
    return inner_->OpenSession(session, lease);
  }
  absl::Status RenewSession(const std::string& session, absl::Duration lease) override {
    return inner_->RenewSession(session, lease);
  }
  absl::Status CloseSession(const std::string& session) override {
    return inner_->CloseSession(session);
  }
  absl::StatusOr<std::vector<Rescued>> Rescue(const RescueRequest& request) override {
    return inner_->Rescue(request);
  }
  absl::StatusOr<PruneResult> Prune(const PruneRequest& request) override {
    return inner_->Prune(request);
  }
  absl::StatusOr<ReencryptResult> Reencrypt(const ReencryptRequest& request) override {
    return inner_->Reencrypt(request);
  }
  absl::Status SetQueue(const QueueSettings& settings) override {
    return inner_->SetQueue(settings);
  }
  absl::Status Commit() override { return inner_->Commit(); }

 protected:
  StoreTransaction& inner() { return *inner_; }

 private:
  const std::unique_ptr<StoreTransaction> inner_;
};

class ForwardingJobStore : public JobStore {
 public:
  // Borrowed.
  explicit ForwardingJobStore(JobStore& inner) : inner_(inner) {}

  absl::StatusOr<std::unique_ptr<StoreTransaction>> Begin() override { return inner_.Begin(); }
  absl::StatusOr<std::unique_ptr<StoreTransaction>> BeginUpkeep(Upkeep upkeep) override {
    return inner_.BeginUpkeep(upkeep);
  }
  absl::StatusOr<std::unique_ptr<StoreTransaction>> Join(HostTransaction host) override {
    return inner_.Join(host);
  }
  absl::StatusOr<Job> Get(JobId id) override { return inner_.Get(id); }
  absl::StatusOr<std::vector<Job>> List(const JobFilter& filter, const JobPage& page) override {
    return inner_.List(filter, page);
  }
  absl::StatusOr<JobStats> Stats() override { return inner_.Stats(); }
  absl::StatusOr<std::vector<Event>> EventsAfter(std::int64_t after, int event_count_max) override {
    return inner_.EventsAfter(after, event_count_max);
  }
  absl::StatusOr<std::int64_t> LastEvent() override { return inner_.LastEvent(); }
  absl::StatusOr<std::vector<DeadLetterGroup>> DeadLetterGroups(int group_count_max) override {
    return inner_.DeadLetterGroups(group_count_max);
  }
  absl::StatusOr<std::vector<JobId>> CancelRequests(const std::string& session) override {
    return inner_.CancelRequests(session);
  }
  absl::StatusOr<Artifact> FindArtifact(const std::string& id) override {
    return inner_.FindArtifact(id);
  }
  absl::Status Check(absl::Duration deadline) override { return inner_.Check(deadline); }
  std::unique_ptr<Subscription> Subscribe(std::function<void(WakeHint)> on_wake) override {
    return inner_.Subscribe(std::move(on_wake));
  }
  const StoreInfo& info() const override { return inner_.info(); }
  const Clock& clock() const override { return inner_.clock(); }
  StoreCopy* copy() override { return inner_.copy(); }

 protected:
  JobStore& inner() { return inner_; }

 private:
  JobStore& inner_;
};

}  // namespace outlive

#endif  // OUTLIVE_CORE_FORWARDING_JOB_STORE_H_
