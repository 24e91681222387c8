// FileWatch waits for a file to be written. It may report too much, and what is written while
// nobody waits is reported by the next Wait().
//
// Two implementations: file_watch_inotify.cc is told by the kernel, file_watch_poll.cc looks at the
// file whenever Wait() has waited in vain.
//
// Thread-safety: Wait() and Rest() from one thread; Interrupt() from any.
#ifndef OUTLIVE_SRC_STORE_SQLITE_FILE_WATCH_H_
#define OUTLIVE_SRC_STORE_SQLITE_FILE_WATCH_H_

#include <absl/time/time.h>

#include <memory>
#include <string>

namespace outlive::sqlite {

class FileWatch {
 public:
  virtual ~FileWatch() = default;

  // Until the file may have been written, Interrupt() was called or `timeout` has passed. True: it
  // may have been written.
  virtual bool Wait(absl::Duration timeout) = 0;

  // Lets `pause` pass, whatever is written meanwhile. Interrupt() ends it.
  virtual void Rest(absl::Duration pause) = 0;

  // Ends the Wait() or Rest() that is under way, or the next one.
  virtual void Interrupt() = 0;
};

// `path` need not exist yet. Never null.
std::unique_ptr<FileWatch> MakePollFileWatch(const std::string& path);

#ifdef OUTLIVE_INOTIFY
std::unique_ptr<FileWatch> MakeInotifyFileWatch(const std::string& path);
#endif

// The best that the platform has.
inline std::unique_ptr<FileWatch> MakeFileWatch(const std::string& path) {
#ifdef OUTLIVE_INOTIFY
  return MakeInotifyFileWatch(path);
#else
  return MakePollFileWatch(path);
#endif
}

}  // namespace outlive::sqlite

#endif  // OUTLIVE_SRC_STORE_SQLITE_FILE_WATCH_H_
