// What a user can ask for, and at the same time the arguments of the job that does it: one struct,
// kept as JSON by the store.
//
//   request body ──► ParseReportParams() ──► GenerateReport ──► job ──► worker
//
// Thread-safety: plain values and pure functions.
#ifndef OUTLIVE_EXAMPLES_REPORT_APP_REPORT_PARAMS_H_
#define OUTLIVE_EXAMPLES_REPORT_APP_REPORT_PARAMS_H_

#include <absl/status/statusor.h>

#include <boost/describe/class.hpp>
#include <boost/describe/enum.hpp>
#include <boost/json/object.hpp>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace report_app {

// The enumerators are spelled as in the API and in the stored arguments.
enum class Content { summary, detail };
enum class Format { pdf, xlsx, csv, html };

// For demonstrations: how the worker is to fail.
enum class Simulation { none, fail, fail_once, dead, crash };

BOOST_DESCRIBE_ENUM(Content, summary, detail)
BOOST_DESCRIBE_ENUM(Format, pdf, xlsx, csv, html)
BOOST_DESCRIBE_ENUM(Simulation, none, fail, fail_once, dead, crash)

std::string_view FormatName(Format format);

struct GenerateReport {
  static constexpr std::string_view kKind = "report.generate";

  std::vector<std::string> states;  // Sorted, distinct; empty: all of them.
  int year_from = 0;
  int year_to = 0;      // Included.
  std::string species;  // A part of the species' name, in any case; empty: every species.
  Content content = Content::summary;
  Format format = Format::pdf;
  std::string email;  // Whom to tell; empty: nobody.
  Simulation simulate = Simulation::none;

  bool operator==(const GenerateReport&) const = default;
};
BOOST_DESCRIBE_STRUCT(GenerateReport, (),
                      (states, year_from, year_to, species, content, format, email, simulate))

// What there is to choose from. Filled from the data and from the command line.
struct Choices {
  std::vector<std::string> states;  // Sorted.
  int year_min = 0;
  int year_max = 0;
  bool email = false;     // Mail can be sent.
  bool simulate = false;  // Failing on purpose is allowed.
};

// One thing that is wrong with a request.
struct Fault {
  std::string field;  // "year_from"; empty: the body as a whole.
  std::string detail;

  bool operator==(const Fault&) const = default;
};

// Reads a request body. Strict, unlike the reading of stored arguments: whoever misspells a field
// is told so. Either the parameters, in their normal form (so that the same wish is the same
// bytes), or everything that is wrong with them.
std::variant<GenerateReport, std::vector<Fault>> ParseReportParams(std::string_view body,
                                                                   const Choices& choices);

// The parameters as the API shows them.
boost::json::object ReportParamsToJson(const GenerateReport& params);

// A line for people: "Texas and Utah, 1995–1999, hawk".
std::string DescribeReport(const GenerateReport& params);

// "wildlife-strikes-17.pdf", for the report number 17.
std::string ReportFileName(const GenerateReport& params, std::int64_t report_id);

}  // namespace report_app

#endif  // OUTLIVE_EXAMPLES_REPORT_APP_REPORT_PARAMS_H_
