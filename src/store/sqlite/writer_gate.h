// WriterGate lets one thread at a time use the writer's connection, in the order in which they
// came: a busy committer cannot keep a lease from being renewed.
//
// Thread-safety: may be used from many threads at once.
#ifndef OUTLIVE_SRC_STORE_SQLITE_WRITER_GATE_H_
#define OUTLIVE_SRC_STORE_SQLITE_WRITER_GATE_H_

#include <cstdint>
#include <deque>

#include "outlive/core/mutex.h"
#include "store/sqlite/deadline.h"

namespace outlive::sqlite {

class WriterGate {
 public:
  // False: the deadline has passed, and the gate is not held.
  bool Acquire(Deadline& deadline);

  // Takes the gate if nobody holds it or waits for it.
  bool TryAcquire();

  void Release();

 private:
  Mutex mutex_;
  CondVar changed_;
  bool held_ ABSL_GUARDED_BY(mutex_) = false;
  std::uint64_t last_ticket_ ABSL_GUARDED_BY(mutex_) = 0;
  std::deque<std::uint64_t> waiting_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace outlive::sqlite

#endif  // OUTLIVE_SRC_STORE_SQLITE_WRITER_GATE_H_
