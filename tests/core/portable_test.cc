// The portable fallbacks, in a program that was built with every platform call and spdlog switched
// off: the same promises, kept by the standard library alone.
#include <absl/time/time.h>
#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdio>
#include <set>
#include <string>

#include "outlive/core/clock.h"
#include "outlive/core/log.h"
#include "outlive/core/random.h"

#if defined(OUTLIVE_BOOTTIME) || defined(OUTLIVE_GETRANDOM) || defined(OUTLIVE_WITH_SPDLOG)
#error "this program has to be built without the platform's own calls"
#endif

namespace {

// What is written to stderr while it lives.
class CapturedStderr {
 public:
  CapturedStderr() : file_(std::tmpfile()), before_(dup(STDERR_FILENO)) {
    REQUIRE(file_ != nullptr);
    REQUIRE(before_ >= 0);
    std::fflush(stderr);
    REQUIRE(dup2(fileno(file_), STDERR_FILENO) >= 0);
  }
  ~CapturedStderr() {
    dup2(before_, STDERR_FILENO);
    close(before_);
    std::fclose(file_);
  }

  std::string text() const {
    std::fflush(stderr);
    std::string text(4'096, '\0');
    text.resize(static_cast<std::size_t>(pread(fileno(file_), text.data(), text.size(), 0)));
    return text;
  }

 private:
  std::FILE* const file_;
  const int before_;
};

TEST_CASE("the steady clock stands in for the boot clock") {
  const outlive::SystemClock clock;
  absl::Duration last = clock.SinceBoot();
  CHECK(last > absl::ZeroDuration());
  for (int i = 0; i < 10'000; ++i) {
    const absl::Duration now = clock.SinceBoot();
    REQUIRE(now >= last);
    last = now;
  }
}

TEST_CASE("the standard library's device stands in for getrandom") {
  std::set<std::string> seen;
  for (int i = 0; i < 1'000; ++i) {
    seen.insert(outlive::RandomHex(outlive::SystemRandomInstance(), 16));
  }
  CHECK(seen.size() == 1'000);
  for (std::size_t size = 0; size < 100; ++size) {
    std::string bytes(size + 2, '!');
    outlive::SystemRandomInstance().Fill(bytes.data() + 1, size);
    CHECK(bytes.front() == '!');
    CHECK(bytes.back() == '!');
    CHECK(bytes.find(std::string(16, '!')) == std::string::npos);
  }
}

TEST_CASE("stderr stands in for spdlog") {
  std::string text;
  {
    const CapturedStderr captured;
    outlive::DefaultLogSink().Log({.level = outlive::LogLevel::kDebug, .message = "{} %s"});
    outlive::DefaultLogSink().Log({.level = outlive::LogLevel::kInfo, .message = "two"});
    outlive::DefaultLogSink().Log({.level = outlive::LogLevel::kWarning, .message = "three"});
    outlive::DefaultLogSink().Log({.level = outlive::LogLevel::kError,
                                   .message = "failed",
                                   .job_id = 42,
                                   .attempt = 3,
                                   .kind = "mail.send",
                                   .queue = "mail",
                                   .traceparent = "00-ab-cd-01"});
    text = captured.text();
  }
  CHECK(text ==
        "outlive debug: {} %s\n"
        "outlive info: two\n"
        "outlive warning: three\n"
        "outlive error: failed job=42 attempt=3 kind=mail.send queue=mail "
        "traceparent=00-ab-cd-01\n");
}

}  // namespace
