#include "report_app/report_worker.h"

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdlib>
#include <memory>
#include <optional>
#include <string_view>

#include "outlive/core/artifact.h"
#include "outlive/core/byte_stream.h"
#include "outlive/core/report.h"
#include "report_app/formats.h"
#include "report_app/pacer.h"
#include "report_app/report_builder.h"

namespace report_app {
namespace {

// How much of a report's progress the figures are; the rest is the document.
constexpr double kFiguresShare = 0.05;

// The progress of one part of the job.
class DocumentProgress final : public outlive::Progress {
 public:
  explicit DocumentProgress(outlive::JobContext& job) : job_(job) {}

  void ReportProgress(double fraction, std::string_view note) override {
    job_.ReportProgress(kFiguresShare + fraction * (1 - kFiguresShare), note);
  }
  bool cancelled() const override { return job_.cancelled(); }

 private:
  outlive::JobContext& job_;
};

// What a report that was asked to fail comes to; nothing: it goes on.
std::optional<outlive::Outcome> Simulate(const outlive::JobContext& job, Simulation simulation) {
  switch (simulation) {
    case Simulation::none:
      return std::nullopt;
    case Simulation::fail:
      return outlive::Retry(absl::UnavailableError("simulated: the printer is on fire"));
    case Simulation::fail_once:
      if (job.attempt() > 1) return std::nullopt;
      return outlive::Retry(absl::UnavailableError("simulated: the first attempt fails"));
    case Simulation::dead:
      return outlive::Dead("simulated: this report cannot be made");
    case Simulation::crash:
      std::abort();  // The process with all its jobs, as a bug would.
  }
  return std::nullopt;
}

// A stopped report was cancelled by its user, or goes back to the queue: the library knows which.
outlive::Outcome Failed(const outlive::JobContext& job, const absl::Status& status) {
  if (job.stop_reason() == outlive::StopReason::kCancelled) {
    return outlive::Cancelled("cancelled by the user");
  }
  return status;
}

}  // namespace

outlive::Outcome ReportWorker::operator()(outlive::JobContext& job,
                                          const GenerateReport& params) const {
  job.ReportProgress(0, "reading the data");
  if (std::optional<outlive::Outcome> outcome = Simulate(job, params.simulate)) return *outcome;

  Pacer pacer(options_.pace, job.stop_token());
  const absl::StatusOr<outlive::Report> report =
      BuildReport(options_.database_path, params, clock_->Now(), pacer);
  if (!report.ok()) return Failed(job, report.status());
  job.ReportProgress(kFiguresShare, "rendering");

  const std::unique_ptr<outlive::Renderer> renderer =
      MakeRenderer(params, [&](std::string_view warning) {
        log_->Log({.level = outlive::LogLevel::kWarning,
                   .message = warning,
                   .job_id = job.id(),
                   .attempt = job.attempt(),
                   .kind = job.kind()});
      });
  DocumentProgress progress(job);
  const absl::StatusOr<outlive::Artifact> artifact = artifacts_->Put(
      job, ReportFileName(params, job.id()), renderer->media_type(),
      [&](outlive::ByteSink& out) { return renderer->Render(*report, progress, out); });
  if (!artifact.ok()) return Failed(job, artifact.status());
  return outlive::Done(artifact->reference());
}

}  // namespace report_app
