#include "http/request_target.h"

#include <doctest/doctest.h>

#include <ostream>
#include <string>
#include <string_view>
#include <variant>

namespace {

using outlive::http::HttpError;
using outlive::http::Method;
using outlive::http::ParseTarget;
using outlive::http::RequestTarget;

RequestTarget Parsed(std::string_view target, Method method = Method::kGet) {
  CAPTURE(target);
  auto parsed = ParseTarget(method, target);
  REQUIRE(std::holds_alternative<RequestTarget>(parsed));
  return std::get<RequestTarget>(parsed);
}

void CheckRefused(std::string_view target, Method method = Method::kGet) {
  CAPTURE(target);
  const auto parsed = ParseTarget(method, target);
  REQUIRE(std::holds_alternative<HttpError>(parsed));
  CHECK(std::get<HttpError>(parsed).status == 400);
}

}  // namespace

TEST_CASE("a path is decoded once") {
  CHECK(Parsed("/").path == "/");
  CHECK(Parsed("/a%20b/%C3%A4").path == "/a b/\xc3\xa4");
  CHECK(Parsed("/%252e%252e/x").path == "/%2e%2e/x");
  CHECK(Parsed("/a+b").path == "/a+b");
  CHECK(Parsed("/a//b/").path == "/a//b/");
  CHECK(Parsed("/...").path == "/...");
  CHECK(Parsed("/.hidden").path == "/.hidden");
}

TEST_CASE("a path that leads elsewhere is refused, however it is written") {
  for (const char* target :
       {"/..",    "/../",      "/../etc/passwd", "/a/../b", "/a/..",  "/./a",
        "/.",     "/%2e%2e/x", "/%2E./x",        "/.%2e",   "/%2e",   "/a%2fb",
        "/a%2Fb", "/..%2fetc", "/a%5cb",         "/a\\b",   "/..\\x", "/a%00b",
        "/%00",   "/a%0ab",    "/a%0d%0ab",      "/%7f",    "/%09",   "/%c0%ae%c0%ae/",
        "/%ff",   "/%c3",      "/%ed%a0%80",     "/%",      "/%2",    "/%zz",
        "/a%2"}) {
    CheckRefused(target);
  }
}

TEST_CASE("other forms of the target") {
  const RequestTarget absolute = Parsed("http://Example.com:8080/a?b=c");
  CHECK(absolute.authority == "Example.com:8080");
  CHECK(absolute.path == "/a");
  CHECK(absolute.query == "b=c");
  CHECK(Parsed("HTTPS://[::1]/").authority == "[::1]");
  CHECK(Parsed("http://a?x").path == "/");
  CHECK(Parsed("http://a").path == "/");
  CHECK(Parsed("*", Method::kOptions).path == "*");
  CheckRefused("*");
  for (const char* target : {"", "a", "example.com:443", "ftp://a/", "http:///a", "http://u@a/",
                             "http://u:p@a/", "http://a b/", "http://a:99999999/", "http:/a", "?x",
                             "//a#b", "/a#b", "http://a/#", "http://:80/"}) {
    CheckRefused(target);
  }
}

TEST_CASE("a query is kept as sent and decoded as a form") {
  const RequestTarget target = Parsed("/?a=1&b=x+y%20z&&c&=d&e=%3D%26&a=2=3");
  CHECK(target.query == "a=1&b=x+y%20z&&c&=d&e=%3D%26&a=2=3");
  const std::vector<outlive::http::QueryParameter> expected = {
      {"a", "1"}, {"b", "x y z"}, {"c", ""}, {"", "d"}, {"e", "=&"}, {"a", "2=3"}};
  CHECK(target.query_parameters == expected);
  CHECK(Parsed("/?").query_parameters.empty());
  CHECK(Parsed("/?a=%0d%0aX").query_parameters[0].second == "\r\nX");
  CHECK(Parsed("/?a=b?c/../d").query_parameters[0].second == "b?c/../d");
}

TEST_CASE("a query that cannot be decoded, or has too many parameters, is refused") {
  for (const char* target : {"/?a=%", "/?a=%zz", "/?%=1", "/?a=%00", "/?a=%ff", "/?a=%c3"}) {
    CheckRefused(target);
  }
  std::string many = "/?";
  for (int i = 0; i < 256; ++i) many += "a&";
  CHECK(Parsed(many).query_parameters.size() == 256);
  CheckRefused(many + "a");
}
