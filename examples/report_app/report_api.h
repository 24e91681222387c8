// The API of reports: HTTP on one side, ReportService and LiveReports on the other.
//
//   POST   /reports               accepts a report: 202 with Location
//   GET    /reports               the user's reports, newest first, in pages
//   GET    /reports/events        changes of all of the user's reports (server-sent events)
//   GET    /reports/{id}          one report
//   DELETE /reports/{id}          cancels it
//   POST   /reports/{id}/retry    sends a dead or cancelled one back to work
//   GET    /reports/{id}/events   changes of one report, until it ends
//   GET    /choices               what can be asked for
//
// Errors are problem documents (RFC 9457). README.md lists them.
//
// Thread-safety: may be used from many threads at once.
// Lifetime:      what it was made with outlives it, and it outlives the server.
#ifndef OUTLIVE_EXAMPLES_REPORT_APP_REPORT_API_H_
#define OUTLIVE_EXAMPLES_REPORT_APP_REPORT_API_H_

#include <absl/status/status.h>

#include <cstdint>
#include <string>

#include "outlive/http/message.h"
#include "outlive/http/router.h"
#include "report_app/live_reports.h"
#include "report_app/report_json.h"
#include "report_app/report_params.h"
#include "report_app/report_service.h"
#include "report_app/users.h"

namespace report_app {

class ReportApi {
 public:
  ReportApi(ReportService& service, LiveReports& live, const ReportJson& json, const Users& users,
            Choices choices);

  absl::Status AddRoutes(outlive::http::Router& router) const;

 private:
  using Request = outlive::http::Request;
  using Response = outlive::http::Response;

  Response Create(const Request& request, const std::string& user) const;
  Response List(const Request& request, const std::string& user) const;
  Response AllEvents(const Request& request, const std::string& user) const;
  Response Get(const Request& request, const std::string& user) const;
  Response Cancel(const Request& request, const std::string& user) const;
  Response Retry(const Request& request, const std::string& user) const;
  Response Events(const Request& request, const std::string& user) const;
  Response ShowChoices() const;

  Response EventStream(LiveReports::Reader reader) const;
  Response Accepted(const Report& report, std::int64_t as_of) const;

  ReportService& service_;
  LiveReports& live_;
  const ReportJson& json_;
  const Users& users_;
  const Choices choices_;
};

}  // namespace report_app

#endif  // OUTLIVE_EXAMPLES_REPORT_APP_REPORT_API_H_
