// CheckedRun makes several processes work on one store for a while, all on one thread and a
// virtual clock, with everything that can happen to them chosen by a seed: pauses longer than a
// lease, deaths in the middle of a job, retries, cancels, keys. Client, Runner and GroupCommit are
// the real ones. What was seen of it goes to CheckRun().
//
// A process dies by being cut off: its store refuses everything from then on, and its history ends.
#ifndef OUTLIVE_TESTS_TESTING_CHECKED_RUN_H_
#define OUTLIVE_TESTS_TESTING_CHECKED_RUN_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "outlive/core/random.h"
#include "outlive/engine/runner.h"
#include "outlive/store/memory_store.h"
#include "outlive/testing/checker.h"
#include "outlive/testing/history.h"
#include "outlive/testing/recording_client.h"
#include "outlive/testing/seeded_random.h"
#include "outlive/testing/virtual_clock.h"

namespace outlive::testing {

// A sink outside the store that refuses fences lower than one it has seen.
class FencedSink {
 public:
  bool Accept(JobId job, std::int64_t fence);
  const std::vector<Effect>& accepted() const { return accepted_; }

 private:
  std::map<JobId, std::int64_t> highest_;
  std::vector<Effect> accepted_;
};

// What goes between the processes and the store: null is nothing.
using Breaker = std::function<std::unique_ptr<JobStore>(JobStore& store)>;

struct CheckedRunOptions {
  std::uint64_t seed = 1;
  int step_count = 150;
  Breaker breaker = {};
  RandomSource* engine_random = nullptr;  // Null: the run's own.
};

class CheckedRun {
 public:
  explicit CheckedRun(const CheckedRunOptions& options);
  ~CheckedRun();
  CheckedRun(const CheckedRun&) = delete;
  CheckedRun& operator=(const CheckedRun&) = delete;

  // The whole run: with faults, then without until it is drained. Once.
  CheckReport Run();

  // What the run promises of itself.
  static CheckOptions Options();

 private:
  class Process;

  void Step();
  void Enqueue();
  void Change();
  void TakeTurn(Process& process);
  void Revive();
  void Drain();
  Outcome Work(Process& process, JobContext& job);
  void Meddle(Process& process, JobContext& job);
  Outcome End(JobContext& job);

  const CheckedRunOptions options_;
  SeededRandom random_;
  VirtualClock clock_;
  MemoryStore store_;
  std::unique_ptr<JobStore> broken_;  // Null: none.
  MemoryHistory history_;
  FencedSink sink_;
  std::vector<std::unique_ptr<Process>> processes_;
  std::vector<JobId> known_;  // Acknowledged.
  int incarnation_ = 0;
  int request_ = 0;
  int depth_ = 0;  // Of turns inside one another.
  bool quiet_ = false;
};

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTS_TESTING_CHECKED_RUN_H_
