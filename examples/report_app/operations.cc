#include "report_app/operations.h"

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <string>

#include "outlive/http/message.h"
#include "report_app/report_service.h"

namespace report_app {
namespace {

using outlive::http::Method;
using outlive::http::Request;
using outlive::http::Response;

Response Show(const outlive::HealthReport& report) {
  Response response = Response::Bytes(outlive::HealthToJson(report), outlive::kHealthContentType,
                                      report.http_status());
  response.Set("Cache-Control", "no-store");
  return response;
}

absl::Status CheckBacklog(outlive::JobStore& store, int backlog_max) {
  const absl::StatusOr<outlive::JobStats> stats = store.Stats();
  if (!stats.ok()) return stats.status();
  for (const outlive::JobStats::Lane& lane : stats->lanes) {
    if (lane.queue == kReportQueue && lane.pending >= backlog_max) {
      return absl::ResourceExhaustedError("too many reports are waiting");
    }
  }
  return absl::OkStatus();
}

}  // namespace

Operations::Operations(outlive::JobStore& store, outlive::FileArtifactStore& artifacts,
                       const outlive::Runner& runner, outlive::PrometheusMetrics& metrics,
                       int backlog_max)
    : store_(store),
      artifacts_(artifacts),
      runner_(runner),
      metrics_(metrics),
      backlog_max_(backlog_max),
      health_({.version = "report app 1"}) {}

absl::Status Operations::AddChecks() {
  const outlive::HealthCheck checks[] = {
      outlive::StoreCheck(store_),
      outlive::RunnerCheck([this] { return runner_.healthy(); }),
      {.name = "artifacts", .check = [this](absl::Duration) { return artifacts_.Check(); }},
      {.name = "backlog",
       .importance = outlive::Importance::kSoft,
       .check = [this](absl::Duration) { return CheckBacklog(store_, backlog_max_); }}};
  for (const outlive::HealthCheck& check : checks) {
    if (absl::Status status = health_.Add(check); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Operations::AddRoutes(outlive::http::Router& router) {
  if (absl::Status status = AddChecks(); !status.ok()) return status;
  absl::Status status =
      router.Add(Method::kGet, "/healthz", [this](const Request&) { return Show(health_.Live()); });
  if (!status.ok()) return status;
  status =
      router.Add(Method::kGet, "/readyz", [this](const Request&) { return Show(health_.Ready()); });
  if (!status.ok()) return status;
  return router.Add(Method::kGet, "/metrics", [this](const Request&) {
    return Response::Bytes(metrics_.Text(), outlive::kPrometheusContentType);
  });
}

}  // namespace report_app
