// What tests of notifiers need: a clock that stands still, a progress that can be cancelled, a sink
// that keeps what was logged, and a notification.
#ifndef OUTLIVE_TESTS_NOTIFY_RIG_H_
#define OUTLIVE_TESTS_NOTIFY_RIG_H_

#include <absl/time/time.h>

#include <atomic>
#include <cstdint>
#include <string>

#include "outlive/core/clock.h"
#include "outlive/core/log.h"
#include "outlive/core/mutex.h"
#include "outlive/core/notifier.h"
#include "outlive/core/outcome.h"
#include "outlive/core/progress.h"

namespace outlive::testing {

// Stands still at 2026-01-01T00:00:00Z until it is moved.
class ManualClock final : public Clock {
 public:
  absl::Time Now() const override { return absl::FromUnixMicros(micros_); }
  absl::Duration SinceBoot() const override { return absl::Microseconds(micros_.load()); }
  void Advance(absl::Duration by) { micros_ += absl::ToInt64Microseconds(by); }

 private:
  std::atomic<std::int64_t> micros_ = 1'767'225'600'000'000;
};

class TestProgress final : public Progress {
 public:
  void ReportProgress(double, std::string_view) override {}
  bool cancelled() const override { return cancel; }

  std::atomic<bool> cancel = false;
};

class TestLog final : public LogSink {
 public:
  void Log(const LogRecord& record) override {
    const MutexLock lock(mutex_);
    text_.append(record.message).append("\n");
  }
  std::string text() {
    const MutexLock lock(mutex_);
    return text_;
  }

 private:
  Mutex mutex_;
  std::string text_ ABSL_GUARDED_BY(mutex_);
};

// Of job 42, which has completed.
inline Notification TestNotification(std::string target) {
  Notification notification;
  notification.id = "msg_store_7";
  notification.type = "job.completed";
  notification.target = std::move(target);
  notification.traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  notification.end.job_id = 42;
  notification.end.kind = "report.render";
  notification.end.queue = "reports";
  notification.end.attempt = 2;
  notification.end.generation = 1;
  notification.end.ended_at = absl::FromUnixMicros(1'767'225'599'500'000);
  return notification;
}

inline std::string MessageOf(const Outcome& outcome) {
  return std::string(outcome.status().message());
}

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTS_NOTIFY_RIG_H_
