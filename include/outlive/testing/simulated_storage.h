// SimulatedStorage is where the processes of a Simulation keep their jobs: one store that all of
// them share. MemoryStorage is what a Simulation takes unless it is given another one; a storage
// of yours can put your own store in its place, and break it in ways of its own.
//
// Thread-safety: none; a simulation is one thread.
// Lifetime:      outlives the simulation, which outlives every store that it has opened.
#ifndef OUTLIVE_TESTING_SIMULATED_STORAGE_H_
#define OUTLIVE_TESTING_SIMULATED_STORAGE_H_

#include <absl/status/statusor.h>

#include <memory>
#include <string>
#include <vector>

#include "outlive/core/clock.h"
#include "outlive/core/job_store.h"
#include "outlive/core/random.h"

namespace outlive::testing {

class SimulatedStorage {
 public:
  virtual ~SimulatedStorage() = default;

  // What a process gets when it starts; −1 is the simulation itself, which only looks. Clock and
  // random outlive the store. Must not wait and must not start threads, and neither must the
  // store: what it cannot do at once is kUnavailable.
  virtual absl::StatusOr<std::unique_ptr<JobStore>> Open(int process, const Clock& clock,
                                                         RandomSource& random) = 0;

  // The process is gone without a word: whatever its store is asked from now on must have no
  // effect. The store is destroyed after this.
  virtual void Kill(int process) = 0;

  // True where a commit wakes the subscribers of every process. Else the simulation does that.
  virtual bool wakes_all() const = 0;

  // -- What else can go wrong with it. None, by default. -------------------------------------

  // Names of faults, for counting: "disk full". One at a time is in force, until Heal().
  virtual std::vector<std::string> faults() const { return {}; }
  virtual void Strike(const std::string& fault, RandomSource& random);
  virtual void Heal() {}

  // The power goes and comes back. Every process has been killed, and its store is destroyed.
  virtual bool has_power() const { return false; }
  virtual void CutPower() {}

  // Called now and then while nobody is at work; anything but OK ends the simulation as failed.
  virtual absl::Status Check() { return absl::OkStatus(); }
};

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTING_SIMULATED_STORAGE_H_
