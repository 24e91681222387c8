#include "http/head_scanner.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <ostream>
#include <string>
#include <string_view>

namespace {

using outlive::http::HeadLimits;
using outlive::http::HeadScanner;
using State = outlive::http::HeadScanner::State;

constexpr HeadLimits kLimits{
    .head_bytes_max = 1024, .target_bytes_max = 256, .header_count_max = 10};

// The status of the refusal, 200 for a complete head, 0 for one that is not complete yet.
int Verdict(std::string_view bytes) {
  HeadScanner scanner(kLimits);
  switch (scanner.Scan(bytes)) {
    case State::kMore:
      return 0;
    case State::kComplete:
      return 200;
    case State::kRefused:
      return scanner.error().status;
  }
  return -1;
}

// The same, one byte at a time.
int SlowVerdict(std::string_view bytes) {
  HeadScanner scanner(kLimits);
  for (std::size_t size = 1; size <= bytes.size(); ++size) {
    switch (scanner.Scan(bytes.substr(0, size))) {
      case State::kMore:
        continue;
      case State::kComplete:
        return 200;
      case State::kRefused:
        return scanner.error().status;
    }
  }
  return 0;
}

void CheckVerdict(std::string_view bytes, int expected) {
  CAPTURE(bytes);
  CHECK(Verdict(bytes) == expected);
  CHECK(SlowVerdict(bytes) == expected);
}

std::string WithField(std::string_view field) {
  return fmt::format("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n\r\n", field);
}

}  // namespace

TEST_CASE("a well-formed head is complete, and its size is told") {
  const std::string head = "GET /a?b=c HTTP/1.1\r\nHost: a\r\nX: \ty\xc3\xa4\r\nEmpty:\r\n\r\n";
  CheckVerdict(head, 200);
  HeadScanner scanner(kLimits);
  REQUIRE(scanner.Scan(head + "GET /next") == State::kComplete);
  CHECK(scanner.head_bytes() == head.size());
  CHECK(scanner.skipped_bytes() == 0);
}

TEST_CASE("one empty line before a request is skipped, and no more") {
  HeadScanner scanner(kLimits);
  const std::string head = "\r\nGET / HTTP/1.1\r\n\r\n";
  REQUIRE(scanner.Scan(head) == State::kComplete);
  CHECK(scanner.skipped_bytes() == 2);
  CHECK(scanner.head_bytes() == head.size());
  CheckVerdict("\r\n\r\nGET / HTTP/1.1\r\n\r\n", 400);
}

TEST_CASE("a head that is cut short is waited for") {
  const std::string_view head = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  for (std::size_t size = 0; size < head.size(); ++size) CheckVerdict(head.substr(0, size), 0);
}

TEST_CASE("line ends other than CRLF are refused at once") {
  CheckVerdict("GET / HTTP/1.1\n", 400);
  CheckVerdict("GET / HTTP/1.1\r\nHost: a\n", 400);
  CheckVerdict("\n", 400);
  CheckVerdict("GET / HTTP/1.1\rHost", 400);
  CheckVerdict("GET / HTTP/1.1\r\r\n", 400);
  CheckVerdict("GET / HTTP/1.1\r\nHost: a\r\n\n", 400);
}

TEST_CASE("malformed fields are refused") {
  for (const std::string_view field :
       {std::string_view(" folded"), std::string_view("\tfolded"), std::string_view("X : y"),
        std::string_view("X\t: y"), std::string_view("no colon"), std::string_view(": y"),
        std::string_view("X: a\0b", 6), std::string_view("X: \x01"), std::string_view("X: \x7f"),
        std::string_view("X\xc3: y"), std::string_view("X(: y"), std::string_view("X: a\x0b")}) {
    CheckVerdict(WithField(field), 400);
  }
  CheckVerdict("GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400);
  CheckVerdict(WithField("X: a\r\n b"), 400);
}

TEST_CASE("malformed request lines are refused") {
  for (const std::string_view line :
       {"GET", "GET /", "GET  / HTTP/1.1", "GET / HTTP/1.1 ", " GET / HTTP/1.1", "GET / a HTTP/1.1",
        "G(T / HTTP/1.1", "GET / http/1.1", "GET / HTTP/1", "GET / HTTP/11", "GET / HTTP/1.10",
        "GET /\xc3\xa4 HTTP/1.1", "GET\t/\tHTTP/1.1", "GET / HTTP/1.1\t", "GET / FTTP/1.1",
        "GET  HTTP/1.1"}) {
    CheckVerdict(fmt::format("{}\r\n\r\n", line), 400);
  }
  CheckVerdict("GET / HTTP/2.0\r\n\r\n", 505);
  CheckVerdict("GET / HTTP/0.9\r\n\r\n", 505);
  CheckVerdict("PRI * HTTP/2.0\r\n\r\n", 505);
  CheckVerdict("GET / HTTP/1.0\r\n\r\n", 200);
  CheckVerdict(std::string_view("\x16\x03\x01\x02\x00\x01", 6), 400);  // TLS
}

TEST_CASE("what is over a limit is refused before it is complete") {
  CheckVerdict("GET /" + std::string(256, 'a') + " HTTP/1.1\r\n", 414);
  CheckVerdict("GET /" + std::string(100'000, 'a'), 414);
  CheckVerdict(std::string(100'000, 'G'), 414);
  CheckVerdict("GET / HTTP/1.1\r\nX: " + std::string(100'000, 'a'), 431);
  std::string many = "GET / HTTP/1.1\r\n";
  for (int i = 0; i < 10; ++i) many += "X: y\r\n";
  CheckVerdict(many + "\r\n", 200);
  CheckVerdict(many + "X: y\r\n\r\n", 431);
  // Exactly at the limit, and one byte over it.
  const std::string start = "GET / HTTP/1.1\r\nX: ";
  CheckVerdict(start + std::string(1024 - start.size() - 4, 'a') + "\r\n\r\n", 200);
  CheckVerdict(start + std::string(1024 - start.size() - 3, 'a') + "\r\n\r\n", 431);
}
