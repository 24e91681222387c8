#include "outlive/core/secret.h"

#include <doctest/doctest.h>

#include <concepts>
#include <ostream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace {

using outlive::Secret;

template <class T>
concept Streams = requires(std::ostream& out, const T& value) { out << value; };
template <class T>
concept Compares = requires(const T& a, const T& b) { a == b; };

TEST_CASE("a secret cannot be printed, compared or read by accident") {
  static_assert(Streams<std::string> && !Streams<Secret>);
  static_assert(Compares<std::string> && !Compares<Secret>);
  static_assert(!std::is_convertible_v<Secret, std::string_view>);
  static_assert(!std::is_convertible_v<std::string_view, Secret>);
}

TEST_CASE("a secret keeps its bytes, of any kind") {
  const std::string bytes("k\0\xFF", 3);
  const Secret secret{std::string_view(bytes)};
  CHECK(secret.Reveal() == bytes);
  CHECK(secret.size() == 3);
  CHECK_FALSE(secret.empty());
}

TEST_CASE("an empty secret") {
  for (const Secret& secret : {Secret(), Secret("")}) {
    CHECK(secret.empty());
    CHECK(secret.size() == 0);
    CHECK(secret.Reveal() == "");
  }
}

TEST_CASE("copies are their own, and what was moved from is empty") {
  Secret first("first");
  Secret copy = first;
  CHECK(copy.Reveal() == "first");
  CHECK(copy.Reveal().data() != first.Reveal().data());
  const Secret moved = std::move(first);
  CHECK(moved.Reveal() == "first");
  CHECK(first.empty());  // NOLINT(bugprone-use-after-move): it says so.
  CHECK(first.Reveal() == "");
  copy = Secret("second");
  CHECK(copy.Reveal() == "second");
  const Secret& self = copy;
  copy = self;
  CHECK(copy.Reveal() == "second");
  copy = Secret();
  CHECK(copy.empty());
}

TEST_CASE("wiping overwrites every byte") {
  std::string bytes = "secret bytes";
  Secret::Wipe(bytes.data(), bytes.size());
  CHECK(bytes == std::string(12, '\0'));
}

}  // namespace
