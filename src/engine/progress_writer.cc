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

namespace {

void Take(const std::vector<std::weak_ptr<Attempt>>& waiting,
          std::vector<std::shared_ptr<Attempt>>& attempts, std::vector<WorkerWrite>& writes) {
  for (const std::weak_ptr<Attempt>& weak : waiting) {
    std::shared_ptr<Attempt> attempt = weak.lock();
    if (attempt == nullptr) continue;
    std::optional<WorkerWrite> write = attempt->TakeProgress();
    if (!write) continue;
    attempts.push_back(std::move(attempt));
    writes.push_back(*std::move(write));
  }
}

}  // namespace

absl::Status ProgressWriter::Flush() {
  std::vector<std::weak_ptr<Attempt>> waiting;
  {
    MutexLock lock(mutex_);
    waiting.swap(waiting_);
  }
  if (waiting.empty()) return absl::OkStatus();
  std::vector<std::shared_ptr<Attempt>> attempts;
  std::vector<WorkerWrite> writes;
  std::vector<absl::Status> results;
  const absl::Status committed =
      services_.commits.Run(static_cast<int>(waiting.size()), [&](StoreTransaction& transaction) {
        // Not before it is this request's turn: an attempt that has ended meanwhile has brought its
        // last progress along, and its lease is not there any more.
        if (writes.empty()) Take(waiting, attempts, writes);
        if (writes.empty()) return absl::OkStatus();
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
