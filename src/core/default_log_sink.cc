// Where log lines go when the host gives no sink.
#include <fmt/format.h>

#include <cstdio>
#include <memory>
#include <string>

#include "outlive/core/log.h"

#if defined(OUTLIVE_WITH_SPDLOG)
#include <spdlog/spdlog.h>
#endif

namespace outlive {
namespace {

std::string Line(const LogRecord& record) {
  std::string line(record.message);
  if (record.job_id != 0) line += fmt::format(" job={}", record.job_id);
  if (record.attempt != 0) line += fmt::format(" attempt={}", record.attempt);
  if (!record.kind.empty()) line += fmt::format(" kind={}", record.kind);
  if (!record.queue.empty()) line += fmt::format(" queue={}", record.queue);
  if (!record.traceparent.empty()) line += fmt::format(" traceparent={}", record.traceparent);
  return line;
}

#if defined(OUTLIVE_WITH_SPDLOG)
class SpdlogSink final : public LogSink {
 public:
  // spdlog's registry is made before this object is, and so destroyed after it, and after all that
  // were given it when they were made: objects of static storage log in their destructors, too.
  SpdlogSink() { spdlog::default_logger_raw(); }

  // The host may exchange its logger at any time, and has none after spdlog::shutdown().
  void Log(const LogRecord& record) override {
    const std::shared_ptr<spdlog::logger> logger = spdlog::default_logger();
    if (logger != nullptr) logger->log(Level(record.level), "{}", Line(record));
  }

 private:
  static spdlog::level::level_enum Level(LogLevel level) {
    switch (level) {
      case LogLevel::kDebug:
        return spdlog::level::debug;
      case LogLevel::kInfo:
        return spdlog::level::info;
      case LogLevel::kWarning:
        return spdlog::level::warn;
      case LogLevel::kError:
        return spdlog::level::err;
    }
    return spdlog::level::err;
  }
};
using DefaultSink = SpdlogSink;
#else
class StderrSink final : public LogSink {
 public:
  void Log(const LogRecord& record) override {
    static constexpr const char* kLevels[] = {"debug", "info", "warning", "error"};
    const std::string line =
        fmt::format("outlive {}: {}\n", kLevels[static_cast<int>(record.level)], Line(record));
    std::fwrite(line.data(), 1, line.size(), stderr);
  }
};
using DefaultSink = StderrSink;
#endif

}  // namespace

LogSink& DefaultLogSink() {
  static DefaultSink sink;
  return sink;
}

}  // namespace outlive
