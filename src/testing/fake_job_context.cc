#include "outlive/testing/fake_job_context.h"

#include <algorithm>
#include <utility>

#include "outlive/core/log.h"
#include "outlive/core/store_rules.h"

namespace outlive::testing {

FakeJobContext::FakeJobContext(FakeJob job) : job_(std::move(job)) {}

void FakeJobContext::Stop(StopReason reason) {
  if (reason == StopReason::kNone) return;
  {
    MutexLock lock(mutex_);
    if (reason_ != StopReason::kNone) return;
    reason_ = reason;
  }
  stop_.request_stop();  // Outside the lock: it runs the worker's callbacks.
}

double FakeJobContext::progress() const {
  MutexLock lock(mutex_);
  return progress_;
}

std::string FakeJobContext::progress_note() const {
  MutexLock lock(mutex_);
  return note_;
}

std::vector<std::string> FakeJobContext::saved_checkpoints() const {
  MutexLock lock(mutex_);
  return checkpoints_;
}

std::vector<Artifact> FakeJobContext::artifacts() const {
  MutexLock lock(mutex_);
  return artifacts_;
}

std::optional<std::string> FakeJobContext::completed_output() const {
  MutexLock lock(mutex_);
  return output_;
}

void FakeJobContext::ReportProgress(double fraction, std::string_view note) {
  MutexLock lock(mutex_);
  // Not a number is greater than nothing.
  if (fraction > progress_) progress_ = std::min(1.0, fraction);
  if (!note.empty()) note_ = EscapeForLog(note);
}

bool FakeJobContext::cancelled() const {
  MutexLock lock(mutex_);
  return reason_ != StopReason::kNone;
}

StopReason FakeJobContext::stop_reason() const {
  MutexLock lock(mutex_);
  return reason_;
}

absl::Status FakeJobContext::CheckLease() const {
  if (reason_ != StopReason::kLeaseLost) return absl::OkStatus();
  return absl::AbortedError("lease lost: somebody else may have the job");
}

absl::Status FakeJobContext::SaveCheckpoint(std::string_view bytes) {
  WorkerWrite write;
  write.lease = {job_.id, job_.fence};
  write.checkpoint = bytes;
  if (absl::Status valid = ValidateWorkerWrite(write); !valid.ok()) return valid;
  MutexLock lock(mutex_);
  if (absl::Status held = CheckLease(); !held.ok()) return held;
  checkpoints_.emplace_back(bytes);
  return absl::OkStatus();
}

absl::Status FakeJobContext::PublishArtifact(const Artifact& artifact) {
  WorkerWrite write;
  write.lease = {job_.id, job_.fence};
  write.artifact = artifact;
  if (absl::Status valid = ValidateWorkerWrite(write); !valid.ok()) return valid;
  MutexLock lock(mutex_);
  if (absl::Status held = CheckLease(); !held.ok()) return held;
  artifacts_.push_back(artifact);
  artifacts_.back().job_id = job_.id;
  artifacts_.back().fence = job_.fence;
  return absl::OkStatus();
}

absl::Status FakeJobContext::CompleteIn(HostTransaction, std::string_view output) {
  Finished finished;
  finished.lease = {job_.id, job_.fence};
  finished.output = output;
  if (absl::Status valid = ValidateFinished(finished); !valid.ok()) return valid;
  MutexLock lock(mutex_);
  if (absl::Status held = CheckLease(); !held.ok()) return held;
  output_ = output;
  return absl::OkStatus();
}

}  // namespace outlive::testing
