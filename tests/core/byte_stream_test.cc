#include "outlive/core/byte_stream.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

namespace {

TEST_CASE("a string sink keeps every byte in order") {
  outlive::StringSink sink;
  CHECK(sink.bytes().empty());
  CHECK(sink.Write("").ok());
  CHECK(sink.Write("a").ok());
  CHECK(sink.Write(std::string_view("\0\xFF\n", 3)).ok());
  CHECK(sink.Write(std::string(100'000, 'x')).ok());
  CHECK(sink.bytes() == "a" + std::string("\0\xFF\n", 3) + std::string(100'000, 'x'));
}

}  // namespace
