#include "report_app/downloads.h"

#include <absl/status/statusor.h>

#include <string>
#include <utility>

#include "outlive/http/download.h"
#include "outlive/http/message.h"
#include "outlive/http/problem.h"

namespace report_app {

namespace {

using outlive::http::Request;
using outlive::http::Response;

Response Serve(const Request& request, outlive::ArtifactStore& artifacts, const Links& links,
               const Users& users) {
  const std::string id(request.PathParameter("id"));
  // The link is checked before anything else, so that nobody can look for ids.
  if (!links.Verify(id, request.query, users.Identify(request)).ok()) {
    return ToResponse(outlive::http::MakeProblem(403, "this link is not valid, or no longer"));
  }
  absl::StatusOr<outlive::OpenArtifact> opened = artifacts.Open(id);
  if (!opened.ok()) return ToResponse(outlive::http::ProblemFromStatus(opened.status()));
  return MakeDownload(request, {.bytes = std::move(opened->bytes),
                                .size = opened->artifact.size,
                                .file_name = opened->artifact.name,
                                .media_type = opened->artifact.media_type,
                                .etag = opened->artifact.sha256});
}

}  // namespace

absl::Status AddDownloads(outlive::http::Router& router, outlive::ArtifactStore& artifacts,
                          const Links& links, const Users& users) {
  return router.Add(outlive::http::Method::kGet, "/artifacts/{id}",
                    [&artifacts, &links, &users](const Request& request) {
                      return Serve(request, artifacts, links, users);
                    });
}

}  // namespace report_app
