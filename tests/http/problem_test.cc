#include "outlive/http/problem.h"

#include <doctest/doctest.h>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <ostream>
#include <string>
#include <utility>

namespace {

using outlive::http::MakeProblem;
using outlive::http::Problem;
using outlive::http::ProblemFromStatus;
using outlive::http::Response;
using outlive::http::ToResponse;

boost::json::object Document(const Response& response) {
  return boost::json::parse(std::string(response.text())).as_object();
}

}  // namespace

TEST_CASE("a problem document has the members of RFC 9457") {
  Problem problem = MakeProblem(422, "The year is in the \"future\".\n");
  problem.type = "https://example.com/problems/year";
  problem.title = "Bad year";
  problem.extensions["field"] = "year";
  const Response response = ToResponse(problem);
  CHECK(response.status() == 422);
  CHECK(response.headers().Get("Content-Type") == "application/problem+json");
  CHECK(response.headers().Get("Cache-Control") == "no-store");
  const boost::json::object document = Document(response);
  CHECK(document.at("type") == "https://example.com/problems/year");
  CHECK(document.at("title") == "Bad year");
  CHECK(document.at("status") == 422);
  CHECK(document.at("detail") == "The year is in the \"future\".\n");
  CHECK(document.at("field") == "year");
}

TEST_CASE("a plain problem has the status's own title and no detail") {
  const boost::json::object document = Document(ToResponse(MakeProblem(404)));
  CHECK(document.at("type") == "about:blank");
  CHECK(document.at("title") == "Not Found");
  CHECK_FALSE(document.contains("detail"));
}

TEST_CASE("an extension cannot replace a member") {
  Problem problem = MakeProblem(400, "real");
  problem.extensions = {
      {"status", 200}, {"detail", "false"}, {"type", "false"}, {"title", "false"}};
  const boost::json::object document = Document(ToResponse(problem));
  CHECK(document.at("status") == 400);
  CHECK(document.at("detail") == "real");
  CHECK(document.at("type") == "about:blank");
  CHECK(document.at("title") == "Bad Request");
}

TEST_CASE("every status code has its HTTP status, and inner texts stay inside") {
  const std::pair<absl::StatusCode, int> table[] = {
      {absl::StatusCode::kInvalidArgument, 400},   {absl::StatusCode::kOutOfRange, 400},
      {absl::StatusCode::kUnauthenticated, 401},   {absl::StatusCode::kPermissionDenied, 403},
      {absl::StatusCode::kNotFound, 404},          {absl::StatusCode::kAlreadyExists, 409},
      {absl::StatusCode::kAborted, 409},           {absl::StatusCode::kFailedPrecondition, 409},
      {absl::StatusCode::kResourceExhausted, 429}, {absl::StatusCode::kUnimplemented, 501},
      {absl::StatusCode::kUnavailable, 503},       {absl::StatusCode::kCancelled, 503},
      {absl::StatusCode::kDeadlineExceeded, 504},  {absl::StatusCode::kInternal, 500},
      {absl::StatusCode::kUnknown, 500},           {absl::StatusCode::kDataLoss, 500},
  };
  for (const auto& [code, status] : table) {
    CAPTURE(static_cast<int>(code));
    const Problem problem = ProblemFromStatus(absl::Status(code, "the text"));
    CHECK(problem.status == status);
    CHECK(problem.detail == (status == 500 ? "" : "the text"));
  }
  CHECK(ProblemFromStatus(absl::OkStatus()).status == 500);
}
