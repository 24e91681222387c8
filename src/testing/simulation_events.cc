// The part of the world that lets things go wrong with processes and the machine.
#include <fmt/format.h>

#include <algorithm>

#include "testing/process_life.h"
#include "testing/simulation_world.h"

namespace outlive::testing::internal {

void World::DrawEvents() {
  const auto add = [this](bool on, Event event) {
    if (on) events_.push_back(event);
  };
  add(weather_.kills, &World::KillOne);
  add(weather_.stops, &World::StopOne);
  add(weather_.pauses, &World::PauseOne);
  add(weather_.suspensions, &World::Suspend);
  add(weather_.clock_steps, &World::StepClock);
  add(weather_.outages, &World::BeginOutage);
  add(weather_.storage_faults && !storage_->faults().empty(), &World::BreakStorage);
  add(weather_.storage_faults && storage_->has_power(), &World::CutPower);
  if (!events_.empty()) event_at_ = now() + RandomSpan(weather_.event_interval, random_);
}

void World::Strike() {
  event_at_ = now() + RandomSpan(weather_.event_interval, random_);
  (this->*events_[random_.Below(events_.size())])();
}

// One of those that run, at random; nullptr: there is none.
ProcessLife* World::AnyLife() {
  const auto lives = static_cast<std::uint64_t>(std::count_if(
      slots_.begin(), slots_.end(), [](const Slot& slot) { return slot.life != nullptr; }));
  if (lives == 0) return nullptr;
  std::uint64_t which = random_.Below(lives);
  for (const Slot& slot : slots_) {
    if (slot.life != nullptr && which-- == 0) return slot.life.get();
  }
  return nullptr;
}

void World::KillOne() {
  const ProcessLife* const life = AnyLife();
  if (life != nullptr) Kill(slots_[static_cast<std::size_t>(life->number())], "kill");
}

void World::StopOne() {
  ProcessLife* const life = AnyLife();
  if (life == nullptr || life->stopping()) return;
  const absl::Duration grace =
      random_.OneIn(2) ? absl::ZeroDuration() : RandomSpan(absl::Seconds(10), random_);
  Count("stop");
  life->Note(fmt::format("has to stop within {}", absl::FormatDuration(grace)));
  life->BeginStop(grace);
}

void World::PauseOne() {
  ProcessLife* const life = AnyLife();
  if (life == nullptr) return;
  const absl::Duration time = RandomSpan(options_.runner.lease, random_);
  Count("pause");
  if (time > options_.runner.lease) Count("pause longer than a lease");
  if (holder_ == life) Count("pause in a transaction");
  life->Note(fmt::format("is paused for {}", absl::FormatDuration(time)));
  life->Pause(now() + time);
}

void World::Suspend() {
  const absl::Duration time = RandomSpan(absl::Minutes(2), random_);
  Count("suspension");
  Note("", fmt::format("the machine sleeps for {}", absl::FormatDuration(time)));
  clock_.Advance(time);
}

void World::StepClock() {
  static constexpr absl::Duration kSteps[] = {absl::Milliseconds(500), absl::Seconds(1),
                                              absl::Seconds(30), absl::Hours(1)};
  const absl::Duration step = kSteps[random_.Below(std::size(kSteps))];
  const bool forward = random_.OneIn(2);
  Count(forward ? "clock forward" : "clock back");
  Note("", fmt::format("civil time jumps {} by {}", forward ? "forward" : "back",
                       absl::FormatDuration(step)));
  clock_.SetNow(forward ? clock_.Now() + step : clock_.Now() - step);
  if (!forward) put_back_ += step;
}

void World::BeginOutage() {
  outage_of_ = random_.OneIn(2) ? -1 : static_cast<int>(random_.Below(slots_.size()));
  const absl::Duration time = RandomSpan(absl::Seconds(20), random_);
  outage_until_ = now() + time;
  Count(outage_of_ < 0 ? "outage" : "outage of one process");
  Note("", fmt::format("the store is down for {}, {}", absl::FormatDuration(time), outage_of_));
}

void World::BreakStorage() {
  if (storage_heals_at_ != absl::InfiniteDuration()) return;
  const std::vector<std::string> faults = storage_->faults();
  const std::string& fault = faults[random_.Below(faults.size())];
  Count(fault);
  Note("", fault);
  storage_->Strike(fault, random_);
  storage_heals_at_ = now() + RandomSpan(absl::Seconds(10), random_);
}

void World::CutPower() {
  Count("power cut");
  Note("", "the power is cut");
  // Nothing ends in order, not even who only looks.
  storage_->Kill(kObserver);
  observer_ = nullptr;
  for (Slot& slot : slots_) {
    if (slot.life != nullptr) Kill(slot, "kill by a power cut");
  }
  storage_->CutPower();
  storage_heals_at_ = absl::InfiniteDuration();
  absl::StatusOr<std::unique_ptr<JobStore>> observer = storage_->Open(kObserver, clock_, random_);
  if (!observer.ok()) return Fail(observer.status());
  observer_ = *std::move(observer);
  if (absl::Status sound = storage_->Check(); !sound.ok()) Fail(std::move(sound));
}

}  // namespace outlive::testing::internal
