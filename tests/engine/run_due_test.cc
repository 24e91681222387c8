// What becomes of jobs, on virtual time and one thread.
#include <doctest/doctest.h>

#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cmath>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/engine/jobs.h"

namespace outlive::tests {
namespace {

// Runs `worker` for mails until nothing is due at this moment; returns the attempts made.
template <class Function>
int RunMails(VirtualWorld& world, Function worker, RunnerOptions options = {}) {
  WorkerSet workers;
  workers.Add<Mail>(std::move(worker));
  Runner runner(world.client, workers, std::move(options));
  const absl::StatusOr<int> attempts = runner.RunDue();
  REQUIRE_MESSAGE(attempts.ok(), attempts.status().ToString());
  return *attempts;
}

TEST_CASE("a job is run once with its arguments, and its output is kept") {
  VirtualWorld world;
  const JobId id = world.client.Enqueue(Mail{42, "ann@example.com"})->id;
  std::vector<std::string> seen;
  CHECK(RunMails(world, [&](JobContext& job, const Mail& mail) {
          seen.push_back(mail.recipient);
          CHECK(job.id() == id);
          CHECK(job.attempt() == 1);
          CHECK(job.fence() > 0);
          return Done("sent");
        }) == 1);
  CHECK(seen == std::vector<std::string>{"ann@example.com"});
  const Job job = *world.client.Get(id);
  CHECK(job.state == JobState::kCompleted);
  CHECK(job.output == "sent");
  CHECK(job.session.empty());
}

TEST_CASE("workers that were added after the runner was made are used") {
  VirtualWorld world;
  const JobId id = world.client.Enqueue(Mail{42, "ann@example.com"})->id;
  WorkerSet workers;
  Runner runner(world.client, workers);
  workers.Add<Mail>([](JobContext&, const Mail&) -> Outcome { return Done("sent"); });
  CHECK(runner.RunDue().value() == 1);
  CHECK(world.client.Get(id)->output == "sent");
}

TEST_CASE("failures are retried after 1, 4, 16 and 64 s, give or take a fifth, then dead") {
  VirtualWorld world;
  const JobId id = world.client.Enqueue(Mail{1, "a"})->id;
  const auto fail = [](JobContext&, const Mail&) -> Outcome {
    return absl::InternalError("no answer");
  };
  for (const double seconds : {1.0, 4.0, 16.0, 64.0}) {
    REQUIRE(RunMails(world, fail) == 1);
    const Job job = *world.client.Get(id);
    REQUIRE(job.state == JobState::kPending);
    const double delay = absl::ToDoubleSeconds(job.run_at - world.clock.Now());
    CHECK(delay >= 0.8 * seconds);
    CHECK(delay <= 1.2 * seconds);
    CHECK(RunMails(world, fail) == 0);  // Not due yet.
    world.clock.Advance(absl::Seconds(delay + 0.001));
  }
  REQUIRE(RunMails(world, fail) == 1);
  const Job job = *world.client.Get(id);
  CHECK(job.state == JobState::kDead);
  REQUIRE(job.errors.size() == 5);
  CHECK(job.errors[0].message == "no answer");
  CHECK(job.errors[4].attempt == 5);
  CHECK(job.args == R"({"number":1,"recipient":"a"})");
}

// Whatever was down is not asked by all of them at once when it is back.
TEST_CASE("a thousand jobs that fail at once are tried again one after another (L08)") {
  constexpr int kJobCount = 1'000;
  VirtualWorld world;
  const std::vector<Mail> mails(kJobCount);
  REQUIRE(world.client.EnqueueMany(absl::MakeConstSpan(mails)).ok());
  const auto fail = [](JobContext&, const Mail&) -> Outcome {
    return absl::UnavailableError("down");
  };
  REQUIRE(RunMails(world, fail) == kJobCount);
  CHECK(RunMails(world, fail) == 0);  // Nothing goes round in circles.
  std::vector<int> tenths(10);        // Of the time between the first and the last that may come.
  const auto jobs = world.client.List({}, {.row_count_max = kJobCount});
  REQUIRE(jobs.ok());
  REQUIRE(jobs->size() == kJobCount);
  for (const Job& job : *jobs) {
    const double delay = absl::ToDoubleSeconds(job.run_at - world.clock.Now());
    REQUIRE(delay >= 0.8);
    REQUIRE(delay <= 1.2);
    ++tenths[std::min(static_cast<std::size_t>((delay - 0.8) / 0.04), tenths.size() - 1)];
  }
  for (const int count : tenths) {
    CHECK(count > kJobCount / 20);
    CHECK(count < kJobCount / 5);
  }
}

// A retry inserts nothing: the job can never be in its own way.
TEST_CASE("a job with a key fails, is tried again and sent back as any other (I-05)") {
  VirtualWorld world;
  const EnqueueOptions keyed = {.idempotency_key = "k", .max_attempts = 2};
  const JobId id = world.client.Enqueue(Mail{1, "a"}, keyed)->id;
  const auto fail = [&](JobContext& job, const Mail&) -> Outcome {
    // Asked for again by its own worker, while it runs.
    const absl::StatusOr<Enqueued> again = world.client.Enqueue(Mail{1, "a"}, keyed);
    CHECK(again->id == job.id());
    CHECK(again->duplicate);
    return absl::UnavailableError("down");
  };
  for (int attempt = 1; attempt <= 2; ++attempt) {
    CHECK(RunMails(world, fail) == 1);
    world.clock.Advance(absl::Seconds(2));
  }
  CHECK(world.client.Get(id)->state == JobState::kDead);
  REQUIRE(world.client.Retry(id).ok());
  CHECK(RunMails(world, [](JobContext&, const Mail&) { return Done(); }) == 1);
  CHECK(world.client.Get(id)->state == JobState::kCompleted);
  CHECK(world.client.List()->size() == 1);
}

TEST_CASE("a job waits by its own policy, else by its worker's") {
  VirtualWorld world;
  const RetryPolicy hourly = {.initial = absl::Hours(2), .delay_max = absl::Hours(2), .jitter = 0};
  const RetryPolicy quick = {.jitter = 0, .schedule = {absl::Milliseconds(5), absl::Seconds(7)}};
  const JobId by_worker = world.client.Enqueue(Mail{1, "a"})->id;
  const JobId by_job = world.client.Enqueue(Mail{2, "a"}, {.retry = quick})->id;
  WorkerSet workers;
  workers.Add<Mail>(
      [](JobContext&, const Mail&) -> Outcome { return absl::UnavailableError("closed"); },
      {.retry = hourly});
  Runner runner(world.client, workers);
  REQUIRE(*runner.RunDue() == 2);
  CHECK(world.client.Get(by_worker)->run_at == world.clock.Now() + absl::Hours(2));
  CHECK(world.client.Get(by_job)->run_at == world.clock.Now() + absl::Milliseconds(5));
  world.clock.Advance(absl::Milliseconds(5));
  REQUIRE(*runner.RunDue() == 1);
  CHECK(world.client.Get(by_job)->run_at == world.clock.Now() + absl::Seconds(7));
}

TEST_CASE("an exception is a failed attempt with its text, and the worker lives") {
  VirtualWorld world;
  const JobId thrown = world.client.Enqueue(Mail{1, "a"})->id;
  const JobId strange = world.client.Enqueue(Mail{2, "a"})->id;
  const JobId fine = world.client.Enqueue(Mail{3, "a"})->id;
  CHECK(RunMails(world, [](JobContext&, const Mail& mail) -> Outcome {
          if (mail.number == 1) throw std::runtime_error("out of paper");
          if (mail.number == 2) throw 7;
          return Done();
        }) == 3);
  CHECK(world.client.Get(thrown)->errors.at(0).message == "an exception: out of paper");
  CHECK(world.client.Get(strange)->errors.at(0).message == "an exception of type i");
  CHECK(world.client.Get(fine)->state == JobState::kCompleted);
}

TEST_CASE("arguments that cannot be read cost an attempt and lie with the dead letters") {
  VirtualWorld world;
  const JobId broken = world.client.EnqueueRaw("mail.send", "{\"number\":")->id;
  const JobId wrong = world.client.EnqueueRaw("mail.send", R"({"number":"seven"})")->id;
  int called = 0;
  CHECK(RunMails(world, [&](JobContext&, const Mail&) {
          ++called;
          return Done();
        }) == 2);
  CHECK(called == 0);
  for (const JobId id : {broken, wrong}) {
    const Job job = *world.client.Get(id);
    CHECK(job.state == JobState::kDead);
    CHECK(job.attempt == 1);
  }
  CHECK(world.client.Get(broken)->args == "{\"number\":");
  CHECK(world.client.Get(wrong)->errors.at(0).message.find("number: must be an integer") !=
        std::string::npos);
}

TEST_CASE("a snooze burns no attempt") {
  VirtualWorld world;
  const JobId id = world.client.Enqueue(Mail{1, "a"})->id;
  const auto snooze = [](JobContext&, const Mail&) { return Snooze(absl::Seconds(30)); };
  for (int i = 0; i < 20; ++i) {
    REQUIRE(RunMails(world, snooze) == 1);
    world.clock.Advance(absl::Seconds(30));
  }
  const Job job = *world.client.Get(id);
  CHECK(job.state == JobState::kPending);
  CHECK(job.attempt == 0);
  CHECK(job.errors.empty());
}

TEST_CASE("a worker may ask for more time than a store takes, and its job is never stuck") {
  VirtualWorld world;
  const JobId snoozed = world.client.Enqueue(Mail{1, "a"})->id;
  const JobId retried = world.client.Enqueue(Mail{2, "a"})->id;
  CHECK(RunMails(world, [](JobContext&, const Mail& mail) -> Outcome {
          if (mail.number == 1) return Snooze(absl::InfiniteDuration());
          return Retry(absl::UnavailableError("closed"), absl::Hours(24 * 1000));
        }) == 2);
  for (const JobId id : {snoozed, retried}) {
    const Job job = *world.client.Get(id);
    CHECK(job.state == JobState::kPending);
    CHECK(job.run_at == world.clock.Now() + absl::Hours(24 * 366));
  }
}

TEST_CASE("a checkpoint comes back in the next attempt") {
  VirtualWorld world;
  const JobId id = world.client.Enqueue(Mail{1, "a"})->id;
  std::vector<std::string> found;
  const auto work = [&](JobContext& job, const Mail&) -> Outcome {
    found.push_back(job.checkpoint());
    if (!job.checkpoint().empty()) return Done();
    CHECK(job.SaveCheckpoint("page 25").ok());
    CHECK(absl::IsInvalidArgument(
        job.SaveCheckpoint(std::string(limits::kPayloadBytesMax + 1, 'x'))));
    return absl::UnavailableError("lost the line");
  };
  RunMails(world, work);
  CHECK(world.client.Get(id)->checkpoint == "page 25");
  world.clock.Advance(absl::Seconds(2));
  RunMails(world, work);
  CHECK(found == std::vector<std::string>{"", "page 25"});
}

TEST_CASE("the last progress of an attempt is kept, and it never goes back") {
  VirtualWorld world;
  const JobId id = world.client.Enqueue(Mail{1, "a"})->id;
  RunMails(world, [](JobContext& job, const Mail&) -> Outcome {
    job.ReportProgress(0.5, "half");
    job.ReportProgress(0.25, "less");
    job.ReportProgress(7, "done, nearly");
    return Done();
  });
  CHECK(world.client.Get(id)->progress == 1.0);
  CHECK(world.client.Get(id)->progress_note == "done, nearly");

  const JobId other = world.client.Enqueue(Mail{2, "a"})->id;
  RunMails(world, [](JobContext& job, const Mail&) -> Outcome {
    job.ReportProgress(0.5, "half");
    job.ReportProgress(0.25, "less");
    job.ReportProgress(std::nan(""), "nothing");
    return Done();
  });
  CHECK(world.client.Get(other)->progress == 0.5);
  CHECK(world.client.Get(other)->progress_note == "half");
}

TEST_CASE("jobs run by priority, then by when they are due, then by id") {
  VirtualWorld world;
  REQUIRE(world.client.Enqueue(Mail{4, "a"}, {.priority = 5}).ok());
  world.clock.Advance(absl::Seconds(9));
  for (const Mail& mail : {Mail{1, "a"}, Mail{5, "a"}}) {
    REQUIRE(world.client.Enqueue(mail, {.priority = 5}).ok());
  }
  REQUIRE(world.client.Enqueue(Mail{2, "a"}, {.priority = 0}).ok());
  REQUIRE(world.client.Enqueue(Mail{3, "a"}, {.priority = 9}).ok());
  std::vector<std::int64_t> order;
  RunMails(world, [&](JobContext&, const Mail& mail) {
    order.push_back(mail.number);
    return Done();
  });
  CHECK(order == std::vector<std::int64_t>{2, 4, 1, 5, 3});
}

TEST_CASE("kinds and queues that are not this runner's are left alone") {
  VirtualWorld world;
  const JobId fax = world.client.Enqueue(Fax{1})->id;
  const JobId elsewhere = world.client.Enqueue(Mail{1, "a"}, {.queue = "other"})->id;
  CHECK(RunMails(world, [](JobContext&, const Mail&) { return Done(); }) == 0);
  CHECK(world.client.Get(fax)->state == JobState::kPending);
  CHECK(world.client.Get(elsewhere)->state == JobState::kPending);
}

TEST_CASE("a queue with more slots than one claim may take does not starve the others") {
  VirtualWorld world;
  constexpr std::int64_t kBulk = 6 * limits::kClaimJobCountMax;
  REQUIRE(world.client.EnqueueMany(std::vector<Mail>(kBulk), {.queue = "bulk"}).ok());
  REQUIRE(world.client.Enqueue(Mail{1, "a"}, {.queue = "urgent"}).ok());
  std::int64_t ran = 0;
  std::int64_t urgent_ran_after = -1;
  WorkerSet workers;
  workers.Add<Mail>([&](JobContext& job, const Mail&) {
    if (job.queue() == "urgent") urgent_ran_after = ran;
    ++ran;
    return Done();
  });
  RunnerOptions options;
  options.queues = {{"bulk", 2 * limits::kClaimJobCountMax}, {"urgent", 1}};
  Runner runner(world.client, workers, options);
  CHECK(*runner.RunDue() == kBulk + 1);
  CHECK(urgent_ran_after >= 0);
  CHECK(urgent_ran_after < limits::kClaimJobCountMax);  // In the first claim.

  // Slots of the large queue that nobody uses do not count against others either.
  REQUIRE(world.client.Enqueue(Mail{2, "a"}, {.queue = "urgent"}).ok());
  CHECK(*runner.RunDue() == 1);
}

TEST_CASE("a runner may work on as many queues as one claim has jobs") {
  VirtualWorld world;
  WorkerSet workers;
  workers.Add<Mail>([](JobContext&, const Mail&) { return Done(); });
  RunnerOptions options;
  options.queues.clear();
  for (int i = 0; i < limits::kRunnerQueueCountMax; ++i) {
    options.queues.push_back({"queue-" + std::to_string(i), 5});
    REQUIRE(world.client.Enqueue(Mail{i, "a"}, {.queue = options.queues.back().name}).ok());
  }
  Runner runner(world.client, workers, options);
  CHECK(*runner.RunDue() == limits::kRunnerQueueCountMax);
  runner.Stop();

  options.queues.push_back({"one.more", 1});
  const absl::Status refused = Runner(world.client, workers, options).Start();
  CHECK(absl::IsInvalidArgument(refused));
  CHECK(refused.ToString().find("1 to 1000 queues, and there are 1001") != std::string::npos);
  options.queues.clear();
  CHECK(absl::IsInvalidArgument(Runner(world.client, workers, options).Start()));
}

TEST_CASE("a paused queue rests until it is resumed") {
  VirtualWorld world;
  const auto done = [](JobContext&, const Mail&) { return Done(); };
  REQUIRE(world.client.Enqueue(Mail{1, "a"}).ok());
  REQUIRE(world.client.PauseQueue("default").ok());
  CHECK(RunMails(world, done) == 0);
  REQUIRE(world.client.ResumeQueue("default").ok());
  CHECK(RunMails(world, done) == 1);
}

TEST_CASE("the trace reaches the worker as it was enqueued") {
  VirtualWorld world;
  const std::string trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  REQUIRE(world.client.Enqueue(Mail{1, "a"}, {.traceparent = trace}).ok());
  RunMails(world, [&](JobContext& job, const Mail&) {
    CHECK(job.traceparent().substr(0, 36) == trace.substr(0, 36));
    return Done();
  });
}

TEST_CASE(
    "lines about a job say which, at which attempt, of which trace, and never its arguments") {
  VirtualWorld world;
  const std::string trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  REQUIRE(world.client
              .Enqueue(Mail{7, "secret@example.com"},
                       {.idempotency_key = "secret-key", .max_attempts = 2, .traceparent = trace})
              .ok());
  const auto fail = [](JobContext&, const Mail&) -> Outcome {
    return absl::UnavailableError("no line\nto the server");
  };
  REQUIRE(RunMails(world, fail) == 1);
  world.clock.Advance(absl::Seconds(2));
  REQUIRE(RunMails(world, fail) == 1);
  const std::string log = world.log.text();
  INFO(log);
  const std::string about = " kind=mail.send queue=default traceparent=" + trace + "\n";
  CHECK(log.find("attempt failed, again in ") != std::string::npos);
  CHECK(log.find(": no line\\x0ato the server job=1 attempt=1" + about) != std::string::npos);
  CHECK(log.find("job is dead: no line\\x0ato the server job=1 attempt=2" + about) !=
        std::string::npos);
  CHECK(log.find("secret") == std::string::npos);
}

TEST_CASE("ended jobs are kept as long as the options say, dead ones for ever") {
  VirtualWorld world;
  const JobId completed = world.client.Enqueue(Mail{1, "a"})->id;
  const JobId dead = world.client.Enqueue(Mail{2, "a"})->id;
  const JobId pending = world.client.Enqueue(Mail{3, "a"}, {.delay = absl::Hours(24 * 300)})->id;
  WorkerSet workers;
  workers.Add<Mail>([](JobContext&, const Mail& mail) -> Outcome {
    if (mail.number == 2) return Dead("no such customer");
    return Done();
  });
  Runner runner(world.client, workers);
  REQUIRE(*runner.RunDue() == 2);
  world.clock.Advance(absl::Hours(23));
  REQUIRE(runner.Maintain().ok());
  CHECK(world.client.Get(completed).ok());
  world.clock.Advance(absl::Hours(2));
  REQUIRE(runner.Maintain().ok());
  CHECK(absl::IsNotFound(world.client.Get(completed).status()));
  world.clock.Advance(absl::Hours(24 * 200));
  REQUIRE(runner.Maintain().ok());
  CHECK(world.client.Get(dead)->state == JobState::kDead);
  CHECK(world.client.Get(pending)->state == JobState::kPending);
}

boost::asio::awaitable<Outcome> SendLater(JobContext& job, const Mail& mail) {
  auto executor = co_await boost::asio::this_coro::executor;
  co_await boost::asio::post(executor, boost::asio::use_awaitable);
  job.ReportProgress(0.5);
  if (mail.number == 2) throw std::runtime_error("from a coroutine");
  std::string output = "sent to " + mail.recipient;
  co_return Done(output);
}

TEST_CASE("coroutine workers run without an executor of the host's, and may throw") {
  VirtualWorld world;
  const JobId fine = world.client.Enqueue(Mail{1, "ann"})->id;
  const JobId thrown = world.client.Enqueue(Mail{2, "ann"})->id;
  CHECK(RunMails(world, SendLater) == 2);
  CHECK(world.client.Get(fine)->output == "sent to ann");
  CHECK(world.client.Get(thrown)->errors.at(0).message == "an exception: from a coroutine");

  // Threads of its own cannot lend it theirs.
  WorkerSet workers;
  workers.Add<Mail>(SendLater);
  const absl::Status refused = Runner(world.client, workers).Start();
  CHECK(absl::IsInvalidArgument(refused));
  CHECK(refused.message().find("is a coroutine and needs an executor") != absl::string_view::npos);
}

// Not a coroutine itself: it throws before there is one.
class ThrowingCoroutineWorker final : public CoroutineWorker {
 public:
  boost::asio::awaitable<Outcome> Run(JobContext&, std::string_view) override {
    throw std::runtime_error("before the coroutine");
  }
};

TEST_CASE("what making a coroutine throws is a failed attempt, too") {
  VirtualWorld world;
  boost::asio::io_context loop;
  const JobId id = world.client.Enqueue(Mail{1, "ann"})->id;
  WorkerSet workers;
  workers.Add("mail.send", std::make_unique<ThrowingCoroutineWorker>());
  RunnerOptions options;
  options.executor = loop.get_executor();
  {
    Runner runner(world.client, workers, options);
    CHECK(*runner.RunDue() == 1);
  }
  CHECK(world.client.Get(id)->errors.at(0).message == "an exception: before the coroutine");

  // On the runner's own threads it must not end the program either.
  RealWorld real;
  Runner runner(real.client, workers, options);
  REQUIRE(runner.Start().ok());
  const JobId other = real.client.Enqueue(Mail{1, "ann"}, {.max_attempts = 1})->id;
  const auto job = real.client.WaitFor(other, real.Patience());
  REQUIRE(job.ok());
  CHECK(job->state == JobState::kDead);
}

TEST_CASE("all faults of the options are reported at once, before anything is done") {
  VirtualWorld world;
  WorkerSet workers;
  workers.Add<Mail>([](JobContext&, const Mail&) { return Done(); },
                    {.timeout = -absl::Seconds(1)});
  workers.Add<Mail>(SendLater);
  RunnerOptions options;
  options.queues = {{"no spaces", 0}, {"a", 1}, {"a", 1}};
  options.lease = absl::InfiniteDuration();
  options.crash_count_max = 0;
  Runner runner(world.client, workers, options);
  for (const absl::Status& status : {runner.Start(), runner.RunDue().status()}) {
    CHECK(absl::IsInvalidArgument(status));
    for (const std::string text :
         {"queue must have", "concurrency must be from 1 to 100000, and is 0",
          "queue \"a\" is named twice", "lease must be from 1 s to 1 day", "crash_count_max",
          "timeout must be positive", "there is one for this kind already"}) {
      INFO(status.ToString());
      CHECK(status.ToString().find(text) != std::string::npos);
    }
  }
  WorkerSet none;
  CHECK(absl::IsInvalidArgument(Runner(world.client, none).Start()));
}

}  // namespace
}  // namespace outlive::tests
