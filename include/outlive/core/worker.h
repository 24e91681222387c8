// Worker does the work of one kind of job; JobContext is what it knows and can do while it runs.
//
//   Runner ──► Worker::Run(job, args) ──► Outcome ──► store
//
// A job may run more than once: after a lost lease, a crash, or an end that could not be stored.
// Write workers so that a second run does no harm, or finish with CompleteIn(). docs/guarantees.md
//
// Thread-safety: Run() is called from many threads at once, for different jobs. A context may be
//                used from many threads.
// Lifetime:      workers outlive the runner. A context lives until its Run() has returned, or its
//                coroutine has ended.
// Cancellation:  is cooperative. A worker that does not look keeps its slot until it returns; its
//                result is dropped where the lease was lost meanwhile.
// Errors:        an exception that leaves Run() counts as Retry with its text.
#ifndef OUTLIVE_CORE_WORKER_H_
#define OUTLIVE_CORE_WORKER_H_

#include <absl/status/status.h>
#include <absl/time/time.h>
#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>

#include "outlive/core/artifact.h"
#include "outlive/core/host_transaction.h"
#include "outlive/core/outcome.h"
#include "outlive/core/progress.h"
#include "outlive/core/retry_policy.h"

namespace outlive {

// Why a job was asked to stop.
enum class StopReason {
  kNone,
  kCancelled,  // By a user.
  kTimeout,    // Over WorkerOptions::timeout.
  kLeaseLost,  // Another process may have it by now: nothing it writes counts any more.
  kShutdown,   // The runner stops and its grace is over: the job will be handed back.
};

class JobContext : public Progress {
 public:
  virtual std::int64_t id() const = 0;
  virtual std::string_view kind() const = 0;
  virtual std::string_view queue() const = 0;
  virtual int attempt() const = 0;  // 1, 2, …
  virtual int attempt_count_max() const = 0;

  // Greater than that of any earlier attempt. Hand it to outside systems that can refuse older
  // ones.
  virtual std::int64_t fence() const = 0;

  // W3C traceparent of this attempt, to be passed on; empty: none.
  virtual std::string_view traceparent() const = 0;

  // When the attempt's time limit ends, by the clock; InfiniteFuture: none.
  virtual absl::Time deadline() const = 0;

  // Asks for a stop as cancelled() does, for those who wait (condition variables, callbacks).
  // Coroutine workers also get it through their Asio cancellation slot, as terminal cancellation.
  // Callbacks run on a thread of the runner that does nothing else, one after another: one that
  // blocks holds up those of other jobs, but neither the lease nor cancelled().
  virtual std::stop_token stop_token() const = 0;
  virtual StopReason stop_reason() const = 0;

  // What an earlier attempt has saved; empty: nothing.
  virtual const std::string& checkpoint() const = 0;

  // Makes `bytes` durable before it returns; the next attempt finds them in checkpoint(). Replaces
  // what was saved. At most limits::kPayloadBytesMax.
  //
  // Errors: kInvalidArgument; kAborted: lease lost, and cancelled() is true from now on;
  // kUnavailable, kUnknown: the store's.
  virtual absl::Status SaveCheckpoint(std::string_view bytes) = 0;

  // Publishes an artifact under this attempt's fence. For artifact stores. Errors as above.
  virtual absl::Status PublishArtifact(const Artifact& artifact) = 0;

  // Completes the job inside the host's own open transaction, so that its effects and the job's
  // completion commit together: they happen exactly once. Then commit, and return Done(); what
  // Run() returns after the commit no longer matters. Roll back on an error.
  //
  // Errors: kAborted: lease lost. kUnimplemented, kFailedPrecondition: see JobStore::Join().
  virtual absl::Status CompleteIn(HostTransaction transaction, std::string_view output = {}) = 0;
};

// A worker that runs on one of the runner's threads and may block.
class Worker {
 public:
  virtual ~Worker() = default;

  // `args` are the job's bytes. WorkerSet::Add<Args>() makes a Worker that decodes them first.
  virtual Outcome Run(JobContext& job, std::string_view args) = 0;

  // A runner that used this worker has stopped: what was kept for its next job, such as a process,
  // is to end. Other runners may go on, and so may this one after another Start().
  virtual void OnRunnerStopped() noexcept {}
};

// A worker that runs as a coroutine on the host's executor and must not block.
class CoroutineWorker {
 public:
  virtual ~CoroutineWorker() = default;

  // `job` and `args` live until the coroutine has ended.
  virtual boost::asio::awaitable<Outcome> Run(JobContext& job, std::string_view args) = 0;
};

// How a kind is run. WorkerSet::Add() checks every field.
struct WorkerOptions {
  // How long one attempt may take before it is asked to stop; its end then counts as a failure,
  // unless it is Done or Dead all the same. From when it was claimed. Positive. Infinite: no limit.
  absl::Duration timeout = absl::InfiniteDuration();

  // For jobs that were enqueued without a policy of their own.
  RetryPolicy retry = {};
};

}  // namespace outlive

#endif  // OUTLIVE_CORE_WORKER_H_
