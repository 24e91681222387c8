#include "engine/progress_writer.h"

#include <optional>

#include "engine/attempt.h"

namespace outlive::internal {

void ProgressWriter::Add(std::weak_ptr<Attempt> attempt) {
  bool first = false;
  {
    MutexLock lock(mutex_);
    first = waiting_.empty();
    waiting_.push_back(std::move(attempt));
  }
  if (first) on_first_();
}

bool ProgressWriter::empty() const {
  MutexLock lock(mutex_);
  return waiting_.empty();
}

absl::Status ProgressWriter::Flush() {
  std::vector<std::weak_ptr<Attempt>> waiting;
  {
    MutexLock lock(mutex_);
    waiting.swap(waiting_);
  }
  std::vector<std::shared_ptr<Attempt>> attempts;
  std::vector<WorkerWrite> writes;
  for (const std::weak_ptr<Attempt>& weak : waiting) {
    std::shared_ptr<Attempt> attempt = weak.lock();
    if (attempt == nullptr) continue;  // It has ended, and its last progress with it.
    std::optional<WorkerWrite> write = attempt->TakeProgress();
    if (!write) continue;
    attempts.push_back(std::move(attempt));
    writes.push_back(*std::move(write));
  }
  if (writes.empty()) return absl::OkStatus();
  std::vector<absl::Status> results;
  const absl::Status committed =
      services_.commits.Run(static_cast<int>(writes.size()), [&](StoreTransaction& transaction) {
        auto written = transaction.Write(writes);
        if (written.ok()) results = *std::move(written);
        return written.status();
      });
  if (!committed.ok()) {
    for (const std::shared_ptr<Attempt>& attempt : attempts) attempt->KeepProgress();
    return committed;
  }
  for (std::size_t i = 0; i < results.size(); ++i) {
    if (absl::IsAborted(results[i])) attempts[i]->RequestStop(StopReason::kLeaseLost);
  }
  return absl::OkStatus();
}

}  // namespace outlive::internal
