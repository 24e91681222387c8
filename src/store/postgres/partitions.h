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
// waits behind him. So it is given up after kLockTimeout and left for kRetryPause, and whoever has
// done it should commit at once. What is dropped is counted before, under a lock of the partition
// that readers and whoever adds jobs pass. Whoever ends a job of that partition waits for it, and
// so does whoever sends ended jobs back to work or discards them, wherever they are: these
// statements lock all partitions.
//
// All of it is in the transaction of Prune(), in savepoints; but that it was tried is noted first,
// and stays noted, whatever becomes of the transaction.
//
// Thread-safety: none; for the thread that has the transaction.
#ifndef OUTLIVE_SRC_STORE_POSTGRES_PARTITIONS_H_
#define OUTLIVE_SRC_STORE_POSTGRES_PARTITIONS_H_

#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "outlive/core/job_store.h"
#include "store/postgres/session.h"
#include "store/postgres/write_context.h"

namespace outlive::postgres {

// The smallest partition that can be asked for, and the largest that is made: nobody ends a job of
// one while its jobs are counted and it is dropped.
inline constexpr std::int64_t kPartitionJobCountLeast = 16;
inline constexpr std::int64_t kPartitionJobCountMost = std::int64_t{1} << 24;

// A statement that looks for a job locks every partition: with so many no more are made, and new
// jobs go to DEFAULT.
inline constexpr std::size_t kPartitionCountMax = 64;

// Ids of a partition: first <= id < past.
struct IdRange {
  JobId first = 1;
  JobId past = 1;

  std::int64_t size() const { return past - first; }
};

// Statements that make the partitions of a range.
std::string MakePartitionScript(const IdRange& range);

// Makes partitions for jobs of a move, which nobody else writes: with these ids, which grow. Each
// is twice as large as the one before, up to the largest, and begins with a job that is there.
// Those for which there would be too many partitions are left to DEFAULT.
absl::Status CoverIds(Session& session, const std::vector<JobId>& ids);

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

  // Makes the next partition if it is time. False: it is not, or others were in the way. After
  // true everybody is locked out: commit, and do nothing else before. After Look().
  absl::StatusOr<bool> MakeNext();

  // Drops a partition that is over, if there is one. The number of jobs that were in it and are
  // gone; none where there was none, or others were in the way. After a number everybody is locked
  // out, as after MakeNext(). After Look(), and not in a transaction in which one was made.
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

  // Of jobs, by lane and state.
  using Counts = std::map<std::pair<int, int>, int>;

  // What waits for the locks of everybody.
  enum class Attempt { kMake, kDrop };

  absl::Status ReadAll();
  absl::Status ReadContents();
  Query LookQuery(const IdRange& range) const;
  bool MayTry(Attempt attempt) const;
  bool IsSpared(const Partition& partition) const;
  bool IsOver(const Partition& partition) const;
  absl::Duration TimeToFill(const Partition& partition) const;
  std::optional<IdRange> Next() const;

  absl::Status Drop(const IdRange& range, int& gone);
  absl::StatusOr<std::vector<JobId>> LockAndFindKept(const IdRange& range);
  absl::Status DeleteWhatTheyLeft(const IdRange& range, const std::vector<JobId>& kept,
                                  Counts& counts);

  // Of a part of a partition. What flags (flags.h) its jobs have.
  absl::StatusOr<int> CountGone(const std::string& ended, const IdRange& part, Counts& counts);
  absl::Status Replace(const IdRange& range, const std::vector<JobId>& kept);

  // Adds parameters: until when a job of each kind must have ended to be deleted.
  void AddUntil(Query& query) const;

  // Runs `call` with a short time for each lock, and `timeout` for each statement. False: it has
  // failed, and nothing of it is left but the note that it was tried.
  absl::StatusOr<bool> Try(Attempt attempt, absl::Duration timeout,
                           absl::FunctionRef<absl::Status()> call);
  Query Note(Attempt attempt, std::int64_t at) const;

  WriteContext& context_;
  std::array<absl::Duration, kKinds> keep_ = {};  // Completed, cancelled, dead.
  std::int64_t taken_ = 0;                        // The newest id.
  std::int64_t size_min_ = 0;
  std::int64_t default_bytes_ = 0;           // The larger one of the two.
  std::array<absl::Time, 2> tried_at_ = {};  // By Attempt.
  std::vector<Partition> partitions_;        // By ids.
};

}  // namespace outlive::postgres

#endif  // OUTLIVE_SRC_STORE_POSTGRES_PARTITIONS_H_
