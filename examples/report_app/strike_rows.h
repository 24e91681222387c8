// The strikes of a report as rows of a table, read page by page while a document is rendered.
//
// Thread-safety: each source is for one thread.
// Lifetime:      the pacer outlives the sources.
// Errors:        those of the database; kCancelled where the pacer says stop.
#ifndef OUTLIVE_EXAMPLES_REPORT_APP_STRIKE_ROWS_H_
#define OUTLIVE_EXAMPLES_REPORT_APP_STRIKE_ROWS_H_

#include <absl/status/statusor.h>

#include <memory>
#include <string>
#include <vector>

#include "outlive/core/report.h"
#include "report_app/pacer.h"
#include "report_app/report_params.h"

namespace report_app {

// The columns of the rows below.
std::vector<outlive::Column> StrikeColumns();

// Opens the chosen strikes, oldest first, on a connection of their own.
absl::StatusOr<std::unique_ptr<outlive::RowSource>> OpenStrikeRows(const std::string& database_path,
                                                                   const GenerateReport& params,
                                                                   Pacer& pacer);

}  // namespace report_app

#endif  // OUTLIVE_EXAMPLES_REPORT_APP_STRIKE_ROWS_H_
