#include "engine/dispatcher.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "engine/attempt_log.h"
#include "engine/backoff.h"
#include "engine/decision.h"
#include "outlive/core/limits.h"

namespace outlive::internal {
namespace {

// How often a store that does not answer is written about.
constexpr absl::Duration kLogInterval = absl::Seconds(30);

// How long a job that was claimed ahead may wait for a slot. Others could run it meanwhile.
constexpr absl::Duration kAheadMax = absl::Milliseconds(50);

// A new value counts for an eighth, as in RFC 6298 for round trips.
void Average(absl::Duration& average, absl::Duration value) { average += (value - average) / 8; }

Finished ReleaseOf(const Attempt& attempt) {
  Finished release;
  release.lease = attempt.job().lease;
  release.transition = Transition::kRelease;
  return release;
}

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
    slots_.push_back({.queue = queue.name, .concurrency = queue.concurrency});
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
  std::vector<AttemptPtr> admitted;
  while (AwaitWork(admitted)) {
    if (admitted.empty()) {
      TakeTurn();
    } else {
      execute_(std::exchange(admitted, {}));
    }
  }
}

// Waits for a turn to take, or for what a companion's turn has `admitted`. False: the end.
bool Dispatcher::AwaitWork(std::vector<AttemptPtr>& admitted) {
  MutexLock lock(mutex_);
  while (admitted_.empty() && !finishing_) {
    // A companion's turn tells when it is over.
    const absl::Duration pause = turning_ ? absl::InfiniteDuration() : PauseLeft();
    if (pause == absl::ZeroDuration()) {
      turning_ = true;
      return true;
    }
    if (pause == absl::InfiniteDuration()) {
      changed_.Wait(mutex_);
    } else {
      changed_.WaitFor(mutex_, absl::ToChronoNanoseconds(pause));
    }
  }
  admitted.swap(admitted_);
  return !admitted.empty();
}

void Dispatcher::Poll() {
  {
    MutexLock lock(mutex_);
    if (PauseLeft() > absl::ZeroDuration()) return;
    turning_ = true;
  }
  TakeTurn();
}

absl::Duration Dispatcher::TimeLeft() const {
  MutexLock lock(mutex_);
  return PauseLeft();
}

void Dispatcher::TakeTurn() {
  Turn turn = Begin();
  const absl::Duration begun = services_.clock.SinceBoot();
  const absl::Status status = Commit(turn);
  std::vector<AttemptPtr> attempts;
  if (status.ok()) {
    attempts = Succeeded(turn, services_.clock.SinceBoot() - begun);
  } else {
    Failed(turn, status);
  }
  if (!attempts.empty()) execute_(std::move(attempts));
  MutexLock lock(mutex_);
  turning_ = false;
  changed_.NotifyAll();
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
    const std::vector<AttemptPtr> attempts = Succeeded(turn, absl::ZeroDuration());
    if (attempts.empty() && !ends) return attempt_count;
    for (AttemptPtr attempt : attempts) {
      while (attempt != nullptr) {
        attempt = OnEnded(attempt, run(attempt));
        ++attempt_count;
      }
    }
  }
}

// A slot is free, and there is a session to claim for it.
bool Dispatcher::CanClaim() const {
  return !draining_ && sessions_.current() != nullptr &&
         std::any_of(slots_.begin(), slots_.end(),
                     [](const Slots& slots) { return slots.free() > 0; });
}

// Until a turn is due: at once for what has ended, later for a claim, or when something that was
// claimed ahead has waited for too long; and not before the pause is over that follows a turn which
// the store refused.
absl::Duration Dispatcher::PauseLeft() const {
  const absl::Duration now = services_.clock.SinceBoot();
  absl::Duration left = CanClaim() ? claim_at_ - now : absl::InfiniteDuration();
  for (const Slots& slots : slots_) {
    if (slots.may_have_more && slots.free() > 0 && CanClaim()) left = absl::ZeroDuration();
    if (!slots.ahead.empty()) left = std::min(left, slots.ahead.front().since + kAheadMax - now);
  }
  if (!ended_.empty()) left = absl::ZeroDuration();
  return std::max({left, paused_until_ - now, absl::ZeroDuration()});
}

// Takes what has ended, and asks for as much as will be free when the commit ends.
Dispatcher::Turn Dispatcher::Begin() {
  Turn turn;
  MutexLock lock(mutex_);
  const absl::Duration now = services_.clock.SinceBoot();
  ReturnAhead(now - kAheadMax);
  TakeEnded(turn);
  AskFor(turn, now >= claim_at_);
  return turn;
}

// `due`: the time for a claim has come.
void Dispatcher::AskFor(Turn& turn, bool due) const {
  turn.wakes = wakes_;
  if (draining_) return;
  turn.session = sessions_.current();
  if (turn.session == nullptr) return;
  std::vector<int> wanted;
  for (const Slots& slots : slots_) wanted.push_back(Wanted(slots, due));
  const std::vector<int> asked = ShareOut(limits::kClaimJobCountMax, wanted);
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    turn.asked += asked[i];
    turn.request.queues.push_back({slots_[i].queue, asked[i]});
  }
  turn.request.session = turn.session->name;
  turn.request.kinds = kinds_;
}

void Dispatcher::TakeEnded(Turn& turn) {
  const auto count = std::min(ended_.size(), static_cast<std::size_t>(limits::kCommitJobCountMax));
  const auto end = ended_.begin() + static_cast<std::ptrdiff_t>(count);
  turn.ended.assign(std::make_move_iterator(ended_.begin()), std::make_move_iterator(end));
  ended_.erase(ended_.begin(), end);
}

// How many jobs to claim for a queue; `due`: the time for it has come. A queue that was full, or
// got all it asked for, is asked again whenever it has room: jobs may wait for this very slot.
int Dispatcher::Wanted(const Slots& slots, bool due) const {
  if (!due && !slots.may_have_more) return 0;
  const bool quick =
      slots.run_average > absl::ZeroDuration() && 4 * slots.run_average < commit_average_;
  return std::max(slots.free() + (quick ? slots.executing : 0), 0);
}

// Hands back what was claimed ahead and has waited since `since_max` or before. The workers of such
// a queue are not quick now, whatever they were: it would only be claimed ahead once more.
void Dispatcher::ReturnAhead(absl::Duration since_max) {
  for (Slots& slots : slots_) {
    while (!slots.ahead.empty() && slots.ahead.front().since <= since_max) {
      AttemptPtr& attempt = slots.ahead.front().attempt;
      Finished release = ReleaseOf(*attempt);
      ended_.push_back({std::move(attempt), std::move(release), false});
      slots.ahead.pop_front();
      slots.run_average = std::max(slots.run_average, kAheadMax);
    }
  }
}

absl::Status Dispatcher::Commit(Turn& turn) {
  if (turn.ended.empty() && turn.asked == 0) return absl::OkStatus();
  std::vector<WorkerWrite> writes;
  std::vector<AttemptPtr> writers;
  std::vector<Finished> finished;
  for (const Ended& ended : turn.ended) {
    if (std::optional<WorkerWrite> write = ended.attempt->TakeProgress()) {
      writes.push_back(*std::move(write));
      writers.push_back(ended.attempt);
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
    for (const AttemptPtr& writer : writers) writer->KeepProgress();
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

std::vector<Dispatcher::AttemptPtr> Dispatcher::Succeeded(Turn& turn, absl::Duration took) {
  std::vector<AttemptPtr> attempts;
  {
    MutexLock lock(mutex_);
    failures_ = 0;
    if (took > absl::ZeroDuration()) Average(commit_average_, took);
    for (const Ended& ended : turn.ended) Forget(ended.attempt);
    attempts = Admit(turn);
    if (turn.session != nullptr) ScheduleClaim(turn);
  }
  ReportEnds(turn);
  return attempts;
}

void Dispatcher::ScheduleClaim(const Turn& turn) {
  std::vector<int> got(slots_.size(), 0);
  for (const ClaimedJob& job : turn.claimed.jobs) ++got[job.queue];
  bool asked_all = true;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const int asked = turn.request.queues[i].job_count_max;
    if (asked > 0 || slots_[i].free() <= 0) slots_[i].may_have_more = got[i] == asked;
    asked_all = asked_all && (asked > 0 || slots_[i].may_have_more);
  }
  if (turn.asked == 0) return;
  const absl::Duration now = services_.clock.SinceBoot();
  const absl::Time next_run_at = turn.claimed.next_run_at;
  const absl::Duration until_due =
      std::max(next_run_at - services_.clock.Now(), absl::ZeroDuration());
  if (turn.wakes != wakes_) {
    claim_at_ = absl::ZeroDuration();
  } else if (asked_all) {
    next_run_at_ = next_run_at;
    const absl::Duration poll = Jittered(services_.options.poll_interval_max, services_.random);
    claim_at_ = now + std::min(poll, until_due);
  } else if (next_run_at != absl::InfinitePast()) {
    // It says nothing about the queues that were not asked.
    claim_at_ = std::min(claim_at_, now + until_due);
  }
}

std::vector<Dispatcher::AttemptPtr> Dispatcher::Admit(Turn& turn) {
  std::vector<AttemptPtr> attempts;
  attempts.reserve(turn.claimed.jobs.size());
  const absl::Duration now = services_.clock.SinceBoot();
  for (ClaimedJob& job : turn.claimed.jobs) {
    const std::size_t kind = job.kind;
    Slots& slots = slots_[job.queue];
    auto attempt = std::make_shared<Attempt>(services_, progress_, turn.session, std::move(job),
                                             kinds_[kind], slots.queue, *entries_[kind]);
    running_[attempt->id()] = attempt;
    if (slots.executing < slots.concurrency) {
      ++slots.executing;
      ++executing_;
      attempts.push_back(std::move(attempt));
    } else {
      slots.ahead.push_back({std::move(attempt), now});
    }
  }
  if (draining_) ReturnAhead(absl::InfiniteDuration());
  return attempts;
}

void Dispatcher::Forget(const AttemptPtr& attempt) {
  const auto found = running_.find(attempt->id());
  // A job that was lost and claimed again has another attempt by now.
  if (found != running_.end() && found->second == attempt) running_.erase(found);
}

void Dispatcher::ReportEnds(const Turn& turn) {
  for (std::size_t i = 0; i < turn.ended.size(); ++i) {
    if (absl::IsInvalidArgument(turn.finished[i])) {
      Bury(turn.ended[i], turn.finished[i]);
    } else if (turn.ended[i].ran) {
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

// -- As a companion of commits that add jobs ------------------------------------------------------

bool Dispatcher::Join(absl::Span<const NewJob> added) {
  MutexLock lock(mutex_);
  if (!IsIdle() || !HasSlotFor(added)) return false;
  along_ = Turn();
  AskFor(along_, /*due=*/true);
  if (along_.asked == 0) return false;
  // A queue that is full now, and not asked, may have room when the commit wakes this dispatcher.
  const auto is_asked = [](const QueueClaim& queue) { return queue.job_count_max > 0; };
  const std::vector<QueueClaim>& queues = along_.request.queues;
  if (std::all_of(queues.begin(), queues.end(), is_asked)) {
    along_thread_ = std::this_thread::get_id();
  }
  turning_ = true;
  return true;
}

// It could claim, and no turn is due.
bool Dispatcher::IsIdle() const {
  return !turning_ && !finishing_ && CanClaim() && services_.clock.SinceBoot() >= paused_until_ &&
         PauseLeft() > absl::ZeroDuration();
}

// For one of them, now.
bool Dispatcher::HasSlotFor(absl::Span<const NewJob> jobs) const {
  const absl::Time now = services_.clock.Now();
  for (const NewJob& job : jobs) {
    const std::size_t slot = SlotOf(job.queue);
    if (job.run_at <= now && slot < slots_.size() && slots_[slot].free() > 0 &&
        std::find(kinds_.begin(), kinds_.end(), job.kind) != kinds_.end()) {
      return true;
    }
  }
  return false;
}

absl::Status Dispatcher::Work(StoreTransaction& transaction) {
  absl::StatusOr<ClaimResult> claimed = transaction.Claim(along_.request);
  if (claimed.ok()) along_.claimed = *std::move(claimed);
  return claimed.status();
}

// What is executed may run anything, so it leaves this thread to its owner. A failure that is not
// about the session is met again by a turn of its own.
void Dispatcher::End(const absl::Status& status) noexcept {
  std::vector<AttemptPtr> attempts;
  if (status.ok()) {
    attempts = Succeeded(along_, absl::ZeroDuration());
  } else if (absl::IsUnknown(status) || absl::IsAborted(status)) {
    Failed(along_, status);
  }
  MutexLock lock(mutex_);
  for (AttemptPtr& attempt : attempts) admitted_.push_back(std::move(attempt));
  if (!status.ok()) claim_at_ = absl::ZeroDuration();
  along_ = Turn();
  along_thread_ = {};
  turning_ = false;
  changed_.NotifyAll();
}

// -- From other threads -------------------------------------------------------------------------

Dispatcher::AttemptPtr Dispatcher::OnEnded(const AttemptPtr& attempt, Outcome outcome) {
  // What is done needs no jitter, and randomness is a system call.
  const double unit = outcome.kind() == Outcome::Kind::kDone ? 0 : RandomUnit(services_.random);
  const CrashPolicy crash_policy = {services_.options.crash_count_max,
                                    services_.options.rescue_delay};
  Finished finished = Decide(outcome, attempt->stop_reason(), attempt->job(),
                             attempt->entry().options.retry, crash_policy, unit);
  const absl::Duration run = services_.clock.SinceBoot() - attempt->begun_at;
  AttemptPtr next;
  MutexLock lock(mutex_);
  Slots& slots = slots_[SlotOf(attempt->queue())];
  Average(slots.run_average, run);
  if (attempt->abandoned) {
    Forget(attempt);
  } else {
    ended_.push_back({attempt, std::move(finished)});
  }
  if (slots.ahead.empty()) {
    --slots.executing;
    --executing_;
  } else {
    next = std::move(slots.ahead.front().attempt);
    slots.ahead.pop_front();
  }
  changed_.NotifyAll();
  return next;
}

void Dispatcher::Wake() {
  MutexLock lock(mutex_);
  // By the commit that a claim for every queue was part of: it has seen all there is.
  if (along_thread_ == std::this_thread::get_id()) return;
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
