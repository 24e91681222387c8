// World is what the processes of a simulation share: time, chance, the store's lock, and what has
// happened. It decides what happens next.
//
// Thread-safety: none.
#ifndef OUTLIVE_SRC_TESTING_SIMULATION_WORLD_H_
#define OUTLIVE_SRC_TESTING_SIMULATION_WORLD_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "outlive/testing/history.h"
#include "outlive/testing/seeded_random.h"
#include "outlive/testing/simulation.h"
#include "outlive/testing/virtual_clock.h"
#include "testing/memory_storage.h"
#include "testing/weather.h"

namespace outlive::testing::internal {

class ProcessLife;

class World {
 public:
  // The number of the simulation itself, as a process of the storage's.
  static constexpr int kObserver = -1;

  explicit World(SimulationOptions options);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  SimulationReport Run();

  // What the user has given.
  std::function<void(SimulatedProcess&)> on_start;
  std::function<void(SimulatedProcess&)> on_request;
  std::function<void(SimulatedProcess&)> on_calm;
  std::function<void(RunRecord&)> on_judge;

  // -- For the processes -----------------------------------------------------------------------

  const SimulationOptions& options() const { return options_; }
  const Weather& weather() const { return weather_; }
  bool faults_are_on() const { return faults_are_on_; }
  VirtualClock& clock() { return clock_; }
  SeededRandom& random() { return random_; }
  SimulatedStorage& storage() { return *storage_; }
  MemoryHistory& history() { return history_; }
  absl::Duration now() const { return clock_.SinceBoot(); }

  // A line of the trace. `who` is a process's name, or empty.
  void Note(std::string_view who, std::string_view what);
  void Count(const std::string& what) { ++counts_[what]; }

  // Everything is refused now to this process.
  bool IsDown(int process) const;

  // Who is in a transaction; nullptr: nobody.
  const ProcessLife* holder() const { return holder_; }
  void SetHolder(const ProcessLife* holder) { holder_ = holder; }

  // A commit of `by` wakes subscribers: its own, or all of them.
  void OnHint(ProcessLife& by, WakeHint hint);

  // True: the sink outside takes an effect of the job's attempt with this fence.
  bool TakeEffect(JobId job, std::int64_t fence);

  // The run has failed: it ends with this step. What was thrown is thrown by Run(), too.
  void Fail(absl::Status status);
  void FailWith(std::exception_ptr thrown);

 private:
  struct Slot {
    std::unique_ptr<ProcessLife> life;  // Null: not running.
    int start_count = 0;
    absl::Duration start_at = absl::ZeroDuration();  // While it is not running.
  };

  absl::Status Validate() const;
  void RunUntil(absl::Duration until, const std::function<bool()>& done);
  bool Step(absl::Duration until);
  void AdvanceTo(absl::Duration when);
  absl::Duration NextMoment() const;
  void StartProcess(Slot& slot, int number);
  absl::Duration NextStart();
  void SendRequest();
  void Kill(Slot& slot, std::string_view how);
  void EndLives();
  void Calm();
  void Drain();
  bool IsDrained();
  void StopAll();
  void CollectEvents();
  void Judge(SimulationReport& report);
  absl::Status CheckStats(const std::vector<Job>& jobs);

  // -- Events: what goes wrong with processes and machine ----------------------------------------
  using Event = void (World::*)();
  void DrawEvents();
  void Strike();
  void KillOne();
  void StopOne();
  void PauseOne();
  void Suspend();
  void StepClock();
  void BeginOutage();
  void BreakStorage();
  void CutPower();
  ProcessLife* AnyLife();

  const SimulationOptions options_;
  MemoryStorage memory_;
  SimulatedStorage* const storage_;
  VirtualClock clock_;
  SeededRandom random_;
  Weather weather_;
  MemoryHistory history_;
  std::unique_ptr<JobStore> observer_;

  std::vector<Slot> slots_;
  bool faults_are_on_ = true;
  bool requests_are_on_ = true;
  bool calmed_ = false;  // OnCalm() has come to its end.
  bool ending_ = false;  // Who has stopped does not start again.
  std::vector<Event> events_;
  absl::Duration event_at_ = absl::InfiniteDuration();
  absl::Duration request_at_ = absl::InfiniteDuration();
  absl::Duration storage_heals_at_ = absl::InfiniteDuration();
  absl::Duration outage_until_ = absl::ZeroDuration();
  int outage_of_ = -1;                              // −1: of all.
  absl::Duration put_back_ = absl::ZeroDuration();  // All steps of the clock back together.
  absl::Time end_by_ = absl::InfiniteFuture();
  const ProcessLife* holder_ = nullptr;
  std::map<JobId, std::int64_t> sink_fences_;

  std::vector<outlive::Event> event_log_;
  std::vector<Effect> sink_;
  std::map<std::string, std::int64_t> counts_;
  std::deque<std::string> trace_;
  std::uint64_t trace_hash_ = 0xCBF29CE484222325;
  std::int64_t step_count_ = 0;
  absl::Status status_;
  std::exception_ptr thrown_;
};

}  // namespace outlive::testing::internal

#endif  // OUTLIVE_SRC_TESTING_SIMULATION_WORLD_H_
