// What those need who run the app: is it alive, is it ready, and figures for Prometheus.
//
//   GET /healthz   the process runs
//   GET /readyz    it can do its work: 503 where a hard dependency is missing
//   GET /metrics   Prometheus text
//
// Thread-safety: may be used from many threads at once.
// Lifetime:      what it was made with outlives it; it outlives the server.
#ifndef OUTLIVE_EXAMPLES_REPORT_APP_OPERATIONS_H_
#define OUTLIVE_EXAMPLES_REPORT_APP_OPERATIONS_H_

#include <absl/status/status.h>

#include "outlive/artifact/file_artifact_store.h"
#include "outlive/core/job_store.h"
#include "outlive/engine/runner.h"
#include "outlive/http/router.h"
#include "outlive/observe/health.h"
#include "outlive/observe/metrics.h"

namespace report_app {

class Operations {
 public:
  // The app is ready while `runner` is healthy, and degraded, but ready, while `backlog_max`
  // reports or more wait: then it refuses new ones.
  Operations(outlive::JobStore& store, outlive::FileArtifactStore& artifacts,
             const outlive::Runner& runner, outlive::PrometheusMetrics& metrics, int backlog_max);

  absl::Status AddRoutes(outlive::http::Router& router);

 private:
  absl::Status AddChecks();

  outlive::JobStore& store_;
  outlive::FileArtifactStore& artifacts_;
  const outlive::Runner& runner_;
  outlive::PrometheusMetrics& metrics_;
  const int backlog_max_;
  outlive::Health health_;
};

}  // namespace report_app

#endif  // OUTLIVE_EXAMPLES_REPORT_APP_OPERATIONS_H_
