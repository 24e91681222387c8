// That MirrorStorage finds what it is there for: stores that are nearly right.
#include <doctest/doctest.h>

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "outlive/core/forwarding_job_store.h"
#include "outlive/testing/simulation.h"
#include "tests/postgres/mirror_storage.h"
#include "tests/simulation/scenario.h"

namespace outlive::testing {
namespace {

constexpr std::uint64_t kSeedCount = 10;

enum class Fault {
  kNone,
  kDelayDropped,     // A retry is due at once.
  kSessionLonger,    // A renewed session lives half a lease longer.
  kRescueLater,      // A rescued job is due a microsecond later.
  kCheckpointLost,   // A checkpoint is not written.
  kCommitPretended,  // A commit in so many is none.
};

class FaultyTransaction final : public ForwardingStoreTransaction {
 public:
  FaultyTransaction(std::unique_ptr<StoreTransaction> inner, Fault fault, int number)
      : ForwardingStoreTransaction(std::move(inner)), fault_(fault), number_(number) {}

  absl::StatusOr<std::vector<absl::Status>> Finish(absl::Span<const Finished> finished) override {
    std::vector<Finished> changed(finished.begin(), finished.end());
    for (Finished& one : changed) {
      if (fault_ == Fault::kDelayDropped) one.delay = absl::ZeroDuration();
    }
    return inner().Finish(changed);
  }
  absl::Status RenewSession(const std::string& session, absl::Duration lease) override {
    if (fault_ == Fault::kSessionLonger) lease *= 1.5;
    return inner().RenewSession(session, lease);
  }
  absl::StatusOr<std::vector<Rescued>> Rescue(const RescueRequest& request) override {
    RescueRequest changed = request;
    if (fault_ == Fault::kRescueLater) changed.delay += absl::Microseconds(1);
    return inner().Rescue(changed);
  }
  absl::StatusOr<std::vector<absl::Status>> Write(absl::Span<const WorkerWrite> writes) override {
    std::vector<WorkerWrite> changed(writes.begin(), writes.end());
    for (WorkerWrite& one : changed) {
      if (fault_ == Fault::kCheckpointLost) one.checkpoint.reset();
    }
    return inner().Write(changed);
  }
  absl::Status Commit() override {
    if (fault_ == Fault::kCommitPretended && number_ % 50 == 0) return absl::OkStatus();
    return inner().Commit();
  }

 private:
  const Fault fault_;
  const int number_;
};

class FaultyStore final : public ForwardingJobStore {
 public:
  FaultyStore(std::unique_ptr<JobStore> inner, Fault fault)
      : ForwardingJobStore(*inner), owned_(std::move(inner)), fault_(fault) {}

  absl::StatusOr<std::unique_ptr<StoreTransaction>> Begin() override {
    auto transaction = inner().Begin();
    if (!transaction.ok()) return transaction;
    return std::make_unique<FaultyTransaction>(*std::move(transaction), fault_, ++count_);
  }
  absl::StatusOr<std::unique_ptr<StoreTransaction>> BeginUpkeep(Upkeep) override { return Begin(); }

 private:
  const std::unique_ptr<JobStore> owned_;
  const Fault fault_;
  int count_ = 0;
};

// The first report that is not OK, or the last one.
SimulationReport Replay(Fault fault, int* call_count = nullptr) {
  SimulationReport report;
  for (std::uint64_t seed = 1; seed <= kSeedCount; ++seed) {
    MirrorStorage storage([fault](const Clock& clock, RandomSource& random) {
      return std::make_unique<FaultyStore>(
          MemoryStore::Create({.clock = &clock, .random = &random}), fault);
    });
    report = simulation::Scenario(seed, &storage).Run();
    if (call_count != nullptr) *call_count += storage.call_count();
    if (!report.ok()) break;
  }
  return report;
}

TEST_CASE("a store that does as the model does passes") {
  int call_count = 0;
  const SimulationReport report = Replay(Fault::kNone, &call_count);
  CHECK_MESSAGE(report.ok(), report.ToString());
  CHECK(call_count > 5'000);
}

TEST_CASE("stores that are nearly right are found out") {
  for (const Fault fault : {Fault::kDelayDropped, Fault::kSessionLonger, Fault::kRescueLater,
                            Fault::kCheckpointLost, Fault::kCommitPretended}) {
    CAPTURE(static_cast<int>(fault));
    CHECK_FALSE(Replay(fault).status.ok());
  }
}

}  // namespace
}  // namespace outlive::testing
