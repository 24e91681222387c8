// A log for tests that look at something else: nothing is written.
//
// Thread-safety: may be used from many threads at once.
#ifndef OUTLIVE_TESTS_TESTING_NO_LOG_H_
#define OUTLIVE_TESTS_TESTING_NO_LOG_H_

#include "outlive/core/log.h"

namespace outlive::testing {

class EmptyLogSink final : public LogSink {
 public:
  void Log(const LogRecord&) override {}
};

inline LogSink& NoLog() {
  static EmptyLogSink log;
  return log;
}

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTS_TESTING_NO_LOG_H_
