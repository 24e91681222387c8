#include "testing/guarded_worker.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <utility>

#include "outlive/core/outcome.h"
#include "testing/process_life.h"

namespace outlive::testing::internal {
namespace {

// The context of an attempt. What a dead process has asked for does not come back to its worker.
class GuardedContext final : public JobContext {
 public:
  GuardedContext(JobContext& inner, ProcessLife& life) : inner_(inner), life_(life) {}

  void ReportProgress(double fraction, std::string_view note) override {
    inner_.ReportProgress(fraction, note);
    life_.RequireAlive();
  }
  bool cancelled() const override { return inner_.cancelled(); }
  std::int64_t id() const override { return inner_.id(); }
  std::string_view kind() const override { return inner_.kind(); }
  std::string_view queue() const override { return inner_.queue(); }
  int attempt() const override { return inner_.attempt(); }
  int attempt_count_max() const override { return inner_.attempt_count_max(); }
  std::int64_t fence() const override { return inner_.fence(); }
  std::string_view traceparent() const override { return inner_.traceparent(); }
  absl::Time deadline() const override { return inner_.deadline(); }
  std::stop_token stop_token() const override { return inner_.stop_token(); }
  StopReason stop_reason() const override { return inner_.stop_reason(); }
  const std::string& checkpoint() const override { return inner_.checkpoint(); }
  absl::Status SaveCheckpoint(std::string_view bytes) override {
    return Alive(inner_.SaveCheckpoint(bytes));
  }
  absl::Status PublishArtifact(const Artifact& artifact) override {
    return Alive(inner_.PublishArtifact(artifact));
  }
  absl::Status CompleteIn(HostTransaction transaction, std::string_view output) override {
    return Alive(inner_.CompleteIn(transaction, output));
  }

 private:
  absl::Status Alive(absl::Status status) const {
    life_.RequireAlive();
    return status;
  }

  JobContext& inner_;
  ProcessLife& life_;
};

// Runs it to its end on a loop of its own, as Runner::RunDue() does.
Outcome RunCoroutine(CoroutineWorker& worker, JobContext& job, std::string_view args) {
  boost::asio::io_context loop;
  Outcome outcome;
  std::exception_ptr thrown;
  boost::asio::awaitable<Outcome> coroutine = worker.Run(job, args);
  boost::asio::co_spawn(loop, std::move(coroutine), [&](std::exception_ptr error, Outcome result) {
    thrown = std::move(error);
    outcome = std::move(result);
  });
  loop.run();
  if (thrown != nullptr) std::rethrow_exception(thrown);
  return outcome;
}

}  // namespace

GuardedWorker::GuardedWorker(ProcessLife& life, Recorder& recorder, const WorkerSet::Entry& entry)
    : life_(life),
      entry_(entry),
      recorded_(recorder,
                [this](JobContext& job, std::string_view args) { return RunInside(job, args); }) {}

Outcome GuardedWorker::Run(JobContext& job, std::string_view args) {
  if (life_.dead()) return Snooze(absl::ZeroDuration());
  return recorded_.Run(job, args);
}

Outcome GuardedWorker::RunInside(JobContext& job, std::string_view args) {
  GuardedContext context(job, life_);
  if (entry_.coroutine != nullptr) return RunCoroutine(*entry_.coroutine, context, args);
  return entry_.worker->Run(context, args);
}

}  // namespace outlive::testing::internal
