// How reports look in the API.
//
// Thread-safety: a ReportJson may be used from many threads at once.
// Lifetime:      the links outlive it.
#ifndef OUTLIVE_EXAMPLES_REPORT_APP_REPORT_JSON_H_
#define OUTLIVE_EXAMPLES_REPORT_APP_REPORT_JSON_H_

#include <boost/json/object.hpp>
#include <cstdint>
#include <string_view>

#include "report_app/links.h"
#include "report_app/report_service.h"

namespace report_app {

class ReportJson {
 public:
  explicit ReportJson(const Links& links) : links_(links) {}

  // One report for its own user, with a fresh link where there is a document. Its `state` is that
  // of the job, or "expired" where the job was deleted. Has the latest 20 of its errors, which
  // keeps it below 600 KiB in any case.
  //
  // `as_of` is a place in the event log from before the report was read: nothing up to there is
  // missing in it. Answers and events may overtake one another on their way to a page, which
  // leaves out what is older than what it has shown already.
  boost::json::object operator()(const Report& report, std::int64_t as_of) const;

 private:
  void AddJob(const Report& report, const outlive::Job& job, boost::json::object& json) const;
  void AddDownload(const Report& report, const outlive::Job& job, boost::json::object& json) const;

  const Links& links_;
};

}  // namespace report_app

#endif  // OUTLIVE_EXAMPLES_REPORT_APP_REPORT_JSON_H_
