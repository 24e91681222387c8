// Dispatcher is the middle of a runner: it claims due jobs for free slots, hands them to executors,
// and stores how they ended. What ended and what is free go to the store together, in turns:
//
//   ended attempts ─┐
//                   ├─► one commit: progress, Finish, Claim ─► attempts to run ─► executors
//   free slots ─────┘                                              ▲                  │
//                                                                  └──── OnEnded() ◄──┘
//
// A claim is for what will be free when its commit ends. Where workers are much quicker than
// commits that is every slot, so the next jobs are there when the last ones end: they are claimed
// ahead, at most as many as there are slots, and the thread that ends a job takes the next one
// along. What waits in vain is handed back.
//
// A turn can be driven by a thread (Loop) or by hand (Poll, RunDue). While the thread of Loop() has
// nothing to do, a commit of this process that adds jobs takes a claim along (CommitCompanion), so
// that a job that finds a free slot is leased by the commit that adds it.
//
// Thread-safety: OnEnded(), Wake() and the queries may be called from any thread; one thread at a
//                time takes turns, which the calls of GroupCommit see to.
#ifndef OUTLIVE_SRC_ENGINE_DISPATCHER_H_
#define OUTLIVE_SRC_ENGINE_DISPATCHER_H_

#include <absl/container/flat_hash_map.h>
#include <absl/functional/function_ref.h>
#include <absl/time/time.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "engine/attempt.h"
#include "engine/progress_writer.h"
#include "engine/services.h"
#include "engine/sessions.h"
#include "outlive/core/commit_companion.h"
#include "outlive/core/mutex.h"

namespace outlive::internal {

class Dispatcher final : public CommitCompanion {
 public:
  using AttemptPtr = std::shared_ptr<Attempt>;

  // `execute` gets attempts to run and must not run them on this thread. `session_lost` is called
  // when the store does not know the session any more.
  Dispatcher(const Services& services, Sessions& sessions, ProgressWriter& progress,
             std::function<void(std::vector<AttemptPtr>)> execute,
             std::function<void()> session_lost);

  // Takes the workers as they are now: whatever was added before the start counts. Nothing runs.
  void LoadKinds();

  // Takes turns until Finish() is called.
  void Loop();

  // Takes a turn if one is due.
  void Poll();

  // How long it is until the next turn, unless something ends or wakes it before; InfiniteDuration:
  // it waits for that.
  absl::Duration TimeLeft() const;

  // An attempt's worker has returned. Gives the attempt that is to be run in its place, if one was
  // claimed ahead.
  AttemptPtr OnEnded(const AttemptPtr& attempt, Outcome outcome);

  // There may be something to claim.
  void Wake();

  // -- CommitCompanion: a turn that only claims, of a dispatcher in Loop() ------------------

  bool Join(absl::Span<const NewJob> added) override;
  absl::Status Work(StoreTransaction& transaction) override;
  void End(const absl::Status& status) noexcept override;

  // ------------------------------------------------------------------------------------------

  // Runs every due job on this thread by `run`, until none is due.
  absl::StatusOr<int> RunDue(absl::FunctionRef<Outcome(const AttemptPtr&)> run);

  // -- Stopping, in this order ---------------------------------------------------------------

  // Claims nothing more.
  void Drain();

  // True once nothing is running and every end is stored; false after `grace`, or what is left of
  // that of LimitGrace().
  bool WaitOutGrace(absl::Duration grace);

  // From another thread: no more than `grace` from now, until Reset().
  void LimitGrace(absl::Duration grace);

  // As WaitOutGrace(), when the grace is over.
  bool WaitUntilIdle(absl::Duration timeout);

  // Asks the attempts for which `which` is true to stop.
  void RequestStop(StopReason reason, absl::FunctionRef<bool(const Attempt&)> which);

  // Gives the jobs of workers that have not returned back to the store, and drops what cannot be
  // stored.
  void HandBack();

  // Returns when every worker has returned.
  void WaitForWorkers();

  // Ends Loop().
  void Finish();

  // Ready for another Loop().
  void Reset();

  // ------------------------------------------------------------------------------------------

  AttemptPtr Find(JobId id) const;
  int running_count() const;
  absl::Time next_run_at() const;

 private:
  // Claimed, and not yet started.
  struct Ahead {
    AttemptPtr attempt;
    absl::Duration since;  // By SinceBoot().
  };
  struct Slots {
    std::string queue;
    int concurrency = 0;
    int executing = 0;
    bool may_have_more = true;  // The last claim got all it asked for.
    std::deque<Ahead> ahead = {};
    absl::Duration run_average = absl::ZeroDuration();

    int free() const { return concurrency - executing - static_cast<int>(ahead.size()); }
  };
  struct Ended {
    AttemptPtr attempt;
    Finished finished;
    bool ran = true;  // Else it was claimed ahead, and handed back.
  };
  // What one turn brings to the store, and back.
  struct Turn {
    std::vector<Ended> ended;
    std::shared_ptr<const Session> session;  // Null: nothing is claimed.
    ClaimRequest request;
    int asked = 0;
    std::uint64_t wakes = 0;
    std::vector<absl::Status> finished;
    ClaimResult claimed;
  };

  bool WaitUntilIdleBefore(const absl::Duration& end) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool CanClaim() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Duration PauseLeft() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool AwaitWork(std::vector<AttemptPtr>& admitted);
  void TakeTurn();
  bool IsIdle() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool HasSlotFor(absl::Span<const NewJob> jobs) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  Turn Begin();
  void AskFor(Turn& turn, bool due) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void TakeEnded(Turn& turn) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  int Wanted(const Slots& slots, bool due) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void ReturnAhead(absl::Duration since_max) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Commit(Turn& turn);
  void Failed(Turn& turn, const absl::Status& status);
  std::vector<AttemptPtr> Succeeded(Turn& turn, absl::Duration took);
  void ReportEnds(const Turn& turn);
  void Bury(const Ended& refused, const absl::Status& why);
  std::vector<AttemptPtr> Admit(Turn& turn) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Forget(const AttemptPtr& attempt) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  std::size_t SlotOf(std::string_view queue) const;
  void ScheduleClaim(const Turn& turn) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void LogFailure(const absl::Status& status);

  const Services& services_;
  Sessions& sessions_;
  ProgressWriter& progress_;
  const std::function<void(std::vector<AttemptPtr>)> execute_;
  const std::function<void()> session_lost_;
  std::vector<std::string> kinds_;                // Written by LoadKinds() only.
  std::vector<const WorkerSet::Entry*> entries_;  // As kinds_.

  mutable Mutex mutex_;
  CondVar changed_;
  std::vector<Slots> slots_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<JobId, AttemptPtr> running_ ABSL_GUARDED_BY(mutex_);
  std::vector<Ended> ended_ ABSL_GUARDED_BY(mutex_);
  int executing_ ABSL_GUARDED_BY(mutex_) = 0;  // Workers that have not returned, of all slots.
  absl::Duration commit_average_ ABSL_GUARDED_BY(mutex_) = absl::ZeroDuration();
  bool turning_ ABSL_GUARDED_BY(mutex_) = false;          // A turn is being taken.
  Turn along_;                                            // A turn as a companion: for its thread.
  std::thread::id along_thread_ ABSL_GUARDED_BY(mutex_);  // Its wake-up says nothing new.
  std::vector<AttemptPtr> admitted_ ABSL_GUARDED_BY(mutex_);  // By it: to be executed by Loop().
  bool draining_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Duration grace_end_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteDuration();  // By SinceBoot().
  bool finishing_ ABSL_GUARDED_BY(mutex_) = false;
  std::uint64_t wakes_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Duration claim_at_ ABSL_GUARDED_BY(mutex_) = absl::ZeroDuration();      // By SinceBoot().
  absl::Duration paused_until_ ABSL_GUARDED_BY(mutex_) = absl::ZeroDuration();  // After an error.
  absl::Time next_run_at_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();
  int failures_ ABSL_GUARDED_BY(mutex_) = 0;  // Turns in a row that the store refused.
  absl::Duration logged_at_ ABSL_GUARDED_BY(mutex_) = -absl::InfiniteDuration();
};

}  // namespace outlive::internal

#endif  // OUTLIVE_SRC_ENGINE_DISPATCHER_H_
