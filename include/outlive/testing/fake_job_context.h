// FakeJobContext is a JobContext without a store or a runner: it remembers what a worker does with
// it, so that a worker is tested as the function it is.
//
//   outlive::testing::FakeJobContext job({.attempt = 2, .checkpoint = "page 40"});
//   outlive::Outcome outcome = RenderInvoice(job, SendInvoice{42, "ann@example.com"});
//   CHECK(job.progress() == 1.0);
//
// Thread-safety: may be used from many threads at once.
// Errors:        writes are checked as a store checks them; after Stop(kLeaseLost) they are
//                kAborted.
#ifndef OUTLIVE_TESTING_FAKE_JOB_CONTEXT_H_
#define OUTLIVE_TESTING_FAKE_JOB_CONTEXT_H_

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "outlive/core/artifact.h"
#include "outlive/core/mutex.h"
#include "outlive/core/worker.h"

namespace outlive::testing {

// What a FakeJobContext says of its job.
struct FakeJob {
  std::int64_t id = 1;
  std::string kind = "test";
  std::string queue = "default";
  int attempt = 1;
  int attempt_count_max = 5;
  std::int64_t fence = 1;
  std::string traceparent = {};
  absl::Time deadline = absl::InfiniteFuture();
  std::string checkpoint = {};  // What an earlier attempt has saved.
};

class FakeJobContext final : public JobContext {
 public:
  explicit FakeJobContext(FakeJob job = {});

  // Asks the worker to stop, as a user, a time limit or a shutdown does. The first reason stays;
  // kNone does nothing.
  void Stop(StopReason reason = StopReason::kCancelled);

  // What was reported last.
  double progress() const;
  std::string progress_note() const;

  // What was saved and published, oldest first. Artifacts have this job's id and fence.
  std::vector<std::string> saved_checkpoints() const;
  std::vector<Artifact> artifacts() const;

  // What CompleteIn() was given; nothing: it was not called.
  std::optional<std::string> completed_output() const;

  void ReportProgress(double fraction, std::string_view note = {}) override;
  bool cancelled() const override;
  std::int64_t id() const override { return job_.id; }
  std::string_view kind() const override { return job_.kind; }
  std::string_view queue() const override { return job_.queue; }
  int attempt() const override { return job_.attempt; }
  int attempt_count_max() const override { return job_.attempt_count_max; }
  std::int64_t fence() const override { return job_.fence; }
  std::string_view traceparent() const override { return job_.traceparent; }
  absl::Time deadline() const override { return job_.deadline; }
  std::stop_token stop_token() const override { return stop_.get_token(); }
  StopReason stop_reason() const override;

  // Always FakeJob::checkpoint: what this attempt saves, the next one gets.
  const std::string& checkpoint() const override { return job_.checkpoint; }

  absl::Status SaveCheckpoint(std::string_view bytes) override;
  absl::Status PublishArtifact(const Artifact& artifact) override;

  // Remembers the output and does nothing to the transaction, which may be null.
  absl::Status CompleteIn(HostTransaction transaction, std::string_view output = {}) override;

 private:
  absl::Status CheckLease() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // Constant after construction.
  const FakeJob job_;

  // Has its own synchronisation.
  std::stop_source stop_;

  mutable Mutex mutex_;
  StopReason reason_ ABSL_GUARDED_BY(mutex_) = StopReason::kNone;
  double progress_ ABSL_GUARDED_BY(mutex_) = 0;
  std::string note_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> checkpoints_ ABSL_GUARDED_BY(mutex_);
  std::vector<Artifact> artifacts_ ABSL_GUARDED_BY(mutex_);
  std::optional<std::string> output_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTING_FAKE_JOB_CONTEXT_H_
