// ReaderPool lends readers to threads. It opens one when it has none to spare, up to a limit.
//
// Thread-safety: may be used from many threads at once.
// Lifetime:      outlives what it has lent.
#ifndef OUTLIVE_SRC_STORE_SQLITE_READER_POOL_H_
#define OUTLIVE_SRC_STORE_SQLITE_READER_POOL_H_

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "outlive/core/mutex.h"
#include "store/sqlite/database.h"
#include "store/sqlite/reader.h"

namespace outlive::sqlite {

class ReaderPool {
 public:
  // `payloads` outlives it.
  ReaderPool(std::string path, const DatabaseOptions& options, const Payloads& payloads,
             std::size_t reader_count_max)
      : path_(std::move(path)),
        options_(options),
        payloads_(payloads),
        reader_count_max_(reader_count_max) {}

  // Opens the first reader: from then on there is one, whatever the process runs out of.
  absl::Status OpenFirst(absl::Duration timeout);

  // Calls `read` with a reader, which must be done within `timeout`. kDeadlineExceeded: it was
  // not, or no reader was free.
  absl::Status Read(absl::Duration timeout, absl::FunctionRef<absl::Status(Reader&)> read);

 private:
  absl::StatusOr<std::unique_ptr<Reader>> Take(Deadline& deadline);
  absl::StatusOr<std::unique_ptr<Reader>> Open(const Deadline& deadline);
  void Give(std::unique_ptr<Reader> reader);
  void WaitForChange(Deadline& deadline) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::unique_ptr<Reader> PopSpare() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string path_;
  const DatabaseOptions options_;
  const Payloads& payloads_;
  const std::size_t reader_count_max_;

  Mutex mutex_;
  CondVar given_;  // Or lost: somebody may open another one.
  std::size_t reader_count_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<std::unique_ptr<Reader>> spare_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace outlive::sqlite

#endif  // OUTLIVE_SRC_STORE_SQLITE_READER_POOL_H_
