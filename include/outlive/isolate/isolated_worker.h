// AddIsolated() adds a worker whose jobs run in child processes, so that a job that crashes, leaks,
// loops or takes all the memory takes a child along, and not the host.
//
//   int main(int argc, char** argv) {
//     outlive::WorkerSet workers;
//     outlive::AddIsolated<ConvertVideo>(
//         workers, [](outlive::JobContext& job, const ConvertVideo& args) -> Outcome { … },
//         {.memory_bytes = 512 << 20, .wall_time = absl::Minutes(10)});
//     if (std::optional<int> exit = outlive::RunAsChild(argc, argv, workers)) return *exit;
//     …  // Store, client and runner, as ever.
//   }
//
//   Runner ──► Run() ══ job, stop ══════════════════════════════► worker process ──► your function
//                    ◄═ progress, checkpoint, artifact, outcome ══
//                    ◄─ how it ended ── supervisor process, which kills whatever it leaves behind
//
// A child is this program started again, or another one that calls RunAsChild(). It has none of
// this process's memory, descriptors or threads: what the function captures is made anew by main()
// before RunAsChild(). It gets its job by a socket, and everything it says goes through the host,
// under the job's fence. JobContext::CompleteIn() is kUnimplemented there. Children are reused.
//
// Not a sandbox: a child may read and write whatever its user may. docs/guides/isolated-workers.md
//
// Thread-safety: as WorkerSet. Each job that runs has a child of its own.
// Lifetime:      children end with Runner::Stop(), with the WorkerSet, and with the host, however
//                that ends; with a child ends every process that came of it.
// Time:          IsolateOptions::clock, in the host; the machine's in the child.
// Cancellation:  reaches the child's JobContext; a child that goes on is killed after the grace.
// Errors:        wrong options make Runner::Start() fail: see WorkerSet::status(). A child that
//                cannot be started is Retry, kUnavailable. How a child's end is read: child_end.h.
// Signals:       installs no handler, and does not care what the host does with SIGCHLD.
#ifndef OUTLIVE_ISOLATE_ISOLATED_WORKER_H_
#define OUTLIVE_ISOLATE_ISOLATED_WORKER_H_

#include <absl/time/time.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "outlive/core/clock.h"
#include "outlive/core/random.h"
#include "outlive/core/worker_set.h"
#include "outlive/isolate/child_end.h"

namespace outlive {

// Sees children come and go. Called on threads of the runner, never under a lock of the library;
// must not throw. Outlives the WorkerSet.
class ChildObserver {
 public:
  virtual ~ChildObserver() = default;

  virtual void OnChildStarted(std::string_view kind, std::int64_t pid) = 0;

  // Neither the child nor any process that came of it is left.
  virtual void OnChildEnded(std::string_view kind, std::int64_t pid, const ChildEnd& end) = 0;
};

// PATH, HOME, LANG, LC_ALL, LC_CTYPE, TZ, TMPDIR and LD_LIBRARY_PATH.
std::vector<std::string> DefaultChildEnvironment();

// How the jobs of one kind are isolated.
struct IsolateOptions {
  // -- Limits ------------------------------------------------------------------------------

  // Address space that a child may take beyond what it has when it is ready for its first job:
  // heap, stacks of threads, mapped files. At least 16 MiB; 0: no limit. malloc() is kept from
  // setting address space aside for each thread, so that it is used memory that counts.
  std::uint64_t memory_bytes = 0;

  // Processor time of one attempt, all threads of the child added up, but not processes that it
  // starts. Positive. Infinite: no limit.
  absl::Duration cpu_time = absl::InfiniteDuration();

  // How long one attempt may take. As WorkerOptions::timeout, which may be given too. Positive.
  // Infinite: no limit.
  absl::Duration wall_time = absl::InfiniteDuration();

  // Descriptors that a child may have open, five of which are there from the start. At least 16;
  // 0: as many as the host.
  int open_files = 0;

  // Bytes of any file that a child writes. 0: no limit.
  std::uint64_t file_bytes = 0;

  // Jobs that a child does before another takes its place. More of them cost less; fewer of them
  // let what jobs leak live less long. 1: a new child for every job. At least 1.
  int jobs_per_child = 100;

  // How long a child that was asked to stop, for whatever reason, may go on before it is killed.
  // Not more than RunnerOptions::stop_patience is wise: after that the job is handed back. 0 or
  // more, finite.
  absl::Duration grace = absl::Seconds(1);

  // -- The program -------------------------------------------------------------------------

  // The child's program: a path. It calls RunAsChild() and has a worker for the kind, isolated or
  // not. Empty: this program, also where its file has been replaced meanwhile.
  std::string program = {};

  // What a child gets of the host's environment: names, or "NAME=value" for what it gets anew; of
  // two for one name the later one counts. Nothing else: the host's secrets are its own. It gets
  // no arguments, so what its main() needs to know is told here.
  std::vector<std::string> environment = DefaultChildEnvironment();

  // How long a child may take to be ready for its first job. Positive, finite.
  absl::Duration start_timeout = absl::Seconds(10);

  // -- Performance -------------------------------------------------------------------------

  // Children that are kept for the next job. 0 or more. What runs at once is the queue's
  // concurrency; each of those jobs has its child.
  int idle_count_max = 8;

  // -- Surroundings ------------------------------------------------------------------------

  ChildObserver* observer = nullptr;  // Null: nobody looks.
  const Clock* clock = nullptr;       // Null: the machine's.
  RandomSource* random = nullptr;     // Null: the machine's.
};

// Adds `worker`, to be run in children. Null: IsolateOptions::program has it.
WorkerSet& AddIsolated(WorkerSet& workers, std::string_view kind, std::unique_ptr<Worker> worker,
                       IsolateOptions isolate = {}, WorkerOptions options = {});

// The same for a callable, as WorkerSet::Add<Args>(). Not for coroutines: a child has one job.
template <class Args, class Function>
WorkerSet& AddIsolated(WorkerSet& workers, Function function, IsolateOptions isolate = {},
                       WorkerOptions options = {}) {
  static_assert(JobArgs<Args>,
                "outlive: the arguments need a `static constexpr std::string_view kKind`");
  static_assert(std::is_invocable_v<Function&, JobContext&, const Args&>,
                "outlive: a worker is called as worker(outlive::JobContext&, const Args&)");
  static_assert(
      std::is_convertible_v<std::invoke_result_t<Function&, JobContext&, const Args&>, Outcome>,
      "outlive: an isolated worker returns outlive::Outcome or absl::Status");
  return AddIsolated(
      workers, Args::kKind,
      std::make_unique<internal::FunctionWorker<Function, Args>>(std::move(function)),
      std::move(isolate), std::move(options));
}

}  // namespace outlive

#endif  // OUTLIVE_ISOLATE_ISOLATED_WORKER_H_
