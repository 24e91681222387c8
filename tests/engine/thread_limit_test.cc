// A process that the system gives no more threads.
#include <doctest/doctest.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/resource.h>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <fstream>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "tests/engine/eventually.h"
#include "tests/engine/jobs.h"

namespace outlive::tests {
namespace {

// So large that no thread gets the stack of one that has ended, and that nothing else counts.
constexpr std::size_t kStackBytes = 256u << 20;

std::uint64_t AddressSpaceBytes() {
  std::ifstream status("/proc/self/statm");
  std::uint64_t pages = 0;
  status >> pages;
  return pages * 4'096;
}

// While it lives `count` more threads can be started, and no more: there is no room for stacks.
class ThreadsLeft {
 public:
  explicit ThreadsLeft(std::uint64_t count) {
    mallopt(M_ARENA_MAX, 1);  // Threads take no address space but their stacks.
    pthread_attr_t large;
    pthread_attr_init(&large);
    pthread_attr_setstacksize(&large, kStackBytes);
    REQUIRE(pthread_getattr_default_np(&default_) == 0);
    REQUIRE(pthread_setattr_default_np(&large) == 0);
    pthread_attr_destroy(&large);
    REQUIRE(getrlimit(RLIMIT_AS, &before_) == 0);
    rlimit lowered = before_;
    lowered.rlim_cur = AddressSpaceBytes() + count * kStackBytes + kStackBytes / 2;
    REQUIRE(setrlimit(RLIMIT_AS, &lowered) == 0);
  }
  ~ThreadsLeft() {
    setrlimit(RLIMIT_AS, &before_);
    pthread_setattr_default_np(&default_);
    pthread_attr_destroy(&default_);
  }
  ThreadsLeft(const ThreadsLeft&) = delete;
  ThreadsLeft& operator=(const ThreadsLeft&) = delete;

 private:
  pthread_attr_t default_ = {};
  rlimit before_ = {};
};

TEST_CASE("a runner that gets too few threads says so, leaves nothing, and starts later (K20)") {
  RealWorld world;
  WorkerSet workers;
  workers.Add<Mail>([](JobContext&, const Mail&) { return Done(); });
  Runner runner(world.client, workers);
  const JobId id = world.client.Enqueue(Mail{1, "a"})->id;
  int refused_count = 0;
  for (std::uint64_t left = 0;; ++left) {
    CAPTURE(left);
    REQUIRE(left < 20);
    const ThreadsLeft limit(left);
    const absl::Status started = runner.Start();
    CAPTURE(started.ToString());
    if (started.ok()) break;
    ++refused_count;
    REQUIRE(absl::IsResourceExhausted(started));
    CHECK_FALSE(runner.healthy());
    CHECK(runner.running_count() == 0);
    CHECK(world.client.List({.state = JobState::kRunning})->empty());
  }
  CHECK(refused_count > 3);
  const auto job = world.client.WaitFor(id, world.Patience());
  REQUIRE(job.ok());
  CHECK(job->state == JobState::kCompleted);
  CHECK(job->attempt == 1);
}

TEST_CASE("jobs for which there are too few threads are run by those that there are (K20)") {
  constexpr int kJobCount = 20;
  RealWorld world;
  std::mutex mutex;
  std::multiset<std::thread::id> ran_on;
  WorkerSet workers;
  workers.Add<Mail>([&](JobContext&, const Mail&) {
    const std::lock_guard lock(mutex);
    ran_on.insert(std::this_thread::get_id());
    return Done();
  });
  Runner runner(world.client, workers, {.queues = {{.name = "default", .concurrency = kJobCount}}});
  REQUIRE(runner.Start().ok());
  const ThreadsLeft none(0);
  const std::vector<Mail> mails(kJobCount);
  REQUIRE(world.client.EnqueueMany(absl::MakeConstSpan(mails)).ok());
  CHECK(Eventually(world.store, [&] {
    return world.client.List({.state = JobState::kCompleted})->size() == kJobCount;
  }));
  runner.Stop();
  REQUIRE(ran_on.size() == kJobCount);
  CHECK(ran_on.count(*ran_on.begin()) == kJobCount);
}

TEST_CASE("an enqueue for which no thread can be had is refused and not lost (K20)") {
  RealWorld world;
  boost::asio::io_context loop;
  std::optional<absl::StatusOr<Enqueued>> told;
  {
    const ThreadsLeft none(0);
    world.client.AsyncEnqueue(
        Mail{1, "a"}, boost::asio::bind_executor(loop, [&](absl::StatusOr<Enqueued> result) {
          told = std::move(result);
        }));
  }
  loop.run();
  REQUIRE(told.has_value());
  CHECK(absl::IsUnavailable(told->status()));
  CHECK(world.client.List({})->empty());
  CHECK(world.client.Enqueue(Mail{1, "a"}).ok());
}

}  // namespace
}  // namespace outlive::tests
