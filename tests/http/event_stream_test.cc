#include "outlive/http/event_stream.h"

#include <absl/status/status.h>
#include <doctest/doctest.h>

#include <ostream>
#include <string>
#include <string_view>

#include "outlive/http/message.h"

namespace {

using outlive::http::EncodeEvent;
using outlive::http::ServerSentEvent;

std::string Encoded(const ServerSentEvent& event) { return EncodeEvent(event).value(); }

}  // namespace

TEST_CASE("an event is written line by line") {
  CHECK(Encoded({.data = "hello"}) == "data: hello\n\n");
  CHECK(Encoded({.id = "7", .name = "progress", .data = "0.5"}) ==
        "id: 7\nevent: progress\ndata: 0.5\n\n");
  CHECK(Encoded({}) == "data: \n\n");
}

TEST_CASE("no data can end its event or start another field") {
  CHECK(Encoded({.data = "a\nb"}) == "data: a\ndata: b\n\n");
  CHECK(Encoded({.data = "a\r\nb\rc\n"}) == "data: a\ndata: b\ndata: c\ndata: \n\n");
  CHECK(Encoded({.data = "\n\nevent: x"}) == "data: \ndata: \ndata: event: x\n\n");
  CHECK(Encoded({.data = "\r\n\r\n"}) == "data: \ndata: \ndata: \n\n");
}

TEST_CASE("an id or a name of more than one line is refused") {
  for (const std::string_view bad : {std::string_view("a\nb"), std::string_view("a\r"),
                                     std::string_view("\0", 1), std::string_view("\r\ndata: x")}) {
    CHECK(absl::IsInvalidArgument(EncodeEvent({.id = std::string(bad)}).status()));
    CHECK(absl::IsInvalidArgument(EncodeEvent({.name = std::string(bad)}).status()));
  }
}

TEST_CASE("the last id comes from the request") {
  outlive::http::Request request;
  CHECK(outlive::http::LastEventId(request) == "");
  REQUIRE(request.headers.Set("last-event-id", "42").ok());
  CHECK(outlive::http::LastEventId(request) == "42");
}
