// Health answers two questions of whoever watches a server: does it live (if not, restart it), and
// is it ready (if not, send it no requests)?
//
//   outlive::Health health({.version = "shop 4.2"});
//   health.Add(outlive::StoreCheck(*store));
//   health.Add(outlive::RunnerCheck([&] { return runner.healthy(); }));
//   health.Add({.name = "smtp", .importance = outlive::Importance::kSoft, .check = PingSmtp});
//   …
//   outlive::HealthReport ready = health.Ready();
//   Respond(ready.http_status(), outlive::kHealthContentType, outlive::HealthToJson(ready));
//
// A hard check that fails makes the server unavailable; a soft one only degrades it: it is ready
// all the same. Checks run side by side, each on a thread of its own and with a deadline, and their
// results are kept for a moment, so that asking often costs nothing. A check that hangs keeps its
// own thread and nobody else: it counts as failed, and is not started again until it returns.
//
// Thread-safety: may be used from many threads at once.
// Lifetime:      what checks capture outlives it. The destructor waits for checks that are running,
//                so every check has to return in the end.
// Time:          results age by the clock's SinceBoot(); deadlines are real time, whatever the
//                clock says.
// Errors:        of checks are in the report. An exception that leaves a check is its failure.
#ifndef OUTLIVE_OBSERVE_HEALTH_H_
#define OUTLIVE_OBSERVE_HEALTH_H_

#include <absl/status/status.h>
#include <absl/time/time.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "outlive/core/clock.h"
#include "outlive/core/job_store.h"

namespace outlive {

enum class Importance {
  kHard,  // Without it the server cannot do its work.
  kSoft,  // Without it the server does less.
};

struct HealthCheck {
  // Shown in the report. `[A-Za-z0-9._:/-]{1,128}`, and only once.
  std::string name = {};

  Importance importance = Importance::kHard;

  // How long it may take; then it counts as failed. From 1 ms to 1 min.
  absl::Duration deadline = absl::Seconds(1);

  // OK where all is well. Told its deadline; called from one thread at a time, never after the
  // Health is gone.
  std::function<absl::Status(absl::Duration deadline)> check = {};
};

// That the store can be read and written: JobStore::Check(). The store outlives the Health.
HealthCheck StoreCheck(JobStore& store, Importance importance = Importance::kHard);

// That this process can finish what it claims: Runner::healthy(), or any other yes or no.
HealthCheck RunnerCheck(std::function<bool()> healthy, Importance importance = Importance::kHard);

struct HealthOptions {
  // Of the host, as its people call it; told in every report beside the library's own.
  std::string version = {};

  // How long a result is used before the check is run again. Zero or less: it is run every time.
  absl::Duration keep_results = absl::Seconds(1);

  const Clock* clock = nullptr;  // Null: the machine's.
};

enum class HealthStatus {
  kOk,
  kDegraded,     // Ready; a soft check has failed.
  kUnavailable,  // Not ready; a hard check has failed.
};

struct CheckReport {
  std::string name = {};
  Importance importance = Importance::kHard;
  absl::Status status = {};  // kDeadlineExceeded: it has not answered in time.
  absl::Duration took = {};  // Until now, where it has not answered.
};

struct HealthReport {
  HealthStatus status = HealthStatus::kOk;
  std::string version = {};              // HealthOptions::version.
  std::string library_version = {};      // LibraryVersion().
  std::vector<CheckReport> checks = {};  // In the order in which they were added.

  bool ready() const { return status != HealthStatus::kUnavailable; }
  int http_status() const { return ready() ? 200 : 503; }
};

class Health {
 public:
  explicit Health(HealthOptions options = {});
  ~Health();
  Health(const Health&) = delete;
  Health& operator=(const Health&) = delete;

  // Adds a check to readiness. kInvalidArgument names every fault, and nothing is added.
  absl::Status Add(HealthCheck check);

  // That the process runs, and its versions. No checks: a database that is away is no reason to
  // restart a server.
  HealthReport Live() const;

  // Runs the checks whose results are too old, and returns with all of them: at the latest when the
  // longest deadline has passed.
  HealthReport Ready();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// The Content-Type of HealthToJson().
inline constexpr std::string_view kHealthContentType = "application/json";

enum class HealthDetail {
  kFull,     // With every check, its time and its error: for those who may see them.
  kSummary,  // Status and versions only.
};

// On one line:
//   {"status":"degraded","version":"shop 4.2","outlive":"0.1.0","checks":{
//     "store":{"status":"ok","importance":"hard","seconds":0.0012},
//     "smtp":{"status":"timeout","importance":"soft","seconds":1,"error":"no answer within 1s"}}}
// A report's status is "ok", "degraded" or "unavailable", a check's "ok", "failed" or "timeout".
std::string HealthToJson(const HealthReport& report, HealthDetail detail = HealthDetail::kFull);

// "ok", "degraded", "unavailable".
std::string_view HealthStatusName(HealthStatus status);

}  // namespace outlive

#endif  // OUTLIVE_OBSERVE_HEALTH_H_
