#include "testing/process_life.h"

#include <absl/cleanup/cleanup.h>
#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "testing/guarded_worker.h"
#include "testing/simulation_world.h"

namespace outlive::testing::internal {
namespace {

// How soon a runner is polled again that could not begin.
constexpr absl::Duration kRetryStart = absl::Seconds(1);

// Resumptions after which a thread of a dead process does not end any more.
constexpr int kUnwindCountMax = 10'000;

}  // namespace

// One of the process's subscribers, and its subscription to the store.
class ProcessLife::Subscriber final : public Subscription {
 public:
  Subscriber(ProcessLife& life, JobStore& store, std::function<void(WakeHint)> on_wake)
      : life_(life),
        on_wake_(std::move(on_wake)),
        subscription_(store.Subscribe([&life](WakeHint hint) { life.world_.OnHint(life, hint); })) {
    life_.subscribers_.push_back(this);
  }
  ~Subscriber() override { std::erase(life_.subscribers_, this); }

  void Wake(WakeHint hint) const { on_wake_(hint); }

 private:
  ProcessLife& life_;
  const std::function<void(WakeHint)> on_wake_;
  const std::unique_ptr<Subscription> subscription_;
};

ProcessLife::ProcessLife(World& world, int number, int start)
    : world_(world),
      number_(number),
      start_(start),
      name_(fmt::format("p{}.{}", number, start)),
      random_(world.random().Next()),
      recorder_(name_, *this, world.clock()) {}

ProcessLife::~ProcessLife() {
  runner_ = nullptr;
  recording_client_ = nullptr;
  client_ = nullptr;
}

absl::Status ProcessLife::Start() {
  absl::StatusOr<std::unique_ptr<JobStore>> store =
      world_.storage().Open(number_, world_.clock(), random_);
  if (!store.ok()) return store.status();
  store_ = *std::move(store);
  simulated_store_ = std::make_unique<SimulatedStore>(*store_, *this);
  recording_store_ = std::make_unique<RecordingStore>(*simulated_store_, recorder_);
  client_ =
      std::make_unique<Client>(*recording_store_, ClientOptions{.log = this, .random = &random_});
  recording_client_ = std::make_unique<RecordingClient>(*client_, recorder_);
  world_.on_start(process_);
  GuardWorkers();
  RunnerOptions options = world_.options().runner;
  options.log = this;
  options.random = &random_;
  options.launch = [this](std::function<void()> task) { launched_.push_back(std::move(task)); };
  runner_ = std::make_unique<Runner>(*client_, guarded_, std::move(options));
  StartThread("poll", [this] { PollForever(); });
  return absl::OkStatus();
}

void ProcessLife::GuardWorkers() {
  for (const auto& [kind, entry] : workers_.entries()) {
    guarded_.Add(kind, std::make_unique<GuardedWorker>(*this, recorder_, entry), entry.options);
    has_coroutines_ = has_coroutines_ || entry.coroutine != nullptr;
  }
}

// -- Threads ------------------------------------------------------------------------------------

// `with_loop`: it may run an event loop of Asio's, which keeps notes of its own for each thread.
void ProcessLife::StartThread(std::string name, std::function<void()> body, bool with_loop) {
  Thread& thread = threads_.emplace_back();
  thread.name = std::move(name);
  const auto make = with_loop ? &MakeThreadFiber : &MakeFiber;
  thread.fiber = make([this, body = std::move(body)] {
    try {
      body();
    } catch (const ProcessKilled&) {
      // As it should be.
    } catch (...) {
      world_.FailWith(std::current_exception());
    }
  });
}

void ProcessLife::Resume(Thread& thread) {
  Thread* const before = std::exchange(current_, &thread);
  thread.fiber->Resume();
  current_ = before;
}

void ProcessLife::Rest(absl::Duration time) {
  Thread& self = *current_;
  self.ready_at = world_.now() + time;
  self.fiber->Rest();
}

void ProcessLife::RestInStore(absl::Duration time) {
  if (dead_ || current_ == nullptr) return;
  Thread* const self = current_;
  in_store_ = self;
  Rest(time);
  in_store_ = nullptr;
}

void ProcessLife::PollForever() {
  while (!dead_) {
    if (stop_grace_) runner_->BeginStop(*stop_grace_);
    const absl::StatusOr<absl::Duration> pause = runner_->Poll();
    if (!pause.ok()) Note(fmt::format("cannot begin: {}", pause.status().ToString()));
    if (dead_) return;
    // Options or workers that no runner takes: trying again does not help.
    if (absl::IsInvalidArgument(pause.status())) return world_.Fail(pause.status());
    if (pause.ok() && *pause == absl::InfiniteDuration()) {
      Note("has stopped");
      stopped_ = true;
      return;
    }
    // A runner that has not begun has nothing to stop.
    if (!pause.ok() && stop_grace_) {
      stopped_ = true;
      return;
    }
    Rest(pause.value_or(kRetryStart));
  }
}

// -- Steps --------------------------------------------------------------------------------------

bool ProcessLife::paused() const { return world_.now() < paused_until_; }

bool ProcessLife::CanRun(const Thread& thread) const {
  if (in_store_ != nullptr && in_store_ != &thread) return false;
  return !thread.fiber->done() && thread.ready_at <= world_.now();
}

std::size_t ProcessLife::ChoiceCount() const {
  if (paused()) return 0;
  auto count = static_cast<std::size_t>(std::count_if(
      threads_.begin(), threads_.end(), [this](const Thread& thread) { return CanRun(thread); }));
  if (in_store_ != nullptr) return count;
  if (!launched_.empty()) ++count;
  count += static_cast<std::size_t>(
      std::count_if(wakes_.begin(), wakes_.end(),
                    [this](const PendingWake& wake) { return wake.at <= world_.now(); }));
  return count;
}

void ProcessLife::Do(std::size_t choice) {
  for (auto thread = threads_.begin(); thread != threads_.end(); ++thread) {
    if (!CanRun(*thread) || choice-- > 0) continue;
    Note(thread->name);
    const bool polls = thread == threads_.begin();
    Resume(*thread);
    if (!polls) PollSoon();  // Whatever it has done may give the runner something to do.
    if (thread->fiber->done() && !polls) threads_.erase(thread);
    return;
  }
  if (!launched_.empty() && choice-- == 0) {
    std::function<void()> task = std::move(launched_.front());
    launched_.pop_front();
    Note("begins an attempt");
    StartThread(fmt::format("attempt {}", ++attempt_count_), std::move(task), has_coroutines_);
    return;
  }
  for (auto wake = wakes_.begin(); wake != wakes_.end(); ++wake) {
    if (wake->at > world_.now() || choice-- > 0) continue;
    const WakeHint hint = wake->hint;
    wakes_.erase(wake);
    Note("is woken");
    for (const Subscriber* subscriber : std::vector<Subscriber*>(subscribers_)) {
      subscriber->Wake(hint);
    }
    PollSoon();
    return;
  }
}

void ProcessLife::PollSoon() {
  Thread& poll = threads_.front();
  if (&poll != in_store_) poll.ready_at = std::min(poll.ready_at, world_.now());
}

absl::Duration ProcessLife::NextMoment() const {
  if (paused()) return paused_until_;
  if (in_store_ != nullptr) return in_store_->ready_at;
  if (!launched_.empty()) return world_.now();
  absl::Duration next = absl::InfiniteDuration();
  for (const Thread& thread : threads_) {
    if (!thread.fiber->done()) next = std::min(next, thread.ready_at);
  }
  for (const PendingWake& wake : wakes_) next = std::min(next, wake.at);
  return next;
}

bool ProcessLife::idle() const { return threads_.size() == 1 && launched_.empty(); }

// -- What happens to it -------------------------------------------------------------------------

void ProcessLife::Request(std::function<void(SimulatedProcess&)> request) {
  ++request_count_;
  StartThread("request", [this, request = std::move(request)] {
    const absl::Cleanup ended = [this] { --request_count_; };
    request(process_);
  });
}

void ProcessLife::Wake(WakeHint hint, absl::Duration at) {
  if (!dead_) wakes_.push_back({hint, at});
}

bool ProcessLife::Kill() {
  Note("is killed");
  dead_ = true;
  if (in_store_ != nullptr) world_.Count("kill in a call of the store");
  // Whoever is in a call of the store comes first: it holds what the others would wait for.
  for (int i = 0; i < kUnwindCountMax; ++i) {
    Thread* next = in_store_;
    for (Thread& thread : threads_) {
      if (next == nullptr && !thread.fiber->done()) next = &thread;
    }
    if (next == nullptr) break;
    Resume(*next);
  }
  for (const Thread& thread : threads_) {
    if (!thread.fiber->done()) return false;
  }
  // What had not begun ends as it is: the runner has to know that nothing runs any more.
  for (const std::function<void()>& task : launched_) task();
  launched_.clear();
  return true;
}

// -- For what runs in it ------------------------------------------------------------------------

void ProcessLife::Note(std::string_view what) { world_.Note(name_, what); }

void ProcessLife::Pass(absl::Duration time) {
  RequireAlive();
  if (current_ == nullptr) return;  // In OnStart().
  Rest(std::max(time, absl::ZeroDuration()));
  RequireAlive();
}

void ProcessLife::Crash() {
  RequireAlive();
  Note("crashes");
  wants_to_crash_ = true;
  Rest(absl::InfiniteDuration());
  throw ProcessKilled();
}

bool ProcessLife::Effect(JobId job, std::int64_t fence) {
  RequireAlive();
  return RecordEffect(recorder_, job, fence, [&] { return world_.TakeEffect(job, fence); });
}

std::unique_ptr<Subscription> ProcessLife::Subscribe(JobStore& store,
                                                     std::function<void(WakeHint)> on_wake) {
  return std::make_unique<Subscriber>(*this, store, std::move(on_wake));
}

void ProcessLife::Log(const LogRecord& record) {
  Note(fmt::format("log: {}", EscapeForLog(record.message)));
}

// Nobody hears any more what a dead process had to say.
void ProcessLife::Append(HistoryRecord record) {
  if (!dead_) world_.history().Append(std::move(record));
}

}  // namespace outlive::testing::internal

namespace outlive::testing {

int SimulatedProcess::number() const { return life_.number(); }
int SimulatedProcess::start() const { return life_.start(); }
WorkerSet& SimulatedProcess::workers() { return life_.workers(); }
void SimulatedProcess::Pass(absl::Duration time) { life_.Pass(time); }
void SimulatedProcess::Crash() { life_.Crash(); }
bool SimulatedProcess::Effect(const JobContext& job) { return life_.Effect(job.id(), job.fence()); }
RecordingClient& SimulatedProcess::client() { return life_.client(); }
Recorder& SimulatedProcess::recorder() { return life_.recorder(); }
bool SimulatedProcess::faults_are_on() const { return life_.world().faults_are_on(); }
SeededRandom& SimulatedProcess::random() { return life_.random(); }
const Clock& SimulatedProcess::clock() const { return life_.world().clock(); }

}  // namespace outlive::testing
