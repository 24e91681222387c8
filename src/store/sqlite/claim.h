// Claimer leases due jobs.
//
// Each queue is served by merging its lanes: a lane's jobs of one priority come from the index in
// the order in which they are due, a few at a time, so what is read is what is taken and at most
// one chunk more. Lanes that nobody asked for, future jobs and jobs of later priorities are passed
// over by the index.
//
// What is taken of a lane and priority are always its first jobs, so they are moved to
// outlive_running by statements about that range, however many they are.
//
// Thread-safety: none; for the thread that holds the write transaction.
#ifndef OUTLIVE_SRC_STORE_SQLITE_CLAIM_H_
#define OUTLIVE_SRC_STORE_SQLITE_CLAIM_H_

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <absl/types/span.h>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "outlive/core/job_store.h"
#include "store/sqlite/sql_text.h"
#include "store/sqlite/statement.h"
#include "store/sqlite/write_context.h"
#include "store/sqlite_sql.h"

namespace outlive::sqlite {

class Claimer {
 public:
  // It outlives the claimer.
  explicit Claimer(WriteContext& context) : context_(context) {}

  // StoreTransaction::Claim().
  absl::StatusOr<ClaimResult> Claim(const ClaimRequest& request);

  // Forgets what an undone transaction may have brought.
  void Forget() { plan_.clear(); }

 private:
  // A lane that a request asks for.
  struct PlannedLane {
    LaneId lane = 0;
    std::size_t kind = 0;  // Index into the request.
  };

  // The lanes of one queue of the request.
  struct PlannedQueue {
    NameId queue = 0;  // 0: nobody has used it yet.
    std::vector<PlannedLane> lanes;
  };

  // Where a waiting job stands in the order of claims.
  struct Place {
    std::int64_t priority = 0;
    std::int64_t run_at = 0;
    JobId job = 0;

    auto operator<=>(const Place&) const = default;
  };

  // The due jobs of one lane, from the first on. `ahead` holds what has been read, `at` is the
  // current one.
  struct Cursor {
    PlannedLane lane;
    std::vector<Place> ahead;
    std::size_t at = 0;

    const Place& place() const { return ahead[at]; }
  };

  struct Taken {
    PlannedLane lane;
    Place place;
  };

  // What was taken of one lane and priority, in order, as indexes into taken_.
  struct Range {
    PlannedLane lane;
    std::int64_t priority = 0;
    std::vector<std::size_t> taken;
  };

  absl::StatusOr<std::int64_t> FindSession(const std::string& name);
  absl::Status Plan(const ClaimRequest& request);
  absl::StatusOr<PlannedQueue> PlanQueue(const std::string& queue,
                                         const std::vector<std::string>& kinds);

  // Takes at most `job_count_max` jobs of a queue, in order.
  absl::Status TakeFrom(const PlannedQueue& queue, std::size_t job_count_max);

  // Puts the cursor on the first due job after `priority`; false: there is none.
  absl::StatusOr<bool> GoToNextPriority(Cursor& cursor, std::int64_t priority);

  // Puts the cursor on the next due job; `chunk` is how many it is worth to read ahead.
  absl::StatusOr<bool> Advance(Cursor& cursor, std::size_t chunk);

  // Moves what was taken from pending to running, and adds it to `jobs` in order.
  absl::Status Lease(std::size_t queue, std::int64_t session, std::vector<ClaimedJob>& jobs);
  std::vector<Range> RangesTaken() const;
  absl::Status ReadRange(const Range& range, absl::Span<ClaimedJob> jobs);
  absl::Status MoveRange(const Range& range, std::int64_t session);

  // Nothing: there is none.
  absl::StatusOr<std::optional<std::string>> Checkpoint(JobId job);

  WriteContext& context_;

  // What lanes the last request was about: requests of one runner are alike.
  std::vector<PlannedQueue> plan_;
  std::vector<std::string> plan_queues_;
  std::vector<std::string> plan_kinds_;
  LaneId plan_last_lane_ = 0;

  // Of the claim under way.
  std::int64_t now_ = 0;
  std::int64_t next_run_at_ = 0;
  bool more_ = false;
  std::vector<Cursor> cursors_;
  std::vector<Taken> taken_;
  std::vector<std::size_t> with_checkpoint_;  // Indexes into taken_.

  Statement session_{context_.database(), SqlText(kClaimSql, "session")};
  Statement first_of_next_priority_{context_.database(),
                                    SqlText(kClaimSql, "first_of_next_priority")};
  Statement next_pending_{context_.database(), SqlText(kClaimSql, "next_pending")};
  Statement jobs_to_run_{context_.database(), SqlText(kClaimSql, "jobs_to_run")};
  Statement add_running_{context_.database(), SqlText(kClaimSql, "add_running")};
  Statement delete_claimed_{context_.database(), SqlText(kClaimSql, "delete_claimed")};
  Statement checkpoint_{context_.database(), SqlText(kClaimSql, "checkpoint")};
};

}  // namespace outlive::sqlite

#endif  // OUTLIVE_SRC_STORE_SQLITE_CLAIM_H_
