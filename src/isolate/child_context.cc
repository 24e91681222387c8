#include "isolate/child_context.h"

#include <fmt/format.h>

#include <utility>

#include "outlive/core/limits.h"

namespace outlive::isolate {

ChildContext::ChildContext(HostLink& host, RunJob job) : host_(host), job_(std::move(job)) {}

void ChildContext::Stop(StopReason reason) {
  StopReason none = StopReason::kNone;
  if (reason_.compare_exchange_strong(none, reason, std::memory_order_acq_rel)) {
    stop_.request_stop();
  }
}

void ChildContext::ReportProgress(double fraction, std::string_view note) {
  host_.Report(fraction, note);
}

absl::Status ChildContext::SaveCheckpoint(std::string_view bytes) {
  // The host would say the same; it need not carry the bytes for it.
  if (bytes.size() > limits::kPayloadBytesMax) {
    return absl::InvalidArgumentError(
        fmt::format("a checkpoint must have at most {} bytes, and has {}", limits::kPayloadBytesMax,
                    bytes.size()));
  }
  return host_.Call(Checkpoint{std::string(bytes)});
}

absl::Status ChildContext::PublishArtifact(const Artifact& artifact) {
  return host_.Call(Publication{artifact});
}

absl::Status ChildContext::CompleteIn(HostTransaction, std::string_view) {
  return absl::UnimplementedError(
      "a job that runs in a child process cannot be completed in a transaction of its host");
}

}  // namespace outlive::isolate
