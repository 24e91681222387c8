#include "report_app/report_json.h"

#include <absl/status/status.h>
#include <absl/time/time.h>
#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <string>

#include "outlive/core/artifact.h"
#include "outlive/core/lifecycle.h"

namespace report_app {
namespace {

std::string Rfc3339(absl::Time time) {
  return absl::FormatTime(absl::RFC3339_sec, time, absl::UTCTimeZone());
}

boost::json::array ErrorsOf(const outlive::Job& job) {
  boost::json::array errors;
  for (const outlive::AttemptError& error : job.errors) {
    errors.push_back({{"attempt", error.attempt},
                      {"at", Rfc3339(error.at)},
                      {"code", absl::StatusCodeToString(error.code)},
                      {"message", error.message}});
  }
  return errors;
}

}  // namespace

boost::json::object ReportJson::operator()(const Report& report) const {
  const std::string path = fmt::format("/reports/{}", report.id);
  boost::json::object json;
  json["id"] = fmt::format("{}", report.id);
  json["title"] = DescribeReport(report.params);
  json["created_at"] = report.created_at;
  json["parameters"] = ReportParamsToJson(report.params);
  json["links"] = {{"self", path}, {"events", path + "/events"}, {"retry", path + "/retry"}};
  if (report.job) {
    AddJob(report, *report.job, json);
  } else {
    json["state"] = "expired";
  }
  return json;
}

void ReportJson::AddJob(const Report& report, const outlive::Job& job,
                        boost::json::object& json) const {
  json["state"] = outlive::JobStateName(job.state);
  json["cancel_requested"] = job.cancel_requested;
  json["progress"] = job.progress;
  json["note"] = job.progress_note;
  json["attempt"] = job.attempt;
  json["attempt_max"] = job.attempt_count_max;
  json["generation"] = job.generation;
  json["crashes"] = job.crashes;
  json["errors"] = ErrorsOf(job);
  if (job.state == outlive::JobState::kPending) json["due_at"] = Rfc3339(job.run_at);
  if (job.ended_at) json["ended_at"] = Rfc3339(*job.ended_at);
  if (job.state == outlive::JobState::kCompleted) AddDownload(report, job, json);
}

void ReportJson::AddDownload(const Report& report, const outlive::Job& job,
                             boost::json::object& json) const {
  for (const outlive::Artifact& artifact : job.artifacts) {
    if (artifact.reference() != job.output) continue;  // Of an attempt that ended otherwise.
    const absl::StatusOr<SignedPath> link = links_.ForUser(artifact.id, report.user);
    if (!link.ok()) return;
    json["download"] = {{"href", link->path},    {"expires_at", Rfc3339(link->expires_at)},
                        {"name", artifact.name}, {"media_type", artifact.media_type},
                        {"size", artifact.size}, {"sha256", artifact.sha256}};
  }
}

}  // namespace report_app
