// Simulation runs several processes of a program on virtual time, in one thread, and lets go wrong
// what can go wrong between them: processes die, stall and come back, the store refuses, answers
// late or loses its answers, the machine's time jumps. What happens next is drawn from a seed, so
// a run can be repeated, step by step. Client, Runner and GroupCommit are the real ones, with one
// thread of a process at a time; workers are yours.
//
//   seed ──► Run(): safety (faults), then liveness (none: every job must end) ──► CheckRun()
//
//   outlive::testing::Simulation simulation({.seed = seed});
//   Bank bank;                                        // The world outside: it outlives processes.
//   simulation.OnStart([&](outlive::testing::SimulatedProcess& process) {
//     process.workers().Add<Transfer>([&](outlive::JobContext& job, const Transfer& args) {
//       process.Pass(absl::Seconds(2));               // Takes its time; may die meanwhile.
//       if (!process.Effect(job)) return outlive::Done();  // Another attempt was faster.
//       bank.Move(args, job.id());
//       process.Pass();
//       return outlive::Done();
//     });
//   });
//   simulation.OnRequest([&](outlive::testing::SimulatedProcess& process) {
//     process.Enqueue(Transfer{…}, {.idempotency_key = …}).IgnoreError();
//   });
//   const outlive::testing::SimulationReport report = simulation.Run();
//   CHECK_MESSAGE(report.ok(), report.ToString());    // Names the seed.
//   CHECK(bank.total() == before);                    // What must hold of yours.
//
// How faults come. Each seed draws which kinds of SimulationFaults happen in its run, and how
// often; some runs are quiet. Between two calls of the store, and wherever a worker passes time,
// any other process may go on; a call of the store is made in one piece.
//
// What is checked: CheckRun() on what the processes have recorded, on the event log and on the
// final state. Enqueue through SimulatedProcess, and the checker knows what was promised to whom.
//
// What it cannot show: races between threads of one process (ThreadSanitizer does), and groups of
// several commits in GroupCommit. Do not use AsyncEnqueue(), WaitFor() or EventRelay in it: they
// need threads of their own. Nothing in it may wait for anything but Pass(), or ask the machine
// for the time or for randomness, or the same seed is not the same run.
//
// Thread-safety: none. Everything is called on the thread of Run(), or as if it were.
// Lifetime:      what the options point to, and what the functions capture, outlives it.
// Errors:        are in the report. What a request throws comes out of Run().
#ifndef OUTLIVE_TESTING_SIMULATION_H_
#define OUTLIVE_TESTING_SIMULATION_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "outlive/core/args.h"
#include "outlive/core/clock.h"
#include "outlive/core/random.h"
#include "outlive/core/worker.h"
#include "outlive/core/worker_set.h"
#include "outlive/engine/client.h"
#include "outlive/engine/runner.h"
#include "outlive/testing/checker.h"
#include "outlive/testing/recording_client.h"
#include "outlive/testing/seeded_random.h"
#include "outlive/testing/simulated_storage.h"

namespace outlive::testing {

// What may go wrong. Of what is true here each seed draws whether it does, and how often.
struct SimulationFaults {
  bool refusals = true;      // A call of the store is refused: kUnavailable.
  bool lost_replies = true;  // A commit is in doubt: kUnknown, done or not.
  bool slow_calls = true;    // A call takes from milliseconds to several leases.
  bool holds = true;         // A process rests in the middle of a transaction.
  bool outages = true;       // The store refuses every call of one process, or of all, for a while.
  bool kills = true;         // A process dies without a word, and starts again later.
  bool stops = true;         // A process stops in order, and starts again.
  bool pauses = true;        // A process rests, as after SIGSTOP.
  bool suspensions = true;   // The machine sleeps: time passes, and nobody has noticed.
  bool clock_steps = true;   // Civil time jumps, forward or back.
  bool lost_wakeups = true;  // Wake-ups of the store are lost, doubled, or late.
  bool storage_faults = true;  // SimulatedStorage::faults() and CutPower().

  // Nothing goes wrong.
  static SimulationFaults None();
};

struct SimulationOptions {
  // -- Behaviour ---------------------------------------------------------------------------

  std::uint64_t seed = 1;

  // Processes: from 1 to 16. All of them do the same.
  int process_count = 3;

  // How each process works. `log`, `random` and `launch` are the simulation's own.
  RunnerOptions runner = {};

  SimulationFaults faults = {};

  // How long things go wrong. From 1 s to 1 day.
  absl::Duration duration = absl::Minutes(5);

  // How long after that every job must have ended, by the store's clock: lease, sweep, and the
  // delays and times of all attempts that a job may still make.
  absl::Duration drain_max = absl::Hours(1);

  // Between two requests, on average, while things go wrong. At least 1 ms.
  absl::Duration request_interval = absl::Seconds(2);

  // Where the jobs are; borrowed. Null: in memory.
  SimulatedStorage* storage = nullptr;

  // What is asked of the run. Times and crash_count_max are filled in.
  CheckOptions check = {};

  // -- Limits ------------------------------------------------------------------------------

  // A run that needs more steps than this is going round in circles, and has failed.
  std::int64_t step_count_max = 2'000'000;
};

struct SimulationReport {
  std::uint64_t seed = 0;

  // OK; or why there is nothing to check: bad options, a run without an end, a broken storage.
  absl::Status status = {};
  CheckReport check = {};

  // How often what happened: "start", and the faults: "refusal", "reply lost, done", "kill", "kill
  // in a transaction", …
  std::map<std::string, std::int64_t> counts = {};

  // The same for two runs with the same seed and options.
  std::uint64_t trace_hash = 0;

  // What happened last, a line for each step.
  std::vector<std::string> trace = {};

  bool ok() const { return status.ok() && check.ok(); }

  // The verdict with its seed, violations, counts, and the end of the trace.
  std::string ToString() const;
};

namespace internal {
class ProcessLife;
class World;
}  // namespace internal

// One process, from a start to its end. Lives until the next start of the same process.
class SimulatedProcess {
 public:
  explicit SimulatedProcess(internal::ProcessLife& life) : life_(life) {}
  SimulatedProcess(const SimulatedProcess&) = delete;
  SimulatedProcess& operator=(const SimulatedProcess&) = delete;

  int number() const;  // 0, 1, …
  int start() const;   // Which start of the process this is: 1, 2, …

  // Filled by OnStart().
  WorkerSet& workers();

  // -- In workers and requests -----------------------------------------------------------------

  // Lets time pass, and others go on; this process may be paused, or die. Call it before and
  // after whatever reaches the world outside. Zero: others may go on, and time need not pass.
  //
  // Where the process has died it does not return: it throws what no code should catch, and what
  // comes after it in the worker never happens. (Calls of the store fail then. So what follows
  // such a call may still run once: pass before you let it reach the world outside.)
  void Pass(absl::Duration time = absl::ZeroDuration());

  // Dies here and now, as from a fault of the worker. Does not return.
  [[noreturn]] void Crash();

  // An effect on a sink outside that refuses attempts with a lower fence than one it has seen: the
  // checker looks at them. False: refused. As Pass(), it does not return to a dead process.
  bool Effect(const JobContext& job);

  // Asks the client, and records it for the checker. `recorder` is for what it does not know, such
  // as an EnqueueIn() (EnqueueOf() in recording_client.h).
  RecordingClient& client();
  Recorder& recorder();
  template <JobArgs Args>
  absl::StatusOr<Enqueued> Enqueue(const Args& args, const EnqueueOptions& options = {}) {
    absl::StatusOr<std::string> bytes = EncodeArgs(args);
    if (!bytes.ok()) return bytes.status();
    return client().Enqueue(Args::kKind, *bytes, options);
  }

  // True in the first phase of a run: workers that fail at random do so only then, or jobs may
  // never end.
  bool faults_are_on() const;

  // The only randomness there is.
  SeededRandom& random();
  const Clock& clock() const;

 private:
  internal::ProcessLife& life_;
};

class Simulation {
 public:
  explicit Simulation(SimulationOptions options);
  ~Simulation();
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;

  // Called whenever a process starts, to fill its WorkerSet. Needed.
  void OnStart(std::function<void(SimulatedProcess&)> on_start);

  // Called at random moments in random processes while faults are on: what a request does to the
  // host. It may Pass().
  void OnRequest(std::function<void(SimulatedProcess&)> on_request);

  // Called in a process that lives when faults have stopped: to resume queues, say. Where that
  // process dies in it, by a worker that crashes, it is called in another one.
  void OnCalm(std::function<void(SimulatedProcess&)> on_calm);

  // Called before the run is judged, to add what only you have seen: rows that were committed
  // together with jobs.
  void OnJudge(std::function<void(RunRecord&)> on_judge);

  // Runs it. Once.
  SimulationReport Run();

 private:
  std::unique_ptr<internal::World> world_;
};

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTING_SIMULATION_H_
