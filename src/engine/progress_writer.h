// ProgressWriter gathers what running attempts report and writes it in batches, so that a worker
// that reports ten thousand times a second costs a few writes.
//
// Thread-safety: may be used from many threads at once; Flush() by one.
#ifndef OUTLIVE_SRC_ENGINE_PROGRESS_WRITER_H_
#define OUTLIVE_SRC_ENGINE_PROGRESS_WRITER_H_

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "engine/services.h"
#include "outlive/core/mutex.h"

namespace outlive::internal {

class Attempt;

class ProgressWriter {
 public:
  // `on_first` is called when something is to be written and nothing was before.
  ProgressWriter(const Services& services, std::function<void()> on_first)
      : services_(services), on_first_(std::move(on_first)) {}

  void Add(std::weak_ptr<Attempt> attempt);

  // Writes what was reported; a lost lease asks its attempt to stop. What cannot be written now
  // stays to be written.
  absl::Status Flush();

  bool empty() const;

 private:
  const Services& services_;
  const std::function<void()> on_first_;
  mutable Mutex mutex_;
  std::vector<std::weak_ptr<Attempt>> waiting_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace outlive::internal

#endif  // OUTLIVE_SRC_ENGINE_PROGRESS_WRITER_H_
