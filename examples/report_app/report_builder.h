// BuildReport turns what a user asked for into the library's report model: facts, charts and totals
// now, the single strikes as rows that are read while the document is rendered.
//
//   strike table ──► BuildReport() ──► outlive::Report ──► a Renderer
//
// Thread-safety: the report and the pacer are for one thread.
// Lifetime:      the pacer outlives the report.
// Errors:        those of the database; kCancelled where the pacer says stop.
#ifndef OUTLIVE_EXAMPLES_REPORT_APP_REPORT_BUILDER_H_
#define OUTLIVE_EXAMPLES_REPORT_APP_REPORT_BUILDER_H_

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <string>
#include <string_view>

#include "outlive/core/report.h"
#include "report_app/pacer.h"
#include "report_app/report_params.h"

namespace report_app {

// The title of the table of single strikes, which is also the name of its sheet.
inline constexpr std::string_view kStrikesTitle = "Strikes";

// Each source of rows opens `database_path` on a connection of its own.
absl::StatusOr<outlive::Report> BuildReport(const std::string& database_path,
                                            const GenerateReport& params, absl::Time created,
                                            Pacer& pacer);

}  // namespace report_app

#endif  // OUTLIVE_EXAMPLES_REPORT_APP_REPORT_BUILDER_H_
