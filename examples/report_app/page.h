// The page: HTML, style and script, which are part of the program.
#ifndef OUTLIVE_EXAMPLES_REPORT_APP_PAGE_H_
#define OUTLIVE_EXAMPLES_REPORT_APP_PAGE_H_

#include <absl/status/status.h>

#include "outlive/http/router.h"

namespace report_app {

// Adds `/` and the files it needs.
absl::Status AddPage(outlive::http::Router& router);

}  // namespace report_app

#endif  // OUTLIVE_EXAMPLES_REPORT_APP_PAGE_H_
