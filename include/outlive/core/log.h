// LogSink takes the library's log lines. A host gives its own; without one they go to spdlog's
// default logger (or to stderr, where the library was built without spdlog).
//
// Arguments of jobs, keys and other secrets never appear in a line. Text that came from outside
// (an error message) has its control characters escaped before it gets here.
//
// Thread-safety: Log() may be called from many threads at once. It must not throw or block long,
//                nor write through the client.
// Lifetime:      a sink outlives everything it was given to.
#ifndef OUTLIVE_CORE_LOG_H_
#define OUTLIVE_CORE_LOG_H_

#include <cstdint>
#include <string>
#include <string_view>

namespace outlive {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

struct LogRecord {
  LogLevel level = LogLevel::kInfo;
  std::string_view message = {};

  // What the line is about. Zero and empty: not about a job.
  std::int64_t job_id = 0;
  int attempt = 0;
  std::string_view kind = {};
  std::string_view queue = {};
  std::string_view traceparent = {};
};

class LogSink {
 public:
  virtual ~LogSink() = default;
  virtual void Log(const LogRecord& record) = 0;
};

// What an options struct means by a null sink.
LogSink& DefaultLogSink();

// `text` on one line of UTF-8: control characters, line separators and bytes that are not UTF-8 as
// \xNN; cut after the last whole character within limits::kMessageBytesMax. Escaping again changes
// nothing.
std::string EscapeForLog(std::string_view text);

}  // namespace outlive

#endif  // OUTLIVE_CORE_LOG_H_
