#include "report_app/stderr_log.h"

#include <absl/time/time.h>
#include <fmt/format.h>

#include <cstdio>
#include <string>
#include <string_view>

namespace report_app {
namespace {

std::string_view LevelName(outlive::LogLevel level) {
  switch (level) {
    case outlive::LogLevel::kDebug:
      return "debug";
    case outlive::LogLevel::kInfo:
      return "info";
    case outlive::LogLevel::kWarning:
      return "warning";
    case outlive::LogLevel::kError:
      return "error";
  }
  return "";
}

}  // namespace

void StderrLog::Log(const outlive::LogRecord& record) {
  if (record.level == outlive::LogLevel::kDebug) return;
  std::string line = fmt::format(
      "{} {:7} ", absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", clock_.Now(), absl::UTCTimeZone()),
      LevelName(record.level));
  if (record.job_id != 0) {
    line += fmt::format("[job {}, attempt {}, {}] ", record.job_id, record.attempt, record.kind);
  }
  line += fmt::format("{}\n", record.message);
  std::fwrite(line.data(), 1, line.size(), stderr);  // One call: lines of threads do not mix.
}

}  // namespace report_app
