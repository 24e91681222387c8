// Runner takes due jobs from a store and runs them.
//
//   claim ──► (threads, or coroutines on the host's executor) ──► Worker ──► outcome ──► finish
//
// What ended and what is free go to the store together: one commit finishes a batch of jobs and
// claims the next. A thread of its own keeps the lease, another takes over the jobs of processes
// that were lost and deletes what has been kept long enough.
//
// Thread-safety: Start(), Stop() and the rest may be called from many threads at once.
// Lifetime:      client, workers, and everything the options point to outlive the runner. The
//                destructor stops it with a grace of zero. Nothing is called back after Stop().
// Time:          the store's clock; pauses and leases run on its SinceBoot().
// Errors:        of jobs go to the store; of the store are logged and retried with backoff, while
//                results are kept.
#ifndef OUTLIVE_ENGINE_RUNNER_H_
#define OUTLIVE_ENGINE_RUNNER_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>
#include <boost/asio/any_io_executor.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "outlive/core/log.h"
#include "outlive/core/observer.h"
#include "outlive/core/random.h"
#include "outlive/core/worker_set.h"
#include "outlive/engine/client.h"

namespace outlive {

struct QueueOptions {
  std::string name = "default";

  // Jobs of this queue that run at once in this process, 1 to limits::kConcurrencyMax. Thread
  // workers get up to as many threads, started as they are needed.
  int concurrency = 8;
};

// How a Runner works. Start() checks every field and reports all faults in one kInvalidArgument.
struct RunnerOptions {
  // -- Behaviour ---------------------------------------------------------------------------

  // What this process works on, in no order: each queue has its own slots, and where more are free
  // than one claim may take, its fair share of it. 1 to limits::kRunnerQueueCountMax, each once.
  std::vector<QueueOptions> queues = {QueueOptions{}};

  // Where blocking workers run: it gets one task for each attempt, to be run once, soon, on any
  // thread, and before Stop() can return; it throws nothing. None: threads of the runner's own; in
  // Poll(), the thread that calls it.
  std::function<void(std::function<void()> task)> launch = {};

  // Where coroutine workers run. Must be running until Stop() has returned, and Stop() must not be
  // called on its only thread. Needed by Start(), and only where a coroutine worker was added.
  boost::asio::any_io_executor executor = {};

  // How long this process may be silent before others take its jobs over. Renewed every quarter
  // of it, on a thread of its own. From 1 s to 1 day: an infinite lease would let a lost process
  // keep its jobs for ever. Not a time limit for a job; that is WorkerOptions::timeout.
  absl::Duration lease = absl::Seconds(60);

  // Attempts of a job that may end with their process, this one or a child of it, before it is
  // dead: a poison job cannot bring the server down for ever. 1 to 1000.
  int crash_count_max = limits::kCrashCountMaxDefault;

  // How long a job waits after its process was lost. 0 to 1 day.
  absl::Duration rescue_delay = absl::Seconds(1);

  // How long ended jobs are kept, by how they ended. 0 or more; infinite: for ever.
  absl::Duration keep_completed = absl::Hours(24);
  absl::Duration keep_cancelled = absl::Hours(24);
  absl::Duration keep_dead = absl::InfiniteDuration();

  // After Stop()'s grace: how long workers that were asked to stop may take to return before their
  // jobs are handed back without them. 0 or more.
  absl::Duration stop_patience = absl::Seconds(2);

  // -- Performance -------------------------------------------------------------------------

  // Longest pause between two claims on an idle queue: how late a job may start when a wake-up
  // is lost. A wake-up cuts the pause short. 10 ms to 1 h.
  absl::Duration poll_interval_max = absl::Seconds(10);

  // How often sessions that expired are looked for. 10 ms to 1 h.
  absl::Duration sweep_interval = absl::Seconds(15);

  // How often what has been kept long enough is deleted. 10 ms to 1 day.
  absl::Duration prune_interval = absl::Minutes(1);

  // Progress of a job is written at most this often. 10 ms to 1 min.
  absl::Duration progress_interval = absl::Milliseconds(250);

  // -- Surroundings ------------------------------------------------------------------------

  LogSink* log = nullptr;          // Null: the client's.
  Observer* observer = nullptr;    // Null: the client's.
  RandomSource* random = nullptr;  // Null: the client's.
};

class Runner {
 public:
  Runner(Client& client, const WorkerSet& workers, RunnerOptions options = {});
  ~Runner();
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  // Registers a session and starts to work. After an error nothing runs, and Start() may be called
  // again. May be called again after Stop(), too.
  //
  // Errors: kInvalidArgument: options or workers, every fault at once. kFailedPrecondition: it is
  // running. kUnavailable, kResourceExhausted: the store, or no thread could be started.
  absl::Status Start();

  // Stops: claims nothing more, lets running jobs go on for `grace`, then asks them to stop, and
  // hands back those that did not end, without burning an attempt. Complete when it returns: no
  // thread, worker, child process or callback is left. A worker that never returns keeps it
  // waiting, but not its job: that is handed back after RunnerOptions::stop_patience, so the
  // process may simply exit. May be called before Start(), again, and from several threads: all
  // return when it has stopped, and the grace that ends first counts. Never by a worker or a
  // callback of this runner, for which it would wait. A negative grace is none, an infinite one has
  // no end.
  void Stop(absl::Duration grace = absl::ZeroDuration());

  // True between Start() and Stop(), while the session is alive: this process can finish what it
  // claims. For readiness.
  bool healthy() const;

  // Jobs running in this process now.
  int running_count() const;

  // -- Without Start(): for tests, and for programs that bring their own loop ------------------

  // Runs every due job on the calling thread, one after another, until none is due; returns how
  // many attempts were made. Coroutine workers run on an event loop of its own. While a worker
  // runs, nobody asks it to stop: neither for its time limit nor for a cancel.
  //
  // Errors: as Start(); those of the store.
  absl::StatusOr<int> RunDue();

  // One round of upkeep: renews the session, takes over jobs of lost processes, deletes what has
  // been kept long enough.
  absl::Status Maintain();

  // When the next job is due, as of the last RunDue(); InfiniteFuture: none known.
  absl::Time next_run_at() const;

  // Does what is due of all that the threads of Start() do, on the calling thread, and waits for
  // nothing but the store: takes what has ended to the store and claims for free slots, renews the
  // session, passes on requests to stop, enforces time limits, writes progress, takes over jobs of
  // lost processes, deletes what has been kept long enough. The first call registers a session.
  // Attempts may still be running when it returns: see RunnerOptions::launch and executor. Without
  // `launch` blocking workers run inside the call, one after the other, and none of the above is
  // done while one of them runs: one that takes longer than the lease loses its job. Callbacks on a
  // stop_token are called inside, too.
  //
  // Returns how soon to call it again. Before that only the end of an attempt, a report of progress
  // or a wake-up of the store (JobStore::Subscribe) gives it something to do. InfiniteDuration: it
  // has stopped.
  //
  // Errors: as Start(), and then it may be called again. Later ones of the store are logged and
  // retried with backoff.
  absl::StatusOr<absl::Duration> Poll();

  // The Stop() of a runner that is polled: its calls go on with it, and come back with
  // InfiniteDuration when it has stopped; one more would begin anew. Stop() itself gives no grace
  // then; it waits only for a Poll() that is under way, and for workers that run elsewhere. Where
  // nobody polls, and from the second call on, it does nothing. Not to be called, as Stop() and
  // Poll(), by what runs inside Poll().
  void BeginStop(absl::Duration grace = absl::ZeroDuration());

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace outlive

#endif  // OUTLIVE_ENGINE_RUNNER_H_
