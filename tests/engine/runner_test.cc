// A started runner, with its threads.
#include "outlive/engine/runner.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/engine/eventually.h"
#include "tests/engine/jobs.h"

namespace outlive::tests {
namespace {

// Blocks until the job is asked to stop.
void WaitForStop(JobContext& job) {
  std::mutex mutex;
  std::condition_variable_any stopped;
  std::unique_lock lock(mutex);
  stopped.wait(lock, job.stop_token(), [] { return false; });
}

TEST_CASE("jobs enqueued by many threads are all run, and woken without polling") {
  RealWorld world;
  std::atomic<int> ran = 0;
  WorkerSet workers;
  workers.Add<Mail>([&](JobContext&, const Mail&) {
    ++ran;
    return Done();
  });
  RunnerOptions options;
  options.poll_interval_max = absl::Hours(1);  // A lost wake-up would hang the test.
  Runner runner(world.client, workers, options);
  REQUIRE(runner.Start().ok());
  CHECK(runner.healthy());
  std::vector<std::thread> producers;
  for (int producer = 0; producer < 4; ++producer) {
    producers.emplace_back([&] {
      for (int i = 0; i < 250; ++i) CHECK(world.client.Enqueue(Mail{i, "a"}).ok());
    });
  }
  for (std::thread& producer : producers) producer.join();
  const auto all_completed = [&] {
    const auto jobs = world.client.List({.state = JobState::kCompleted}, {.row_count_max = 1000});
    return jobs->size() == 1000;
  };
  CHECK(Eventually(world.store, all_completed));
  CHECK(ran == 1000);
}

TEST_CASE("a queue runs as many at once as it may, and no more") {
  RealWorld world;
  Gate gate;
  std::atomic<int> inside = 0;
  std::atomic<int> most = 0;
  WorkerSet workers;
  workers.Add<Mail>([&](JobContext& job, const Mail&) {
    const int now = ++inside;
    for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
    }
    job.ReportProgress(0.5);
    gate.Wait();
    --inside;
    return Done();
  });
  RunnerOptions options;
  options.queues = {{"default", 3}};
  options.progress_interval = absl::Milliseconds(10);
  Runner runner(world.client, workers, options);
  std::vector<Mail> mails(20);
  REQUIRE(world.client.EnqueueMany(absl::MakeConstSpan(mails)).ok());
  REQUIRE(runner.Start().ok());
  CHECK(Eventually(world.store, [&] { return inside == 3; }));
  CHECK(world.client.List({.state = JobState::kRunning})->size() == 3);
  gate.Open();
  CHECK(Eventually(world.store, [&] {
    return world.client.List({.state = JobState::kCompleted})->size() == 20;
  }));
  CHECK(most == 3);
}

TEST_CASE("a queue that was full goes on at once, while another has nothing to do") {
  RealWorld world;
  WorkerSet workers;
  workers.Add<Mail>([](JobContext&, const Mail&) { return Done(); });
  RunnerOptions options;
  options.queues = {{"default", 1}, {"idle", 1}};
  options.poll_interval_max = absl::Hours(1);  // What is not noticed is not done.
  Runner runner(world.client, workers, options);
  std::vector<Mail> mails(5);
  REQUIRE(world.client.EnqueueMany(absl::MakeConstSpan(mails)).ok());
  REQUIRE(runner.Start().ok());
  CHECK(Eventually(world.store, [&] {
    return world.client.List({.state = JobState::kCompleted})->size() == 5;
  }));
}

TEST_CASE("a job that comes while others block has a thread of its own") {
  RealWorld world;
  constexpr int kSlots = 4;
  Gate release;
  std::atomic<int> blocked = 0;
  WorkerSet workers;
  workers.Add<Mail>([&](JobContext& job, const Mail&) {
    ++blocked;
    job.ReportProgress(0.5);
    release.Wait();
    return Done();
  });
  workers.Add<Fax>([](JobContext&, const Fax&) { return Done(); });
  RunnerOptions options;
  options.queues = {{"default", kSlots}};
  options.progress_interval = absl::Milliseconds(10);
  Runner runner(world.client, workers, options);
  REQUIRE(runner.Start().ok());
  std::vector<JobId> mails;
  for (int i = 1; i < kSlots; ++i) {
    // One after another: each comes when the threads there are have something to do.
    mails.push_back(world.client.Enqueue(Mail{i, "a"})->id);
    REQUIRE(Eventually(world.store, [&] { return blocked == i; }));
    const JobId fax = world.client.Enqueue(Fax{i})->id;
    REQUIRE(world.client.WaitFor(fax, world.Patience()).ok());
  }
  release.Open();
  for (const JobId mail : mails) CHECK(world.client.WaitFor(mail, world.Patience()).ok());
}

// How many events of claims the log has after `seq`.
std::ptrdiff_t ClaimsAfter(JobStore& store, std::int64_t seq) {
  const auto events = store.EventsAfter(seq, 10'000);
  REQUIRE(events.ok());
  return std::count_if(events->begin(), events->end(),
                       [](const Event& event) { return event.type == EventType::kClaimed; });
}

TEST_CASE("after a pause nothing more is claimed, however busy the queue is (H11)") {
  RealWorld world;
  std::atomic<int> ran = 0;
  WorkerSet workers;
  workers.Add<Mail>([&](JobContext&, const Mail&) {
    ++ran;
    return Done();
  });
  Runner runner(world.client, workers, {.queues = {{"default", 4}}});
  REQUIRE(runner.Start().ok());
  constexpr int kRoundCount = 20;
  constexpr int kJobCount = 200;
  for (int round = 1; round <= kRoundCount; ++round) {
    const std::vector<Mail> mails(kJobCount);
    REQUIRE(world.client.EnqueueMany(absl::MakeConstSpan(mails)).ok());
    // In the middle of it, wherever that is.
    REQUIRE(Eventually(world.store, [&] { return ran > kJobCount * (round - 1); }));
    REQUIRE(world.client.PauseQueue("default").ok());
    const std::int64_t paused = *world.store.LastEvent();
    REQUIRE(Eventually(world.store,
                       [&] { return world.client.List({.state = JobState::kRunning})->empty(); }));
    CHECK(ClaimsAfter(world.store, paused) == 0);
    REQUIRE(world.client.ResumeQueue("default").ok());
    REQUIRE(Eventually(world.store, [&] { return ran == kJobCount * round; }));
  }
}

TEST_CASE("thousands of reports of progress are few writes, and the last one counts (K18)") {
  RealWorld world;
  WorkerSet workers;
  workers.Add<Mail>([](JobContext& job, const Mail&) {
    for (int i = 1; i <= 10'000; ++i) job.ReportProgress(i / 10'000.0, std::to_string(i));
    return Done();
  });
  RunnerOptions options;
  options.progress_interval = absl::Minutes(1);
  Runner runner(world.client, workers, options);
  REQUIRE(runner.Start().ok());
  const JobId id = world.client.Enqueue(Mail{1, "a"})->id;
  const auto job = world.client.WaitFor(id, world.Patience());
  REQUIRE(job.ok());
  CHECK(job->progress == 1);
  CHECK(job->progress_note == "10000");
  const auto events = world.store.EventsAfter(0, 1'000);
  REQUIRE(events.ok());
  CHECK(std::count_if(events->begin(), events->end(), [](const Event& event) {
          return event.type == EventType::kProgressed;
        }) <= 2);
}

TEST_CASE("a running job is cancelled through another client") {
  RealWorld world;
  Client other(world.store);
  Gate started;
  std::atomic<StopReason> reason = StopReason::kNone;
  WorkerSet workers;
  workers.Add<Mail>([&](JobContext& job, const Mail&) {
    started.Open();
    WaitForStop(job);
    reason = job.stop_reason();
    return Cancelled("stopped by the user");
  });
  Runner runner(world.client, workers);
  REQUIRE(runner.Start().ok());
  const JobId id = world.client.Enqueue(Mail{1, "a"})->id;
  started.Wait();
  CHECK(*other.Cancel(id, "not wanted any more") == JobState::kRunning);
  const auto job = other.WaitFor(id, world.Patience());
  REQUIRE(job.ok());
  CHECK(job->state == JobState::kCancelled);
  CHECK(reason == StopReason::kCancelled);
}

TEST_CASE("an attempt over its time limit is asked to stop, and has failed") {
  RealWorld world;
  WorkerSet workers;
  workers.Add<Mail>(
      [](JobContext& job, const Mail&) {
        CHECK(job.deadline() < absl::InfiniteFuture());
        WaitForStop(job);
        return Outcome(absl::CancelledError("stopped"));
      },
      {.timeout = absl::Milliseconds(20)});
  Runner runner(world.client, workers);
  REQUIRE(runner.Start().ok());
  const JobId id = world.client.Enqueue(Mail{1, "a"}, {.max_attempts = 1})->id;
  const auto job = world.client.WaitFor(id, world.Patience());
  REQUIRE(job.ok());
  CHECK(job->state == JobState::kDead);
  CHECK(job->errors.at(0).code == absl::StatusCode::kDeadlineExceeded);
}

TEST_CASE("a job that is due later starts without anybody's help") {
  RealWorld world;
  WorkerSet workers;
  workers.Add<Mail>([](JobContext&, const Mail&) { return Done(); });
  RunnerOptions options;
  options.poll_interval_max = absl::Hours(1);
  Runner runner(world.client, workers, options);
  REQUIRE(runner.Start().ok());
  const auto later = world.client.Enqueue(Mail{1, "a"}, {.delay = absl::Milliseconds(50)});
  const auto job = world.client.WaitFor(later->id, world.Patience());
  REQUIRE(job.ok());
  CHECK(job->state == JobState::kCompleted);
  CHECK(*job->started_at >= job->run_at);
}

TEST_CASE("progress is seen while the job runs") {
  RealWorld world;
  Gate gate;
  WorkerSet workers;
  workers.Add<Mail>([&](JobContext& job, const Mail&) {
    for (int i = 1; i <= 10'000; ++i) job.ReportProgress(i / 20'000.0, "rendering");
    gate.Wait();
    return Done();
  });
  RunnerOptions options;
  options.progress_interval = absl::Milliseconds(10);
  Runner runner(world.client, workers, options);
  REQUIRE(runner.Start().ok());
  const JobId id = world.client.Enqueue(Mail{1, "a"})->id;
  CHECK(Eventually(world.store, [&] { return world.client.Get(id)->progress == 0.5; }));
  CHECK(world.client.Get(id)->progress_note == "rendering");
  gate.Open();
  REQUIRE(world.client.WaitFor(id, world.Patience()).ok());
  // Ten thousand reports are a handful of writes.
  int writes = 0;
  const std::vector<Event> events = *world.store.EventsAfter(0, 1000);
  for (const Event& event : events) {
    writes += event.type == EventType::kProgressed ? 1 : 0;
  }
  CHECK(writes >= 1);
  CHECK(writes < 1000);
}

boost::asio::awaitable<Outcome> SleepAnHour(JobContext& job, const Mail&) {
  auto executor = co_await boost::asio::this_coro::executor;
  boost::asio::steady_timer timer(executor, std::chrono::hours(1));
  job.ReportProgress(0.1);
  co_await timer.async_wait(boost::asio::use_awaitable);
  co_return Done();
}

boost::asio::awaitable<Outcome> SendNow(JobContext&, const Fax&) { co_return Done(); }

TEST_CASE("coroutine workers share one thread, and are cancelled through their slot") {
  RealWorld world;
  boost::asio::io_context loop;
  auto work = boost::asio::make_work_guard(loop);
  std::thread thread([&] { loop.run(); });
  {
    WorkerSet workers;
    workers.Add<Mail>(SleepAnHour);
    workers.Add<Fax>(SendNow);
    RunnerOptions options;
    options.executor = loop.get_executor();
    options.queues = {{"default", 200}};
    options.progress_interval = absl::Milliseconds(10);
    Runner runner(world.client, workers, options);
    REQUIRE(runner.Start().ok());
    const JobId slow = world.client.Enqueue(Mail{1, "a"})->id;
    std::vector<Fax> faxes(100);
    REQUIRE(world.client.EnqueueMany(absl::MakeConstSpan(faxes)).ok());
    CHECK(Eventually(world.store, [&] {
      return world.client.List({.state = JobState::kCompleted})->size() == 100;
    }));
    CHECK(Eventually(world.store, [&] { return world.client.Get(slow)->progress > 0; }));
    REQUIRE(world.client.Cancel(slow).ok());
    const auto job = world.client.WaitFor(slow, world.Patience());
    REQUIRE(job.ok());
    CHECK(job->state == JobState::kCancelled);
  }
  work.reset();
  thread.join();
}

TEST_CASE("a coroutine over its time limit is cancelled through its slot, and has failed") {
  RealWorld world;
  boost::asio::io_context loop;
  auto work = boost::asio::make_work_guard(loop);
  std::thread thread([&] { loop.run(); });
  {
    WorkerSet workers;
    workers.Add<Mail>(SleepAnHour, {.timeout = absl::Milliseconds(20)});
    RunnerOptions options;
    options.executor = loop.get_executor();
    Runner runner(world.client, workers, options);
    REQUIRE(runner.Start().ok());
    const JobId id = world.client.Enqueue(Mail{1, "a"}, {.max_attempts = 1})->id;
    const auto job = world.client.WaitFor(id, world.Patience());
    REQUIRE(job.ok());
    CHECK(job->state == JobState::kDead);
    CHECK(job->errors.at(0).code == absl::StatusCode::kDeadlineExceeded);
  }
  work.reset();
  thread.join();
}

TEST_CASE("a coroutine that is cancelled before it could begin ends at its first wait") {
  RealWorld world;
  boost::asio::io_context loop;
  auto work = boost::asio::make_work_guard(loop);
  WorkerSet workers;
  workers.Add<Mail>(SleepAnHour);
  RunnerOptions options;
  options.executor = loop.get_executor();
  Runner runner(world.client, workers, options);
  REQUIRE(runner.Start().ok());
  const JobId id = world.client.Enqueue(Mail{1, "a"})->id;
  CHECK(Eventually(world.store, [&] { return world.client.Get(id)->state == JobState::kRunning; }));
  REQUIRE(world.client.Cancel(id).ok());
  std::thread thread([&] { loop.run(); });  // Only now.
  const auto job = world.client.WaitFor(id, world.Patience());
  REQUIRE(job.ok());
  CHECK(job->state == JobState::kCancelled);
  runner.Stop();
  work.reset();
  thread.join();
}

TEST_CASE("a worker that only looks at cancelled() is stopped, too") {
  RealWorld world;
  Gate started;
  WorkerSet workers;
  workers.Add<Mail>([&](JobContext& job, const Mail&) -> Outcome {
    started.Open();
    while (!job.cancelled()) std::this_thread::yield();
    return absl::CancelledError("stopped");
  });
  Runner runner(world.client, workers);
  REQUIRE(runner.Start().ok());
  const JobId id = world.client.Enqueue(Mail{1, "a"})->id;
  started.Wait();
  REQUIRE(world.client.Cancel(id, "not wanted").ok());
  const auto job = world.client.WaitFor(id, world.Patience());
  REQUIRE(job.ok());
  CHECK(job->state == JobState::kCancelled);
  CHECK(job->errors.at(0).message == "not wanted");
}

TEST_CASE("two runners share a queue, and each job runs once") {
  RealWorld world;
  std::mutex mutex;
  std::vector<std::int64_t> ran;
  WorkerSet workers;
  workers.Add<Mail>([&](JobContext&, const Mail& mail) {
    const std::lock_guard lock(mutex);
    ran.push_back(mail.number);
    return Done();
  });
  Client second_client(world.store);
  Runner first(world.client, workers);
  Runner second(second_client, workers);
  REQUIRE(first.Start().ok());
  REQUIRE(second.Start().ok());
  std::vector<Mail> mails(500);
  for (int i = 0; i < 500; ++i) mails[static_cast<std::size_t>(i)].number = i;
  REQUIRE(world.client.EnqueueMany(absl::MakeConstSpan(mails)).ok());
  CHECK(Eventually(world.store, [&] {
    return world.client.List({.state = JobState::kCompleted}, {.row_count_max = 1000})->size() ==
           500;
  }));
  first.Stop();
  second.Stop();
  std::sort(ran.begin(), ran.end());
  REQUIRE(ran.size() == 500);
  CHECK(std::adjacent_find(ran.begin(), ran.end()) == ran.end());
}

}  // namespace
}  // namespace outlive::tests
