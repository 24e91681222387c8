// ProcessLife is one process of a simulation from a start to its end: its store, client and runner,
// and everything in it that is under way.
//
// Of its threads (the one that polls the runner, one for each attempt and each request) one runs at
// a time, and while one is in a call of the store none of the others does: as with GroupCommit in
// a real process, they would wait for it anyway.
//
// Thread-safety: none.
#ifndef OUTLIVE_SRC_TESTING_PROCESS_LIFE_H_
#define OUTLIVE_SRC_TESTING_PROCESS_LIFE_H_

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "outlive/core/log.h"
#include "outlive/core/worker_set.h"
#include "outlive/engine/client.h"
#include "outlive/engine/runner.h"
#include "outlive/testing/history.h"
#include "outlive/testing/recording_client.h"
#include "outlive/testing/recording_store.h"
#include "outlive/testing/seeded_random.h"
#include "outlive/testing/simulation.h"
#include "testing/fiber.h"
#include "testing/simulated_store.h"

namespace outlive::testing::internal {

class World;

// What Pass() throws in a process that has died. Not an exception that anybody looks for.
struct ProcessKilled {};

class ProcessLife final : public LogSink, public HistorySink {
 public:
  ProcessLife(World& world, int number, int start);
  ~ProcessLife() override;
  ProcessLife(const ProcessLife&) = delete;
  ProcessLife& operator=(const ProcessLife&) = delete;

  // Opens the store. The rest is up to the first step.
  absl::Status Start();

  // -- What it does next, for the world --------------------------------------------------------

  // The number of things it could do now.
  std::size_t ChoiceCount() const;
  void Do(std::size_t choice);

  // When it has something to do again; InfiniteDuration: somebody has to tell it.
  absl::Duration NextMoment() const;

  // Nothing but polling is under way.
  bool idle() const;

  // A request is under way.
  bool has_requests() const { return request_count_ > 0; }

  // It has come to its end, in order.
  bool over() const { return stopped_ && idle(); }

  // -- What happens to it ----------------------------------------------------------------------

  void Request(std::function<void(SimulatedProcess&)> request);
  void Wake(WakeHint hint, absl::Duration at);
  void Pause(absl::Duration until) { paused_until_ = until; }
  void BeginStop(absl::Duration grace) { stop_grace_ = grace; }
  bool stopping() const { return stop_grace_.has_value(); }
  bool wants_to_crash() const { return wants_to_crash_; }

  // Nothing it does has any effect from now on. False: something in it does not end.
  bool Kill();

  // -- For what runs in it ---------------------------------------------------------------------

  World& world() { return world_; }
  int number() const { return number_; }
  int start() const { return start_; }
  bool dead() const { return dead_; }
  bool in_store() const { return in_store_ != nullptr; }
  WorkerSet& workers() { return workers_; }
  RecordingClient& client() { return *recording_client_; }
  Recorder& recorder() { return recorder_; }
  SeededRandom& random() { return random_; }

  void Note(std::string_view what);
  void Pass(absl::Duration time);
  [[noreturn]] void Crash();
  bool Effect(JobId job, std::int64_t fence);
  void RequireAlive() const {
    if (dead_) throw ProcessKilled();
  }

  // Rests in a call of the store.
  void RestInStore(absl::Duration time);
  void RestForReply(absl::Duration time) { RestInStore(time); }

  std::unique_ptr<Subscription> Subscribe(JobStore& store, std::function<void(WakeHint)> on_wake);

  void Log(const LogRecord& record) override;
  void Append(HistoryRecord record) override;

 private:
  class Subscriber;

  struct Thread {
    std::string name;
    std::unique_ptr<Fiber> fiber;
    absl::Duration ready_at = absl::ZeroDuration();  // InfiniteDuration: it waits to be told.
  };
  struct PendingWake {
    WakeHint hint;
    absl::Duration at;
  };

  void GuardWorkers();
  void StartThread(std::string name, std::function<void()> body, bool with_loop = false);
  void Resume(Thread& thread);
  void Rest(absl::Duration time);
  void PollForever();
  void PollSoon();
  bool CanRun(const Thread& thread) const;
  bool paused() const;

  World& world_;
  const int number_;
  const int start_;
  const std::string name_;
  SeededRandom random_;
  SimulatedProcess process_{*this};

  bool dead_ = false;
  bool stopped_ = false;  // Its runner has stopped.
  bool wants_to_crash_ = false;
  std::optional<absl::Duration> stop_grace_;
  absl::Duration paused_until_ = absl::ZeroDuration();

  std::list<Thread> threads_;  // The first one polls.
  Thread* current_ = nullptr;
  Thread* in_store_ = nullptr;
  std::deque<std::function<void()>> launched_;  // Attempts that have not begun.
  std::vector<PendingWake> wakes_;
  std::vector<Subscriber*> subscribers_;
  bool has_coroutines_ = false;
  int attempt_count_ = 0;  // So far.
  int request_count_ = 0;  // Under way.

  std::unique_ptr<JobStore> store_;
  std::unique_ptr<SimulatedStore> simulated_store_;
  Recorder recorder_;
  std::unique_ptr<RecordingStore> recording_store_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<RecordingClient> recording_client_;
  WorkerSet workers_;  // The user's.
  WorkerSet guarded_;  // What the runner gets.
  std::unique_ptr<Runner> runner_;
};

}  // namespace outlive::testing::internal

#endif  // OUTLIVE_SRC_TESTING_PROCESS_LIFE_H_
