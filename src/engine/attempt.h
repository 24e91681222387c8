// Attempt is one run of one job: the context its worker sees, and what the engine knows about it.
//
// Thread-safety: may be used from many threads at once, but for Run() and TakeOutcome().
// Lifetime:      shared between the dispatcher and whoever runs it.
#ifndef OUTLIVE_SRC_ENGINE_ATTEMPT_H_
#define OUTLIVE_SRC_ENGINE_ATTEMPT_H_

#include <absl/time/time.h>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "engine/services.h"
#include "engine/sessions.h"
#include "outlive/core/job_store.h"
#include "outlive/core/mutex.h"
#include "outlive/core/worker.h"
#include "outlive/core/worker_set.h"

namespace outlive::internal {

class ProgressWriter;

class Attempt final : public JobContext, public std::enable_shared_from_this<Attempt> {
 public:
  Attempt(const Services& services, ProgressWriter& progress,
          std::shared_ptr<const Session> session, ClaimedJob job, std::string_view kind,
          std::string_view queue, const WorkerSet::Entry& entry);

  // -- JobContext ----------------------------------------------------------------------------
  std::int64_t id() const override { return job_.lease.job; }
  std::string_view kind() const override { return kind_; }
  std::string_view queue() const override { return queue_; }
  int attempt() const override { return job_.attempt; }
  int attempt_count_max() const override { return job_.attempt_count_max; }
  std::int64_t fence() const override { return job_.lease.fence; }
  std::string_view traceparent() const override { return job_.traceparent; }
  absl::Time deadline() const override { return deadline_; }
  std::stop_token stop_token() const override;
  StopReason stop_reason() const override { return reason_.load(std::memory_order_acquire); }
  bool cancelled() const override { return stop_reason() != StopReason::kNone; }
  const std::string& checkpoint() const override { return job_.checkpoint; }
  void ReportProgress(double fraction, std::string_view note) override;
  absl::Status SaveCheckpoint(std::string_view bytes) override;
  absl::Status PublishArtifact(const Artifact& artifact) override;
  absl::Status CompleteIn(HostTransaction transaction, std::string_view output) override;

  // -- For the engine ------------------------------------------------------------------------

  // Asks the worker to stop; only the first reason counts. Returns at once: the worker's own
  // callbacks are left to Services::stop_caller.
  void RequestStop(StopReason reason);

  // Calls what has to be called on a stop. For StopCaller.
  void CallOnStop();

  // What RequestStop() does besides, for coroutines. Called at once where a stop was asked for, and
  // never after ForgetOnStop().
  void OnStop(std::function<void()> stop);

  // The coroutine has ended: its executor is not to be touched any more.
  void ForgetOnStop();

  // What the job carries could be opened. Else Run() ends the attempt, whatever its worker is.
  bool readable() const { return job_.payload_status.ok(); }

  // Runs a thread worker on this thread. Never throws.
  Outcome Run();

  // Progress that is not written yet, as a write; nothing where there is none.
  std::optional<WorkerWrite> TakeProgress();

  // What was taken could not be written: it is still to be.
  void KeepProgress();

  const ClaimedJob& job() const { return job_; }
  const Session& session() const { return *session_; }
  const WorkerSet::Entry& entry() const { return entry_; }
  JobLabel label() const { return {queue_, kind_}; }

  // When its time limit ends, by SinceBoot(); InfiniteDuration: none.
  absl::Duration timeout_at() const { return timeout_at_; }

  // When it began to run, by SinceBoot().
  absl::Duration begun_at = absl::ZeroDuration();

  // CompleteIn() has been called and was OK: whether the host has committed, the store knows.
  std::atomic<bool> completed_in_host{false};

  // Handed back although its worker has not returned: what it returns is dropped.
  std::atomic<bool> abandoned{false};

 private:
  absl::Status Write(WorkerWrite write);
  absl::Status NoticeLostLease(absl::Status status);

  const Services& services_;
  ProgressWriter& progress_;
  const std::shared_ptr<const Session> session_;
  const ClaimedJob job_;
  const std::string_view kind_;
  const std::string_view queue_;
  const WorkerSet::Entry& entry_;
  absl::Time deadline_;
  absl::Duration timeout_at_;

  std::atomic<StopReason> reason_{StopReason::kNone};

  mutable Mutex mutex_;
  mutable std::optional<std::stop_source> stop_ ABSL_GUARDED_BY(mutex_);  // Made when asked for.
  std::function<void()> on_stop_ ABSL_GUARDED_BY(mutex_);
  bool on_stop_forgotten_ ABSL_GUARDED_BY(mutex_) = false;
  double fraction_ ABSL_GUARDED_BY(mutex_) = 0;
  std::string note_ ABSL_GUARDED_BY(mutex_);
  bool dirty_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace outlive::internal

#endif  // OUTLIVE_SRC_ENGINE_ATTEMPT_H_
