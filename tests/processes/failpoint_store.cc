#include "tests/processes/failpoint_store.h"

#include <string>
#include <utility>

namespace outlive::testing {
namespace {

// Does a call between its two failpoints.
template <class Call>
auto Around(Failpoints& failpoints, const std::string& name, Call call) {
  failpoints.Reach(name + ".before");
  auto result = call();
  failpoints.Reach(name + ".after");
  return result;
}

// Before the transaction among the bases: released when that is gone.
struct Entered {
  std::shared_lock<std::shared_mutex> entered;
};

class FailpointTransaction final : private Entered, public ForwardingStoreTransaction {
 public:
  FailpointTransaction(std::unique_ptr<StoreTransaction> inner, Failpoints& failpoints,
                       std::shared_lock<std::shared_mutex> lock)
      : Entered{std::move(lock)},
        ForwardingStoreTransaction(std::move(inner)),
        failpoints_(failpoints) {}

  absl::StatusOr<std::vector<absl::StatusOr<Inserted>>> Insert(
      absl::Span<const NewJob> jobs) override {
    return Around(failpoints_, "insert", [&] { return inner().Insert(jobs); });
  }
  absl::StatusOr<ClaimResult> Claim(const ClaimRequest& request) override {
    return Around(failpoints_, "claim", [&] { return inner().Claim(request); });
  }
  absl::StatusOr<std::vector<absl::Status>> Finish(absl::Span<const Finished> finished) override {
    return Around(failpoints_, "finish", [&] { return inner().Finish(finished); });
  }
  absl::StatusOr<std::vector<absl::Status>> Write(absl::Span<const WorkerWrite> writes) override {
    return Around(failpoints_, "write", [&] { return inner().Write(writes); });
  }
  absl::StatusOr<std::vector<absl::StatusOr<JobState>>> Apply(
      absl::Span<const Change> changes) override {
    return Around(failpoints_, "apply", [&] { return inner().Apply(changes); });
  }
  absl::Status OpenSession(const std::string& session, absl::Duration lease) override {
    return Around(failpoints_, "open_session", [&] { return inner().OpenSession(session, lease); });
  }
  absl::Status RenewSession(const std::string& session, absl::Duration lease) override {
    return Around(failpoints_, "renew_session",
                  [&] { return inner().RenewSession(session, lease); });
  }
  absl::Status CloseSession(const std::string& session) override {
    return Around(failpoints_, "close_session", [&] { return inner().CloseSession(session); });
  }
  absl::StatusOr<std::vector<Rescued>> Rescue(const RescueRequest& request) override {
    return Around(failpoints_, "rescue", [&] { return inner().Rescue(request); });
  }
  absl::StatusOr<PruneResult> Prune(const PruneRequest& request) override {
    return Around(failpoints_, "prune", [&] { return inner().Prune(request); });
  }
  absl::Status Commit() override {
    return Around(failpoints_, "commit", [&] { return inner().Commit(); });
  }

 private:
  Failpoints& failpoints_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<StoreTransaction>> FailpointStore::Begin() {
  auto entered = failpoints_.EnterTransaction();
  auto transaction = Around(failpoints_, "begin", [&] { return inner().Begin(); });
  if (!transaction.ok()) return transaction;
  return std::make_unique<FailpointTransaction>(*std::move(transaction), failpoints_,
                                                std::move(entered));
}

absl::StatusOr<std::unique_ptr<StoreTransaction>> FailpointStore::BeginUpkeep(Upkeep upkeep) {
  auto entered = failpoints_.EnterTransaction();
  auto transaction = Around(failpoints_, "begin", [&] { return inner().BeginUpkeep(upkeep); });
  if (!transaction.ok()) return transaction;
  return std::make_unique<FailpointTransaction>(*std::move(transaction), failpoints_,
                                                std::move(entered));
}

absl::StatusOr<std::unique_ptr<StoreTransaction>> FailpointStore::Join(HostTransaction host) {
  auto entered = failpoints_.EnterTransaction();
  auto transaction = Around(failpoints_, "join", [&] { return inner().Join(host); });
  if (!transaction.ok()) return transaction;
  return std::make_unique<FailpointTransaction>(*std::move(transaction), failpoints_,
                                                std::move(entered));
}

}  // namespace outlive::testing
