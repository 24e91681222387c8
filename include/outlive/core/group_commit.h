// GroupCommit turns concurrent callers into batches: while one commit is in flight, whatever
// arrives joins the next. No timers: an idle store commits at once, a busy one commits many
// requests for the price of one fsync.
//
//   Run()/Submit() ──► a group gathers ──► its leader: Begin, every request's work, Commit ──► told
//
// The caller of Run() whose request is the first of a group leads it on its own thread, once the
// group before is done; the others sleep until then, and are woken all at once. Only Submit() needs
// a thread, which starts with its first call.
//
// Thread-safety: may be used from many threads at once.
// Lifetime:      store and random source outlive it; it outlives every caller. The destructor stops
//                it.
// Errors:        what the store says of the transaction: kUnavailable, kUnknown, …; after a
//                conflict (IsConflict() of core/store_rules.h) all of it is done again, up to
//                three times, each after a random pause of a few milliseconds. A request whose
//                own work fails is told so, and the others of its group are run without it.
//                kFailedPrecondition after Stop().
//                An exception of the store or of a request's work counts as kUnavailable, because
//                its transaction is given up; out of Commit() it is kUnknown.
#ifndef OUTLIVE_CORE_GROUP_COMMIT_H_
#define OUTLIVE_CORE_GROUP_COMMIT_H_

#include <absl/functional/any_invocable.h>
#include <absl/functional/function_ref.h>
#include <absl/status/status.h>
#include <absl/types/span.h>

#include <deque>
#include <memory>
#include <thread>
#include <vector>

#include "outlive/core/commit_companion.h"
#include "outlive/core/job_store.h"
#include "outlive/core/mutex.h"
#include "outlive/core/random.h"

namespace outlive {

class GroupCommit {
 public:
  // A request's part of the transaction. Not OK: this request is given up. May be called again in
  // another transaction; only the last call counts.
  using Work = absl::AnyInvocable<absl::Status(StoreTransaction&)>;

  // Told once how it ended: OK is durable. Called outside every lock, on the thread that led the
  // group, so it must be quick and must not call Run() or Stop().
  using Done = absl::AnyInvocable<void(absl::Status)>;

  // What its transactions are for.
  enum class Purpose {
    kWork,    // JobStore::Begin().
    kLeases,  // JobStore::BeginUpkeep(Upkeep::kLeases).
    kSweep,   // JobStore::BeginUpkeep(Upkeep::kSweep).
  };

  // `random`: where the length of pauses comes from. Null: the kernel.
  explicit GroupCommit(JobStore& store, Purpose purpose = Purpose::kWork,
                       RandomSource* random = nullptr);
  ~GroupCommit();
  GroupCommit(const GroupCommit&) = delete;
  GroupCommit& operator=(const GroupCommit&) = delete;

  // Does `work` and returns when it is durable. `job_count` is about how many jobs it touches; a
  // group holds at most limits::kCommitJobCountMax of them. `adds`: the jobs that it inserts, for
  // companions; they stay until it is told. What inserts with NewJob::backlog_max comes after the
  // others of its group, because other processes may have to wait from then on: whatever waits for
  // them has waited before.
  absl::Status Run(int job_count, absl::FunctionRef<absl::Status(StoreTransaction&)> work,
                   absl::Span<const NewJob> adds = {});

  // The same for what people ask for, StoreTransaction::Apply(): in a transaction of its own where
  // StoreInfo::changes_apart says so.
  absl::Status RunChange(int job_count, absl::FunctionRef<absl::Status(StoreTransaction&)> work);

  // As Run(), without waiting. kUnavailable where no thread can be started.
  void Submit(int job_count, Work work, Done done, absl::Span<const NewJob> adds = {});

  // From now on `companion` is asked to come along with groups that add jobs; where there are
  // several, the first one that does. Until Leave(), which returns when it is not on its way any
  // more, and must not be called by it.
  void Accompany(CommitCompanion& companion);
  void Leave(CommitCompanion& companion);

  // Refuses new requests, and returns when those already taken are done and told. May be called
  // again, and from several threads.
  void Stop();

  JobStore& store() const { return store_; }

 private:
  struct Request;
  struct Group;
  class Along;

  absl::Status RunRequest(Request& request);
  absl::Status StartThread() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool HasRoom(const Request& request) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::shared_ptr<Group> Join(Request& request) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void PassOn() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void LeadOnce();
  absl::StatusOr<std::unique_ptr<StoreTransaction>> Begin();
  void Execute(absl::Span<Request* const> requests);
  void PauseAfterConflict(int conflict_count);
  void ExecuteTogether(absl::Span<Request* const> requests, bool& committing);
  static absl::Status WorkTogether(absl::Span<Request* const> requests,
                                   StoreTransaction& transaction);
  bool ExecuteOnce(absl::Span<Request* const> requests, bool& committing, bool accompanied = true);
  void ExecuteOneByOne(absl::Span<Request* const> requests);
  static void EndAll(absl::Span<Request* const> requests, const absl::Status& status);
  void Loop();

  JobStore& store_;
  const Purpose purpose_;
  RandomSource& random_;

  // What exceptions are told as. Made early: telling cannot fail.
  const absl::Status thrown_;
  const absl::Status thrown_in_doubt_;

  Mutex mutex_;
  CondVar changed_;  // For the thread below, and for Stop().
  std::deque<std::shared_ptr<Group>> groups_ ABSL_GUARDED_BY(mutex_);  // The last one gathers.
  bool led_ ABSL_GUARDED_BY(mutex_) = false;           // Somebody leads, or has been told to.
  bool thread_leads_ ABSL_GUARDED_BY(mutex_) = false;  // The thread has been told to.
  int telling_ ABSL_GUARDED_BY(mutex_) = 0;            // Groups whose callers are being told.
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<CommitCompanion*> companions_ ABSL_GUARDED_BY(mutex_);
  CommitCompanion* asked_ ABSL_GUARDED_BY(mutex_) = nullptr;  // Of them: on its way, maybe.
  std::thread thread_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace outlive

#endif  // OUTLIVE_CORE_GROUP_COMMIT_H_
