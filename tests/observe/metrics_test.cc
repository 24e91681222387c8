#include "outlive/observe/metrics.h"

#include <absl/status/status.h>
#include <absl/time/time.h>
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <iostream>
#include <latch>
#include <limits>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "outlive/core/forwarding_job_store.h"
#include "outlive/core/version.h"
#include "outlive/engine/runner.h"
#include "outlive/store/memory_store.h"
#include "outlive/testing/virtual_clock.h"

namespace {

using outlive::JobLabel;
using outlive::JobState;
using outlive::PrometheusMetrics;
using outlive::PrometheusOptions;
using outlive::Transition;

constexpr JobLabel kMail{"mail", "mail.send"};

// What a store says of its jobs, as the test wants it, and how often it was asked.
class ScriptedStore final : public outlive::ForwardingJobStore {
 public:
  using ForwardingJobStore::ForwardingJobStore;
  absl::StatusOr<outlive::JobStats> Stats() override {
    ++asked;
    return script();
  }
  std::atomic<int> asked = 0;
  std::function<absl::StatusOr<outlive::JobStats>()> script = [] { return outlive::JobStats(); };
};

struct Fixture {
  outlive::testing::VirtualClock clock;
  std::unique_ptr<outlive::MemoryStore> memory = outlive::MemoryStore::Create({.clock = &clock});
  ScriptedStore store{*memory};
};

// The value after `series`, such as `up{a="b"}`; "none" where there is no such line.
std::string ValueOf(const std::string& text, const std::string& series) {
  std::istringstream lines(text);
  std::string line;
  while (std::getline(lines, line)) {
    if (line.substr(0, series.size() + 1) == series + " ") return line.substr(series.size() + 1);
  }
  return "none";
}

std::string Labels(JobLabel job) {
  return "{queue=\"" + std::string(job.queue) + "\",kind=\"" + std::string(job.kind) + "\"}";
}

std::string CountOf(PrometheusMetrics& metrics, const std::string& name, JobLabel job = kMail) {
  return ValueOf(metrics.Text(), name + Labels(job));
}

outlive::JobStats::Lane LaneOf(const std::string& queue, const std::string& kind,
                               std::int64_t pending) {
  outlive::JobStats::Lane lane;
  lane.queue = queue;
  lane.kind = kind;
  lane.pending = pending;
  return lane;
}

TEST_CASE("the content type is that of the text format") {
  CHECK(outlive::kPrometheusContentType == "text/plain; version=0.0.4; charset=utf-8");
}

TEST_CASE("nothing has happened yet") {
  Fixture fixture;
  PrometheusMetrics metrics(fixture.store);
  const std::string text = metrics.Text();
  CHECK(ValueOf(text, "outlive_store_up") == "1");
  CHECK(ValueOf(text, "outlive_build_info{version=\"" + std::string(outlive::LibraryVersion()) +
                          "\",store=\"memory\",store_version=\"" + fixture.store.info().version +
                          "\"}") == "1");
  CHECK(text.find("mail") == std::string::npos);
}

TEST_CASE("every event is counted where it belongs, and nowhere else") {
  struct Line {
    std::function<void(PrometheusMetrics&)> event;
    std::vector<std::string> counted;
  };
  const auto ended = [](Transition end) {
    return [end](PrometheusMetrics& m) { m.OnEnded(kMail, end, absl::Seconds(1)); };
  };
  const Line lines[] = {
      {[](PrometheusMetrics& m) { m.OnEnqueued(kMail, 1); }, {"outlive_jobs_enqueued_total"}},
      {ended(Transition::kComplete), {"outlive_jobs_completed_total"}},
      {ended(Transition::kCancel), {"outlive_jobs_cancelled_total"}},
      {ended(Transition::kRetry), {"outlive_attempts_failed_total", "outlive_jobs_retried_total"}},
      {ended(Transition::kCrash), {"outlive_attempts_failed_total", "outlive_jobs_crashed_total"}},
      {ended(Transition::kDie), {"outlive_attempts_failed_total", "outlive_jobs_dead_total"}},
      {ended(Transition::kSnooze), {"outlive_jobs_snoozed_total"}},
      {ended(Transition::kRelease), {"outlive_jobs_released_total"}},
      {[](PrometheusMetrics& m) { m.OnLeaseLost(kMail); }, {"outlive_leases_lost_total"}},
      {[](PrometheusMetrics& m) { m.OnRescued(kMail, JobState::kPending); },
       {"outlive_jobs_rescued_total"}},
      {[](PrometheusMetrics& m) { m.OnRescued(kMail, JobState::kDead); },
       {"outlive_jobs_rescued_total", "outlive_jobs_dead_total"}},
      {[](PrometheusMetrics& m) { m.OnRescued(kMail, JobState::kCancelled); },
       {"outlive_jobs_rescued_total", "outlive_jobs_cancelled_total"}},
  };
  const std::vector<std::string> all = {
      "outlive_jobs_enqueued_total",   "outlive_jobs_completed_total",
      "outlive_jobs_cancelled_total",  "outlive_jobs_dead_total",
      "outlive_attempts_failed_total", "outlive_jobs_retried_total",
      "outlive_jobs_snoozed_total",    "outlive_jobs_released_total",
      "outlive_jobs_rescued_total",    "outlive_leases_lost_total",
      "outlive_jobs_crashed_total"};
  for (const Line& line : lines) {
    Fixture fixture;
    PrometheusMetrics metrics(fixture.store);
    line.event(metrics);
    const std::string text = metrics.Text();
    for (const std::string& name : all) {
      CAPTURE(name);
      const bool expected =
          std::find(line.counted.begin(), line.counted.end(), name) != line.counted.end();
      CHECK(ValueOf(text, name + Labels(kMail)) == (expected ? "1" : "0"));
    }
  }
}

TEST_CASE("counts add up, by queue and kind") {
  Fixture fixture;
  PrometheusMetrics metrics(fixture.store);
  metrics.OnEnqueued(kMail, 10'000);
  metrics.OnEnqueued(kMail, 1);
  metrics.OnEnqueued({"mail", "mail.digest"}, 2);
  metrics.OnEnqueued({"slow", "mail.send"}, 3);
  metrics.OnEnqueued(kMail, 0);
  CHECK(CountOf(metrics, "outlive_jobs_enqueued_total") == "10001");
  CHECK(CountOf(metrics, "outlive_jobs_enqueued_total", {"mail", "mail.digest"}) == "2");
  CHECK(CountOf(metrics, "outlive_jobs_enqueued_total", {"slow", "mail.send"}) == "3");
}

TEST_CASE("waits and runs go into their buckets") {
  Fixture fixture;
  PrometheusMetrics metrics(
      fixture.store,
      {.bucket_seconds = {60, 1, 0.1, 1, -5, 0, std::numeric_limits<double>::max(), std::nan("")}});
  for (const absl::Duration wait :
       {absl::ZeroDuration(), absl::Milliseconds(100), absl::Milliseconds(101), absl::Seconds(60),
        absl::Hours(1), absl::Seconds(-5)}) {
    metrics.OnStarted(kMail, wait);
  }
  metrics.OnEnded(kMail, Transition::kComplete, absl::Seconds(2));
  const std::string text = metrics.Text();
  const auto bucket = [&](const std::string& name, const std::string& bound) {
    return ValueOf(text, name + "_bucket{queue=\"mail\",kind=\"mail.send\",le=\"" + bound + "\"}");
  };
  CHECK(bucket("outlive_job_wait_seconds", "0.1") == "3");
  CHECK(bucket("outlive_job_wait_seconds", "1") == "4");
  CHECK(bucket("outlive_job_wait_seconds", "60") == "5");
  CHECK(bucket("outlive_job_wait_seconds", "+Inf") == "6");
  CHECK(bucket("outlive_job_wait_seconds", "0") == "none");
  CHECK(ValueOf(text, "outlive_job_wait_seconds_count" + Labels(kMail)) == "6");
  CHECK(ValueOf(text, "outlive_job_wait_seconds_sum" + Labels(kMail)).substr(0, 8) == "3660.201");
  CHECK(bucket("outlive_job_run_seconds", "1") == "0");
  CHECK(bucket("outlive_job_run_seconds", "60") == "1");
  CHECK(ValueOf(text, "outlive_job_run_seconds_sum" + Labels(kMail)) == "2");
}

TEST_CASE("an infinite wait does not spoil the sum") {
  Fixture fixture;
  PrometheusMetrics metrics(fixture.store);
  metrics.OnStarted(kMail, absl::InfiniteDuration());
  metrics.OnStarted(kMail, -absl::InfiniteDuration());
  CHECK(CountOf(metrics, "outlive_job_wait_seconds_sum") == "3162240000");
}

TEST_CASE("gauges tell what the store says") {
  Fixture fixture;
  fixture.store.script = [&] {
    outlive::JobStats stats;
    stats.now = fixture.clock.Now();
    outlive::JobStats::Lane lane = LaneOf("mail", "mail.send", 7);
    lane.running = 3;
    lane.blocked = 2;
    lane.dead = 1;
    lane.oldest_due = stats.now - absl::Seconds(90);
    stats.lanes = {lane, LaneOf("mail", "mail.later", 5)};
    stats.queues = {{"mail", true}, {"slow", false}};
    return stats;
  };
  PrometheusMetrics metrics(fixture.store);
  const std::string text = metrics.Text();
  CHECK(ValueOf(text, "outlive_queue_depth" + Labels(kMail)) == "7");
  CHECK(ValueOf(text, "outlive_oldest_due_age_seconds" + Labels(kMail)) == "90");
  CHECK(ValueOf(text, "outlive_jobs_running" + Labels(kMail)) == "3");
  CHECK(ValueOf(text, "outlive_jobs_blocked" + Labels(kMail)) == "2");
  CHECK(ValueOf(text, "outlive_dead_letters" + Labels(kMail)) == "1");
  CHECK(ValueOf(text, "outlive_queue_depth" + Labels({"mail", "mail.later"})) == "5");
  CHECK(ValueOf(text, "outlive_oldest_due_age_seconds" + Labels({"mail", "mail.later"})) == "0");
  CHECK(ValueOf(text, "outlive_queue_paused{queue=\"mail\"}") == "1");
  CHECK(ValueOf(text, "outlive_queue_paused{queue=\"slow\"}") == "0");
}

TEST_CASE("labels are bounded: what comes too late is counted together") {
  Fixture fixture;
  fixture.store.script = [&] {
    outlive::JobStats stats;
    stats.now = fixture.clock.Now();
    stats.lanes = {LaneOf("q", "a", 1), LaneOf("q", "c", 10), LaneOf("q", "d", 20)};
    stats.lanes[1].oldest_due = stats.now - absl::Seconds(5);
    stats.lanes[2].oldest_due = stats.now - absl::Seconds(9);
    return stats;
  };
  PrometheusMetrics metrics(fixture.store, {.lane_count_max = 2});
  metrics.OnEnqueued({"q", "a"}, 1);
  metrics.OnEnqueued({"q", "b"}, 1);
  for (int i = 0; i < 100'000; ++i) metrics.OnEnqueued({"q", std::to_string(i)}, 1);
  const std::string text = metrics.Text();
  const std::string other = "{queue=\"other\",kind=\"other\"}";
  CHECK(ValueOf(text, "outlive_jobs_enqueued_total{queue=\"q\",kind=\"a\"}") == "1");
  CHECK(ValueOf(text, "outlive_jobs_enqueued_total{queue=\"q\",kind=\"b\"}") == "1");
  CHECK(ValueOf(text, "outlive_jobs_enqueued_total" + other) == "100000");
  CHECK(ValueOf(text, "outlive_queue_depth{queue=\"q\",kind=\"a\"}") == "1");
  CHECK(ValueOf(text, "outlive_queue_depth" + other) == "30");
  CHECK(ValueOf(text, "outlive_oldest_due_age_seconds" + other) == "9");
  CHECK(text.size() < 20'000);
}

TEST_CASE("a host whose own queue is called other shares its series") {
  Fixture fixture;
  PrometheusMetrics metrics(fixture.store, {.lane_count_max = 1});
  metrics.OnEnqueued({"other", "other"}, 1);
  metrics.OnEnqueued({"q", "a"}, 1);
  metrics.OnEnqueued({"q", "b"}, 1);
  CHECK(CountOf(metrics, "outlive_jobs_enqueued_total", {"q", "a"}) == "1");
  CHECK(CountOf(metrics, "outlive_jobs_enqueued_total", {"other", "other"}) == "2");
}

TEST_CASE("with no lanes of their own all are counted together") {
  Fixture fixture;
  PrometheusMetrics metrics(fixture.store, {.lane_count_max = -1});
  metrics.OnEnqueued(kMail, 1);
  metrics.OnEnqueued({"q", "b"}, 1);
  CHECK(CountOf(metrics, "outlive_jobs_enqueued_total", {"other", "other"}) == "2");
}

TEST_CASE("scraping often does not ask the store often") {
  Fixture fixture;
  PrometheusMetrics metrics(fixture.store, {.stats_interval_min = absl::Seconds(5)});
  for (int i = 0; i < 100; ++i) metrics.Text();
  CHECK(fixture.store.asked == 1);
  fixture.clock.Advance(absl::Seconds(5) - absl::Nanoseconds(1));
  metrics.Text();
  CHECK(fixture.store.asked == 1);
  fixture.clock.Advance(absl::Nanoseconds(1));
  metrics.Text();
  metrics.Text();
  CHECK(fixture.store.asked == 2);
  fixture.clock.SetNow(fixture.clock.Now() - absl::Hours(24));  // The wall clock has no say.
  metrics.Text();
  CHECK(fixture.store.asked == 2);
}

TEST_CASE("without an interval every scrape asks") {
  Fixture fixture;
  PrometheusMetrics metrics(fixture.store, {.stats_interval_min = absl::ZeroDuration()});
  for (int i = 0; i < 3; ++i) metrics.Text();
  CHECK(fixture.store.asked == 3);
}

TEST_CASE("scrapes at one moment ask once") {
  Fixture fixture;
  std::latch asked(1);
  std::latch answer(1);
  fixture.store.script = [&]() -> absl::StatusOr<outlive::JobStats> {
    asked.count_down();
    answer.wait();
    return outlive::JobStats();
  };
  PrometheusMetrics metrics(fixture.store);
  std::atomic<int> up = 0;
  const auto scrape = [&] { up += ValueOf(metrics.Text(), "outlive_store_up") == "1" ? 1 : 0; };
  std::vector<std::thread> threads;
  threads.emplace_back(scrape);
  asked.wait();
  for (int i = 0; i < 7; ++i) threads.emplace_back(scrape);
  answer.count_down();
  for (std::thread& thread : threads) thread.join();
  CHECK(fixture.store.asked == 1);
  CHECK(up == 8);
}

TEST_CASE("a store that cannot be asked is down, without old figures, and counters go on") {
  Fixture fixture;
  PrometheusMetrics metrics(fixture.store);
  fixture.store.script = [&] {
    outlive::JobStats stats;
    stats.lanes = {LaneOf("mail", "mail.send", 7)};
    return stats;
  };
  CHECK(CountOf(metrics, "outlive_queue_depth") == "7");
  fixture.store.script = []() -> absl::StatusOr<outlive::JobStats> {
    return absl::UnavailableError("locked");
  };
  fixture.clock.Advance(absl::Seconds(5));
  metrics.OnEnqueued(kMail, 1);
  const std::string text = metrics.Text();
  CHECK(ValueOf(text, "outlive_store_up") == "0");
  CHECK(text.find("outlive_queue_depth") == std::string::npos);
  CHECK(ValueOf(text, "outlive_jobs_enqueued_total" + Labels(kMail)) == "1");
  metrics.Text();
  CHECK(fixture.store.asked == 2);  // A store in trouble is not asked more often either.
}

TEST_CASE("nothing is lost between threads") {
  Fixture fixture;
  PrometheusMetrics metrics(fixture.store);
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      const std::string kind = "kind." + std::to_string(t % 3);
      for (int i = 0; i < 1'000; ++i) {
        metrics.OnEnqueued({"q", kind}, 1);
        metrics.OnStarted({"q", kind}, absl::Milliseconds(i));
        metrics.OnEnded({"q", kind}, Transition::kComplete, absl::Milliseconds(i));
        if (i % 100 == 0) metrics.Text();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(CountOf(metrics, "outlive_jobs_enqueued_total", {"q", "kind.0"}) == "3000");
  CHECK(CountOf(metrics, "outlive_jobs_completed_total", {"q", "kind.1"}) == "3000");
  CHECK(CountOf(metrics, "outlive_job_run_seconds_count", {"q", "kind.2"}) == "2000");
}

struct Send {
  static constexpr std::string_view kKind = "mail.send";
  int number = 0;
};
BOOST_DESCRIBE_STRUCT(Send, (), (number))

// Runs jobs that end in every way, with `metrics` as the client's observer.
void RunSomeJobs(outlive::JobStore& store, PrometheusMetrics& metrics) {
  outlive::Client client(store, {.observer = &metrics});
  outlive::WorkerSet workers;
  workers.Add<Send>([](outlive::JobContext&, const Send& send) -> outlive::Outcome {
    if (send.number == 1) return absl::UnavailableError("later");
    if (send.number == 2) return outlive::Dead("never");
    if (send.number == 3) return outlive::Snooze(absl::Hours(1));
    if (send.number == 4) return outlive::Cancelled("no need");
    return outlive::Done();
  });
  outlive::Runner runner(client, workers, {.queues = {{.name = "mail", .concurrency = 2}}});
  for (int number = 0; number < 7; ++number) {
    outlive::EnqueueOptions options;
    options.queue = "mail";
    options.idempotency_key = "mail-" + std::to_string(number);
    REQUIRE(client.Enqueue(Send{number}, options).ok());
    if (number == 6) REQUIRE(client.Enqueue(Send{number}, options)->duplicate);
  }
  CHECK(runner.RunDue().value() == 7);
}

TEST_CASE("what a client and a runner do is counted") {
  outlive::testing::VirtualClock clock;
  const auto store = outlive::MemoryStore::Create({.clock = &clock});
  PrometheusMetrics metrics(*store);
  RunSomeJobs(*store, metrics);
  const std::string text = metrics.Text();
  const auto value = [&](const std::string& name) { return ValueOf(text, name + Labels(kMail)); };
  CHECK(value("outlive_jobs_enqueued_total") == "7");
  CHECK(value("outlive_jobs_completed_total") == "3");
  CHECK(value("outlive_attempts_failed_total") == "2");
  CHECK(value("outlive_jobs_retried_total") == "1");
  CHECK(value("outlive_jobs_dead_total") == "1");
  CHECK(value("outlive_jobs_snoozed_total") == "1");
  CHECK(value("outlive_jobs_cancelled_total") == "1");
  CHECK(value("outlive_job_wait_seconds_count") == "7");
  CHECK(value("outlive_job_run_seconds_count") == "7");
  CHECK(value("outlive_queue_depth") == "2");
  CHECK(value("outlive_dead_letters") == "1");
}

// What promtool says of `text`: its exit status, and what it wrote.
std::pair<int, std::string> Promtool(const std::string& text) {
  std::string path = "/tmp/outlive-metrics-XXXXXX";
  const int file = mkstemp(path.data());
  REQUIRE(file >= 0);
  close(file);
  std::ofstream(path) << text;
  const std::string output = path + ".out";
  const int status =
      std::system(("promtool check metrics < " + path + " > " + output + " 2>&1").c_str());
  std::stringstream said;
  said << std::ifstream(output).rdbuf();
  std::remove(path.c_str());
  std::remove(output.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, said.str()};
}

bool HasPromtool() {
  if (std::system("promtool --version > /dev/null 2>&1") == 0) return true;
  std::cout << "[skipped] promtool (package prometheus) is not installed\n";
  return false;
}

TEST_CASE("promtool finds nothing wrong with the text") {
  if (!HasPromtool()) return;
  outlive::testing::VirtualClock clock;
  const auto store = outlive::MemoryStore::Create({.clock = &clock});
  PrometheusMetrics metrics(*store);
  CHECK(Promtool(metrics.Text()) == std::pair<int, std::string>(0, ""));
  RunSomeJobs(*store, metrics);
  outlive::Client client(*store);
  REQUIRE(client.PauseQueue("mail").ok());
  metrics.OnLeaseLost(kMail);
  metrics.OnRescued(kMail, JobState::kDead);
  clock.Advance(absl::Minutes(1));
  CHECK(Promtool(metrics.Text()) == std::pair<int, std::string>(0, ""));
}

TEST_CASE("promtool reads labels that were meant to break the text") {
  if (!HasPromtool()) return;
  Fixture fixture;
  PrometheusMetrics metrics(fixture.store);
  metrics.OnEnqueued({"a\"} 1\nforged_total 7\n#", "back\\slash\r\n{}é"}, 1);
  const std::string text = metrics.Text();
  CHECK(text.find("\nforged_total") == std::string::npos);
  CHECK(Promtool(text) == std::pair<int, std::string>(0, ""));
}

TEST_CASE("promtool would find something") {  // Else the two cases above prove nothing.
  if (!HasPromtool()) return;
  CHECK(Promtool("# TYPE a counter\na 1\n").first != 0);
  CHECK(Promtool("nonsense{\n").first != 0);
}

}  // namespace
