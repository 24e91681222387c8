#include "engine/dispatcher.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "engine/attempt_log.h"
#include "engine/backoff.h"
#include "engine/decision.h"
#include "outlive/core/limits.h"

namespace outlive::internal {
namespace {

// How often a store that does not answer is written about.
constexpr absl::Duration kLogInterval = absl::Seconds(30);

// Ends that make a commit's fixed cost small: beyond them a turn that begins at once is better.
constexpr std::size_t kGatheredMax = 256;

absl::Duration Jittered(absl::Duration pause, RandomSource& random) {
  return pause * (0.9 + 0.2 * RandomUnit(random));
}

// How many of `total` each queue gets that has `free` slots: all it can use, but no queue so many
// that less than a fair share is left to another. At least one, where a slot is free.
std::vector<int> ShareOut(int total, const std::vector<int>& free) {
  const int share = total / static_cast<int>(free.size());
  std::vector<int> given;
  for (const int slots : free) {
    given.push_back(std::min(slots, share));
    total -= given.back();
  }
  for (std::size_t i = 0; i < free.size(); ++i) {
    const int more = std::min(total, free[i] - given[i]);
    given[i] += more;
    total -= more;
  }
  return given;
}

}  // namespace

Dispatcher::Dispatcher(const Services& services, Sessions& sessions, ProgressWriter& progress,
                       std::function<void(std::vector<AttemptPtr>)> execute,
                       std::function<void()> session_lost)
    : services_(services),
      sessions_(sessions),
      progress_(progress),
      execute_(std::move(execute)),
      session_lost_(std::move(session_lost)) {
  for (const QueueOptions& queue : services.options.queues) {
    slots_.push_back({queue.name, queue.concurrency, 0});
  }
}

void Dispatcher::LoadKinds() {
  kinds_.clear();
  entries_.clear();
  for (const auto& [kind, entry] : services_.workers.entries()) {
    kinds_.push_back(kind);
    entries_.push_back(&entry);
  }
}

// -- Turns --------------------------------------------------------------------------------------

void Dispatcher::Loop() {
  while (true) {
    {
      MutexLock lock(mutex_);
      while (!finishing_ && ended_.empty() && !ClaimIsDue()) {
        const absl::Duration pause = PauseLeft();
        if (pause == absl::InfiniteDuration()) {
          changed_.Wait(mutex_);
        } else {
          changed_.WaitFor(mutex_, absl::ToChronoNanoseconds(pause));
        }
      }
      if (finishing_) return;
      // The store refused the last turn: what ended waits for the next try.
      const absl::Duration pause = paused_until_ - services_.clock.SinceBoot();
      if (pause > absl::ZeroDuration()) {
        changed_.WaitFor(mutex_, absl::ToChronoNanoseconds(pause));
        continue;
      }
      turning_ = true;
    }
    Gather();
    Turn turn = Begin();
    const absl::Status status = Commit(turn);
    std::vector<AttemptPtr> attempts;
    if (status.ok()) {
      attempts = Succeeded(turn);
    } else {
      Failed(turn, status);
    }
    if (!attempts.empty()) execute_(std::move(attempts));
    MutexLock lock(mutex_);
    turning_ = false;
    changed_.NotifyAll();
  }
}

absl::StatusOr<int> Dispatcher::RunDue(absl::FunctionRef<Outcome(const AttemptPtr&)> run) {
  int attempt_count = 0;
  while (true) {
    Wake();
    Turn turn = Begin();
    const bool ends = !turn.ended.empty();
    if (absl::Status status = Commit(turn); !status.ok()) {
      Failed(turn, status);
      if (!absl::IsAborted(status)) return status;
      // The session has expired; what ended is still there for the next turn.
      if (absl::Status opened = sessions_.Open(); !opened.ok()) return opened;
      continue;
    }
    const std::vector<AttemptPtr> attempts = Succeeded(turn);
    if (attempts.empty() && !ends) return attempt_count;
    for (const AttemptPtr& attempt : attempts) OnEnded(attempt, run(attempt));
    attempt_count += static_cast<int>(attempts.size());
  }
}

// A slot is free, and there is a session to claim for it.
bool Dispatcher::CanClaim() const {
  return !draining_ && sessions_.current() != nullptr &&
         std::any_of(slots_.begin(), slots_.end(),
                     [](const Slots& slots) { return slots.used < slots.concurrency; });
}

bool Dispatcher::ClaimIsDue() const {
  return services_.clock.SinceBoot() >= claim_at_ && CanClaim();
}

// Until the next claim is due.
absl::Duration Dispatcher::PauseLeft() const {
  if (!CanClaim()) return absl::InfiniteDuration();
  return std::max(claim_at_ - services_.clock.SinceBoot(), absl::ZeroDuration());
}

// Quick jobs that were claimed together end together, a moment after the first of them: for as long
// as more keep ending this lets their threads go first, and they share a commit instead of making
// two groups that take turns. Never longer than a look, where nothing ends meanwhile.
void Dispatcher::Gather() {
  std::size_t before = 0;
  while (true) {
    {
      MutexLock lock(mutex_);
      const std::size_t now = ended_.size();
      if (now == before || executing_ == 0 || now >= kGatheredMax) return;
      before = now;
    }
    std::this_thread::yield();
  }
}

// Takes what has ended, and asks for as much as will be free when the commit ends.
Dispatcher::Turn Dispatcher::Begin() {
  Turn turn;
  MutexLock lock(mutex_);
  turn.wakes = wakes_;
  const auto count = std::min(ended_.size(), static_cast<std::size_t>(limits::kCommitJobCountMax));
  turn.ended.assign(std::make_move_iterator(ended_.begin()),
                    std::make_move_iterator(ended_.begin() + static_cast<std::ptrdiff_t>(count)));
  ended_.erase(ended_.begin(), ended_.begin() + static_cast<std::ptrdiff_t>(count));
  // A queue that was full was not asked for at the last claim: jobs may wait for this very slot.
  bool unblocks = false;
  for (const Ended& ended : turn.ended) {
    const Slots& slots = slots_[SlotOf(ended.attempt->queue())];
    unblocks = unblocks || slots.used >= slots.concurrency;
  }
  if (draining_ || (services_.clock.SinceBoot() < claim_at_ && !unblocks)) return turn;
  turn.session = sessions_.current();
  if (turn.session == nullptr) return turn;

  std::vector<int> freed(slots_.size(), 0);
  for (const Ended& ended : turn.ended) ++freed[SlotOf(ended.attempt->queue())];
  std::vector<int> free(slots_.size(), 0);
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    free[i] = slots_[i].concurrency - slots_[i].used + freed[i];
  }
  const std::vector<int> asked = ShareOut(limits::kClaimJobCountMax, free);
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    turn.asked += asked[i];
    turn.request.queues.push_back({slots_[i].queue, asked[i]});
  }
  turn.request.session = turn.session->name;
  turn.request.kinds = kinds_;
  return turn;
}

absl::Status Dispatcher::Commit(Turn& turn) {
  if (turn.ended.empty() && turn.asked == 0) return absl::OkStatus();
  std::vector<WorkerWrite> writes;
  std::vector<Finished> finished;
  for (const Ended& ended : turn.ended) {
    if (std::optional<WorkerWrite> write = ended.attempt->TakeProgress()) {
      writes.push_back(*std::move(write));
    }
    finished.push_back(ended.finished);
  }
  const int job_count = static_cast<int>(turn.ended.size()) + turn.asked;
  absl::Status status = services_.commits.Run(
      std::min(job_count, limits::kCommitJobCountMax), [&](StoreTransaction& transaction) {
        if (!writes.empty()) {
          if (auto written = transaction.Write(writes); !written.ok()) return written.status();
        }
        if (!finished.empty()) {
          auto results = transaction.Finish(finished);
          if (!results.ok()) return results.status();
          turn.finished = *std::move(results);
        }
        if (turn.asked > 0) {
          auto claimed = transaction.Claim(turn.request);
          if (!claimed.ok()) return claimed.status();
          turn.claimed = *std::move(claimed);
        }
        return absl::OkStatus();
      });
  if (!status.ok()) {
    for (const Ended& ended : turn.ended) ended.attempt->KeepProgress();
  }
  return status;
}

// The results are kept: finishing again is safe, whether or not the commit went through.
void Dispatcher::Failed(Turn& turn, const absl::Status& status) {
  if (turn.asked > 0 && absl::IsUnknown(status)) sessions_.Retire();
  const bool lost = turn.asked > 0 && absl::IsAborted(status);
  if (lost) sessions_.Retire();
  {
    MutexLock lock(mutex_);
    ended_.insert(ended_.begin(), std::make_move_iterator(turn.ended.begin()),
                  std::make_move_iterator(turn.ended.end()));
    claim_at_ = absl::ZeroDuration();
    if (!lost) {
      paused_until_ = services_.clock.SinceBoot() + StoreBackoff(++failures_, services_.random);
    }
  }
  if (!lost) LogFailure(status);
  if (sessions_.current() == nullptr) session_lost_();
}

std::vector<Dispatcher::AttemptPtr> Dispatcher::Succeeded(Turn& turn) {
  std::vector<AttemptPtr> attempts;
  {
    MutexLock lock(mutex_);
    failures_ = 0;
    for (const Ended& ended : turn.ended) Release(ended.attempt);
    attempts = Admit(turn);
    if (turn.asked > 0) ScheduleClaim(turn);
  }
  ReportEnds(turn);
  return attempts;
}

void Dispatcher::ScheduleClaim(const Turn& turn) {
  next_run_at_ = turn.claimed.next_run_at;
  if (turn.wakes != wakes_ || turn.claimed.jobs.size() == static_cast<std::size_t>(turn.asked)) {
    claim_at_ = absl::ZeroDuration();
    return;
  }
  const absl::Duration poll = Jittered(services_.options.poll_interval_max, services_.random);
  const absl::Duration until_due =
      std::max(turn.claimed.next_run_at - services_.clock.Now(), absl::ZeroDuration());
  claim_at_ = services_.clock.SinceBoot() + std::min(poll, until_due);
}

std::vector<Dispatcher::AttemptPtr> Dispatcher::Admit(Turn& turn) {
  std::vector<AttemptPtr> attempts;
  attempts.reserve(turn.claimed.jobs.size());
  for (ClaimedJob& job : turn.claimed.jobs) {
    const std::size_t kind = job.kind;
    Slots& slots = slots_[job.queue];
    auto attempt = std::make_shared<Attempt>(services_, progress_, turn.session, std::move(job),
                                             kinds_[kind], slots.queue, *entries_[kind]);
    ++slots.used;
    ++executing_;
    running_[attempt->id()] = attempt;
    attempts.push_back(std::move(attempt));
  }
  return attempts;
}

void Dispatcher::Release(const AttemptPtr& attempt) {
  --slots_[SlotOf(attempt->queue())].used;
  const auto found = running_.find(attempt->id());
  // A job that was lost and claimed again has another attempt by now.
  if (found != running_.end() && found->second == attempt) running_.erase(found);
}

void Dispatcher::ReportEnds(const Turn& turn) {
  for (std::size_t i = 0; i < turn.ended.size(); ++i) {
    if (absl::IsInvalidArgument(turn.finished[i])) {
      Bury(turn.ended[i], turn.finished[i]);
    } else {
      ReportEnd(services_, *turn.ended[i].attempt, turn.ended[i].finished, turn.finished[i]);
    }
  }
}

// A result that the store will never take must not leave its job running for ever: it is dead, and
// says why. What the store refuses even then waits for the end of its session.
void Dispatcher::Bury(const Ended& refused, const absl::Status& why) {
  const Finished dead = DecideRefused(refused.attempt->job(), why);
  absl::Status stored;
  const absl::Status committed = services_.commits.Run(1, [&](StoreTransaction& transaction) {
    auto results = transaction.Finish(absl::MakeConstSpan(&dead, 1));
    if (!results.ok()) return results.status();
    stored = results->front();
    return absl::OkStatus();
  });
  ReportEnd(services_, *refused.attempt, dead, committed.ok() ? stored : committed);
}

std::size_t Dispatcher::SlotOf(std::string_view queue) const {
  const std::vector<QueueOptions>& queues = services_.options.queues;
  const auto found = std::find_if(queues.begin(), queues.end(),
                                  [&](const QueueOptions& each) { return each.name == queue; });
  return static_cast<std::size_t>(found - queues.begin());
}

void Dispatcher::LogFailure(const absl::Status& status) {
  {
    MutexLock lock(mutex_);
    const absl::Duration now = services_.clock.SinceBoot();
    if (now - logged_at_ < kLogInterval) return;
    logged_at_ = now;
  }
  LogRecord record;
  record.level = LogLevel::kError;
  const std::string text =
      fmt::format("the store refuses; results are kept and tried again: {}", status.ToString());
  record.message = text;
  services_.log.Log(record);
}

// -- From other threads -------------------------------------------------------------------------

void Dispatcher::OnEnded(const AttemptPtr& attempt, Outcome outcome) {
  // What is done needs no jitter, and randomness is a system call.
  const double unit = outcome.kind() == Outcome::Kind::kDone ? 0 : RandomUnit(services_.random);
  Finished finished =
      Decide(outcome, attempt->stop_reason(), attempt->job(), attempt->entry().options.retry, unit);
  MutexLock lock(mutex_);
  --executing_;
  if (attempt->abandoned) {
    Release(attempt);
  } else {
    ended_.push_back({attempt, std::move(finished)});
  }
  changed_.NotifyAll();
}

void Dispatcher::Wake() {
  MutexLock lock(mutex_);
  ++wakes_;
  claim_at_ = absl::ZeroDuration();
  changed_.NotifyAll();
}

Dispatcher::AttemptPtr Dispatcher::Find(JobId id) const {
  MutexLock lock(mutex_);
  const auto found = running_.find(id);
  return found == running_.end() ? nullptr : found->second;
}

void Dispatcher::RequestStop(StopReason reason, absl::FunctionRef<bool(const Attempt&)> which) {
  std::vector<AttemptPtr> attempts;
  {
    MutexLock lock(mutex_);
    for (const auto& [id, attempt] : running_) {
      if (which(*attempt)) attempts.push_back(attempt);
    }
  }
  // Outside the lock: the workers' own callbacks run here.
  for (const AttemptPtr& attempt : attempts) attempt->RequestStop(reason);
}

int Dispatcher::running_count() const {
  MutexLock lock(mutex_);
  return executing_;
}

absl::Time Dispatcher::next_run_at() const {
  MutexLock lock(mutex_);
  return next_run_at_;
}

}  // namespace outlive::internal
