#include "outlive/http/problem.h"

#include <boost/json/serialize.hpp>
#include <utility>

namespace outlive::http {
namespace {

int HttpStatus(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
      return 400;
    case absl::StatusCode::kUnauthenticated:
      return 401;
    case absl::StatusCode::kPermissionDenied:
      return 403;
    case absl::StatusCode::kNotFound:
      return 404;
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kFailedPrecondition:
      return 409;
    case absl::StatusCode::kResourceExhausted:
      return 429;
    case absl::StatusCode::kUnimplemented:
      return 501;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kCancelled:
      return 503;
    case absl::StatusCode::kDeadlineExceeded:
      return 504;
    default:
      return 500;
  }
}

}  // namespace

Problem MakeProblem(int status, std::string detail) {
  Problem problem;
  problem.status = status;
  problem.detail = std::move(detail);
  return problem;
}

Problem ProblemFromStatus(const absl::Status& status) {
  const int code = HttpStatus(status.code());
  if (code == 500) return MakeProblem(code);
  return MakeProblem(code, std::string(status.message()));
}

Response ToResponse(const Problem& problem) {
  boost::json::object document;
  document["type"] = problem.type;
  document["title"] =
      problem.title.empty() ? std::string(StatusText(problem.status)) : problem.title;
  document["status"] = problem.status;
  if (!problem.detail.empty()) document["detail"] = problem.detail;
  for (const auto& [name, value] : problem.extensions) {
    document.emplace(name, value);  // Leaves a member that is there already alone.
  }
  Response response =
      Response::Bytes(boost::json::serialize(document), "application/problem+json", problem.status);
  response.Set("Cache-Control", "no-store");
  return response;
}

}  // namespace outlive::http
