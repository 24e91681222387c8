// StderrLog is the host's own log: the library hands every line to whatever sink it was given.
//
//   2026-01-31T12:00:00Z info  [job 17, attempt 1, report.generate] …
//
// Thread-safety: may be used from many threads at once.
// Lifetime:      the clock outlives it.
#ifndef OUTLIVE_EXAMPLES_REPORT_APP_STDERR_LOG_H_
#define OUTLIVE_EXAMPLES_REPORT_APP_STDERR_LOG_H_

#include "outlive/core/clock.h"
#include "outlive/core/log.h"

namespace report_app {

class StderrLog final : public outlive::LogSink {
 public:
  explicit StderrLog(const outlive::Clock& clock) : clock_(clock) {}

  void Log(const outlive::LogRecord& record) override;

 private:
  const outlive::Clock& clock_;
};

}  // namespace report_app

#endif  // OUTLIVE_EXAMPLES_REPORT_APP_STDERR_LOG_H_
