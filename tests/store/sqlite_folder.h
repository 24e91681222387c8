// SqliteFolder is a fresh folder for the database files of one test; deleted with everything in it.
#ifndef OUTLIVE_TESTS_STORE_SQLITE_FOLDER_H_
#define OUTLIVE_TESTS_STORE_SQLITE_FOLDER_H_

#include <doctest/doctest.h>
#include <stdlib.h>

#include <filesystem>
#include <string>

namespace outlive::testing {

class SqliteFolder {
 public:
  explicit SqliteFolder(
      const std::filesystem::path& parent = std::filesystem::temp_directory_path()) {
    std::string path = (parent / "outlive-sqlite-XXXXXX").string();
    REQUIRE(mkdtemp(path.data()) != nullptr);
    path_ = path;
  }
  ~SqliteFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  SqliteFolder(const SqliteFolder&) = delete;
  SqliteFolder& operator=(const SqliteFolder&) = delete;

  std::string File(const std::string& name = "jobs.db") const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTS_STORE_SQLITE_FOLDER_H_
