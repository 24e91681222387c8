#include <doctest/doctest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <sstream>
#include <string>

#include "outlive/core/log.h"

namespace {

using outlive::DefaultLogSink;
using outlive::LogLevel;
using outlive::LogRecord;

// While it lives, spdlog's default logger writes "level message" lines here.
class CapturedSpdlog {
 public:
  CapturedSpdlog() : before_(spdlog::default_logger()) {
    auto logger = std::make_shared<spdlog::logger>(
        "test", std::make_shared<spdlog::sinks::ostream_sink_st>(text_));
    logger->set_pattern("%l %v");
    logger->set_level(spdlog::level::trace);
    spdlog::set_default_logger(std::move(logger));
  }
  ~CapturedSpdlog() { spdlog::set_default_logger(before_); }

  std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
  std::shared_ptr<spdlog::logger> before_;
};

TEST_CASE("lines go to spdlog's default logger, at their level") {
  const CapturedSpdlog spdlog;
  DefaultLogSink().Log({.level = LogLevel::kDebug, .message = "one"});
  DefaultLogSink().Log({.level = LogLevel::kInfo, .message = "two"});
  DefaultLogSink().Log({.level = LogLevel::kWarning, .message = "three"});
  DefaultLogSink().Log({.level = LogLevel::kError, .message = "four"});
  CHECK(spdlog.text() == "debug one\ninfo two\nwarning three\nerror four\n");
}

TEST_CASE("a line about a job says which") {
  const CapturedSpdlog spdlog;
  DefaultLogSink().Log({.level = LogLevel::kInfo,
                        .message = "finished",
                        .job_id = 42,
                        .attempt = 3,
                        .kind = "invoice.send",
                        .queue = "mail",
                        .traceparent = "00-ab-cd-01"});
  CHECK(spdlog.text() ==
        "info finished job=42 attempt=3 kind=invoice.send queue=mail traceparent=00-ab-cd-01\n");
}

TEST_CASE("braces in a message mean nothing") {
  const CapturedSpdlog spdlog;
  DefaultLogSink().Log({.message = "{} {0} {:d} %s %n"});
  CHECK(spdlog.text() == "info {} {0} {:d} %s %n\n");
}

// As after spdlog::shutdown(), which hosts call at the end of main().
TEST_CASE("a host that has no default logger loses lines, and nothing else") {
  const CapturedSpdlog spdlog;
  const std::shared_ptr<spdlog::logger> logger = spdlog::default_logger();
  spdlog::set_default_logger(nullptr);
  DefaultLogSink().Log({.message = "lost"});
  spdlog::set_default_logger(logger);
  DefaultLogSink().Log({.message = "told"});
  CHECK(spdlog.text() == "info told\n");
}

TEST_CASE("there is one default sink") { CHECK(&DefaultLogSink() == &DefaultLogSink()); }

}  // namespace
