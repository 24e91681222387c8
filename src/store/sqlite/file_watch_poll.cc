#include <algorithm>
#include <utility>

#include "outlive/core/mutex.h"
#include "store/sqlite/file_stamp.h"
#include "store/sqlite/file_watch.h"

namespace outlive::sqlite {
namespace {

class PollFileWatch final : public FileWatch {
 public:
  explicit PollFileWatch(const std::string& path) : stamp_(path) {}

  bool Wait(absl::Duration timeout) override {
    if (Sleep(timeout)) return false;
    return stamp_.Changed();
  }

  void Rest(absl::Duration pause) override {
    if (Sleep(pause)) Interrupt();  // For the Wait() that follows.
  }

  void Interrupt() override {
    MutexLock lock(mutex_);
    interrupted_ = true;
    interrupt_.NotifyAll();
  }

 private:
  // True: it was interrupted.
  bool Sleep(absl::Duration pause) {
    MutexLock lock(mutex_);
    if (!interrupted_) interrupt_.WaitFor(mutex_, absl::ToChronoNanoseconds(pause));
    return std::exchange(interrupted_, false);
  }

  FileStamp stamp_;  // Of the waiting thread.

  Mutex mutex_;
  CondVar interrupt_;
  bool interrupted_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace

std::unique_ptr<FileWatch> MakePollFileWatch(const std::string& path) {
  return std::make_unique<PollFileWatch>(path);
}

}  // namespace outlive::sqlite
