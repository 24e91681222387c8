#include "outlive/core/version.h"

#include <doctest/doctest.h>

namespace {

TEST_CASE("the library knows the version that the build was told") {
  CHECK(outlive::LibraryVersion() == OUTLIVE_EXPECTED_VERSION);
}

}  // namespace
