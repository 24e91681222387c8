// A store that fails where the test says. Survivable are: errors of Begin(), errors of Commit()
// before and after it has worked, single ends that are refused, and sessions that are not renewed.
#ifndef OUTLIVE_TESTS_ENGINE_FAULTY_STORE_H_
#define OUTLIVE_TESTS_ENGINE_FAULTY_STORE_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "outlive/core/forwarding_job_store.h"

namespace outlive::tests {

// What has been asked of a transaction.
struct Asked {
  bool insert = false;
  bool claim = false;
  bool claim_after_insert = false;
  bool finish = false;
  bool renew = false;
};

// Each is called where it is set, and decides: OK goes on. Any thread of the runner calls them.
struct StoreFaults {
  std::function<absl::Status()> begin = {};
  std::function<absl::Status(const Asked&)> before_commit = {};  // Nothing is committed.
  std::function<absl::Status(const Asked&)> after_commit = {};   // It is committed all the same.
  std::function<absl::Status(const Finished&)> finish = {};      // For one end alone.
  std::function<absl::Status()> renew = {};
  std::function<absl::Status()> cancel_requests = {};
};

class FaultyStore final : public ForwardingJobStore {
 public:
  using ForwardingJobStore::ForwardingJobStore;

  absl::StatusOr<std::unique_ptr<StoreTransaction>> Begin() override {
    if (absl::Status fault = faults.begin ? faults.begin() : absl::OkStatus(); !fault.ok()) {
      return fault;
    }
    auto begun = ForwardingJobStore::Begin();
    if (!begun.ok()) return begun.status();
    return std::make_unique<Transaction>(*std::move(begun), faults);
  }
  absl::StatusOr<std::unique_ptr<StoreTransaction>> BeginUpkeep(Upkeep) override { return Begin(); }

  absl::StatusOr<std::vector<JobId>> CancelRequests(const std::string& session) override {
    const absl::Status fault = faults.cancel_requests ? faults.cancel_requests() : absl::OkStatus();
    if (!fault.ok()) return fault;
    return ForwardingJobStore::CancelRequests(session);
  }

  StoreFaults faults;

 private:
  class Transaction final : public ForwardingStoreTransaction {
   public:
    Transaction(std::unique_ptr<StoreTransaction> inner, const StoreFaults& faults)
        : ForwardingStoreTransaction(std::move(inner)), faults_(faults) {}

    absl::StatusOr<std::vector<absl::StatusOr<Inserted>>> Insert(
        absl::Span<const NewJob> jobs) override {
      asked_.insert = true;
      return ForwardingStoreTransaction::Insert(jobs);
    }
    absl::StatusOr<ClaimResult> Claim(const ClaimRequest& request) override {
      asked_.claim = true;
      asked_.claim_after_insert = asked_.insert;
      return ForwardingStoreTransaction::Claim(request);
    }
    absl::StatusOr<std::vector<absl::Status>> Finish(absl::Span<const Finished> finished) override {
      asked_.finish = true;
      if (!faults_.finish) return ForwardingStoreTransaction::Finish(finished);
      std::vector<absl::Status> results;
      for (const Finished& one : finished) {
        absl::Status result = faults_.finish(one);
        if (result.ok()) {
          auto ended = ForwardingStoreTransaction::Finish(absl::MakeConstSpan(&one, 1));
          if (!ended.ok()) return ended.status();
          result = ended->front();
        }
        results.push_back(std::move(result));
      }
      return results;
    }
    absl::Status RenewSession(const std::string& session, absl::Duration lease) override {
      asked_.renew = true;
      const absl::Status fault = faults_.renew ? faults_.renew() : absl::OkStatus();
      return fault.ok() ? ForwardingStoreTransaction::RenewSession(session, lease) : fault;
    }
    absl::Status Commit() override {
      absl::Status fault = faults_.before_commit ? faults_.before_commit(asked_) : absl::OkStatus();
      if (!fault.ok()) return fault;
      absl::Status committed = ForwardingStoreTransaction::Commit();
      if (!committed.ok() || !faults_.after_commit) return committed;
      return faults_.after_commit(asked_);
    }

   private:
    const StoreFaults& faults_;
    Asked asked_;
  };
};

}  // namespace outlive::tests

#endif  // OUTLIVE_TESTS_ENGINE_FAULTY_STORE_H_
