#include "outlive/engine/runner.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <deque>
#include <functional>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>

#include "engine/attempt_log.h"
#include "engine/coroutine_runner.h"
#include "engine/dispatcher.h"
#include "engine/keeper.h"
#include "engine/maintenance.h"
#include "engine/progress_writer.h"
#include "engine/runner_options.h"
#include "engine/services.h"
#include "engine/sessions.h"
#include "engine/stop_caller.h"
#include "engine/thread_pool.h"

namespace outlive {
namespace {

using internal::Attempt;

RunnerOptions WithDefaults(RunnerOptions options, const Client& client) {
  if (options.log == nullptr) options.log = client.options().log;
  if (options.observer == nullptr) options.observer = client.options().observer;
  if (options.observer == nullptr) options.observer = &internal::NullObserver();
  if (options.random == nullptr) options.random = client.options().random;
  return options;
}

// Null where it would wait for the client's commits all the same: then it goes along with them.
std::unique_ptr<GroupCommit> Apart(JobStore& store, GroupCommit::Purpose purpose,
                                   RandomSource* random) {
  if (!store.info().upkeep_apart) return nullptr;
  return std::make_unique<GroupCommit>(store, purpose, random);
}

}  // namespace

class Runner::Impl {
 public:
  Impl(Client& client, const WorkerSet& workers, RunnerOptions options)
      : options_(WithDefaults(std::move(options), client)),
        leases_(Apart(client.store(), GroupCommit::Purpose::kLeases, options_.random)),
        sweep_(Apart(client.store(), GroupCommit::Purpose::kSweep, options_.random)),
        services_{.options = options_,
                  .workers = workers,
                  .commits = client.commits(),
                  .leases = leases_ == nullptr ? client.commits() : *leases_,
                  .sweep = sweep_ == nullptr ? client.commits() : *sweep_,
                  .store = client.store(),
                  .clock = client.store().clock(),
                  .log = *options_.log,
                  .observer = *options_.observer,
                  .random = *options_.random,
                  .stop_caller = stop_caller_},
        sessions_(services_),
        progress_(services_, [this] { keeper_.OnProgress(); }),
        dispatcher_(
            services_, sessions_, progress_,
            [this](std::vector<std::shared_ptr<Attempt>> attempts) { Execute(attempts); },
            [this] { keeper_.OnSessionLost(); }),
        keeper_(services_, sessions_, dispatcher_, progress_),
        maintenance_(services_),
        pool_([this](std::shared_ptr<Attempt> attempt) { RunHere(std::move(attempt)); }) {}

  absl::Status Start() {
    MutexLock lock(lifecycle_);
    if (absl::Status ready = Open(true); !ready.ok()) return ready;
    Prepare();
    started_ = true;
    absl::Status threads = StartThreads();
    if (!threads.ok()) StopLocked(absl::ZeroDuration());
    return threads;
  }

  void Stop(absl::Duration grace) {
    dispatcher_.LimitGrace(grace);  // Of a stop that is under way, and has the lock.
    MutexLock lock(lifecycle_);
    StopLocked(grace);
  }

  bool healthy() const { return (started_ || polled_) && sessions_.current() != nullptr; }
  int running_count() const { return dispatcher_.running_count(); }
  absl::Time next_run_at() const { return dispatcher_.next_run_at(); }

  absl::StatusOr<int> RunDue() {
    MutexLock lock(lifecycle_);
    if (absl::Status ready = Open(false); !ready.ok()) return ready;
    if (absl::Status renewed = keeper_.Renew(); !renewed.ok()) return renewed;
    return dispatcher_.RunDue(
        [this](const std::shared_ptr<Attempt>& attempt) { return RunInline(attempt); });
  }

  absl::Status Maintain() {
    MutexLock lock(lifecycle_);
    if (absl::Status ready = Open(false); !ready.ok()) return ready;
    absl::Status status = keeper_.Renew();
    status.Update(maintenance_.Sweep());
    status.Update(maintenance_.Prune());
    return status;
  }

  absl::StatusOr<absl::Duration> Poll() {
    MutexLock lock(lifecycle_);
    if (!polled_) {
      if (absl::Status ready = Open(true); !ready.ok()) return ready;
      Prepare();
      TakeAttempts(true);
      polled_ = true;
    }
    keeper_.Poll();
    maintenance_.Poll();
    dispatcher_.Poll();
    RunWaiting();
    const absl::Duration stop =
        stop_ == StopPhase::kNone ? absl::InfiniteDuration() : GoOnStopping();
    if (!polled_) return absl::InfiniteDuration();
    // Asked last: what the turn has begun, and the time that it took, give them something to do.
    return std::min({stop, keeper_.TimeLeft(), maintenance_.TimeLeft(), dispatcher_.TimeLeft()});
  }

  void BeginStop(absl::Duration grace) {
    MutexLock lock(lifecycle_);
    if (!polled_ || stop_ != StopPhase::kNone) return;
    dispatcher_.Drain();
    stop_ = StopPhase::kGrace;
    stop_deadline_ = services_.clock.SinceBoot() + grace;
  }

 private:
  // How far the stop of a runner that is polled has come.
  enum class StopPhase { kNone, kGrace, kPatience, kWorkers };

  absl::Status Open(bool starts) ABSL_EXCLUSIVE_LOCKS_REQUIRED(lifecycle_) {
    if (started_ || polled_) return absl::FailedPreconditionError("the runner is running");
    absl::Status valid = internal::ValidateRunner(options_, services_.workers, starts);
    if (!valid.ok()) return valid;
    dispatcher_.LoadKinds();
    return sessions_.Open();
  }

  // What there is to do before the first turn.
  void Prepare() ABSL_EXCLUSIVE_LOCKS_REQUIRED(lifecycle_) {
    dispatcher_.Reset();
    keeper_.Reset();
    maintenance_.Reset();
    subscription_ = services_.store.Subscribe([this](WakeHint hint) {
      if (hint.work) dispatcher_.Wake();
      if (hint.cancel) keeper_.OnCancelHint();
    });
  }

  absl::Status StartThreads() ABSL_EXCLUSIVE_LOCKS_REQUIRED(lifecycle_) {
    int concurrency = 0;
    for (const QueueOptions& queue : options_.queues) concurrency += queue.concurrency;
    if (absl::Status started = stop_caller_.Start(); !started.ok()) return started;
    if (absl::Status started = pool_.Start(concurrency); !started.ok()) return started;
    try {
      StartKeeper();
      maintenance_thread_ = std::thread([this] { maintenance_.Loop(); });
      dispatcher_thread_ = std::thread([this] { dispatcher_.Loop(); });
      services_.commits.Accompany(dispatcher_);
    } catch (const std::system_error&) {
      return absl::ResourceExhaustedError("no thread could be started");
    }
    return absl::OkStatus();
  }

  void StartKeeper() ABSL_EXCLUSIVE_LOCKS_REQUIRED(lifecycle_) {
    using Share = internal::Keeper::Share;
    const Share share = leases_ == nullptr ? Share::kAll : Share::kAllButProgress;
    keeper_thread_ = std::thread([this, share] { keeper_.Loop(share); });
    if (leases_ == nullptr) return;
    progress_thread_ = std::thread([this] { keeper_.Loop(Share::kProgress); });
  }

  // The lease is kept until nothing needs it any more.
  void StopLocked(absl::Duration grace) ABSL_EXCLUSIVE_LOCKS_REQUIRED(lifecycle_) {
    if (started_) {
      dispatcher_.Drain();
      if (!dispatcher_.WaitOutGrace(grace)) {
        dispatcher_.RequestStop(StopReason::kShutdown, [](const Attempt&) { return true; });
        if (!dispatcher_.WaitUntilIdle(options_.stop_patience)) dispatcher_.HandBack();
        dispatcher_.WaitForWorkers();
      }
      services_.commits.Leave(dispatcher_);
      dispatcher_.Finish();
      Join(dispatcher_thread_);
      pool_.Stop();
      subscription_ = nullptr;
      maintenance_.Finish();
      Join(maintenance_thread_);
      keeper_.Finish();
      Join(progress_thread_);
      Join(keeper_thread_);
      stop_caller_.Stop();
      started_ = false;
      dispatcher_.Reset();
    }
    if (polled_) {
      dispatcher_.Drain();
      dispatcher_.RequestStop(StopReason::kShutdown, [](const Attempt&) { return true; });
      dispatcher_.Poll();
      dispatcher_.HandBack();
      // Attempts that wait for Poll(), or come now, are over without their workers.
      TakeAttempts(false);
      RunWaiting();
      dispatcher_.WaitForWorkers();
      EndPolling();
    }
    EndSessions();
  }

  void EndSessions() {
    sessions_.Close();
    for (const auto& [kind, entry] : services_.workers.entries()) {
      if (entry.worker != nullptr) entry.worker->OnRunnerStopped();
    }
  }

  // The same as StopLocked() does for a runner that was started, as far as it goes without waiting.
  absl::Duration GoOnStopping() ABSL_EXCLUSIVE_LOCKS_REQUIRED(lifecycle_) {
    const absl::Duration left = stop_deadline_ - services_.clock.SinceBoot();
    if (stop_ != StopPhase::kWorkers && !dispatcher_.WaitUntilIdle(absl::ZeroDuration())) {
      if (left > absl::ZeroDuration()) return left;
      if (stop_ == StopPhase::kGrace) {
        dispatcher_.RequestStop(StopReason::kShutdown, [](const Attempt&) { return true; });
        stop_ = StopPhase::kPatience;
        stop_deadline_ = services_.clock.SinceBoot() + options_.stop_patience;
        return options_.stop_patience;
      }
      dispatcher_.HandBack();
      stop_ = StopPhase::kWorkers;
    }
    if (dispatcher_.running_count() == 0) {
      EndPolling();
      EndSessions();
    }
    return absl::InfiniteDuration();
  }

  void EndPolling() ABSL_EXCLUSIVE_LOCKS_REQUIRED(lifecycle_) {
    subscription_ = nullptr;
    stop_ = StopPhase::kNone;
    polled_ = false;
    dispatcher_.Reset();
  }

  static void Join(std::thread& thread) {
    if (thread.joinable()) thread.join();
  }

  // Hands attempts to where they run.
  void Execute(std::vector<std::shared_ptr<Attempt>>& attempts) {
    std::vector<std::shared_ptr<Attempt>> blocking;
    for (std::shared_ptr<Attempt>& attempt : attempts) {
      keeper_.Watch(attempt);
      if (attempt->entry().coroutine == nullptr || !attempt->readable()) {
        blocking.push_back(std::move(attempt));
      } else {
        Begin(*attempt);
        internal::RunCoroutine(options_.executor, std::move(attempt),
                               [this](const std::shared_ptr<Attempt>& ended, Outcome outcome) {
                                 Follow(dispatcher_.OnEnded(ended, std::move(outcome)));
                               });
      }
    }
    if (!options_.launch && !polled_) return pool_.Add(std::move(blocking));
    for (std::shared_ptr<Attempt>& attempt : blocking) {
      if (options_.launch) {
        options_.launch([this, attempt = std::move(attempt)] { RunHere(attempt); });
      } else if (!LeaveToPoll(attempt)) {
        RunHere(std::move(attempt));
      }
    }
  }

  // -- Blocking attempts of a runner that is polled, and has nowhere to launch them -------------

  bool runs_in_poll() const { return polled_ && !options_.launch; }

  void TakeAttempts(bool take) {
    MutexLock lock(waiting_mutex_);
    takes_attempts_ = take;
  }

  // The thread that polls will run it, and no other: what has ended before it may have been a
  // coroutine, on a thread of the host's. False: nobody polls any more.
  bool LeaveToPoll(std::shared_ptr<Attempt>& attempt) {
    MutexLock lock(waiting_mutex_);
    if (takes_attempts_) waiting_.push_back(std::move(attempt));
    return takes_attempts_;
  }

  std::shared_ptr<Attempt> NextWaiting() {
    MutexLock lock(waiting_mutex_);
    if (waiting_.empty()) return nullptr;
    std::shared_ptr<Attempt> attempt = std::move(waiting_.front());
    waiting_.pop_front();
    return attempt;
  }

  // Between two of them the lease may have to be renewed: the later ones wait under it.
  void RunWaiting() ABSL_EXCLUSIVE_LOCKS_REQUIRED(lifecycle_) {
    while (std::shared_ptr<Attempt> attempt = NextWaiting()) {
      RunHere(std::move(attempt));
      keeper_.Poll();
    }
  }

  void Begin(Attempt& attempt) {
    attempt.begun_at = services_.clock.SinceBoot();
    internal::ReportStart(services_, attempt);
  }

  // On a thread of the pool, or of the host: an attempt, and those that take its place.
  void RunHere(std::shared_ptr<Attempt> attempt) {
    while (attempt != nullptr) {
      Begin(*attempt);
      // Nobody needs a result that will not be taken.
      std::shared_ptr<Attempt> next = dispatcher_.OnEnded(
          attempt, attempt->cancelled() ? Snooze(absl::ZeroDuration()) : attempt->Run());
      if (next != nullptr && (next->entry().coroutine != nullptr || runs_in_poll())) {
        return Follow(std::move(next));
      }
      if (next != nullptr) keeper_.Watch(next);
      attempt = std::move(next);
    }
  }

  // Runs what takes the place of an attempt that has ended, if there is any.
  void Follow(std::shared_ptr<Attempt> next) {
    if (next == nullptr) return;
    std::vector<std::shared_ptr<Attempt>> attempts = {std::move(next)};
    Execute(attempts);
  }

  Outcome RunInline(const std::shared_ptr<Attempt>& attempt) {
    Begin(*attempt);
    if (attempt->entry().coroutine == nullptr || !attempt->readable()) return attempt->Run();
    boost::asio::io_context loop;
    Outcome result;
    internal::RunCoroutine(loop.get_executor(), attempt,
                           [&result](const std::shared_ptr<Attempt>&, Outcome outcome) {
                             result = std::move(outcome);
                           });
    loop.run();
    return result;
  }

  const RunnerOptions options_;
  internal::StopCaller stop_caller_;
  const std::unique_ptr<GroupCommit> leases_;
  const std::unique_ptr<GroupCommit> sweep_;
  const internal::Services services_;
  internal::Sessions sessions_;
  internal::ProgressWriter progress_;
  internal::Dispatcher dispatcher_;
  internal::Keeper keeper_;
  internal::Maintenance maintenance_;
  internal::ThreadPool pool_;

  Mutex lifecycle_;  // Start(), Stop(), RunDue() and Poll(), one at a time.
  std::atomic<bool> started_{false};
  std::atomic<bool> polled_{false};  // Between the first Poll() and the end of a stop.
  StopPhase stop_ ABSL_GUARDED_BY(lifecycle_) = StopPhase::kNone;
  absl::Duration stop_deadline_ ABSL_GUARDED_BY(lifecycle_) = absl::ZeroDuration();
  std::thread dispatcher_thread_ ABSL_GUARDED_BY(lifecycle_);
  std::thread keeper_thread_ ABSL_GUARDED_BY(lifecycle_);
  std::thread progress_thread_ ABSL_GUARDED_BY(lifecycle_);  // Where upkeep is apart.
  std::thread maintenance_thread_ ABSL_GUARDED_BY(lifecycle_);
  std::unique_ptr<Subscription> subscription_ ABSL_GUARDED_BY(lifecycle_);

  Mutex waiting_mutex_;
  std::deque<std::shared_ptr<Attempt>> waiting_ ABSL_GUARDED_BY(waiting_mutex_);
  bool takes_attempts_ ABSL_GUARDED_BY(waiting_mutex_) = false;
};

Runner::Runner(Client& client, const WorkerSet& workers, RunnerOptions options)
    : impl_(std::make_unique<Impl>(client, workers, std::move(options))) {}

Runner::~Runner() { Stop(); }

absl::Status Runner::Start() { return impl_->Start(); }
void Runner::Stop(absl::Duration grace) { impl_->Stop(grace); }
bool Runner::healthy() const { return impl_->healthy(); }
int Runner::running_count() const { return impl_->running_count(); }
absl::StatusOr<int> Runner::RunDue() { return impl_->RunDue(); }
absl::Status Runner::Maintain() { return impl_->Maintain(); }
absl::Time Runner::next_run_at() const { return impl_->next_run_at(); }
absl::StatusOr<absl::Duration> Runner::Poll() { return impl_->Poll(); }
void Runner::BeginStop(absl::Duration grace) { impl_->BeginStop(grace); }

}  // namespace outlive
