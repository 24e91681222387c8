#include "http/request_framing.h"

#include <doctest/doctest.h>

#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace {

using outlive::http::CheckFraming;
using outlive::http::Headers;
using outlive::http::HttpError;
using outlive::http::RequestFraming;

using Fields = std::vector<std::pair<std::string_view, std::string_view>>;

std::variant<RequestFraming, HttpError> Check(const Fields& fields, bool is_http_1_0 = false) {
  Headers headers;
  for (const auto& [name, value] : fields) REQUIRE(headers.Add(name, value).ok());
  return CheckFraming(headers, is_http_1_0, 1000);
}

// The same for a request with a good Host.
RequestFraming Accepted(Fields fields, bool is_http_1_0 = false) {
  fields.emplace_back("Host", "a.example");
  const auto checked = Check(fields, is_http_1_0);
  REQUIRE(std::holds_alternative<RequestFraming>(checked));
  return std::get<RequestFraming>(checked);
}

int Refused(Fields fields, bool is_http_1_0 = false) {
  fields.emplace_back("Host", "a.example");
  const auto checked = Check(fields, is_http_1_0);
  REQUIRE(std::holds_alternative<HttpError>(checked));
  return std::get<HttpError>(checked).status;
}

}  // namespace

TEST_CASE("a length, one chunked coding, or neither says where a request ends") {
  CHECK(Accepted({}).content_length == 0);
  CHECK_FALSE(Accepted({}).is_chunked);
  CHECK(Accepted({{"Content-Length", "1000"}}).content_length == 1000);
  CHECK(Accepted({{"content-length", "0"}}).content_length == 0);
  CHECK(Accepted({{"Transfer-Encoding", "Chunked"}}).is_chunked);
}

TEST_CASE("what proxies and servers disagree about is refused") {
  CHECK(Refused({{"Content-Length", "5"}, {"Transfer-Encoding", "chunked"}}) == 400);
  CHECK(Refused({{"Content-Length", "5"}, {"Content-Length", "5"}}) == 400);
  CHECK(Refused({{"Content-Length", "5"}, {"Content-Length", "6"}}) == 400);
  for (const char* length : {"5, 5", "5,6", "+5", "-5", "5 5", "0x5", "", "5a", "5.0"}) {
    CAPTURE(length);
    CHECK(Refused({{"Content-Length", length}}) == 400);
  }
  for (const char* coding : {"xchunked", "gzip", "gzip, chunked", "chunked, gzip", "identity", "",
                             "chunked, chunked", "chunked;q=1", "\"chunked\"", "chunked,"}) {
    CAPTURE(coding);
    CHECK(Refused({{"Transfer-Encoding", coding}}) == 400);
  }
  CHECK(Refused({{"Transfer-Encoding", "chunked"}, {"Transfer-Encoding", "chunked"}}) == 400);
  CHECK(Refused({{"Transfer-Encoding", "x"}, {"Transfer-Encoding", "chunked"}}) == 400);
  CHECK(Refused({{"Transfer-Encoding", "chunked"}}, true) == 400);
}

TEST_CASE("a length over the limit is too large, whatever its size") {
  CHECK(Refused({{"Content-Length", "1001"}}) == 413);
  CHECK(Refused({{"Content-Length", "99999999999999999999999999"}}) == 413);
}

TEST_CASE("there is exactly one Host, but for HTTP/1.0") {
  const auto refused = [](const Fields& fields, bool is_http_1_0 = false) {
    return std::holds_alternative<HttpError>(Check(fields, is_http_1_0));
  };
  CHECK(refused({}));
  CHECK(refused({{"Host", "a"}, {"Host", "a"}}));
  CHECK(refused({{"Host", "a"}, {"Host", "b"}}, true));
  CHECK_FALSE(refused({}, true));
  for (const char* host :
       {"a", "a.example:80", "127.0.0.1:8080", "[::1]", "[::1]:80", "", "a_b-c~"}) {
    CAPTURE(host);
    CHECK_FALSE(refused({{"Host", host}}));
  }
  for (const char* host : {"a b", "a/b", "u@a", "a:b", "a:123456", "[::1", "[]", "[x]:80", "a,b",
                           "http://a", "a?b", "\xc3\xa4", "<a>"}) {
    CAPTURE(host);
    CHECK(refused({{"Host", host}}));
  }
}

TEST_CASE("the only expectation is 100-continue, and bodies are not compressed") {
  CHECK(Accepted({{"Expect", "100-Continue"}}).expects_continue);
  CHECK_FALSE(Accepted({{"Expect", "100-continue"}}, true).expects_continue);
  CHECK(Refused({{"Expect", "tea"}}) == 417);
  CHECK(Refused({{"Expect", "100-continue"}, {"Expect", "100-continue"}}) == 417);
  CHECK(Accepted({{"Content-Encoding", "identity"}}).content_length == 0);
  CHECK(Refused({{"Content-Encoding", "gzip"}}) == 415);
  CHECK(Refused({{"Content-Encoding", "identity"}, {"Content-Encoding", "br"}}) == 415);
}
