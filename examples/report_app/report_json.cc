#include "report_app/report_json.h"

#include <absl/status/status.h>
#include <absl/time/time.h>
#include <absl/types/span.h>
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <cstddef>
#include <string>

#include "outlive/core/artifact.h"
#include "outlive/core/lifecycle.h"

namespace report_app {
namespace {

// The latest errors are shown. A report that was tried again and again has more, each up to 4 KiB,
// and would not fit into an event.
constexpr std::size_t kErrorsShown = 20;

std::string Rfc3339(absl::Time time) {
  return absl::FormatTime(absl::RFC3339_sec, time, absl::UTCTimeZone());
}

boost::json::array ErrorsOf(const outlive::Job& job) {
  boost::json::array errors;
  const std::size_t hidden = job.errors.size() - std::min(job.errors.size(), kErrorsShown);
  for (const outlive::AttemptError& error : absl::MakeConstSpan(job.errors).subspan(hidden)) {
    errors.push_back({{"attempt", error.attempt},
                      {"at", Rfc3339(error.at)},
                      {"code", absl::StatusCodeToString(error.code)},
                      {"message", error.message}});
  }
  return errors;
}

}  // namespace

boost::json::object ReportJson::operator()(const Report& report, std::int64_t as_of) const {
  const std::string path = fmt::format("/reports/{}", report.id);
  boost::json::object json;
  json["id"] = fmt::format("{}", report.id);
  json["as_of"] = as_of;
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
