// ChildContext is what a worker knows and can do while it runs in a child: the host's JobContext at
// the other end of a channel.
//
// Thread-safety: may be used from many threads at once.
// Lifetime:      shared between the worker process and a request to stop that is under way.
#ifndef OUTLIVE_SRC_ISOLATE_CHILD_CONTEXT_H_
#define OUTLIVE_SRC_ISOLATE_CHILD_CONTEXT_H_

#include <atomic>
#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>

#include "isolate/host_link.h"
#include "isolate/message.h"
#include "outlive/core/worker.h"

namespace outlive::isolate {

class ChildContext final : public JobContext {
 public:
  // `host` is borrowed.
  ChildContext(HostLink& host, RunJob job);

  // Only the first reason counts.
  void Stop(StopReason reason);

  const std::string& args() const { return job_.args; }

  void ReportProgress(double fraction, std::string_view note) override;
  bool cancelled() const override { return stop_reason() != StopReason::kNone; }
  std::int64_t id() const override { return job_.id; }
  std::string_view kind() const override { return job_.kind; }
  std::string_view queue() const override { return job_.queue; }
  int attempt() const override { return static_cast<int>(job_.attempt); }
  int attempt_count_max() const override { return static_cast<int>(job_.attempt_count_max); }
  std::int64_t fence() const override { return job_.fence; }
  std::string_view traceparent() const override { return job_.traceparent; }
  absl::Time deadline() const override { return job_.deadline; }
  std::stop_token stop_token() const override { return stop_.get_token(); }
  StopReason stop_reason() const override { return reason_.load(std::memory_order_acquire); }
  const std::string& checkpoint() const override { return job_.checkpoint; }
  absl::Status SaveCheckpoint(std::string_view bytes) override;
  absl::Status PublishArtifact(const Artifact& artifact) override;
  absl::Status CompleteIn(HostTransaction transaction, std::string_view output) override;

 private:
  HostLink& host_;
  const RunJob job_;
  std::stop_source stop_;
  std::atomic<StopReason> reason_{StopReason::kNone};
};

}  // namespace outlive::isolate

#endif  // OUTLIVE_SRC_ISOLATE_CHILD_CONTEXT_H_
