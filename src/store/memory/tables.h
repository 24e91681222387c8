// The tables of the in-memory store and their indexes, with one transaction at a time that can be
// undone.
//
//   BeginTransaction ──► AddJob, Change, DeleteJob, … ──► Commit or Rollback
//
// Writers see what the open transaction has done; Committed…() is what readers see. What a reader
// may still need (deleted jobs, pruned events) goes away with the commit.
//
// Invariants, between any two calls:
//  1. A job that is not deleted is in exactly one of: its lane's pending set of its priority, its
//     session's running map, the set of ended jobs of its state; blocked jobs are in none.
//  2. lane.counts are the numbers of such jobs; queue.pending_count is the sum of its pending ones.
//  3. A record differs from what is committed only if `touched` says where its copy from before is.
//  4. Without an open transaction nothing is touched or deleted, and lanes without jobs and queues
//     without lanes and settings do not exist.
//
// Thread-safety: none; the store's lock is around every call.
#ifndef OUTLIVE_SRC_STORE_MEMORY_TABLES_H_
#define OUTLIVE_SRC_STORE_MEMORY_TABLES_H_

#include <absl/container/btree_map.h>
#include <absl/container/btree_set.h>
#include <absl/container/flat_hash_map.h>
#include <absl/time/time.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "outlive/core/event.h"
#include "outlive/core/job.h"
#include "outlive/core/limits.h"
#include "outlive/core/store_copy.h"
#include "store/memory/records.h"

namespace outlive::internal {

class MemoryTables {
 public:
  using Ended = absl::btree_map<std::pair<Micros, JobId>, MemoryRecord*>;  // By their end.

  MemoryTables() = default;
  MemoryTables(const MemoryTables&) = delete;
  MemoryTables& operator=(const MemoryTables&) = delete;

  // -- The transaction -----------------------------------------------------------------------

  // `now` is made no earlier than that of the transaction before.
  void BeginTransaction(Micros now);
  void Commit();
  void Rollback();

  // Of the open transaction, or of the last one.
  Micros now() const { return now_; }

  // -- Jobs, as the open transaction sees them -----------------------------------------------

  // Null: there is none (any more).
  MemoryRecord* FindJob(JobId id);

  // The id of the next job.
  JobId next_job() const { return last_id_ + 1; }

  // A pending job, with its event. `args` and `follow_ups` are what is kept of the job's.
  MemoryRecord& AddJob(const NewJob& job, std::string args, std::string follow_ups);

  // Lets `mutate` change what changes of a job, and keeps every index right. Not its lane.
  template <class Mutate>
  void Change(MemoryRecord& record, Mutate mutate) {
    Touch(record);
    Unlink(record);
    mutate(record.live);
    Link(record);
  }

  // The same for what no index is about: not state, session, cancel_requested, run_at, ended_at.
  template <class Mutate>
  void Edit(MemoryRecord& record, Mutate mutate) {
    Touch(record);
    mutate(record.live);
  }

  // Other bytes that say the same: they were sealed anew.
  void SetFixedPayloads(MemoryRecord& record, std::string args, std::string follow_ups);

  void DeleteJob(MemoryRecord& record);

  // Null: the id is free.
  MemoryRecord* FindArtifactOwner(const std::string& id);

  // To be called with the Edit() that adds the artifact.
  void IndexArtifact(const std::string& id, MemoryRecord& record);

  void LogEvent(EventType type, const MemoryRecord& record);

  // -- Queues, sessions, keys ----------------------------------------------------------------

  // Null: it has no jobs and was never set.
  MemoryQueue* FindQueue(const std::string& name);
  void SetQueue(const std::string& name, bool paused);

  MemorySession* FindSession(const std::string& name);
  void AddSession(const std::string& name, Micros expires);
  void SetExpiry(MemorySession& session, Micros expires);

  // Those with `expires` <= now, ordered by it. Those without jobs go away with the commit.
  std::vector<MemorySession*> ExpiredSessions();

  // Names it MemoryKey::name. A key whose window has ended is as none.
  const MemoryKey* FindKey(const Fingerprint& name) const;
  void PutKey(MemoryKey key);

  // -- What Prune() deletes ------------------------------------------------------------------

  const Ended& ended(JobState state) const { return ended_[static_cast<std::size_t>(state)]; }
  int DeleteExpiredKeys(int count_max);
  int DeleteEventsUntil(absl::Time at, int count_max);

  // -- What a copy brings (core/store_copy.h) ------------------------------------------------
  // The open transaction is committed with it: the caller has checked that it can be.

  // A job as it was kept elsewhere, without an event.
  void AddStoredJob(const StoredJob& stored);
  void AddStoredEvent(const Event& event) { events_.push_back(event); }

  // Numbers that were used elsewhere. Not before events that were kept there are here.
  void AdoptLastJob(JobId id) { last_id_ = std::max(last_id_, id); }
  void AdoptTime(Micros now) { now_ = std::max(now_, now); }

  // The log goes on after this entry; it has none yet.
  void AdoptLastEvent(std::int64_t seq);
  const absl::btree_map<Fingerprint, std::unique_ptr<MemoryKey>>& keys() const { return keys_; }
  const absl::flat_hash_map<std::string, std::unique_ptr<MemorySession>>& sessions() const {
    return sessions_;
  }
  JobId last_job() const { return last_id_; }

  // -- What is committed ---------------------------------------------------------------------

  // Null: not there.
  const JobLive* Committed(const MemoryRecord& record) const;

  // All records, by id; some may not be committed.
  const absl::btree_map<JobId, std::unique_ptr<MemoryRecord>>& records() const { return jobs_; }
  const MemoryRecord* FindRecord(JobId id) const;
  const MemoryRecord* FindArtifactRecord(const std::string& id) const;
  const MemorySession* FindCommittedSession(const std::string& name) const;
  const absl::flat_hash_map<std::string, std::unique_ptr<MemoryQueue>>& queues() const {
    return queues_;
  }

  // Those that the open transaction has changed.
  struct Touched {
    MemoryRecord* record = nullptr;
    std::optional<JobLive> before;  // Nothing: it was not there.
  };
  const std::vector<Touched>& touched() const { return touched_; }

  std::int64_t committed_seq() const { return committed_seq_; }

  // Seq of the first entry that is kept; events_[0].
  std::int64_t first_seq() const { return first_seq_; }
  const std::deque<Event>& events() const { return events_; }

 private:
  struct FixedUndo {
    MemoryRecord* record = nullptr;
    std::string args;
    std::string follow_ups;
  };
  struct KeyUndo {
    MemoryKey* added = nullptr;
    std::unique_ptr<MemoryKey> removed;
  };
  struct SessionUndo {
    MemorySession* session = nullptr;
    std::optional<Micros> expires;  // Nothing: it was not there.
  };

  void Touch(MemoryRecord& record);
  void TouchLane(MemoryLane& lane);
  void Link(MemoryRecord& record);
  void Unlink(MemoryRecord& record);
  MemoryLane& LaneOf(const std::string& queue, const std::string& kind);
  MemoryQueue& QueueOf(const std::string& name);
  std::unique_ptr<MemoryKey> TakeKey(MemoryKey& key);
  void GiveKey(std::unique_ptr<MemoryKey> key);
  void EraseJob(MemoryRecord& record);
  void UndoJob(Touched& touched);
  void UndoKeys();
  void UndoSessions();
  void EraseEmptySessions();
  void EraseEmptyLanes();
  void EndTransaction();

  // Owns all jobs, those that the open transaction has deleted included.
  absl::btree_map<JobId, std::unique_ptr<MemoryRecord>> jobs_;
  std::array<Ended, kJobStateCount> ended_;  // Of the states that are an end.
  absl::flat_hash_map<std::string, std::unique_ptr<MemoryQueue>> queues_;
  absl::flat_hash_map<std::string, std::unique_ptr<MemorySession>> sessions_;
  absl::btree_set<std::pair<Micros, MemorySession*>> sessions_by_expiry_;
  absl::btree_map<Fingerprint, std::unique_ptr<MemoryKey>> keys_;
  absl::btree_set<std::pair<Micros, MemoryKey*>> keys_by_expiry_;
  absl::flat_hash_map<std::string, MemoryRecord*> artifacts_;  // By id.

  // Without gaps: entry i has seq first_seq_ + i.
  std::deque<Event> events_;
  std::int64_t first_seq_ = 1;
  std::int64_t committed_seq_ = 0;

  JobId last_id_ = 0;
  Micros now_ = 0;
  absl::Time now_time_;  // The same.

  // Of the open transaction.
  JobId last_id_before_ = 0;
  std::size_t pruned_event_count_ = 0;
  std::vector<Touched> touched_;
  std::vector<MemoryLane*> touched_lanes_;
  std::vector<MemoryQueue*> touched_queues_;
  std::vector<FixedUndo> fixed_undo_;
  std::vector<KeyUndo> key_undo_;
  std::vector<SessionUndo> session_undo_;
  std::vector<MemorySession*> sessions_to_check_;  // May be erased with the commit.
};

}  // namespace outlive::internal

#endif  // OUTLIVE_SRC_STORE_MEMORY_TABLES_H_
