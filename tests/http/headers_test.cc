#include "outlive/http/headers.h"

#include <absl/status/status.h>
#include <doctest/doctest.h>

#include <ostream>
#include <string>
#include <string_view>

namespace {

using outlive::http::Headers;

}  // namespace

TEST_CASE("header names are compared without case, and values are trimmed") {
  Headers headers;
  REQUIRE(headers.Add("Content-Type", " \ttext/plain\t ").ok());
  CHECK(headers.Get("content-type") == "text/plain");
  CHECK(headers.Get("CONTENT-TYPE") == "text/plain");
  CHECK_FALSE(headers.Get("Content-Typ").has_value());
  CHECK_FALSE(headers.Get("Content-Type2").has_value());
}

TEST_CASE("adding keeps the fields before, setting replaces them all") {
  Headers headers;
  REQUIRE(headers.Add("Set-Cookie", "a=1").ok());
  REQUIRE(headers.Add("X-Other", "kept").ok());
  REQUIRE(headers.Add("set-cookie", "b=2").ok());
  CHECK(headers.Count("Set-Cookie") == 2);
  CHECK(headers.Get("Set-Cookie") == "a=1");
  REQUIRE(headers.Set("SET-COOKIE", "c=3").ok());
  CHECK(headers.Count("Set-Cookie") == 1);
  CHECK(headers.Get("Set-Cookie") == "c=3");
  CHECK(headers.Get("X-Other") == "kept");
  headers.Remove("x-other");
  CHECK_FALSE(headers.Has("X-Other"));
}

TEST_CASE("setting a header to a view of its own value is safe") {
  Headers headers;
  REQUIRE(headers.Add("Location", std::string(100, 'x')).ok());
  REQUIRE(headers.Set(headers.fields()[0].name, *headers.Get("Location")).ok());
  CHECK(headers.Get("Location") == std::string(100, 'x'));
}

TEST_CASE("what could split a message is refused, and nothing is changed") {
  Headers headers;
  REQUIRE(headers.Set("X", "before").ok());
  for (const std::string_view value :
       {std::string_view("a\r\nSet-Cookie: b=c"), std::string_view("a\nb"),
        std::string_view("a\rb"), std::string_view("a\0b", 3), std::string_view("a\x7f"),
        std::string_view("\x01"), std::string_view("\n"), std::string_view("end\r\n")}) {
    CAPTURE(value);
    CHECK(absl::IsInvalidArgument(headers.Set("X", value)));
    CHECK(absl::IsInvalidArgument(headers.Add("X", value)));
  }
  for (const std::string_view name :
       {std::string_view(""), std::string_view("A B"), std::string_view("A:"),
        std::string_view("A\r\nB"), std::string_view("A\0", 2), std::string_view("\xc3\xa4"),
        std::string_view("A/B"), std::string_view(" A")}) {
    CAPTURE(name);
    CHECK(absl::IsInvalidArgument(headers.Set(name, "v")));
    CHECK(absl::IsInvalidArgument(headers.Add(name, "v")));
  }
  CHECK(absl::IsInvalidArgument(headers.Set("X", std::string(outlive::http::kFieldBytesMax, 'v'))));
  CHECK(headers.fields().size() == 1);
  CHECK(headers.Get("X") == "before");
}

TEST_CASE("tabs and bytes beyond ASCII may stand in a value") {
  Headers headers;
  CHECK(headers.Set("X", "a\tb").ok());
  CHECK(headers.Set("X", "\xc3\xa4").ok());
  CHECK(headers.Set("X", "").ok());
  CHECK(headers.Get("X") == "");
}
