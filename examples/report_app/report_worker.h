// ReportWorker does the jobs of kind report.generate: it renders one report, keeps the document as
// an artifact and completes with the artifact's id.
//
//   GenerateReport ──► BuildReport ──► Renderer ──► ArtifactStore ──► Done(artifact id)
//
// A second run after a lost process does no harm: it makes another artifact, and the stale one is
// never published.
//
// Thread-safety: may be called from many threads at once.
// Lifetime:      what it was made with outlives it.
#ifndef OUTLIVE_EXAMPLES_REPORT_APP_REPORT_WORKER_H_
#define OUTLIVE_EXAMPLES_REPORT_APP_REPORT_WORKER_H_

#include <absl/time/time.h>

#include <string>
#include <utility>

#include "outlive/core/artifact_store.h"
#include "outlive/core/clock.h"
#include "outlive/core/log.h"
#include "outlive/core/outcome.h"
#include "outlive/core/worker.h"
#include "report_app/report_params.h"

namespace report_app {

struct ReportWorkerOptions {
  std::string database_path;

  // A pause after every 50 rows and every group of figures. Zero: as fast as it can.
  absl::Duration pace = absl::ZeroDuration();
};

class ReportWorker {
 public:
  ReportWorker(outlive::ArtifactStore& artifacts, const outlive::Clock& clock,
               outlive::LogSink& log, ReportWorkerOptions options)
      : artifacts_(&artifacts), clock_(&clock), log_(&log), options_(std::move(options)) {}

  outlive::Outcome operator()(outlive::JobContext& job, const GenerateReport& params) const;

 private:
  outlive::ArtifactStore* artifacts_;
  const outlive::Clock* clock_;
  outlive::LogSink* log_;
  ReportWorkerOptions options_;
};

}  // namespace report_app

#endif  // OUTLIVE_EXAMPLES_REPORT_APP_REPORT_WORKER_H_
