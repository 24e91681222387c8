#include "engine/attempt.h"

#include <cxxabi.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "core/exception_text.h"
#include "engine/progress_writer.h"
#include "engine/stop_caller.h"
#include "outlive/core/limits.h"

namespace outlive::internal {
namespace {

// The status of a call with one element.
absl::Status Only(const absl::StatusOr<std::vector<absl::Status>>& statuses) {
  return statuses.ok() ? statuses->front() : statuses.status();
}

// Bytes that are not what was sealed will not be so next time; a key that is missing may be there.
Outcome Unreadable(const absl::Status& why) {
  if (absl::IsDataLoss(why)) return Dead({why.message().data(), why.message().size()});
  return Retry(why);
}

}  // namespace

Attempt::Attempt(const Services& services, ProgressWriter& progress,
                 std::shared_ptr<const Session> session, ClaimedJob job, std::string_view kind,
                 std::string_view queue, const WorkerSet::Entry& entry)
    : services_(services),
      progress_(progress),
      session_(std::move(session)),
      job_(std::move(job)),
      kind_(kind),
      queue_(queue),
      entry_(entry),
      deadline_(job_.started_at + entry.options.timeout),
      timeout_at_(entry.options.timeout == absl::InfiniteDuration()
                      ? absl::InfiniteDuration()
                      : services.clock.SinceBoot() + entry.options.timeout) {}

std::stop_token Attempt::stop_token() const {
  MutexLock lock(mutex_);
  if (!stop_) {
    stop_.emplace();
    if (cancelled()) stop_->request_stop();  // Nobody can have a callback on it yet.
  }
  return stop_->get_token();
}

void Attempt::RequestStop(StopReason reason) {
  StopReason none = StopReason::kNone;
  if (!reason_.compare_exchange_strong(none, reason, std::memory_order_acq_rel)) return;
  services_.stop_caller.Add(shared_from_this());
}

void Attempt::CallOnStop() {
  std::optional<std::stop_source> stop;
  std::function<void()> on_stop;
  {
    MutexLock lock(mutex_);
    stop = stop_;
    on_stop = std::move(on_stop_);
  }
  // Outside the lock: the worker's own callbacks run here.
  if (stop) stop->request_stop();
  if (on_stop) on_stop();
}

void Attempt::OnStop(std::function<void()> stop) {
  {
    MutexLock lock(mutex_);
    if (on_stop_forgotten_) return;
    if (!cancelled()) {
      on_stop_ = std::move(stop);
      return;
    }
  }
  stop();
}

void Attempt::ForgetOnStop() {
  std::function<void()> forgotten;  // Destroyed after the lock.
  MutexLock lock(mutex_);
  on_stop_forgotten_ = true;
  forgotten.swap(on_stop_);
}

void Attempt::ReportProgress(double fraction, std::string_view note) {
  if (!std::isfinite(fraction)) return;
  fraction = std::clamp(fraction, 0.0, 1.0);
  {
    MutexLock lock(mutex_);
    if (fraction < fraction_ || (fraction == fraction_ && note == note_)) return;
    fraction_ = fraction;
    note_ = note.substr(0, limits::kMessageBytesMax);
    if (std::exchange(dirty_, true)) return;
  }
  progress_.Add(weak_from_this());
}

std::optional<WorkerWrite> Attempt::TakeProgress() {
  MutexLock lock(mutex_);
  if (!std::exchange(dirty_, false)) return std::nullopt;
  WorkerWrite write;
  write.lease = job_.lease;
  write.progress = fraction_;
  write.progress_note = note_;
  return write;
}

void Attempt::KeepProgress() {
  {
    MutexLock lock(mutex_);
    if (std::exchange(dirty_, true)) return;
  }
  progress_.Add(weak_from_this());
}

absl::Status Attempt::Write(WorkerWrite write) {
  write.lease = job_.lease;
  absl::Status result;
  absl::Status committed = services_.commits.Run(1, [&](StoreTransaction& transaction) {
    auto written = transaction.Write(absl::MakeConstSpan(&write, 1));
    result = Only(written);
    return written.status();
  });
  if (!committed.ok()) return committed;
  return NoticeLostLease(result);
}

// A worker that has been told once that its lease is lost need not wait for the keeper to notice.
absl::Status Attempt::NoticeLostLease(absl::Status status) {
  if (absl::IsAborted(status) || absl::IsNotFound(status)) RequestStop(StopReason::kLeaseLost);
  return status;
}

absl::Status Attempt::SaveCheckpoint(std::string_view bytes) {
  if (bytes.size() > limits::kPayloadBytesMax) {
    return absl::InvalidArgumentError(
        fmt::format("a checkpoint must have at most {} bytes, and has {}", limits::kPayloadBytesMax,
                    bytes.size()));
  }
  WorkerWrite write;
  write.checkpoint = std::string(bytes);
  return Write(std::move(write));
}

absl::Status Attempt::PublishArtifact(const Artifact& artifact) {
  WorkerWrite write;
  write.artifact = artifact;
  return Write(std::move(write));
}

absl::Status Attempt::CompleteIn(HostTransaction transaction, std::string_view output) {
  auto joined = services_.store.Join(transaction);
  if (!joined.ok()) return joined.status();
  Finished finished;
  finished.lease = job_.lease;
  finished.transition = Transition::kComplete;
  finished.output = output;
  absl::Status ended = Only((*joined)->Finish(absl::MakeConstSpan(&finished, 1)));
  if (ended.ok()) completed_in_host = true;
  return NoticeLostLease(std::move(ended));
}

Outcome Attempt::Run() {
  if (!readable()) return Unreadable(job_.payload_status);
  try {
    return entry_.worker->Run(*this, job_.args);
  } catch (abi::__forced_unwind&) {
    throw;  // The thread is being cancelled: not ours to stop.
  } catch (...) {
    return Retry(absl::UnknownError(CurrentExceptionText()));
  }
}

}  // namespace outlive::internal
