// WriteContext is what all that write in one transaction share: the connection, "now", and what the
// transaction leaves behind at its end: events, numbers of jobs, whom to wake.
//
// Thread-safety: none; for the thread that has the transaction.
#ifndef OUTLIVE_SRC_STORE_POSTGRES_WRITE_CONTEXT_H_
#define OUTLIVE_SRC_STORE_POSTGRES_WRITE_CONTEXT_H_

#include <absl/time/time.h>

#include <array>
#include <cstdint>
#include <map>
#include <vector>

#include "outlive/core/event.h"
#include "outlive/core/job_store.h"
#include "outlive/core/lifecycle.h"
#include "outlive/core/payloads.h"
#include "store/postgres/claim_floors.h"
#include "store/postgres/lane_book.h"
#include "store/postgres/session.h"

namespace outlive::postgres {

class WriteContext {
 public:
  // All outlive it. `log_lock`: LockKey() of kLog.
  WriteContext(Session& session, LaneBook& lanes, const Payloads& payloads, std::int64_t log_lock)
      : session_(session), lanes_(lanes), payloads_(payloads), log_lock_(log_lock) {}

  // Of a new transaction: forgets the one before.
  void Start();

  // The transaction's time. Known once its first statement is run, not before.
  void SetNow(absl::Time now) { now_ = now; }

  Session& session() { return session_; }
  LaneBook& lanes() { return lanes_; }
  const Payloads& payloads() const { return payloads_; }
  absl::Time now() const { return now_; }
  std::int64_t now_micros() const { return absl::ToUnixMicros(now_); }
  std::int64_t In(absl::Duration delay) const { return absl::ToUnixMicros(now_ + delay); }
  WakeHint& hint() { return hint_; }

  // Of the connection, not of the transaction.
  ClaimFloors& floors() { return floors_; }

  void AddEvent(EventType type, JobId job, std::int64_t fence);
  void Count(int lane, JobState state, int by);

  bool has_events() const { return types_.size() > 0; }

  // What writes events and numbers, to be run last before the commit; nothing where there are none.
  // The numbers may also be written earlier.
  std::vector<Query> Leave();

  // The same in a host's transaction.
  std::vector<Query> LeaveForHost();

  std::vector<Query> LeaveCounts();

  // The lock of the log, which also keeps writers of backlogs apart. Held until the commit.
  Query LogLock() const;

 private:
  Query TakeEvents(std::string_view name);

  Session& session_;
  LaneBook& lanes_;
  const Payloads& payloads_;
  const std::int64_t log_lock_;

  ClaimFloors floors_;
  absl::Time now_;
  WakeHint hint_;
  Array types_{Element::kSmallint};
  Array jobs_{Element::kBigint};
  Array fences_{Element::kBigint};
  std::map<int, std::array<std::int64_t, kJobStateCount>> counts_;  // By lane.
};

}  // namespace outlive::postgres

#endif  // OUTLIVE_SRC_STORE_POSTGRES_WRITE_CONTEXT_H_
