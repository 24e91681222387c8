#include "report_app/report_api.h"

#include <absl/status/statusor.h>
#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "outlive/core/lifecycle.h"
#include "outlive/core/trace_context.h"
#include "outlive/http/event_stream.h"
#include "outlive/http/problem.h"
#include "outlive/http/security.h"

namespace report_app {
namespace {

using outlive::http::MakeProblem;
using outlive::http::Method;
using outlive::http::Problem;
using outlive::http::Request;
using outlive::http::Response;

constexpr int kPageDefault = 20;
constexpr int kPageMax = 100;
constexpr std::size_t kKeyCharactersMax = 255;

// How soon a client may try again when too many reports wait. About what a report takes.
constexpr std::string_view kRetryAfterSeconds = "5";

Response Refuse(int status, std::string detail) {
  return ToResponse(MakeProblem(status, std::move(detail)));
}

Response Refuse(const absl::Status& status) {
  Response response = ToResponse(outlive::http::ProblemFromStatus(status));
  if (absl::IsResourceExhausted(status)) response.Set("Retry-After", kRetryAfterSeconds);
  return response;
}

// Every fault of a request at once, each with its field.
Response Refuse(const std::vector<Fault>& faults) {
  Problem problem = MakeProblem(400);
  boost::json::array errors;
  for (const Fault& fault : faults) {
    if (!problem.detail.empty()) problem.detail += "; ";
    problem.detail += fault.field.empty() ? fault.detail : fault.field + " " + fault.detail;
    errors.push_back({{"field", fault.field}, {"detail", fault.detail}});
  }
  problem.extensions["errors"] = std::move(errors);
  return ToResponse(problem);
}

// What is true now, and not to be kept.
Response Fresh(const boost::json::object& json, int status = 200) {
  Response response = Response::Json(json, status);
  response.Set("Cache-Control", "no-store");
  return response;
}

std::optional<std::int64_t> Number(std::string_view text) {
  std::int64_t number = 0;
  const bool digits = !text.empty() && std::all_of(text.begin(), text.end(),
                                                   [](char c) { return absl::ascii_isdigit(c); });
  if (!digits || !absl::SimpleAtoi(absl::string_view(text.data(), text.size()), &number)) {
    return std::nullopt;
  }
  return number;
}

// A parameter of the query, or `otherwise`; nothing where it is not a number from `min` to `max`.
std::optional<std::int64_t> QueryNumber(const Request& request, std::string_view name,
                                        std::int64_t min, std::int64_t max,
                                        std::int64_t otherwise) {
  const std::optional<std::string_view> text = request.QueryValue(name);
  if (!text) return otherwise;
  const std::optional<std::int64_t> number = Number(*text);
  return number && *number >= min && *number <= max ? number : std::nullopt;
}

// Where a reader of events goes on: what its browser says after a reconnect, else what its URL says
// (a browser cannot send the header the first time). Nothing: it has seen nothing. Negative: what
// it says is no place in the log.
std::optional<std::int64_t> After(const Request& request) {
  const std::string last = outlive::http::LastEventId(request);
  const std::string_view text = last.empty() ? request.QueryValue("after").value_or("") : last;
  if (text.empty()) return std::nullopt;
  return Number(text).value_or(-1);
}

// The id in the path. What is not a number is not a report either.
outlive::JobId IdOf(const Request& request) {
  return Number(request.PathParameter("id")).value_or(0);
}

bool IsKey(std::string_view key) {
  return !key.empty() && key.size() <= kKeyCharactersMax &&
         std::all_of(key.begin(), key.end(), [](char c) { return absl::ascii_isprint(c); });
}

// The caller's trace, which goes on in the job. One that is malformed is as good as none.
std::string_view Trace(const Request& request) {
  const std::string_view trace = request.headers.Get("traceparent").value_or("");
  return outlive::IsTraceparent(trace) ? trace : std::string_view();
}

}  // namespace

ReportApi::ReportApi(ReportService& service, LiveReports& live, const ReportJson& json,
                     const Users& users, Choices choices)
    : service_(service), live_(live), json_(json), users_(users), choices_(std::move(choices)) {}

absl::Status ReportApi::AddRoutes(outlive::http::Router& router) const {
  using Member = Response (ReportApi::*)(const Request&, const std::string&) const;
  const struct {
    Method method;
    std::string_view pattern;
    Member member;
  } routes[] = {{Method::kPost, "/reports", &ReportApi::Create},
                {Method::kGet, "/reports", &ReportApi::List},
                {Method::kGet, "/reports/events", &ReportApi::AllEvents},
                {Method::kGet, "/reports/{id}", &ReportApi::Get},
                {Method::kDelete, "/reports/{id}", &ReportApi::Cancel},
                {Method::kPost, "/reports/{id}/retry", &ReportApi::Retry},
                {Method::kGet, "/reports/{id}/events", &ReportApi::Events}};
  for (const auto& route : routes) {
    absl::Status status =
        router.Add(route.method, route.pattern,
                   users_.WithUser([this, member = route.member](const Request& request,
                                                                 const std::string& user) {
                     return (this->*member)(request, user);
                   }));
    if (!status.ok()) return status;
  }
  return router.Add(Method::kGet, "/choices", [this](const Request&) { return ShowChoices(); });
}

Response ReportApi::Create(const Request& request, const std::string& user) const {
  if (std::optional<Problem> problem = outlive::http::CheckCsrf(request))
    return ToResponse(*problem);
  if (std::optional<Problem> problem = outlive::http::CheckJsonContentType(request)) {
    return ToResponse(*problem);
  }
  const std::string_view key = request.headers.Get("Idempotency-Key").value_or("");
  if (request.headers.Count("Idempotency-Key") > 1 ||
      (request.headers.Has("Idempotency-Key") && !IsKey(key))) {
    return Refuse(400, fmt::format("Idempotency-Key must be given once, as 1 to {} printable ASCII "
                                   "characters",
                                   kKeyCharactersMax));
  }
  std::variant<GenerateReport, std::vector<Fault>> params =
      ParseReportParams(request.body, choices_);
  if (const auto* faults = std::get_if<std::vector<Fault>>(&params)) return Refuse(*faults);

  const absl::StatusOr<std::int64_t> as_of = live_.Now();
  if (!as_of.ok()) return Refuse(as_of.status());
  const absl::StatusOr<ReportService::Created> created =
      service_.Create(user, std::get<GenerateReport>(params), key, Trace(request));
  if (absl::IsAlreadyExists(created.status())) {
    return Refuse(422,
                  "this Idempotency-Key was used for another report; use a new key for a new "
                  "report");
  }
  if (absl::IsResourceExhausted(created.status())) {
    return Refuse(absl::ResourceExhaustedError("too many reports are waiting; please try again"));
  }
  if (!created.ok()) return Refuse(created.status());
  Response response = Accepted(created->report, *as_of);
  if (created->duplicate) response.Set("Idempotent-Replayed", "true");
  return response;
}

Response ReportApi::List(const Request& request, const std::string& user) const {
  const std::optional<std::int64_t> limit =
      QueryNumber(request, "limit", 1, kPageMax, kPageDefault);
  const std::optional<std::int64_t> before =
      QueryNumber(request, "before", 1, std::numeric_limits<std::int64_t>::max(), 0);
  if (!limit) return Refuse(400, fmt::format("limit must be a number from 1 to {}", kPageMax));
  if (!before) return Refuse(400, "before must be the id of a report");

  // Before the reports are read: what changes meanwhile is told again, not missed.
  const absl::StatusOr<std::int64_t> now = live_.Now();
  if (!now.ok()) return Refuse(now.status());
  // One more than is shown tells whether there is another page.
  absl::StatusOr<std::vector<Report>> reports =
      service_.List(user, *before, static_cast<int>(*limit) + 1);
  if (!reports.ok()) return Refuse(reports.status());
  boost::json::object page;
  page["next"] = nullptr;
  if (reports->size() > static_cast<std::size_t>(*limit)) {
    reports->pop_back();
    page["next"] = fmt::format("/reports?limit={}&before={}", *limit, reports->back().id);
  }
  boost::json::array& array = page["reports"].emplace_array();
  for (const Report& report : *reports) array.push_back(json_(report, *now));
  page["events"] = fmt::format("/reports/events?after={}", *now);
  return Fresh(page);
}

Response ReportApi::AllEvents(const Request& request, const std::string& user) const {
  return EventStream({.user = user, .only = std::nullopt, .after = After(request)});
}

Response ReportApi::Get(const Request& request, const std::string& user) const {
  const absl::StatusOr<std::int64_t> as_of = live_.Now();
  if (!as_of.ok()) return Refuse(as_of.status());
  const absl::StatusOr<Report> report = service_.Get(user, IdOf(request));
  if (!report.ok()) return Refuse(report.status());
  return Fresh(json_(*report, *as_of));
}

Response ReportApi::Cancel(const Request& request, const std::string& user) const {
  if (std::optional<Problem> problem = outlive::http::CheckCsrf(request))
    return ToResponse(*problem);
  const absl::StatusOr<std::int64_t> as_of = live_.Now();
  if (!as_of.ok()) return Refuse(as_of.status());
  const absl::StatusOr<Report> report = service_.Cancel(user, IdOf(request));
  if (!report.ok()) return Refuse(report.status());
  return Accepted(*report, *as_of);
}

Response ReportApi::Retry(const Request& request, const std::string& user) const {
  if (std::optional<Problem> problem = outlive::http::CheckCsrf(request))
    return ToResponse(*problem);
  const absl::StatusOr<std::int64_t> as_of = live_.Now();
  if (!as_of.ok()) return Refuse(as_of.status());
  const absl::StatusOr<Report> report = service_.Retry(user, IdOf(request));
  if (!report.ok()) return Refuse(report.status());
  return Accepted(*report, *as_of);
}

Response ReportApi::Events(const Request& request, const std::string& user) const {
  const absl::StatusOr<Report> report = service_.Get(user, IdOf(request));
  if (!report.ok()) return Refuse(report.status());
  const std::optional<std::int64_t> after = After(request);
  if (after && (!report->job || outlive::IsTerminal(report->job->state))) {
    const absl::StatusOr<std::optional<std::set<outlive::JobId>>> changed =
        live_.ChangedSince(*after);
    if (!changed.ok()) return Refuse(changed.status());
    // The reader has seen the end. 204 tells a browser not to come again.
    if (*changed && !(*changed)->contains(report->id)) return Response::NoContent();
  }
  return EventStream({.user = user, .only = report->id, .after = after});
}

Response ReportApi::ShowChoices() const {
  boost::json::object json;
  boost::json::array& states = json["states"].emplace_array();
  for (const std::string& state : choices_.states) states.emplace_back(state);
  json["year_min"] = choices_.year_min;
  json["year_max"] = choices_.year_max;
  json["email"] = choices_.email;
  json["simulate"] = choices_.simulate;
  return Fresh(json);
}

Response ReportApi::EventStream(LiveReports::Reader reader) const {
  return Response::EventStream(
      [this, reader = std::move(reader)](outlive::http::EventSender sender) mutable {
        live_.Add(std::move(sender), std::move(reader));
      },
      {.buffer_bytes_max = LiveReports::kBufferBytes});
}

Response ReportApi::Accepted(const Report& report, std::int64_t as_of) const {
  Response response = Fresh(json_(report, as_of), 202);
  response.Set("Location", fmt::format("/reports/{}", report.id));
  return response;
}

}  // namespace report_app
