#include "outlive/http/message.h"

#include <absl/status/status.h>
#include <doctest/doctest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <ostream>
#include <string>
#include <string_view>

namespace {

using outlive::http::Method;
using outlive::http::ParseMethod;
using outlive::http::Request;
using outlive::http::Response;

}  // namespace

TEST_CASE("methods go by their exact names") {
  for (const Method method : {Method::kGet, Method::kHead, Method::kPost, Method::kPut,
                              Method::kPatch, Method::kDelete, Method::kOptions}) {
    CHECK(ParseMethod(MethodName(method)) == method);
  }
  for (const char* unknown : {"", "get", "TRACE", "CONNECT", "GETT", "GE"}) {
    CHECK_FALSE(ParseMethod(unknown).has_value());
  }
  CHECK(IsSafe(Method::kGet));
  CHECK(IsSafe(Method::kHead));
  CHECK(IsSafe(Method::kOptions));
  CHECK_FALSE(IsSafe(Method::kPost));
  CHECK_FALSE(IsSafe(Method::kPut));
  CHECK_FALSE(IsSafe(Method::kPatch));
  CHECK_FALSE(IsSafe(Method::kDelete));
}

TEST_CASE("a cookie is found by its exact name, and the first one wins") {
  Request request;
  REQUIRE(
      request.headers.Add("Cookie", "xuser=no; user=one;user=two ; quoted=\"a b\"; empty=").ok());
  REQUIRE(request.headers.Add("Cookie", "late=yes; user=three; =nameless; bare; pair=a=b").ok());
  CHECK(request.Cookie("user") == "one");
  CHECK(request.Cookie("quoted") == "a b");
  CHECK(request.Cookie("empty") == "");
  CHECK(request.Cookie("late") == "yes");
  CHECK(request.Cookie("pair") == "a=b");
  CHECK_FALSE(request.Cookie("bare").has_value());
  CHECK_FALSE(request.Cookie("User").has_value());
  CHECK_FALSE(request.Cookie("use").has_value());
  CHECK_FALSE(Request().Cookie("user").has_value());
}

TEST_CASE("parameters of query and path are found by name") {
  Request request;
  request.query_parameters = {{"a", "1"}, {"b", ""}, {"a", "2"}};
  request.path_parameters = {{"id", "42"}};
  CHECK(request.QueryValue("a") == "1");
  CHECK(request.QueryValue("b") == "");
  CHECK_FALSE(request.QueryValue("c").has_value());
  CHECK(request.PathParameter("id") == "42");
  CHECK(request.PathParameter("other") == "");
}

TEST_CASE("the makers of responses set status, type and body") {
  CHECK(Response::Text("hi").status() == 200);
  CHECK(Response::Text("hi").headers().Get("Content-Type") == "text/plain; charset=utf-8");
  CHECK(Response::Html("<p>", 404).status() == 404);
  CHECK(Response::Html("<p>").headers().Get("Content-Type") == "text/html; charset=utf-8");
  const Response json = Response::Json(boost::json::parse(R"({"a":[1,"\u0000"]})"), 202);
  CHECK(json.status() == 202);
  CHECK(json.headers().Get("Content-Type") == "application/json");
  CHECK(json.text() == R"({"a":[1,"\u0000"]})");
  CHECK(Response::NoContent().status() == 204);
  CHECK(Response::EventStream([](outlive::http::EventSender) {}).headers().Get("Content-Type") ==
        "text/event-stream");
}

TEST_CASE("a refused field is remembered, and the first one stays") {
  Response response = Response::Text("x");
  CHECK(response.fault().ok());
  response.Set("Location", "/a\r\nSet-Cookie: stolen=1").Set("X-Good", "good");
  CHECK(absl::IsInvalidArgument(response.fault()));
  const std::string first(response.fault().message());
  CHECK(first.find("Location") != std::string::npos);
  CHECK(first.find("stolen") == std::string::npos);
  response.Add("X-Bad", "\n");
  CHECK(std::string(response.fault().message()) == first);
  CHECK_FALSE(response.headers().Has("Location"));
  CHECK(response.headers().Get("X-Good") == "good");
}

TEST_CASE("fields that frame a message belong to the server") {
  for (const char* name : {"Content-Length", "content-length", "Transfer-Encoding", "Connection",
                           "Keep-Alive", "Upgrade", "Trailer", "TE", "Date"}) {
    CAPTURE(name);
    CHECK_FALSE(Response().Set(name, "1").fault().ok());
    CHECK_FALSE(Response().Add(name, "1").fault().ok());
  }
}

TEST_CASE("a file that is not there is 404") {
  CHECK(Response::File("/nonexistent/file", "text/css").status() == 404);
  CHECK(Response::File("/", "text/css").status() == 500);
}
