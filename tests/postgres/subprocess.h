// Programs that the keeper of a server runs for it: as an ordinary user where we are root, with
// their output in a log file, and never longer than the keeper itself.
//
// Thread-safety: none, and the process must have one thread: this forks.
#ifndef OUTLIVE_TESTS_POSTGRES_SUBPROCESS_H_
#define OUTLIVE_TESTS_POSTGRES_SUBPROCESS_H_

#include <sys/types.h>

#include <cstddef>
#include <string>
#include <vector>

namespace outlive::testing {

// Where programs work: their current folder. What a server says is in the file "log" there, what
// programs say that prepare it in "preparations".
class WorkFolder {
 public:
  // Deletes the folder, with everything in it.
  ~WorkFolder();
  WorkFolder() = default;
  WorkFolder(const WorkFolder&) = delete;
  WorkFolder& operator=(const WorkFolder&) = delete;

  // Makes a new folder, which belongs to whoever programs run as. What failed, or empty. It goes
  // with this process also where that is killed, together with all its children: a process that is
  // nobody's child stays behind to see to it.
  std::string Make();

  // A file in it, for whoever programs run as, and for nobody else.
  std::string Write(const std::string& name, const std::string& text) const;

  // Starts `words`. The kernel sends it `death_signal` when this process ends. 0: it did not work.
  pid_t Spawn(const std::vector<std::string>& words, int death_signal,
              const std::string& log = "log") const;

  // The same, and waits for its end. What failed, or empty.
  std::string Run(const std::vector<std::string>& words) const;

  const std::string& path() const { return path_; }

  // "what", and the end of a log.
  std::string Failure(const std::string& what, const std::string& log = "log") const;

 private:
  void LeaveJanitor();

  std::string path_;
  int janitor_ = -1;  // Open as long as we live.
};

// Sends a signal and waits for the end; after a minute it is killed, and the answer is false.
bool End(pid_t process, int number);

// Becomes readable when the process has ended. The caller closes it.
int EndOf(pid_t process);

std::string RandomHex(std::size_t byte_count);

// How long a program may take for what it does at once. Nothing else depends on it.
inline constexpr int kPatienceMs = 60'000;

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTS_POSTGRES_SUBPROCESS_H_
