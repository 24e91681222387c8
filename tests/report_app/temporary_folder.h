// A folder of its own for a test, deleted at its end.
#ifndef OUTLIVE_TESTS_REPORT_APP_TEMPORARY_FOLDER_H_
#define OUTLIVE_TESTS_REPORT_APP_TEMPORARY_FOLDER_H_

#include <stdlib.h>

#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>

namespace report_app_tests {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = std::filesystem::temp_directory_path() / "outlive-report-app-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = name;
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace report_app_tests

#endif  // OUTLIVE_TESTS_REPORT_APP_TEMPORARY_FOLDER_H_
