#include "outlive/observe/health.h"

#include <absl/status/status.h>
#include <absl/time/time.h>
#include <doctest/doctest.h>

#include <atomic>
#include <boost/json/parse.hpp>
#include <latch>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "outlive/core/forwarding_job_store.h"
#include "outlive/core/version.h"
#include "outlive/store/memory_store.h"
#include "outlive/testing/virtual_clock.h"

namespace {

using outlive::Health;
using outlive::HealthCheck;
using outlive::HealthReport;
using outlive::HealthStatus;
using outlive::Importance;
using outlive::testing::VirtualClock;

// A check that answers at once.
HealthCheck Answering(const std::string& name, absl::Status status,
                      Importance importance = Importance::kHard) {
  HealthCheck check;
  check.name = name;
  check.importance = importance;
  check.deadline = absl::Minutes(1);  // Never reached, however slow the machine is.
  check.check = [status = std::move(status)](absl::Duration) { return status; };
  return check;
}

// A check that counts its runs.
HealthCheck Counting(std::atomic<int>& runs) {
  HealthCheck check = Answering("counting", absl::OkStatus());
  check.check = [&runs](absl::Duration) {
    ++runs;
    return absl::OkStatus();
  };
  return check;
}

TEST_CASE("without checks a server is ready") {
  Health health({.version = "shop 4.2"});
  const HealthReport report = health.Ready();
  CHECK(report.status == HealthStatus::kOk);
  CHECK(report.ready());
  CHECK(report.http_status() == 200);
  CHECK(report.version == "shop 4.2");
  CHECK(report.library_version == outlive::LibraryVersion());
  CHECK(report.checks.empty());
}

TEST_CASE("one failed hard check is enough, and soft ones only degrade") {
  const absl::Status ok;
  const absl::Status bad = absl::UnavailableError("refused");
  struct Line {
    absl::Status hard;
    absl::Status soft;
    HealthStatus status;
    int http;
  };
  const Line lines[] = {
      {ok, ok, HealthStatus::kOk, 200},
      {ok, bad, HealthStatus::kDegraded, 200},
      {bad, ok, HealthStatus::kUnavailable, 503},
      {bad, bad, HealthStatus::kUnavailable, 503},
  };
  for (const Line& line : lines) {
    Health health;
    REQUIRE(health.Add(Answering("first", ok)).ok());
    REQUIRE(health.Add(Answering("hard", line.hard)).ok());
    REQUIRE(health.Add(Answering("soft", line.soft, Importance::kSoft)).ok());
    const HealthReport report = health.Ready();
    CHECK(report.status == line.status);
    CHECK(report.ready() == (line.http == 200));
    CHECK(report.http_status() == line.http);
    REQUIRE(report.checks.size() == 3);
    CHECK(report.checks[0].name == "first");
    CHECK(report.checks[1].status == line.hard);
    CHECK(report.checks[2].status == line.soft);
    CHECK(report.checks[2].took >= absl::ZeroDuration());
  }
}

TEST_CASE("a check is told its deadline") {
  Health health;
  absl::Duration told;
  HealthCheck check = Answering("c", absl::OkStatus());
  check.deadline = absl::Seconds(7);
  check.check = [&told](absl::Duration deadline) {
    told = deadline;
    return absl::OkStatus();
  };
  REQUIRE(health.Add(check).ok());
  CHECK(health.Ready().ready());
  CHECK(told == absl::Seconds(7));
}

TEST_CASE("an exception is a failure, and the next run is a new chance") {
  Health health({.keep_results = absl::ZeroDuration()});
  int runs = 0;
  HealthCheck check = Answering("c", absl::OkStatus());
  check.check = [&runs](absl::Duration) -> absl::Status {
    ++runs;
    if (runs == 1) throw std::runtime_error("boom");
    if (runs == 2) throw 7;
    return absl::OkStatus();
  };
  REQUIRE(health.Add(check).ok());
  CHECK(health.Ready().checks[0].status == absl::InternalError("the check threw: boom"));
  CHECK(health.Ready().checks[0].status.code() == absl::StatusCode::kInternal);
  CHECK(health.Ready().ready());
}

TEST_CASE("a check that hangs does not hang who asks, and is not started twice") {
  std::latch release(1);
  std::atomic<int> runs = 0;
  Health health({.keep_results = absl::ZeroDuration()});
  HealthCheck hanging = Answering("hanging", absl::OkStatus());
  hanging.deadline = absl::Milliseconds(1);
  hanging.check = [&](absl::Duration) {
    ++runs;
    release.wait();
    return absl::OkStatus();
  };
  REQUIRE(health.Add(hanging).ok());
  REQUIRE(health.Add(Answering("fine", absl::OkStatus())).ok());
  for (int i = 0; i < 5; ++i) {
    const HealthReport report = health.Ready();
    CHECK(report.status == HealthStatus::kUnavailable);
    CHECK(report.checks[0].status == absl::DeadlineExceededError("no answer within 1ms"));
    CHECK(report.checks[0].took >= absl::Milliseconds(1));
    CHECK(report.checks[1].status.ok());
  }
  CHECK(runs == 1);
  release.count_down();
}

TEST_CASE("an answer that came too late is none, and the check recovers") {
  VirtualClock clock;
  Health health({.keep_results = absl::Seconds(10), .clock = &clock});
  std::latch release(1);
  std::latch late(1);
  std::atomic<int> runs = 0;
  HealthCheck check = Answering("c", absl::OkStatus());
  check.deadline = absl::Seconds(20);
  check.check = [&](absl::Duration) {
    if (++runs == 1) release.wait();
    return absl::OkStatus();
  };
  HealthCheck impatient = Answering("impatient", absl::OkStatus());
  impatient.deadline = absl::Milliseconds(1);
  impatient.check = [&](absl::Duration) {
    late.wait();
    return absl::OkStatus();
  };
  REQUIRE(health.Add(impatient).ok());
  CHECK(absl::IsDeadlineExceeded(health.Ready().checks[0].status));
  late.count_down();
  // Its answer is in by now, or will be: late in both cases.
  CHECK(absl::IsDeadlineExceeded(health.Ready().checks[0].status));
  REQUIRE(health.Add(check).ok());
  std::thread asker([&] { CHECK(health.Ready().checks[1].status.ok()); });
  release.count_down();
  asker.join();
  CHECK(runs == 1);
}

TEST_CASE("results are kept for a moment, good ones and bad ones") {
  VirtualClock clock;
  std::atomic<int> runs = 0;
  Health health({.keep_results = absl::Seconds(1), .clock = &clock});
  REQUIRE(health.Add(Counting(runs)).ok());
  for (int i = 0; i < 100; ++i) CHECK(health.Ready().ready());
  CHECK(runs == 1);
  clock.Advance(absl::Seconds(1) - absl::Nanoseconds(1));
  CHECK(health.Ready().ready());
  CHECK(runs == 1);
  clock.Advance(absl::Nanoseconds(1));
  CHECK(health.Ready().ready());
  CHECK(runs == 2);
}

TEST_CASE("without keeping, every question runs the checks") {
  std::atomic<int> runs = 0;
  Health health({.keep_results = absl::ZeroDuration()});
  REQUIRE(health.Add(Counting(runs)).ok());
  for (int i = 0; i < 3; ++i) CHECK(health.Ready().ready());
  CHECK(runs == 3);
}

TEST_CASE("many may ask at once") {
  VirtualClock clock;
  std::atomic<int> runs = 0;
  std::atomic<int> ready = 0;
  Health health({.clock = &clock});
  REQUIRE(health.Add(Counting(runs)).ok());
  std::vector<std::thread> threads;
  for (int i = 0; i < 16; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 50; ++k) ready += health.Ready().ready() ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(ready == 800);
  CHECK(runs == 1);
}

TEST_CASE("checks may be added while others are running") {
  Health health({.keep_results = absl::ZeroDuration()});
  REQUIRE(health.Add(Answering("first", absl::OkStatus())).ok());
  std::thread asker([&] {
    for (int i = 0; i < 200; ++i) CHECK(health.Ready().ready());
  });
  for (int i = 0; i < 10; ++i) {
    CHECK(health.Add(Answering("more." + std::to_string(i), absl::OkStatus())).ok());
  }
  asker.join();
  CHECK(health.Ready().checks.size() == 11);
}

TEST_CASE("bad checks are refused, with every fault") {
  Health health;
  REQUIRE(health.Add(Answering("store", absl::OkStatus())).ok());
  CHECK(health.Add(Answering("store", absl::OkStatus())) ==
        absl::InvalidArgumentError("health check: there is one of this name already"));
  HealthCheck bad;
  bad.name = "no spaces";
  bad.deadline = absl::Minutes(2);
  CHECK(health.Add(bad) ==
        absl::InvalidArgumentError(
            "health check: name must have 1 to 128 characters out of A-Z a-z 0-9 . _ : / -, and is "
            "\"no spaces\"; deadline must be from 1 ms to 1 min; check must not be null"));
  for (const absl::Duration deadline :
       {absl::ZeroDuration(), absl::Microseconds(999), absl::InfiniteDuration()}) {
    HealthCheck check = Answering("c", absl::OkStatus());
    check.deadline = deadline;
    CHECK_FALSE(health.Add(check).ok());
  }
  CHECK_FALSE(health.Add(outlive::RunnerCheck(nullptr)).ok());
  CHECK(health.Ready().checks.size() == 1);
}

TEST_CASE("living asks nobody") {
  std::atomic<int> runs = 0;
  Health health({.version = "v"});
  REQUIRE(health.Add(Counting(runs)).ok());
  REQUIRE(health.Add(Answering("bad", absl::InternalError("x"))).ok());
  const HealthReport report = health.Live();
  CHECK(report.status == HealthStatus::kOk);
  CHECK(report.http_status() == 200);
  CHECK(report.version == "v");
  CHECK(report.checks.empty());
  CHECK(runs == 0);
}

// A store that is away.
class AwayStore final : public outlive::ForwardingJobStore {
 public:
  using ForwardingJobStore::ForwardingJobStore;
  absl::Status Check(absl::Duration) override { return absl::UnavailableError("disk full"); }
};

TEST_CASE("a store is checked by itself") {
  const auto memory = outlive::MemoryStore::Create();
  AwayStore away(*memory);
  Health health;
  REQUIRE(health.Add(outlive::StoreCheck(*memory)).ok());
  CHECK(health.Ready().status == HealthStatus::kOk);
  Health ill;
  REQUIRE(ill.Add(outlive::StoreCheck(away)).ok());
  const HealthReport report = ill.Ready();
  CHECK(report.status == HealthStatus::kUnavailable);
  CHECK(report.checks[0].name == "store");
  CHECK(report.checks[0].status == absl::UnavailableError("disk full"));
  Health soft;
  REQUIRE(soft.Add(outlive::StoreCheck(away, Importance::kSoft)).ok());
  CHECK(soft.Ready().status == HealthStatus::kDegraded);
}

TEST_CASE("a runner is a yes or a no") {
  std::atomic<bool> running = true;
  Health health({.keep_results = absl::ZeroDuration()});
  REQUIRE(health.Add(outlive::RunnerCheck([&] { return running.load(); })).ok());
  CHECK(health.Ready().ready());
  running = false;
  const HealthReport report = health.Ready();
  CHECK_FALSE(report.ready());
  CHECK(report.checks[0].name == "runner");
  CHECK(report.checks[0].status == absl::UnavailableError("the runner is not running jobs"));
}

HealthReport Sample() {
  HealthReport report;
  report.status = HealthStatus::kDegraded;
  report.version = "shop 4.2";
  report.library_version = "0.1.0";
  report.checks = {{"store", Importance::kHard, absl::OkStatus(), absl::Milliseconds(500)},
                   {"smtp", Importance::kSoft, absl::DeadlineExceededError("no answer within 1s"),
                    absl::Seconds(1)},
                   {"s3", Importance::kSoft, absl::UnavailableError("line\nbreak \"q\" \xFF"), {}}};
  return report;
}

TEST_CASE("a report in full is one line of JSON") {
  const std::string json = outlive::HealthToJson(Sample());
  CHECK(json == R"({"status":"degraded","version":"shop 4.2","outlive":"0.1.0","checks":{)"
                R"("store":{"status":"ok","importance":"hard","seconds":5E-1},)"
                R"("smtp":{"status":"timeout","importance":"soft","seconds":1E0,)"
                R"("error":"no answer within 1s"},)"
                R"("s3":{"status":"failed","importance":"soft","seconds":0E0,)"
                R"("error":"line\\x0abreak \"q\" \\xff"}}})");
  CHECK(boost::json::parse(json).at("checks").at("smtp").at("seconds").as_double() == 1);
}

TEST_CASE("a summary tells nothing of the checks") {
  CHECK(outlive::HealthToJson(Sample(), outlive::HealthDetail::kSummary) ==
        R"({"status":"degraded","version":"shop 4.2","outlive":"0.1.0"})");
  CHECK(outlive::kHealthContentType == "application/json");
}

TEST_CASE("names of health") {
  CHECK(outlive::HealthStatusName(HealthStatus::kOk) == "ok");
  CHECK(outlive::HealthStatusName(HealthStatus::kDegraded) == "degraded");
  CHECK(outlive::HealthStatusName(HealthStatus::kUnavailable) == "unavailable");
}

}  // namespace
