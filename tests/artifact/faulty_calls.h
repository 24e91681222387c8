// Stands between the artifact store and the kernel: records the calls that make a file durable, and
// fails the n-th of them. Only calls of the thread that made the FaultyCalls, while it lives.
#ifndef OUTLIVE_TESTS_ARTIFACT_FAULTY_CALLS_H_
#define OUTLIVE_TESTS_ARTIFACT_FAULTY_CALLS_H_

#include <string>
#include <vector>

namespace outlive::testing {

class FaultyCalls {
 public:
  // Call number `fail_at` (1, 2, …) fails with `error`; 0: none.
  explicit FaultyCalls(int fail_at = 0, int error = 0);
  ~FaultyCalls();
  FaultyCalls(const FaultyCalls&) = delete;
  FaultyCalls& operator=(const FaultyCalls&) = delete;

  // "create", "write", "date", "sync", "rename", "mkdir", in order, a repeat of "write" once.
  const std::vector<std::string>& calls() const { return calls_; }
  bool has_failed() const { return has_failed_; }

  // Adds what is not a system call to the record.
  void Record(const std::string& name);
  // True where this call has to fail, with errno set.
  bool Fails(const std::string& name);

 private:
  const int fail_at_;
  const int error_;
  int count_ = 0;
  bool has_failed_ = false;
  std::vector<std::string> calls_;
};

}  // namespace outlive::testing

#endif  // OUTLIVE_TESTS_ARTIFACT_FAULTY_CALLS_H_
