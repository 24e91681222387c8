// MirrorStorage replays a simulation on two stores: on the in-memory one, whose results the
// simulated processes see, and on a store under test, whose results must be the same, call by call
// and in everything that can be read. What the contract leaves open (how ids and fences are
// numbered) is translated.
//
// So the store under test meets what real engines ask for in bad weather: interrupted transactions,
// stale leases, repeats, clock steps; and none of its own faults.
//
// Thread-safety: none, as SimulatedStorage.
// Lifetime:      outlives the simulation.
#ifndef OUTLIVE_TESTS_POSTGRES_MIRROR_STORAGE_H_
#define OUTLIVE_TESTS_POSTGRES_MIRROR_STORAGE_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "outlive/core/job_store.h"
#include "outlive/store/memory_store.h"
#include "outlive/testing/simulated_storage.h"

namespace outlive::testing {

// What is the same under two numbers, and the first difference that was seen.
class Mirror {
 public:
  Mirror(JobStore& model, JobStore& tested) : model_(model), tested_(tested) {}

  JobStore& model() { return model_; }
  JobStore& tested() { return tested_; }

  // A number that nothing is known of stays as it is, far away from those that are known.
  JobId Tested(JobId model) const;
  Lease Tested(const Lease& model) const;

  // The place in the tested store's ids that is where `model` is in the model's.
  JobId TestedBound(JobId model) const;

  void Learn(JobId model, JobId tested) { ids_[model] = tested; }
  void Learn(const Lease& model, const Lease& tested) {
    fences_[{model.job, model.fence}] = tested.fence;
  }

  // What a job is called, whichever store it is from.
  std::string NameOfTested(JobId tested) const;
  std::string NameOfModel(JobId model) const;

  // Both must be the same; else the run has failed.
  void Same(const std::string& what, const std::string& model, const std::string& tested);
  void Same(const std::string& what, const absl::Status& model, const absl::Status& tested);

  // Reads what is new in both logs, and learns the ids of new jobs.
  void ReadEvents();

  // Compares everything that can be read.
  void CompareAll();

  int call_count() const { return call_count_; }
  absl::Status status() const;

 private:
  JobStore& model_;
  JobStore& tested_;
  std::map<JobId, JobId> ids_;
  std::map<std::pair<JobId, std::int64_t>, std::int64_t> fences_;
  std::int64_t model_event_ = 0;
  std::int64_t tested_event_ = 0;
  std::string difference_;
  int call_count_ = 0;
};

class MirrorStorage final : public SimulatedStorage {
 public:
  // Makes the store under test; called once.
  using Make = std::function<absl::StatusOr<std::unique_ptr<JobStore>>(const Clock& clock,
                                                                       RandomSource& random)>;
  explicit MirrorStorage(Make make) : make_(std::move(make)) {}

  absl::StatusOr<std::unique_ptr<JobStore>> Open(int process, const Clock& clock,
                                                 RandomSource& random) override;
  void Kill(int) override {}
  bool wakes_all() const override { return true; }
  absl::Status Check() override;

  int call_count() const { return mirror_ == nullptr ? 0 : mirror_->call_count(); }

 private:
  const Make make_;
  std::unique_ptr<MemoryStore> model_;
  std::unique_ptr<JobStore> tested_;
  std::unique_ptr<Mirror> mirror_;
};

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTS_POSTGRES_MIRROR_STORAGE_H_
