// CrashFolder is a folder for one test of processes that are killed; deleted with everything in it.
#ifndef OUTLIVE_TESTS_PROCESSES_CRASH_FOLDER_H_
#define OUTLIVE_TESTS_PROCESSES_CRASH_FOLDER_H_

#include <filesystem>
#include <string>

namespace outlive::testing {

// Memory, where there is such a file system: a process that is killed needs no disk to be safe, and
// thousands of commits would wait for one.
std::filesystem::path FastFolder();

class CrashFolder {
 public:
  explicit CrashFolder(const std::filesystem::path& parent = FastFolder());
  ~CrashFolder();
  CrashFolder(const CrashFolder&) = delete;
  CrashFolder& operator=(const CrashFolder&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTS_PROCESSES_CRASH_FOLDER_H_
