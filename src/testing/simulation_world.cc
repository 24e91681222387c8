#include "testing/simulation_world.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "core/faults.h"
#include "outlive/testing/checker.h"
#include "testing/process_life.h"

namespace outlive::testing::internal {
namespace {

constexpr int kProcessCountMax = 16;
constexpr std::size_t kTraceLineCountMax = 400;

// How often a run looks whether everything has ended.
constexpr absl::Duration kLook = absl::Seconds(1);

// How long processes may take to stop in the end. A call of the store that was slow before may go
// on for twenty leases (RandomSpan).
constexpr absl::Duration kStopMax = absl::Hours(1);

std::uint64_t AddToHash(std::uint64_t hash, std::string_view text) {  // FNV-1a.
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  return hash;
}

}  // namespace

World::World(SimulationOptions options)
    : options_(std::move(options)),
      storage_(options_.storage != nullptr ? options_.storage : &memory_),
      random_(options_.seed),
      weather_(DrawWeather(options_.faults, random_)) {
  slots_.resize(static_cast<std::size_t>(std::clamp(options_.process_count, 1, kProcessCountMax)));
}

World::~World() { EndLives(); }

absl::Status World::Validate() const {
  outlive::internal::Faults faults("simulation");
  faults.Require(on_start != nullptr, "OnStart() has to be given");
  faults.Require(options_.process_count >= 1 && options_.process_count <= kProcessCountMax,
                 "process_count must be from 1 to 16");
  faults.Require(options_.duration >= absl::Seconds(1) && options_.duration <= absl::Hours(24),
                 "duration must be from 1 s to 1 day");
  faults.Require(
      options_.drain_max > absl::ZeroDuration() && options_.drain_max <= absl::Hours(24 * 366),
      "drain_max must be more than 0 and at most a year");
  faults.Require(options_.request_interval >= absl::Milliseconds(1),
                 "request_interval must be at least 1 ms");
  faults.Require(options_.step_count_max >= 1, "step_count_max must be at least 1");
  return faults.ToStatus();
}

// -- What has happened --------------------------------------------------------------------------

void World::Note(std::string_view who, std::string_view what) {
  std::string line =
      fmt::format("{} {} {}", absl::FormatDuration(now() - absl::Hours(1)), who, what);
  trace_hash_ = AddToHash(trace_hash_, line);
  trace_.push_back(std::move(line));
  if (trace_.size() > kTraceLineCountMax) trace_.pop_front();
}

void World::Fail(absl::Status status) {
  if (status_.ok()) status_ = std::move(status);
}

void World::FailWith(std::exception_ptr thrown) {
  Fail(absl::InternalError("a request has thrown an exception"));
  if (thrown_ == nullptr) thrown_ = std::move(thrown);
}

bool World::IsDown(int process) const {
  return now() < outage_until_ && (outage_of_ < 0 || outage_of_ == process);
}

bool World::TakeEffect(JobId job, std::int64_t fence) {
  std::int64_t& greatest = sink_fences_[job];
  if (fence < greatest) return false;
  greatest = fence;
  sink_.push_back({job, fence});
  return true;
}

void World::OnHint(ProcessLife& by, WakeHint hint) {
  for (Slot& slot : slots_) {
    if (slot.life == nullptr || (storage_->wakes_all() && slot.life.get() != &by)) continue;
    const auto happens = [&](std::uint64_t one_in) {
      return faults_are_on_ && one_in > 0 && random_.OneIn(one_in);
    };
    if (happens(weather_.lost_wakeup)) {
      Count("wake-up lost");
      continue;
    }
    absl::Duration at = now();
    if (happens(weather_.late_wakeup)) {
      Count("wake-up late");
      at += RandomSpan(absl::Seconds(5), random_);
    }
    slot.life->Wake(hint, at);
    if (happens(weather_.double_wakeup)) {
      Count("wake-up doubled");
      slot.life->Wake(hint, at);
    }
  }
}

// -- Steps --------------------------------------------------------------------------------------

SimulationReport World::Run() {
  SimulationReport report;
  report.seed = options_.seed;
  status_ = Validate();
  if (status_.ok()) {
    absl::StatusOr<std::unique_ptr<JobStore>> observer = storage_->Open(kObserver, clock_, random_);
    status_ = observer.status();
    if (observer.ok()) observer_ = *std::move(observer);
  }
  if (status_.ok()) {
    DrawEvents();
    request_at_ = now();
    RunUntil(now() + options_.duration, [] { return false; });
    Calm();
    Drain();
    StopAll();
    EndLives();
    Judge(report);
  }
  report.status = status_;
  report.counts = counts_;
  report.trace_hash = trace_hash_;
  report.trace.assign(trace_.begin(), trace_.end());
  if (thrown_ != nullptr) std::rethrow_exception(thrown_);
  return report;
}

void World::RunUntil(absl::Duration until, const std::function<bool()>& done) {
  while (status_.ok() && !done() && Step(until)) {
    if (++step_count_ > options_.step_count_max) {
      Fail(absl::DeadlineExceededError("the run goes round in circles: too many steps"));
    }
  }
}

// One thing that happens; false: it is `until`.
bool World::Step(absl::Duration until) {
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    Slot& slot = slots_[i];
    if (slot.life != nullptr && slot.life->wants_to_crash()) Kill(slot, "crash");
    if (slot.life != nullptr && slot.life->over()) {
      slot.life = nullptr;
      slot.start_at = NextStart();
    }
    if (slot.life == nullptr && now() >= slot.start_at) StartProcess(slot, static_cast<int>(i));
  }
  if (now() >= storage_heals_at_) {
    storage_->Heal();
    storage_heals_at_ = absl::InfiniteDuration();
    Note("", "the storage is well again");
  }
  if (now() >= event_at_) Strike();
  if (now() >= request_at_) SendRequest();
  std::size_t choices = 0;
  for (const Slot& slot : slots_) {
    if (slot.life != nullptr) choices += slot.life->ChoiceCount();
  }
  if (choices == 0) {
    AdvanceTo(std::min(NextMoment(), until));
    return now() < until;
  }
  std::size_t choice = random_.Below(choices);
  for (const Slot& slot : slots_) {
    if (slot.life == nullptr) continue;
    const std::size_t own = slot.life->ChoiceCount();
    if (choice < own) {
      slot.life->Do(choice);
      return true;
    }
    choice -= own;
  }
  return true;
}

void World::AdvanceTo(absl::Duration when) {
  if (when > now()) clock_.Advance(when - now());
}

absl::Duration World::NextMoment() const {
  absl::Duration next = std::min({event_at_, request_at_, storage_heals_at_});
  for (const Slot& slot : slots_) {
    next = std::min(next, slot.life == nullptr ? slot.start_at : slot.life->NextMoment());
  }
  return next;
}

void World::StartProcess(Slot& slot, int number) {
  slot.life = std::make_unique<ProcessLife>(*this, number, ++slot.start_count);
  const absl::Status started = slot.life->Start();
  Count("start");
  slot.life->Note(started.ok() ? "starts" : fmt::format("cannot start: {}", started.ToString()));
  if (started.ok()) return;
  Count("start failed");
  slot.life = nullptr;
  slot.start_at = NextStart();
}

absl::Duration World::NextStart() {
  return ending_ ? absl::InfiniteDuration() : now() + RandomSpan(absl::Seconds(5), random_);
}

void World::SendRequest() {
  request_at_ = requests_are_on_ ? now() + RandomSpan(options_.request_interval, random_)
                                 : absl::InfiniteDuration();
  if (on_request == nullptr) return;
  ProcessLife* const life = AnyLife();
  if (life != nullptr && !life->stopping()) life->Request(on_request);
}

void World::Kill(Slot& slot, std::string_view how) {
  Count(std::string(how));
  storage_->Kill(static_cast<int>(&slot - slots_.data()));
  if (!slot.life->Kill()) {
    std::fputs(
        "Simulation: code of a process that was killed does not end; it must let through "
        "what SimulatedProcess::Pass() throws\n",
        stderr);
    std::abort();
  }
  slot.life = nullptr;
  slot.start_at = NextStart();
}

void World::EndLives() {
  for (Slot& slot : slots_) {
    if (slot.life != nullptr) Kill(slot, "kill at the end");
  }
}

// -- Phases -------------------------------------------------------------------------------------

void World::Calm() {
  Note("", "no more faults");
  faults_are_on_ = false;
  requests_are_on_ = false;
  event_at_ = absl::InfiniteDuration();
  request_at_ = absl::InfiniteDuration();
  outage_until_ = absl::ZeroDuration();
  storage_->Heal();
  storage_heals_at_ = absl::InfiniteDuration();
  for (Slot& slot : slots_) {
    if (slot.life == nullptr) {
      slot.start_at = now();
    } else {
      slot.life->Pause(absl::ZeroDuration());
    }
  }
  // What was asked for before comes to its end.
  const auto quiet = [this] {
    return std::none_of(slots_.begin(), slots_.end(), [](const Slot& slot) {
      return slot.life != nullptr && slot.life->has_requests();
    });
  };
  RunUntil(now() + kStopMax, quiet);
  if (status_.ok() && !quiet()) {
    return Fail(absl::DeadlineExceededError("a request does not come to its end"));
  }
  // A worker may still bring its process down, and what was asked in it as well.
  calmed_ = on_calm == nullptr;
  const absl::Duration deadline = now() + kStopMax;
  while (status_.ok() && !calmed_ && now() < deadline) {
    ProcessLife* const life = AnyLife();
    const bool asked = life != nullptr && !life->stopping();
    if (asked) {
      life->Request([this](SimulatedProcess& process) {
        on_calm(process);
        calmed_ = true;
      });
    }
    RunUntil(asked ? deadline : now() + kLook, [&] { return asked && quiet(); });
  }
  if (status_.ok() && !calmed_) {
    Fail(absl::DeadlineExceededError("OnCalm() does not come to its end"));
  }
}

void World::Drain() {
  // Where civil time was put back, the store's time stands until it has caught up.
  end_by_ = clock_.Now() + put_back_ + options_.drain_max;
  const absl::Duration drained_by = now() + put_back_ + options_.drain_max;
  while (status_.ok() && now() < drained_by && !IsDrained()) {
    RunUntil(std::min(now() + kLook, drained_by), [] { return false; });
  }
}

bool World::IsDrained() {
  CollectEvents();
  for (const Slot& slot : slots_) {
    if (slot.life == nullptr || !slot.life->idle()) return false;
  }
  const absl::StatusOr<JobStats> stats = observer_->Stats();
  if (!stats.ok()) {
    Fail(stats.status());
    return true;
  }
  return std::all_of(stats->lanes.begin(), stats->lanes.end(), [](const JobStats::Lane& lane) {
    return lane.pending + lane.blocked + lane.running == 0;
  });
}

void World::StopAll() {
  ending_ = true;
  for (Slot& slot : slots_) {
    if (slot.life != nullptr) slot.life->BeginStop(absl::ZeroDuration());
    slot.start_at = absl::InfiniteDuration();
  }
  const auto all_have_stopped = [this] {
    return std::all_of(slots_.begin(), slots_.end(),
                       [](const Slot& slot) { return slot.life == nullptr || slot.life->over(); });
  };
  RunUntil(now() + kStopMax, all_have_stopped);
  if (status_.ok() && !all_have_stopped()) {
    Fail(absl::DeadlineExceededError("a process does not stop"));
  }
  for (Slot& slot : slots_) {
    if (slot.life != nullptr && slot.life->over()) slot.life = nullptr;
  }
}

// -- Judgement ----------------------------------------------------------------------------------

void World::CollectEvents() {
  const std::int64_t after = event_log_.empty() ? 0 : event_log_.back().seq;
  absl::StatusOr<std::vector<outlive::Event>> events = observer_->EventsAfter(after, 1'000'000);
  if (!events.ok()) return Fail(events.status());
  event_log_.insert(event_log_.end(), events->begin(), events->end());
}

void World::Judge(SimulationReport& report) {
  if (!status_.ok()) return;
  status_ = storage_->Check();
  CollectEvents();
  absl::StatusOr<std::vector<Job>> jobs = AllJobs(*observer_);
  if (!jobs.ok()) return Fail(jobs.status());
  RunRecord run;
  run.history = history_.records();
  run.events = event_log_;
  run.jobs = *std::move(jobs);
  run.sink = sink_;
  if (on_judge != nullptr) on_judge(run);
  CheckOptions check = options_.check;
  check.crash_count_max = options_.runner.crash_count_max;
  check.live_processes_keep_leases = weather_.leases_are_safe;
  check.end_by = end_by_;
  report.check = CheckRun(run, check);
  if (absl::Status counted = CheckStats(run.jobs); !counted.ok()) Fail(std::move(counted));
}

// The store's own counts are those of its jobs.
absl::Status World::CheckStats(const std::vector<Job>& jobs) {
  const absl::StatusOr<JobStats> stats = observer_->Stats();
  if (!stats.ok()) return stats.status();
  std::map<std::pair<std::string, std::string>, std::array<std::int64_t, kJobStateCount>> counted;
  for (const Job& job : jobs) {
    ++counted[{job.queue, job.kind}][static_cast<std::size_t>(job.state)];
  }
  for (const JobStats::Lane& lane : stats->lanes) {
    const std::array<std::int64_t, kJobStateCount> told = {
        lane.pending, lane.blocked, lane.running, lane.completed, lane.cancelled, lane.dead};
    if (counted[{lane.queue, lane.kind}] != told) {
      return absl::InternalError(fmt::format("the statistics of {} in {} are not those of its jobs",
                                             lane.kind, lane.queue));
    }
    counted.erase({lane.queue, lane.kind});
  }
  if (counted.empty()) return absl::OkStatus();
  return absl::InternalError("the statistics do not tell of all jobs");
}

}  // namespace outlive::testing::internal
