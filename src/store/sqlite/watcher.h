// Watcher wakes subscribers for commits of others: other processes, and hosts that write in their
// own transactions.
//
// It waits for the WAL to be written. That happens a little before a commit can be seen, so after
// each sign it looks again and again, with growing pauses, until as long as one poll interval has
// passed. Where this process has committed itself, the sign is most likely its own: one look then,
// under the write lock, tells for certain. Without a sign it asks the file system once in an
// interval, and the database not at all.
//
// Thread-safety: AddSubscriber() and RemoveSubscriber() from any thread.
// Lifetime:      the destructor ends its thread, which the first subscriber starts.
#ifndef OUTLIVE_SRC_STORE_SQLITE_WATCHER_H_
#define OUTLIVE_SRC_STORE_SQLITE_WATCHER_H_

#include <absl/time/time.h>

#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "outlive/core/mutex.h"
#include "outlive/core/wake_hub.h"
#include "store/sqlite/file_watch.h"
#include "store/sqlite/writer.h"

namespace outlive::sqlite {

class Watcher {
 public:
  // Both outlive it. Watches the WAL of the database file `path`.
  Watcher(Writer& writer, WakeHub& hub, const std::string& path, absl::Duration poll_interval);
  ~Watcher();
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  // Without subscribers it rests.
  void AddSubscriber();
  void RemoveSubscriber();

 private:
  void Run();

  // Waits until there are subscribers. False: it is the end.
  bool WaitForSubscribers();

  // Looks for a foreign commit and tells of it. Returns the pause until the next look; at least a
  // poll interval: there is no need for one. `pause` was before this one.
  absl::Duration Look(absl::Duration pause);

  Writer& writer_;
  WakeHub& hub_;
  const absl::Duration poll_interval_;
  const std::unique_ptr<FileWatch> watch_;

  // Of the thread.
  std::int64_t commit_count_ = 0;

  Mutex mutex_;
  CondVar changed_;
  int subscriber_count_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace outlive::sqlite

#endif  // OUTLIVE_SRC_STORE_SQLITE_WATCHER_H_
