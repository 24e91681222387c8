#include "outlive/core/forwarding_job_store.h"

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "outlive/core/clock.h"

namespace {

using outlive::ForwardingJobStore;
using outlive::ForwardingStoreTransaction;
using outlive::JobStore;
using outlive::StoreTransaction;

// What was called, with what, in order. Every call fails with its name, so that what comes back can
// be told apart.
struct Calls {
  std::vector<std::string> names;

  absl::Status Note(std::string name) {
    names.push_back(name);
    return absl::InternalError(std::move(name));
  }
};

class FakeTransaction final : public StoreTransaction {
 public:
  explicit FakeTransaction(Calls& calls) : calls_(calls) {}
  ~FakeTransaction() override { calls_.names.push_back("~"); }

  absl::StatusOr<std::vector<absl::StatusOr<outlive::Inserted>>> Insert(
      absl::Span<const outlive::NewJob> jobs) override {
    return calls_.Note("Insert " + jobs.at(0).kind);
  }
  absl::StatusOr<outlive::ClaimResult> Claim(const outlive::ClaimRequest& request) override {
    return calls_.Note("Claim " + request.session);
  }
  absl::StatusOr<std::vector<absl::Status>> Finish(
      absl::Span<const outlive::Finished> finished) override {
    return calls_.Note("Finish " + finished.at(0).output);
  }
  absl::StatusOr<std::vector<absl::Status>> Write(
      absl::Span<const outlive::WorkerWrite> writes) override {
    return calls_.Note("Write " + writes.at(0).checkpoint.value_or(""));
  }
  absl::StatusOr<std::vector<absl::StatusOr<outlive::JobState>>> Apply(
      absl::Span<const outlive::Change> changes) override {
    return calls_.Note("Apply " + changes.at(0).reason);
  }
  absl::Status OpenSession(const std::string& session, absl::Duration lease) override {
    return calls_.Note("OpenSession " + session + " " + absl::FormatDuration(lease));
  }
  absl::Status RenewSession(const std::string& session, absl::Duration lease) override {
    return calls_.Note("RenewSession " + session + " " + absl::FormatDuration(lease));
  }
  absl::Status CloseSession(const std::string& session) override {
    return calls_.Note("CloseSession " + session);
  }
  absl::StatusOr<std::vector<outlive::Rescued>> Rescue(
      const outlive::RescueRequest& request) override {
    return calls_.Note("Rescue " + std::to_string(request.job_count_max));
  }
  absl::StatusOr<outlive::PruneResult> Prune(const outlive::PruneRequest& request) override {
    return calls_.Note("Prune " + std::to_string(request.row_count_max));
  }
  absl::StatusOr<outlive::ReencryptResult> Reencrypt(
      const outlive::ReencryptRequest& request) override {
    return calls_.Note("Reencrypt " + std::to_string(request.after));
  }
  absl::Status SetQueue(const outlive::QueueSettings& settings) override {
    return calls_.Note("SetQueue " + settings.queue);
  }
  absl::Status Commit() override { return calls_.Note("Commit"); }

 private:
  Calls& calls_;
};

class FakeStore final : public JobStore {
 public:
  explicit FakeStore(Calls& calls) : calls_(calls) { info_.name = "fake"; }

  absl::StatusOr<std::unique_ptr<StoreTransaction>> Begin() override {
    calls_.names.push_back("Begin");
    return std::make_unique<FakeTransaction>(calls_);
  }
  absl::StatusOr<std::unique_ptr<StoreTransaction>> BeginUpkeep(outlive::Upkeep upkeep) override {
    return calls_.Note(upkeep == outlive::Upkeep::kSweep ? "BeginUpkeep sweep" : "BeginUpkeep");
  }
  absl::StatusOr<std::unique_ptr<StoreTransaction>> Join(outlive::HostTransaction host) override {
    return calls_.Note(host.sqlite() == nullptr ? "Join" : "Join sqlite");
  }
  absl::StatusOr<outlive::Job> Get(outlive::JobId id) override {
    return calls_.Note("Get " + std::to_string(id));
  }
  absl::StatusOr<std::vector<outlive::Job>> List(const outlive::JobFilter& filter,
                                                 const outlive::JobPage& page) override {
    return calls_.Note("List " + filter.kind + " " + std::to_string(page.before));
  }
  absl::StatusOr<outlive::JobStats> Stats() override { return calls_.Note("Stats"); }
  absl::StatusOr<std::vector<outlive::Event>> EventsAfter(std::int64_t after,
                                                          int event_count_max) override {
    return calls_.Note("EventsAfter " + std::to_string(after) + " " +
                       std::to_string(event_count_max));
  }
  absl::StatusOr<std::int64_t> LastEvent() override { return calls_.Note("LastEvent"); }
  absl::StatusOr<std::vector<outlive::DeadLetterGroup>> DeadLetterGroups(
      int group_count_max) override {
    return calls_.Note("DeadLetterGroups " + std::to_string(group_count_max));
  }
  absl::StatusOr<std::vector<outlive::JobId>> CancelRequests(const std::string& session) override {
    return calls_.Note("CancelRequests " + session);
  }
  absl::StatusOr<outlive::Artifact> FindArtifact(const std::string& id) override {
    return calls_.Note("FindArtifact " + id);
  }
  absl::Status Check(absl::Duration deadline) override {
    return calls_.Note("Check " + absl::FormatDuration(deadline));
  }
  std::unique_ptr<outlive::Subscription> Subscribe(
      std::function<void(outlive::WakeHint)> on_wake) override {
    calls_.names.push_back("Subscribe");
    on_wake({.work = true});
    return nullptr;
  }
  const outlive::StoreInfo& info() const override { return info_; }
  const outlive::Clock& clock() const override { return clock_; }

 private:
  Calls& calls_;
  outlive::StoreInfo info_;
  outlive::SystemClock clock_;
};

// A decorator as somebody would write it: one method of the store, one of its transactions.
class SecondThoughts final : public ForwardingStoreTransaction {
 public:
  using ForwardingStoreTransaction::ForwardingStoreTransaction;
  absl::Status Commit() override { return absl::UnavailableError("second thoughts"); }
};

class DecoratedStore final : public ForwardingJobStore {
 public:
  using ForwardingJobStore::ForwardingJobStore;
  absl::StatusOr<std::unique_ptr<StoreTransaction>> Begin() override {
    absl::StatusOr<std::unique_ptr<StoreTransaction>> transaction = inner().Begin();
    if (!transaction.ok()) return transaction.status();
    return std::make_unique<SecondThoughts>(*std::move(transaction));
  }
};

// The name of a call, as its failure says it.
std::string Said(const absl::Status& status) {
  CHECK(status.code() == absl::StatusCode::kInternal);
  return std::string(status.message());
}

TEST_CASE("every call to a store is handed on with its arguments, and its answer comes back") {
  Calls calls;
  FakeStore inner(calls);
  ForwardingJobStore store(inner);
  int database = 0;
  std::vector<std::string> said;
  said.push_back(Said(store.BeginUpkeep(outlive::Upkeep::kSweep).status()));
  said.push_back(Said(store.Join(reinterpret_cast<sqlite3*>(&database)).status()));
  said.push_back(Said(store.Get(7).status()));
  outlive::JobFilter filter;
  filter.kind = "k";
  said.push_back(Said(store.List(filter, {.before = 9}).status()));
  said.push_back(Said(store.Stats().status()));
  said.push_back(Said(store.EventsAfter(3, 5).status()));
  said.push_back(Said(store.LastEvent().status()));
  said.push_back(Said(store.DeadLetterGroups(4).status()));
  said.push_back(Said(store.CancelRequests("s").status()));
  said.push_back(Said(store.FindArtifact("id").status()));
  said.push_back(Said(store.Check(absl::Seconds(2))));
  CHECK(said == std::vector<std::string>{"BeginUpkeep sweep", "Join sqlite", "Get 7", "List k 9",
                                         "Stats", "EventsAfter 3 5", "LastEvent",
                                         "DeadLetterGroups 4", "CancelRequests s",
                                         "FindArtifact id", "Check 2s"});
  CHECK(calls.names == said);
  bool woken = false;
  CHECK(store.Subscribe([&](outlive::WakeHint hint) { woken = hint.work; }) == nullptr);
  CHECK(woken);
  CHECK(&store.info() == &inner.info());
  CHECK(&store.clock() == &inner.clock());
}

TEST_CASE("every call to a transaction is handed on, and destroying it destroys the one behind") {
  Calls calls;
  FakeStore inner(calls);
  ForwardingJobStore store(inner);
  std::vector<std::string> said;
  {
    ForwardingStoreTransaction transaction(store.Begin().value());
    outlive::NewJob job;
    job.kind = "k";
    said.push_back(Said(transaction.Insert({job}).status()));
    outlive::ClaimRequest claim;
    claim.session = "s";
    said.push_back(Said(transaction.Claim(claim).status()));
    outlive::Finished finished;
    finished.output = "o";
    said.push_back(Said(transaction.Finish({finished}).status()));
    outlive::WorkerWrite write;
    write.checkpoint = "c";
    said.push_back(Said(transaction.Write({write}).status()));
    outlive::Change change;
    change.reason = "r";
    said.push_back(Said(transaction.Apply({change}).status()));
    said.push_back(Said(transaction.OpenSession("s", absl::Seconds(1))));
    said.push_back(Said(transaction.RenewSession("s", absl::Seconds(2))));
    said.push_back(Said(transaction.CloseSession("s")));
    outlive::RescueRequest rescue;
    rescue.job_count_max = 8;
    said.push_back(Said(transaction.Rescue(rescue).status()));
    outlive::PruneRequest prune;
    prune.row_count_max = 6;
    said.push_back(Said(transaction.Prune(prune).status()));
    outlive::ReencryptRequest reencrypt;
    reencrypt.after = 5;
    said.push_back(Said(transaction.Reencrypt(reencrypt).status()));
    outlive::QueueSettings settings;
    settings.queue = "q";
    said.push_back(Said(transaction.SetQueue(settings)));
    said.push_back(Said(transaction.Commit()));
  }
  CHECK(said == std::vector<std::string>{"Insert k", "Claim s", "Finish o", "Write c", "Apply r",
                                         "OpenSession s 1s", "RenewSession s 2s", "CloseSession s",
                                         "Rescue 8", "Prune 6", "Reencrypt 5", "SetQueue q",
                                         "Commit"});
  std::vector<std::string> expected = said;
  expected.insert(expected.begin(), "Begin");
  expected.push_back("~");
  CHECK(calls.names == expected);
}

TEST_CASE("a decorator changes only what it overrides") {
  Calls calls;
  FakeStore inner(calls);
  DecoratedStore store(inner);
  const std::unique_ptr<StoreTransaction> transaction = store.Begin().value();
  CHECK(transaction->Commit() == absl::UnavailableError("second thoughts"));
  CHECK(Said(transaction->CloseSession("s")) == "CloseSession s");
  CHECK(calls.names == std::vector<std::string>{"Begin", "CloseSession s"});
  CHECK(Said(store.Get(1).status()) == "Get 1");
}

}  // namespace
