#include "isolate/frame.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace outlive::isolate {
namespace {

std::string FrameOf(std::string_view body) {
  std::string bytes;
  AppendFrame(bytes, body);
  return bytes;
}

TEST_CASE("a frame is its length, the lowest byte first, and its body") {
  CHECK(FrameOf("") == std::string("\0\0\0\0", 4));
  CHECK(FrameOf("ab") == std::string("\2\0\0\0ab", 6));
  CHECK(FrameOf(std::string(258, 'x')).substr(0, 4) == std::string("\2\1\0\0", 4));
}

TEST_CASE("a frame comes back whole, and only when it is all there") {
  for (const std::string& body : {std::string(), std::string("a"), std::string(70'000, 'x'),
                                  std::string(kFrameBytesMax, 'y')}) {
    const std::string bytes = FrameOf(body);
    const std::string more = bytes + "next";
    CHECK(**FirstFrame(bytes) == body);
    CHECK(**FirstFrame(more) == body);
    for (const std::size_t size : {std::size_t{0}, std::size_t{3}, bytes.size() - 1}) {
      if (size >= bytes.size()) continue;
      const auto frame = FirstFrame(std::string_view(bytes).substr(0, size));
      REQUIRE(frame.ok());
      CHECK_FALSE(frame->has_value());
    }
  }
}

TEST_CASE("a frame over the limit is refused as soon as its length is there") {
  std::string bytes = FrameOf(std::string(kFrameBytesMax + 1, 'x'));
  bytes.resize(kFrameHeadBytes);
  CHECK(absl::IsInvalidArgument(FirstFrame(bytes).status()));
  CHECK(absl::IsInvalidArgument(FirstFrame("\xFF\xFF\xFF\xFF").status()));
  CHECK(absl::IsInvalidArgument(FirstFrame("HTTP/1.1 400 Bad Request").status()));
}

}  // namespace
}  // namespace outlive::isolate
