#include "benchmarks/child_roles.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <exception>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "benchmarks/backend.h"
#include "benchmarks/end_counter.h"
#include "benchmarks/host.h"
#include "benchmarks/resources.h"
#include "benchmarks/scale.h"
#include "benchmarks/support.h"
#include "outlive/core/observer.h"

namespace outlive::bench {
namespace {

void Say(const std::string& words) {
  const std::string line = words + '\n';
  if (write(STDOUT_FILENO, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
    throw BenchError("nobody listens");
  }
}

void WaitForEndOfInput() {
  std::array<char, 256> bytes;
  while (read(STDIN_FILENO, bytes.data(), bytes.size()) > 0) {
  }
}

void RunJobs(const Options& options, Backend& backend) {
  const std::unique_ptr<JobStore> store = backend.Open("shared");
  Client client(*store);
  WorkerSet workers;
  workers.Add<BenchJob>([](JobContext&, const BenchJob&) {
    Say(fmt::format("{}", SteadyNanoseconds()));
    return Outcome(Done());
  });
  RunnerOptions runner_options;
  runner_options.queues = {{.name = "default", .concurrency = options.concurrency}};
  Runner runner(client, workers, std::move(runner_options));
  Must(runner.Start());
  Say("ready");
  WaitForEndOfInput();
  runner.Stop(absl::Seconds(10));
}

void Drain(const Options& options, Backend& backend) {
  Host host(backend.Open("ours"), options.payload);
  host.Drain(options.backlog, options.concurrency);
  Say(fmt::format("{}", PeakResidentBytes()));
}

void DrainLimit(const Options& options, Backend& backend) {
  backend.OpenLimit("limit")->Drain(options.backlog, options.concurrency);
  Say(fmt::format("{}", PeakResidentBytes()));
}

// How often one of many tells how far it has come.
constexpr int kReportMs = 5;

int ReadWord() {
  std::string word;
  for (char byte = 0; read(STDIN_FILENO, &byte, 1) == 1 && byte != '\n';) word += byte;
  if (word.empty()) throw BenchError("nobody says when to begin");
  return std::stoi(word);
}

// Counts, and notes when.
class Tally final : public Observer {
 public:
  void OnEnqueued(JobLabel, int) override {}
  void OnStarted(JobLabel, absl::Duration) override {}
  void OnEnded(JobLabel, Transition end, absl::Duration) override {
    if (end == Transition::kComplete) ++count_;
  }
  void OnLeaseLost(JobLabel) override {}
  void OnRescued(JobLabel, JobState) override {}
  int count() const { return count_; }

 private:
  std::atomic<int> count_ = 0;
};

void DrainTogether(const Options& options, Backend& backend) {
  const std::unique_ptr<JobStore> store = backend.Open("ours");
  Client client(*store);
  WorkerSet workers;
  workers.Add<BenchJob>([](JobContext&, const BenchJob&) { return Outcome(Done()); });
  Tally tally;
  RunnerOptions runner_options;
  runner_options.queues = {{.name = "default", .concurrency = options.concurrency}};
  runner_options.observer = &tally;
  Runner runner(client, workers, std::move(runner_options));
  Say("ready");
  ReadWord();
  const std::int64_t start = SteadyNanoseconds();
  Must(runner.Start());
  int said = 0;
  for (pollfd input = {STDIN_FILENO, POLLIN, 0}; poll(&input, 1, kReportMs) == 0;) {
    const int count = tally.count();
    if (count == said) continue;
    said = count;
    Say(fmt::format("{} {}", count, SteadyNanoseconds() - start));
  }
  Say("-1");
  runner.Stop(absl::Seconds(10));
}

void DrainLimitTogether(const Options& options, Backend& backend) {
  const std::unique_ptr<Limit> limit = backend.OpenLimit("limit");
  Say("ready");
  const int count = ReadWord();
  const std::int64_t start = SteadyNanoseconds();
  limit->Drain(count, options.concurrency);
  Say(fmt::format("{} {}", count, SteadyNanoseconds() - start));
  WaitForEndOfInput();
  Say("-1");
}

// An event loop on a thread of its own, as a server has it.
class LoopThread {
 public:
  ~LoopThread() {
    work_.reset();
    thread_.join();
  }

  boost::asio::io_context& loop() { return loop_; }

 private:
  boost::asio::io_context loop_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
      loop_.get_executor()};
  std::thread thread_{[this] { loop_.run(); }};
};

boost::asio::awaitable<void> SleepForASecond() {
  const auto executor = co_await boost::asio::this_coro::executor;
  boost::asio::steady_timer timer(executor, std::chrono::seconds(1));
  co_await timer.async_wait(boost::asio::use_awaitable);
}

void SayTimeAndMemory(SteadyClock::time_point start, std::int64_t memory_before, int count) {
  const double seconds = SecondsSince(start);
  const std::int64_t bytes = PeakResidentBytes() - memory_before;
  Say(fmt::format("{} {}", seconds, static_cast<double>(bytes) / count));
}

void Sleep(const Options& options, Backend& backend) {
  const int count = Scale(options).sleepers;
  Host host(backend.Open("ours"), options.payload);
  host.Preload(count);
  WorkerSet workers;
  workers.Add<BenchJob>([](JobContext&, const BenchJob&) -> boost::asio::awaitable<Outcome> {
    co_await SleepForASecond();
    co_return Done();
  });
  LoopThread thread;
  EndCounter ends;
  RunnerOptions runner_options;
  runner_options.queues = {{.name = "default", .concurrency = count}};
  runner_options.executor = thread.loop().get_executor();
  runner_options.observer = &ends;
  Runner runner(host.client(), workers, std::move(runner_options));
  ends.Expect(count);
  ForgetPeak();
  const std::int64_t memory_before = ResidentBytes();
  const SteadyClock::time_point start = SteadyClock::now();
  Must(runner.Start());
  ends.Wait();
  SayTimeAndMemory(start, memory_before, count);
  runner.Stop();
}

void SleepLimit(const Options& options) {
  const int count = Scale(options).sleepers;
  boost::asio::io_context loop(1);
  ForgetPeak();
  const std::int64_t memory_before = ResidentBytes();
  const SteadyClock::time_point start = SteadyClock::now();
  for (int i = 0; i < count; ++i) {
    boost::asio::co_spawn(loop, SleepForASecond(), [](const std::exception_ptr& error) {
      if (error) std::rethrow_exception(error);
    });
  }
  loop.run();
  SayTimeAndMemory(start, memory_before, count);
}

void Idle(const Options& options, Backend& backend) {
  const std::chrono::milliseconds idle = Scale(options).idle;
  const std::unique_ptr<JobStore> store = backend.Open("ours");
  Client client(*store);
  WorkerSet workers;
  workers.Add<BenchJob>([](JobContext&, const BenchJob&) { return Outcome(Done()); });
  RunnerOptions runner_options;
  runner_options.queues = {{.name = "default", .concurrency = options.concurrency}};
  Runner runner(client, workers, std::move(runner_options));
  Must(runner.Start());
  Must(client.Enqueue(MakeBenchJob(options.payload)));
  Rest(idle / 4);
  const double cpu_before = CpuSeconds();
  const SteadyClock::time_point start = SteadyClock::now();
  Rest(idle);
  Say(fmt::format("{}", 100 * (CpuSeconds() - cpu_before) / SecondsSince(start)));
  runner.Stop(absl::Seconds(10));
}

}  // namespace

void PlayRole(const Options& options) {
  const std::unique_ptr<Backend> backend = MakeBackend(options);
  if (options.role == role::kRun) return RunJobs(options, *backend);
  if (options.role == role::kDrain) return Drain(options, *backend);
  if (options.role == role::kDrainLimit) return DrainLimit(options, *backend);
  if (options.role == role::kDrainTogether) return DrainTogether(options, *backend);
  if (options.role == role::kDrainLimitTogether) return DrainLimitTogether(options, *backend);
  if (options.role == role::kSleep) return Sleep(options, *backend);
  if (options.role == role::kSleepLimit) return SleepLimit(options);
  if (options.role == role::kIdle) return Idle(options, *backend);
  throw BenchError(fmt::format("there is no role {}", options.role));
}

}  // namespace outlive::bench
