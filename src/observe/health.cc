#include "outlive/observe/health.h"

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <utility>

#include "core/faults.h"
#include "observe/probe.h"
#include "outlive/core/job.h"
#include "outlive/core/log.h"
#include "outlive/core/mutex.h"
#include "outlive/core/version.h"

namespace outlive {
namespace {

using internal::Probe;

boost::json::string_view Json(std::string_view text) { return {text.data(), text.size()}; }

std::string_view CheckStatusName(const absl::Status& status) {
  if (status.ok()) return "ok";
  return absl::IsDeadlineExceeded(status) ? "timeout" : "failed";
}

boost::json::object CheckToJson(const CheckReport& check) {
  boost::json::object object;
  object["status"] = Json(CheckStatusName(check.status));
  object["importance"] = check.importance == Importance::kHard ? "hard" : "soft";
  object["seconds"] = absl::ToDoubleSeconds(check.took);
  if (!check.status.ok()) {
    object["error"] = EscapeForLog({check.status.message().data(), check.status.message().size()});
  }
  return object;
}

absl::Status Validate(const HealthCheck& check, bool is_new) {
  internal::Faults faults("health check");
  faults.AddIfError(ValidateName("name", check.name));
  faults.Require(is_new, "there is one of this name already");
  faults.Require(check.deadline >= absl::Milliseconds(1) && check.deadline <= absl::Minutes(1),
                 "deadline must be from 1 ms to 1 min");
  faults.Require(check.check != nullptr, "check must not be null");
  return faults.ToStatus();
}

HealthStatus Worst(const std::vector<CheckReport>& checks) {
  HealthStatus worst = HealthStatus::kOk;
  for (const CheckReport& check : checks) {
    if (check.status.ok()) continue;
    worst = std::max(worst, check.importance == Importance::kHard ? HealthStatus::kUnavailable
                                                                  : HealthStatus::kDegraded);
  }
  return worst;
}

}  // namespace

class Health::Impl {
 public:
  explicit Impl(HealthOptions options)
      : options_(std::move(options)),
        clock_(options_.clock == nullptr ? SystemClockInstance() : *options_.clock) {}

  absl::Status Add(HealthCheck check) {
    MutexLock lock(mutex_);
    const bool is_new = std::none_of(probes_.begin(), probes_.end(), [&](const auto& probe) {
      return probe->check().name == check.name;
    });
    if (absl::Status valid = Validate(check, is_new); !valid.ok()) return valid;
    probes_.push_back(std::make_shared<Probe>(std::move(check), clock_, options_.keep_results));
    return absl::OkStatus();
  }

  HealthReport Live() const {
    HealthReport report;
    report.version = options_.version;
    report.library_version = std::string(LibraryVersion());
    return report;
  }

  HealthReport Ready() {
    std::vector<std::shared_ptr<Probe>> probes;
    {
      MutexLock lock(mutex_);
      probes = probes_;
    }
    HealthReport report = Live();
    for (const auto& probe : probes) probe->Start();
    for (const auto& probe : probes) report.checks.push_back(probe->Await());
    report.status = Worst(report.checks);
    return report;
  }

 private:
  const HealthOptions options_;
  const Clock& clock_;

  Mutex mutex_;
  std::vector<std::shared_ptr<Probe>> probes_ ABSL_GUARDED_BY(mutex_);
};

Health::Health(HealthOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}

Health::~Health() = default;

absl::Status Health::Add(HealthCheck check) { return impl_->Add(std::move(check)); }
HealthReport Health::Live() const { return impl_->Live(); }
HealthReport Health::Ready() { return impl_->Ready(); }

HealthCheck StoreCheck(JobStore& store, Importance importance) {
  HealthCheck check;
  check.name = "store";
  check.importance = importance;
  check.check = [&store](absl::Duration deadline) { return store.Check(deadline); };
  return check;
}

HealthCheck RunnerCheck(std::function<bool()> healthy, Importance importance) {
  HealthCheck check;
  check.name = "runner";
  check.importance = importance;
  if (healthy == nullptr) return check;  // Add() says what is wrong.
  check.check = [healthy = std::move(healthy)](absl::Duration) {
    return healthy() ? absl::OkStatus() : absl::UnavailableError("the runner is not running jobs");
  };
  return check;
}

std::string HealthToJson(const HealthReport& report, HealthDetail detail) {
  boost::json::object object;
  object["status"] = Json(HealthStatusName(report.status));
  object["version"] = EscapeForLog(report.version);
  object["outlive"] = report.library_version;
  if (detail == HealthDetail::kFull) {
    boost::json::object& checks = object["checks"].emplace_object();
    for (const CheckReport& check : report.checks) checks[check.name] = CheckToJson(check);
  }
  return boost::json::serialize(object);
}

std::string_view HealthStatusName(HealthStatus status) {
  switch (status) {
    case HealthStatus::kOk:
      return "ok";
    case HealthStatus::kDegraded:
      return "degraded";
    case HealthStatus::kUnavailable:
      return "unavailable";
  }
  return "unavailable";
}

}  // namespace outlive
