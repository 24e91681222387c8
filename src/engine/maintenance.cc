#include "engine/maintenance.h"

#include <fmt/format.h>

#include <algorithm>

#include "engine/attempt_log.h"
#include "engine/backoff.h"

namespace outlive::internal {
namespace {

// Wall clock and boot clock may drift apart by this much between two looks.
constexpr absl::Duration kDriftMax = absl::Seconds(2);

}  // namespace

Maintenance::Maintenance(const Services& services)
    : services_(services), wall_(services.clock.Now()), boot_(services.clock.SinceBoot()) {}

void Maintenance::Loop() {
  while (WaitUntil(std::min(sweep_at_, prune_at_))) DoRound();
}

void Maintenance::Poll() {
  if (TimeLeft() == absl::ZeroDuration()) DoRound();
}

absl::Duration Maintenance::TimeLeft() const {
  const absl::Duration left = std::min(sweep_at_, prune_at_) - services_.clock.SinceBoot();
  return std::max(left, absl::ZeroDuration());
}

void Maintenance::DoRound() {
  const RunnerOptions& options = services_.options;
  const bool sweeps = sweep_at_ <= prune_at_;
  const absl::Status status = sweeps ? Sweep() : Prune();
  failures_ = status.ok() ? 0 : failures_ + 1;
  if (failures_ == 1) {
    LogLine(services_, LogLevel::kError,
            fmt::format("upkeep failed, trying again: {}", status.ToString()));
  }
  const absl::Duration interval = sweeps ? options.sweep_interval : options.prune_interval;
  const absl::Duration pause = interval * (0.9 + 0.2 * RandomUnit(services_.random));
  (sweeps ? sweep_at_ : prune_at_) = services_.clock.SinceBoot() + pause;
}

void Maintenance::Finish() {
  MutexLock lock(mutex_);
  finishing_ = true;
  changed_.NotifyAll();
}

void Maintenance::Reset() {
  const RunnerOptions& options = services_.options;
  // The first rounds come soon: a process that was killed is usually started again at once.
  sweep_at_ = services_.clock.SinceBoot();
  prune_at_ = sweep_at_ + std::min(options.prune_interval, options.sweep_interval);
  failures_ = 0;
  MutexLock lock(mutex_);
  finishing_ = false;
}

// False once Finish() was called.
bool Maintenance::WaitUntil(absl::Duration when) {
  MutexLock lock(mutex_);
  while (!finishing_) {
    const absl::Duration left = when - services_.clock.SinceBoot();
    if (left <= absl::ZeroDuration()) return true;
    changed_.WaitFor(mutex_, absl::ToChronoNanoseconds(left));
  }
  return false;
}

// A jump of civil time would make live sessions look expired.
bool Maintenance::ClockIsSuspect() {
  const absl::Time wall = services_.clock.Now();
  const absl::Duration boot = services_.clock.SinceBoot();
  const absl::Duration drift = absl::AbsDuration((wall - wall_) - (boot - boot_));
  wall_ = wall;
  boot_ = boot;
  if (drift > kDriftMax) {
    suspect_until_ = boot + services_.options.lease;
    LogLine(services_, LogLevel::kWarning, "the machine's time has jumped: rescue rests a lease");
  }
  return boot < suspect_until_;
}

// Batches grow after a call only: else every other transaction of a store that bears no more would
// be in vain.
absl::Status Maintenance::Sweep() {
  if (ClockIsSuspect()) return absl::OkStatus();
  absl::Status status = RescueAll();
  if (status.ok()) rescue_batch_.Double();
  return status;
}

absl::Status Maintenance::Prune() {
  absl::Status status = PruneAll();
  if (status.ok()) prune_batch_.Double();
  return status;
}

bool Maintenance::Finishing() {
  MutexLock lock(mutex_);
  return finishing_;
}

absl::Status Maintenance::RescueAll() {
  RescueRequest request;
  request.crash_count_max = services_.options.crash_count_max;
  request.delay = services_.options.rescue_delay;
  while (true) {
    request.job_count_max = rescue_batch_.size();
    absl::StatusOr<std::vector<Rescued>> rescued = std::vector<Rescued>();
    const absl::Status status = services_.sweep.Run(1, [&](StoreTransaction& transaction) {
      rescued = transaction.Rescue(request);
      return rescued.status();
    });
    if (!rescued.ok() && rescue_batch_.Halve() && !Finishing()) continue;
    if (!status.ok()) return status;
    for (const Rescued& job : *rescued) ReportRescue(services_, job);
    const bool all = rescued->size() < static_cast<std::size_t>(request.job_count_max);
    if (all || Finishing()) return absl::OkStatus();
  }
}

absl::Status Maintenance::PruneAll() {
  PruneRequest request;
  request.keep_completed = services_.options.keep_completed;
  request.keep_cancelled = services_.options.keep_cancelled;
  request.keep_dead = services_.options.keep_dead;
  while (true) {
    request.row_count_max = prune_batch_.size();
    absl::StatusOr<PruneResult> pruned = PruneResult();
    const absl::Status status = services_.sweep.Run(1, [&](StoreTransaction& transaction) {
      pruned = transaction.Prune(request);
      return pruned.status();
    });
    if (!pruned.ok() && prune_batch_.Halve() && !Finishing()) continue;
    if (!status.ok()) return status;
    if (!pruned->more || Finishing()) return absl::OkStatus();
  }
}

}  // namespace outlive::internal
