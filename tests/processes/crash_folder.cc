#include "tests/processes/crash_folder.h"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <system_error>

namespace outlive::testing {

std::filesystem::path FastFolder() {
  const std::filesystem::path memory = "/dev/shm";
  std::error_code ignored;
  return std::filesystem::is_directory(memory, ignored) ? memory
                                                        : std::filesystem::temp_directory_path();
}

CrashFolder::CrashFolder(const std::filesystem::path& parent) {
  std::string path = (parent / "outlive-crash-XXXXXX").string();
  REQUIRE(mkdtemp(path.data()) != nullptr);
  path_ = path;
}

CrashFolder::~CrashFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace outlive::testing
