// WorkerProcess is a running crash_process.cc as its driver sees it: commands go in, a line comes
// back for each, and one day it is dead.
#ifndef OUTLIVE_TESTS_PROCESSES_WORKER_PROCESS_H_
#define OUTLIVE_TESTS_PROCESSES_WORKER_PROCESS_H_

#include <sys/types.h>

#include <string>
#include <vector>

namespace outlive::testing {

// How a process ended.
struct Exit {
  int code = -1;   // If it exited.
  int signal = 0;  // If it was ended by one.
  std::string ToString() const;
};

class WorkerProcess {
 public:
  // Starts `program`. The test fails where that does not work.
  WorkerProcess(const std::string& program, std::vector<std::string> arguments);

  // Kills it if it is still there.
  ~WorkerProcess();
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  // The next line it says; empty: it has ended.
  std::string ReadLine();

  // Sends a command and waits for its answer. False: it has ended, before or meanwhile.
  bool Ask(const std::string& command);

  // Sends a command whose answer is read later, by ReadLine(). False: it has ended.
  bool Send(const std::string& command) const;

  void Signal(int number) const;

  // Waits until it has stopped (SIGSTOP). False: it has ended instead.
  bool WaitUntilStopped();

  // Waits for its end.
  Exit Wait();

  pid_t id() const { return id_; }

 private:
  pid_t id_ = 0;
  int socket_ = -1;
  std::string buffer_;
};

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTS_PROCESSES_WORKER_PROCESS_H_
