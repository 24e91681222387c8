// What the tests of isolated workers share: a worker whose children do what handlers.cc can do, and
// ways to wait for processes.
#ifndef OUTLIVE_TESTS_ISOLATE_RIG_H_
#define OUTLIVE_TESTS_ISOLATE_RIG_H_

#include <absl/time/time.h>
#include <sys/types.h>

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "outlive/core/mutex.h"
#include "outlive/isolate/isolated_worker.h"
#include "outlive/testing/fake_job_context.h"
#include "tests/isolate/handlers.h"

namespace outlive::tests {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif
#else
inline constexpr bool kSanitized = false;
#endif

// Far enough for a slow machine; a test that gets there has failed.
inline constexpr absl::Duration kPatience = absl::Seconds(60);

// For children: the sanitizers leave signals alone, so that they are seen as they are.
IsolateOptions TestOptions();

// Keeps what it sees.
class ObserverOfTest final : public ChildObserver {
 public:
  void OnChildStarted(std::string_view kind, std::int64_t pid) override;
  void OnChildEnded(std::string_view kind, std::int64_t pid, const ChildEnd& end) override;

  std::vector<std::int64_t> started() const;
  std::vector<std::int64_t> ended() const;
  std::vector<ChildEnd> ends() const;
  std::set<std::string> kinds() const;

 private:
  mutable Mutex mutex_;
  std::set<std::string> kinds_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::int64_t> started_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::int64_t> ended_ ABSL_GUARDED_BY(mutex_);
  std::vector<ChildEnd> ends_ ABSL_GUARDED_BY(mutex_);
};

// One isolated worker, without a runner.
class Rig {
 public:
  explicit Rig(IsolateOptions options = TestOptions());

  Outcome Run(const Task& task);
  Outcome Run(JobContext& job, const Task& task);

  // The end of the only child that has ended so far.
  ChildEnd OnlyEnd() const;

  Worker& worker() const;
  const ObserverOfTest& observer() const { return observer_; }

 private:
  ObserverOfTest observer_;
  WorkerSet workers_;
};

// A FIFO on which processes sign on, and whose end says that all of them are gone.
class Roll {
 public:
  Roll();
  ~Roll();
  Roll(const Roll&) = delete;
  Roll& operator=(const Roll&) = delete;

  const std::string& path() const { return path_; }

  // Waits until so many processes have signed on; each line is "<pid> <pid of its parent>".
  std::vector<std::string> Await(int count);

  // Waits until none of them is left. False: some are, after all our patience.
  bool AwaitEnd();

 private:
  bool Read();

  std::string folder_;
  std::string path_;
  int file_ = -1;
  std::string text_;
};

// Waits until a process, which need not be a child of this one, has ended.
bool AwaitEndOf(pid_t pid);

// Whether this process has children, zombies included.
bool HasChildren();

// A process of this program that is a host: `kHostArgument <fifo>`. It runs two jobs that sign on
// with their families, five processes each; then it forks, so that somebody else holds whatever it
// has open, and signs on too.
inline constexpr std::string_view kHostArgument = "--host";
int RunHost(const std::string& fifo);

std::string MessageOf(const Outcome& outcome);

}  // namespace outlive::tests

#endif  // OUTLIVE_TESTS_ISOLATE_RIG_H_
