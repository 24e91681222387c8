// GET /artifacts/{id}?exp=…&kid=…&sig=…: hands a document to whoever has a good link to it. A bad
// link gets one and the same answer, whatever is wrong with it.
//
// Thread-safety: may be used from many threads at once.
// Lifetime:      what it was made with outlives the router.
#ifndef OUTLIVE_EXAMPLES_REPORT_APP_DOWNLOADS_H_
#define OUTLIVE_EXAMPLES_REPORT_APP_DOWNLOADS_H_

#include <absl/status/status.h>

#include "outlive/core/artifact_store.h"
#include "outlive/http/router.h"
#include "report_app/links.h"
#include "report_app/users.h"

namespace report_app {

absl::Status AddDownloads(outlive::http::Router& router, outlive::ArtifactStore& artifacts,
                          const Links& links, const Users& users);

}  // namespace report_app

#endif  // OUTLIVE_EXAMPLES_REPORT_APP_DOWNLOADS_H_
