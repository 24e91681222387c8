#include "outlive/http/security.h"

#include <doctest/doctest.h>

#include <initializer_list>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace {

using outlive::http::ApplySecurityHeaders;
using outlive::http::CheckCsrf;
using outlive::http::CheckHost;
using outlive::http::CheckJsonContentType;
using outlive::http::Method;
using outlive::http::Request;
using outlive::http::Response;
using outlive::http::SecurityHeaders;

using Fields = std::vector<std::pair<std::string_view, std::string_view>>;

Request MakeRequest(const Fields& fields, Method method = Method::kPost) {
  Request request;
  request.method = method;
  for (const auto& [name, value] : fields) REQUIRE(request.headers.Add(name, value).ok());
  return request;
}

bool IsRefused(const Fields& fields, Method method = Method::kPost) {
  const auto problem = CheckCsrf(MakeRequest(fields, method));
  if (problem) CHECK(problem->status == 403);
  return problem.has_value();
}

}  // namespace

TEST_CASE("the default headers let a page do what it must and no more") {
  Response response = Response::Text("x");
  ApplySecurityHeaders({}, response);
  const std::string policy(*response.headers().Get("Content-Security-Policy"));
  CHECK(policy.find("default-src 'none'") != std::string::npos);
  CHECK(policy.find("frame-ancestors 'none'") != std::string::npos);
  CHECK(policy.find("base-uri 'none'") != std::string::npos);
  CHECK(policy.find("unsafe") == std::string::npos);
  CHECK(policy.find('*') == std::string::npos);
  CHECK(response.headers().Get("X-Content-Type-Options") == "nosniff");
  CHECK(response.headers().Get("X-Frame-Options") == "DENY");
  CHECK(response.headers().Get("Referrer-Policy") == "no-referrer");
  CHECK(response.headers().Get("Cross-Origin-Opener-Policy") == "same-origin");
  CHECK(response.headers().Get("Cross-Origin-Resource-Policy") == "same-origin");
  CHECK(response.fault().ok());
}

TEST_CASE("a response's own headers stay, and an empty default is not sent") {
  Response response = Response::Text("x");
  response.Set("content-security-policy", "sandbox");
  SecurityHeaders defaults;
  defaults.referrer_policy = "";
  ApplySecurityHeaders(defaults, response);
  CHECK(response.headers().Count("Content-Security-Policy") == 1);
  CHECK(response.headers().Get("Content-Security-Policy") == "sandbox");
  CHECK_FALSE(response.headers().Has("Referrer-Policy"));
}

TEST_CASE("Sec-Fetch-Site decides where a browser sends it") {
  CHECK_FALSE(IsRefused({{"Sec-Fetch-Site", "same-origin"}, {"Cookie", "u=1"}}));
  CHECK_FALSE(IsRefused({{"Sec-Fetch-Site", "none"}, {"Cookie", "u=1"}}));
  for (const char* site :
       {"cross-site", "same-site", "", "Same-Origin", "other", "same-origin, cross-site"}) {
    CAPTURE(site);
    CHECK(IsRefused({{"Sec-Fetch-Site", site}}));
    CHECK(IsRefused(
        {{"Sec-Fetch-Site", site}, {"Host", "a.example"}, {"Origin", "http://a.example"}}));
  }
  CHECK(IsRefused({{"Sec-Fetch-Site", "same-origin"}, {"Sec-Fetch-Site", "cross-site"}}));
}

TEST_CASE("without it, Origin has to name the host that was asked") {
  const auto refused = [](std::string_view origin, std::string_view host) {
    return IsRefused({{"Origin", origin}, {"Host", host}});
  };
  CHECK_FALSE(refused("http://127.0.0.1:8080", "127.0.0.1:8080"));
  CHECK_FALSE(refused("https://Example.com", "example.COM"));
  CHECK_FALSE(refused("https://example.com", "example.com:443"));
  CHECK_FALSE(refused("https://example.com:443", "example.com"));
  CHECK_FALSE(refused("http://[::1]:8080", "[::1]:8080"));

  CHECK(refused("http://127.0.0.1:8081", "127.0.0.1:8080"));
  CHECK(refused("http://example.com", "example.com:8080"));
  CHECK(refused("http://evil.example", "example.com"));
  CHECK(refused("http://example.com.evil.example", "example.com"));
  CHECK(refused("http://example.com@evil.example", "example.com"));
  CHECK(refused("http://", ""));
  CHECK(refused("null", "null"));
  CHECK(refused("", ""));
  CHECK(refused("file://", ""));
  CHECK(refused("ftp://example.com", "example.com"));
  CHECK(refused("http://example.com/", "example.com"));
  CHECK(IsRefused(
      {{"Origin", "http://a.example"}, {"Origin", "http://b.example"}, {"Host", "a.example"}}));
  CHECK(IsRefused({{"Origin", "http://a.example"}}));
}

TEST_CASE("with neither of them, only a request without cookies passes") {
  CHECK_FALSE(IsRefused({{"Host", "a.example"}}));
  CHECK(IsRefused({{"Host", "a.example"}, {"Cookie", "u=1"}}));
  CHECK(IsRefused({{"Cookie", ""}}));
}

TEST_CASE("every method that changes something is checked, and no other") {
  for (const Method method : {Method::kPost, Method::kPut, Method::kPatch, Method::kDelete}) {
    CHECK(IsRefused({{"Sec-Fetch-Site", "cross-site"}}, method));
  }
  for (const Method method : {Method::kGet, Method::kHead, Method::kOptions}) {
    CHECK_FALSE(IsRefused({{"Sec-Fetch-Site", "cross-site"}}, method));
  }
}

TEST_CASE("a JSON body has to be declared as one") {
  for (const char* good :
       {"application/json", "Application/JSON", "application/json; charset=utf-8",
        "application/json;charset=UTF-8", "application/json ; charset=\"utf-8\""}) {
    CAPTURE(good);
    CHECK_FALSE(CheckJsonContentType(MakeRequest({{"Content-Type", good}})).has_value());
  }
  for (const char* bad : {"", "text/plain", "text/plain; application/json", "application/jsonp",
                          "application/json; charset=utf-7", "application/problem+json",
                          "application/x-www-form-urlencoded", "application/json, text/plain"}) {
    CAPTURE(bad);
    const auto problem = CheckJsonContentType(MakeRequest({{"Content-Type", bad}}));
    REQUIRE(problem.has_value());
    CHECK(problem->status == 415);
  }
  CHECK(CheckJsonContentType(MakeRequest({})).has_value());
  CHECK(CheckJsonContentType(
            MakeRequest({{"Content-Type", "application/json"}, {"Content-Type", "text/plain"}}))
            .has_value());
}

TEST_CASE("only the allowed hosts are answered for") {
  const std::vector<std::string> allowed = {"localhost", "127.0.0.1", "[::1]"};
  for (const char* good : {"localhost", "LocalHost:8080", "127.0.0.1:80", "[::1]:8080"}) {
    CAPTURE(good);
    CHECK_FALSE(CheckHost(MakeRequest({{"Host", good}}), allowed).has_value());
  }
  for (const char* bad : {"", "evil.example", "localhost.evil.example", "localhost@evil", "a b"}) {
    CAPTURE(bad);
    const auto problem = CheckHost(MakeRequest({{"Host", bad}}), allowed);
    REQUIRE(problem.has_value());
    CHECK(problem->status == 421);
  }
  CHECK(CheckHost(MakeRequest({}), allowed).has_value());
  CHECK_FALSE(CheckHost(MakeRequest({{"Host", "evil.example"}}), {}).has_value());
}
