#include "store/sqlite/reader_pool.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/return_if_error.h"

namespace outlive::sqlite {
namespace {

// How often a waiting thread looks at the clock, which need not be that of the machine.
constexpr absl::Duration kLook = absl::Milliseconds(50);

}  // namespace

absl::Status ReaderPool::Read(absl::Duration timeout,
                              absl::FunctionRef<absl::Status(Reader&)> read) {
  Deadline deadline(*options_.clock, timeout);
  absl::StatusOr<std::unique_ptr<Reader>> reader = Take(deadline);
  OUTLIVE_RETURN_IF_ERROR(reader.status());
  (*reader)->SetDeadline(deadline);
  absl::Status status = read(**reader);
  Give(*std::move(reader));
  return status;
}

absl::Status ReaderPool::OpenFirst(absl::Duration timeout) {
  Deadline deadline(*options_.clock, timeout);
  absl::StatusOr<std::unique_ptr<Reader>> reader = Take(deadline);
  OUTLIVE_RETURN_IF_ERROR(reader.status());
  Give(*std::move(reader));
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Reader>> ReaderPool::Take(Deadline& deadline) {
  {
    MutexLock lock(mutex_);
    while (spare_.empty() && reader_count_ == reader_count_max_) {
      if (deadline.passed()) {
        return absl::DeadlineExceededError("every reader of the store is busy for too long");
      }
      WaitForChange(deadline);
    }
    if (!spare_.empty()) return PopSpare();
    ++reader_count_;
  }
  absl::StatusOr<std::unique_ptr<Reader>> opened = Open(deadline);
  if (opened.ok()) return opened;
  MutexLock lock(mutex_);
  --reader_count_;
  given_.NotifyAll();
  // Where nothing more can be opened, what there is has to do.
  while (spare_.empty() && reader_count_ > 0 && !deadline.passed()) WaitForChange(deadline);
  if (!spare_.empty()) return PopSpare();
  return opened;
}

void ReaderPool::WaitForChange(Deadline& deadline) {
  const auto before = std::chrono::steady_clock::now();
  given_.WaitFor(mutex_, absl::ToChronoNanoseconds(std::min(deadline.left(), kLook)));
  deadline.AddSleep(absl::FromChrono(std::chrono::steady_clock::now() - before));
}

std::unique_ptr<Reader> ReaderPool::PopSpare() {
  std::unique_ptr<Reader> reader = std::move(spare_.back());
  spare_.pop_back();
  return reader;
}

absl::StatusOr<std::unique_ptr<Reader>> ReaderPool::Open(const Deadline& deadline) {
  absl::StatusOr<std::unique_ptr<Database>> database =
      Database::Open(path_, ConnectionUse::kReader, options_, deadline.left());
  OUTLIVE_RETURN_IF_ERROR(database.status());
  return std::make_unique<Reader>(*std::move(database), payloads_);
}

void ReaderPool::Give(std::unique_ptr<Reader> reader) {
  MutexLock lock(mutex_);
  spare_.push_back(std::move(reader));
  given_.NotifyOne();
}

}  // namespace outlive::sqlite
