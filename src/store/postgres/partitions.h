// Partitions makes and drops the partitions of outlive.job and outlive.ended, so that what has
// ended need not be deleted row by row.
//
// A partition has the jobs of a range of ids, about a day's. The next one is made once half of the
// newest is used, so that nobody who adds jobs ever waits for it. Whatever is in no partition is in
// DEFAULT, where everything is the same but that jobs are deleted row by row.
//
// A partition that was filled within kSpanMax is dropped once everything in it may go, but for a
// few jobs that move to DEFAULT. Until then nothing of it is deleted, for as long as no job stays
// by more than kOverdueMax longer than asked for. From then on, and where partitions are filled
// more slowly, jobs are deleted row by row.
//
// Making and dropping lock both tables as a whole, and while somebody waits for that, everybody
// waits behind him. So it is given up after kLockTimeout and left for kRetryPause, and whatever
// takes long is done before. All of it is in the transaction of Prune(), in savepoints.
//
// Thread-safety: none; for the thread that has the transaction.
#ifndef OUTLIVE_SRC_STORE_POSTGRES_PARTITIONS_H_
#define OUTLIVE_SRC_STORE_POSTGRES_PARTITIONS_H_

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "outlive/core/job_store.h"
#include "store/postgres/session.h"
#include "store/postgres/write_context.h"

namespace outlive::postgres {

// The smallest partition that can be asked for, and the largest that is made: its ended jobs are
// counted when it is dropped, within the time that a statement may take.
inline constexpr std::int64_t kPartitionJobCountLeast = 16;
inline constexpr std::int64_t kPartitionJobCountMost = std::int64_t{1} << 24;

// Ids of a partition: first <= id < past.
struct IdRange {
  JobId first = 1;
  JobId past = 1;

  std::int64_t size() const { return past - first; }
};

// Statements that make the partitions of a range.
std::string MakePartitionScript(const IdRange& range);

// Makes partitions up to the id `last`, for jobs that are written from `first` on by nobody else:
// those of a move. Each is twice as large as the one before, up to the largest.
absl::Status CoverIds(Session& session, JobId first, JobId last);

class Partitions {
 public:
  // `context` outlives it.
  explicit Partitions(WriteContext& context) : context_(context) {}

  // Looks at what there is, as the only one who prunes until the end of the transaction. False:
  // somebody else is just doing so.
  absl::StatusOr<bool> Look(const PruneRequest& request);

  // The oldest jobs that have been kept long enough, where jobs are deleted row by row. After
  // Look().
  absl::StatusOr<std::vector<JobId>> OldestEnded(int job_count_max);

  // Makes the next partition if it is time. After Look().
  absl::Status MakeNext();

  // Drops a partition that is over, if there is one. The number of jobs that were in it and are
  // gone; none where there was none, or others were in the way. After Look().
  absl::StatusOr<std::optional<int>> DropOne();

 private:
  // Of one kind of end.
  struct Ended {
    std::int64_t kept = 0;  // How many are not to be deleted yet; counted up to kKeptCountMax + 1.
    std::optional<absl::Time> oldest;
  };

  struct Partition {
    IdRange range;
    std::optional<absl::Time> opened_at;
    std::optional<absl::Time> filled_at;
    std::int64_t live = 0;  // Counted as Ended::kept.
    std::array<Ended, 3> ended = {};
  };

  static constexpr std::size_t kKinds = 3;

  absl::Status ReadAll();
  absl::Status ReadContents();
  Query LookQuery(const IdRange& range) const;
  bool MayTry() const;
  bool IsSpared(const Partition& partition) const;
  bool IsOver(const Partition& partition) const;
  absl::Duration TimeToFill(const Partition& partition) const;
  std::optional<IdRange> Next() const;

  absl::Status Drop(const IdRange& range, int& gone);

  // Adds parameters: until when a job of each kind must have ended to be deleted.
  void AddUntil(Query& query) const;

  // Runs `call` with a short time for locks. False: it has failed, and nothing of it is left; that
  // is noted at the partition that begins with `first`.
  absl::StatusOr<bool> Try(JobId first, absl::FunctionRef<absl::Status()> call);

  WriteContext& context_;
  std::array<absl::Duration, kKinds> keep_ = {};  // Completed, cancelled, dead.
  std::int64_t taken_ = 0;                        // The newest id.
  std::int64_t size_min_ = 0;
  std::optional<absl::Time> tried_at_;
  std::vector<Partition> partitions_;  // By ids.
};

}  // namespace outlive::postgres

#endif  // OUTLIVE_SRC_STORE_POSTGRES_PARTITIONS_H_
