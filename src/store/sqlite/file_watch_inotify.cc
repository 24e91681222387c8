#include <absl/cleanup/cleanup.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "store/sqlite/file_stamp.h"
#include "store/sqlite/file_watch.h"

namespace outlive::sqlite {
namespace {

// A descriptor that closes itself; −1: none.
class Descriptor {
 public:
  explicit Descriptor(int descriptor) : descriptor_(descriptor) {}
  ~Descriptor() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return descriptor_; }

  // Reads and drops what there is. True: there was something.
  bool Drain() const {
    std::array<char, 4'096> buffer;
    bool any = false;
    while (descriptor_ >= 0 && read(descriptor_, buffer.data(), buffer.size()) > 0) any = true;
    return any;
  }

 private:
  const int descriptor_;
};

// Waits until one of the descriptors can be read.
void Poll(std::array<int, 2> descriptors, absl::Duration timeout) {
  std::array<pollfd, 2> sources = {pollfd{descriptors[0], POLLIN, 0},
                                   pollfd{descriptors[1], POLLIN, 0}};
  const timespec longest = absl::ToTimespec(std::max(timeout, absl::ZeroDuration()));
  ppoll(sources.data(), sources.size(), &longest, nullptr);
}

// Where the kernel gives no watch (there is a limit on them), looking at the file must do.
class InotifyFileWatch final : public FileWatch {
 public:
  explicit InotifyFileWatch(const std::string& path)
      : path_(path),
        stamp_(path),
        inotify_(inotify_init1(IN_NONBLOCK | IN_CLOEXEC)),
        interrupt_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

  bool Wait(absl::Duration timeout) override {
    // What was written before there was a watch gives no sign, and times of files are coarse.
    const bool is_new = Watch();
    const bool seen_before = stamp_.Changed() || is_new;
    if (!seen_before) Poll({inotify_.get(), interrupt_.get()}, timeout);
    if (interrupt_.Drain()) return false;
    const bool told = inotify_.Drain();
    const bool seen = stamp_.Changed();
    return told || seen || seen_before;
  }

  void Rest(absl::Duration pause) override {
    Poll({-1, interrupt_.get()}, pause);  // poll() passes a negative descriptor over.
  }

  void Interrupt() override {
    const std::uint64_t one = 1;
    static_cast<void>(!write(interrupt_.get(), &one, sizeof(one)));  // Full means it is set.
  }

 private:
  // The WAL comes with the first connection and goes with the last one. True where the watch is on
  // another file than before; the kernel gives the same number for the same one.
  bool Watch() {
    if (inotify_.get() < 0) return false;
    const int watch = inotify_add_watch(inotify_.get(), path_.c_str(), IN_MODIFY);
    return watch >= 0 && std::exchange(watch_, watch) != watch;
  }

  const std::string path_;
  FileStamp stamp_;
  const Descriptor inotify_;
  const Descriptor interrupt_;
  int watch_ = -1;
};

}  // namespace

std::unique_ptr<FileWatch> MakeInotifyFileWatch(const std::string& path) {
  return std::make_unique<InotifyFileWatch>(path);
}

}  // namespace outlive::sqlite
