// A folder that goes with its object.
#ifndef OUTLIVE_TESTS_PACKAGE_OWN_STORE_TEMPORARY_FOLDER_H_
#define OUTLIVE_TESTS_PACKAGE_OWN_STORE_TEMPORARY_FOLDER_H_

#include <doctest/doctest.h>
#include <stdlib.h>

#include <filesystem>
#include <string>

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string path = (std::filesystem::temp_directory_path() / "my-store-XXXXXX").string();
    REQUIRE(mkdtemp(path.data()) != nullptr);
    path_ = path;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

#endif  // OUTLIVE_TESTS_PACKAGE_OWN_STORE_TEMPORARY_FOLDER_H_
