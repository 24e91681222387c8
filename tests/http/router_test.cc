#include "outlive/http/router.h"

#include <absl/status/status.h>
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <ostream>
#include <string>
#include <string_view>

namespace {

using outlive::http::Method;
using outlive::http::Request;
using outlive::http::Response;
using outlive::http::Router;

Router::Handler Says(std::string_view text) {
  return [text = std::string(text)](const Request&) { return Response::Text(text); };
}

Response Handle(const Router& router, Method method, std::string_view path) {
  Request request;
  request.method = method;
  request.path = path;
  return router.Handle(request);
}

std::string Get(const Router& router, std::string_view path) {
  const Response response = Handle(router, Method::kGet, path);
  return response.status() == 200 ? std::string(response.text())
                                  : fmt::format("{}", response.status());
}

Router ReportRouter() {
  Router router;
  REQUIRE(router.Add(Method::kGet, "/", Says("root")).ok());
  REQUIRE(router.Add(Method::kGet, "/reports", Says("list")).ok());
  REQUIRE(router.Add(Method::kPost, "/reports", Says("create")).ok());
  REQUIRE(router.Add(Method::kDelete, "/reports/{id}", Says("cancel")).ok());
  REQUIRE(router
              .Add(Method::kGet, "/reports/{id}",
                   [](const Request& request) {
                     return Response::Text(fmt::format("one {}", request.PathParameter("id")));
                   })
              .ok());
  REQUIRE(router.Add(Method::kGet, "/reports/{id}/events", Says("events")).ok());
  REQUIRE(router.Add(Method::kGet, "/reports/newest", Says("newest")).ok());
  return router;
}

}  // namespace

TEST_CASE("a path finds its route, and names are filled in") {
  const Router router = ReportRouter();
  CHECK(Get(router, "/") == "root");
  CHECK(Get(router, "/reports") == "list");
  CHECK(Get(router, "/reports/42") == "one 42");
  CHECK(Get(router, "/reports/a b{}") == "one a b{}");
  CHECK(Get(router, "/reports/42/events") == "events");
}

TEST_CASE("literal text goes before a name, whatever the order of adding") {
  CHECK(Get(ReportRouter(), "/reports/newest") == "newest");
  Router router;
  REQUIRE(router.Add(Method::kGet, "/{a}/x", Says("name first")).ok());
  REQUIRE(router.Add(Method::kGet, "/a/{b}", Says("literal first")).ok());
  CHECK(Get(router, "/a/x") == "literal first");
  CHECK(Get(router, "/b/x") == "name first");
}

TEST_CASE("a name of another method does not hide the route behind it") {
  Router router;
  REQUIRE(router.Add(Method::kPost, "/reports/newest", Says("post")).ok());
  REQUIRE(router.Add(Method::kGet, "/reports/{id}", Says("get")).ok());
  CHECK(Get(router, "/reports/newest") == "get");
  CHECK(Handle(router, Method::kDelete, "/reports/newest").headers().Get("Allow") ==
        "GET, HEAD, POST, OPTIONS");
}

TEST_CASE("what no pattern matches is 404") {
  const Router router = ReportRouter();
  for (const char* path : {"/report", "/reports/", "/reports//events", "/reports/1/", "//",
                           "/reports/1/events/", "/Reports", "/reports/1/event", "", "reports"}) {
    CAPTURE(path);
    const Response response = Handle(router, Method::kGet, path);
    CHECK(response.status() == 404);
    CHECK(response.headers().Get("Content-Type") == "application/problem+json");
  }
}

TEST_CASE("a known path with another method is 405 with Allow") {
  const Response response = Handle(ReportRouter(), Method::kPut, "/reports/42");
  CHECK(response.status() == 405);
  CHECK(response.headers().Get("Allow") == "GET, HEAD, DELETE, OPTIONS");
  CHECK(response.headers().Get("Content-Type") == "application/problem+json");
}

TEST_CASE("HEAD is answered by GET, and OPTIONS by itself") {
  Router router = ReportRouter();
  CHECK(Handle(router, Method::kHead, "/reports").text() == "list");
  const Response options = Handle(router, Method::kOptions, "/reports");
  CHECK(options.status() == 204);
  CHECK(options.headers().Get("Allow") == "GET, HEAD, POST, OPTIONS");
  CHECK(Handle(router, Method::kOptions, "/nowhere").status() == 404);
  const Response all = Handle(router, Method::kOptions, "*");
  CHECK(all.status() == 204);
  CHECK(all.headers().Get("Allow") == "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
}

TEST_CASE("own routes for HEAD and OPTIONS take the place of the automatic ones") {
  Router router;
  REQUIRE(router.Add(Method::kGet, "/x", Says("get")).ok());
  REQUIRE(router.Add(Method::kHead, "/x", Says("head")).ok());
  REQUIRE(router.Add(Method::kOptions, "/x", Says("options")).ok());
  CHECK(Handle(router, Method::kHead, "/x").text() == "head");
  CHECK(Handle(router, Method::kOptions, "/x").text() == "options");
}

TEST_CASE("parameters of an earlier routing do not stay") {
  const Router router = ReportRouter();
  Request request;
  request.path = "/reports";
  request.path_parameters = {{"id", "stale"}};
  CHECK(router.Handle(request).text() == "list");
  CHECK(request.path_parameters.empty());
}

TEST_CASE("malformed patterns and double routes are refused") {
  Router router;
  for (const char* pattern : {"", "reports", "/{", "/}", "/{}", "/{Id}", "/{1a}", "/x{id}",
                              "/{id}x", "/{a}/{a}", "/{a b}", "/{a}{b}"}) {
    CAPTURE(pattern);
    CHECK(absl::IsInvalidArgument(router.Add(Method::kGet, pattern, Says(""))));
  }
  CHECK(absl::IsInvalidArgument(router.Add(Method::kGet, "/x", nullptr)));
  REQUIRE(router.Add(Method::kGet, "/x/{id}", Says("")).ok());
  CHECK(absl::IsAlreadyExists(router.Add(Method::kGet, "/x/{name}", Says(""))));
  CHECK(router.Add(Method::kPost, "/x/{name}", Says("")).ok());
  CHECK(router.Add(Method::kGet, "/x/id", Says("")).ok());
}
