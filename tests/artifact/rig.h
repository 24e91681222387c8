// What tests of artifacts need around the store under test: a folder that goes away, a clock that
// stands still, a job store that can be told to fail, and jobs that are running on it.
#ifndef OUTLIVE_TESTS_ARTIFACT_RIG_H_
#define OUTLIVE_TESTS_ARTIFACT_RIG_H_

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "outlive/core/clock.h"
#include "outlive/core/job_store.h"
#include "outlive/core/worker.h"

namespace outlive::testing {

// An empty folder under the system's temporary one.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::string string() const { return path_.string(); }

 private:
  std::filesystem::path path_;
};

// Regular files under `root`, as relative paths, but for the marker.
std::vector<std::string> FilesUnder(const std::filesystem::path& root);

std::string ReadFile(const std::filesystem::path& path);
void WriteFile(const std::filesystem::path& path, std::string_view bytes);

// Stands still at the start of 2026 until it is moved.
class ManualClock final : public Clock {
 public:
  absl::Time Now() const override { return absl::FromUnixMicros(micros_); }
  absl::Duration SinceBoot() const override { return absl::Microseconds(micros_.load()); }
  void Advance(absl::Duration by) { micros_ += absl::ToInt64Microseconds(by); }

 private:
  std::atomic<std::int64_t> micros_ = 1'767'225'600'000'000;
};

// A job store that answers as another one does, unless it was told an error.
class FaultyStore final : public JobStore {
 public:
  explicit FaultyStore(JobStore& store) : store_(store) {}

  absl::Status find_error;  // Of FindArtifact(), while it is not OK.
  absl::Status get_error;   // Of Get().

  absl::StatusOr<std::unique_ptr<StoreTransaction>> Begin() override { return store_.Begin(); }
  absl::StatusOr<std::unique_ptr<StoreTransaction>> BeginUpkeep(Upkeep upkeep) override {
    return store_.BeginUpkeep(upkeep);
  }
  absl::StatusOr<std::unique_ptr<StoreTransaction>> Join(HostTransaction host) override {
    return store_.Join(host);
  }
  absl::StatusOr<Job> Get(JobId id) override {
    if (!get_error.ok()) return get_error;
    return store_.Get(id);
  }
  absl::StatusOr<std::vector<Job>> List(const JobFilter& filter, const JobPage& page) override {
    return store_.List(filter, page);
  }
  absl::StatusOr<JobStats> Stats() override { return store_.Stats(); }
  absl::StatusOr<std::vector<Event>> EventsAfter(std::int64_t after, int count_max) override {
    return store_.EventsAfter(after, count_max);
  }
  absl::StatusOr<std::int64_t> LastEvent() override { return store_.LastEvent(); }
  absl::StatusOr<std::vector<DeadLetterGroup>> DeadLetterGroups(int count_max) override {
    return store_.DeadLetterGroups(count_max);
  }
  absl::StatusOr<std::vector<JobId>> CancelRequests(const std::string& session) override {
    return store_.CancelRequests(session);
  }
  absl::StatusOr<Artifact> FindArtifact(const std::string& id) override {
    if (!find_error.ok()) return find_error;
    return store_.FindArtifact(id);
  }
  absl::Status Check(absl::Duration deadline) override { return store_.Check(deadline); }
  std::unique_ptr<Subscription> Subscribe(std::function<void(WakeHint)> on_wake) override {
    return store_.Subscribe(std::move(on_wake));
  }
  const StoreInfo& info() const override { return store_.info(); }
  const Clock& clock() const override { return store_.clock(); }

 private:
  JobStore& store_;
};

// An attempt of a job that was inserted and claimed for it. Publishes for real, under its fence.
class RunningJob final : public JobContext {
 public:
  // A new job in a new session.
  explicit RunningJob(JobStore& store, absl::Duration lease = absl::Hours(1));

  // The next attempt of the job that `lost` had; its session must have expired.
  RunningJob(JobStore& store, const RunningJob& lost);

  // Called before a row is written; an error is returned instead of writing it.
  std::function<absl::Status(const Artifact&)> before_publish;
  // What PublishArtifact() says after the row was written.
  absl::Status publish_result;
  std::atomic<StopReason> reason = StopReason::kNone;

  // Ends the job and forgets it.
  void CompleteAndPrune();

  std::int64_t id() const override { return lease_.job; }
  std::string_view kind() const override { return "report"; }
  std::string_view queue() const override { return "default"; }
  int attempt() const override { return 1; }
  int attempt_count_max() const override { return 5; }
  std::int64_t fence() const override { return lease_.fence; }
  std::string_view traceparent() const override { return {}; }
  absl::Time deadline() const override { return absl::InfiniteFuture(); }
  std::stop_token stop_token() const override { return {}; }
  StopReason stop_reason() const override { return reason; }
  const std::string& checkpoint() const override { return checkpoint_; }
  absl::Status SaveCheckpoint(std::string_view) override;
  absl::Status PublishArtifact(const Artifact& artifact) override;
  absl::Status CompleteIn(HostTransaction, std::string_view) override;
  void ReportProgress(double, std::string_view) override {}
  bool cancelled() const override { return reason != StopReason::kNone; }

 private:
  void Claim(absl::Duration lease);

  JobStore& store_;
  Lease lease_;
  std::string checkpoint_;
};

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTS_ARTIFACT_RIG_H_
