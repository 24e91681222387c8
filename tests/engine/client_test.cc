#include "outlive/engine/client.h"

#include <doctest/doctest.h>

#include <string>
#include <thread>
#include <vector>

#include "tests/engine/jobs.h"

namespace outlive::tests {
namespace {

TEST_CASE("an enqueued job is as its options say") {
  VirtualWorld world;
  EnqueueOptions options;
  options.queue = "mails";
  options.max_attempts = 7;
  options.priority = 2;
  options.delay = absl::Minutes(5);
  options.tags = {"customer/7"};
  options.traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
  const auto enqueued = world.client.Enqueue(Mail{42, "ann@example.com"}, options);
  REQUIRE(enqueued.ok());
  CHECK_FALSE(enqueued->duplicate);
  const auto job = world.client.Get(enqueued->id);
  REQUIRE(job.ok());
  CHECK(job->kind == "mail.send");
  CHECK(job->queue == "mails");
  CHECK(job->args == R"({"number":42,"recipient":"ann@example.com"})");
  CHECK(job->state == JobState::kPending);
  CHECK(job->attempt_count_max == 7);
  CHECK(job->priority == 2);
  CHECK(job->run_at == world.clock.Now() + absl::Minutes(5));
  CHECK(job->tags == options.tags);
  CHECK(job->traceparent == options.traceparent);
}

TEST_CASE("bad input is refused with a reason, and nothing is written") {
  VirtualWorld world;
  const auto refused = [&](const EnqueueOptions& options, std::string_view reason) {
    const auto enqueued = world.client.Enqueue(Mail{1, "a"}, options);
    CHECK(absl::IsInvalidArgument(enqueued.status()));
    INFO(enqueued.status().ToString());
    CHECK(enqueued.status().ToString().find(reason) != std::string::npos);
  };
  refused({.queue = "no spaces"}, "queue must have 1 to 128 characters");
  refused({.queue = ""}, "queue must have");
  refused({.idempotency_key = std::string(513, 'k')}, "idempotency_key must have at most 512");
  refused({.max_attempts = 0}, "attempt_count_max must be from 1 to 10000, and is 0");
  refused({.priority = 10}, "priority must be from 0 to 9, and is 10");
  refused({.priority = -1}, "priority must be from 0 to 9, and is -1");
  refused({.delay = -absl::Seconds(1)}, "delay must be from 0 to 366 days");
  refused({.delay = absl::InfiniteDuration()}, "delay must be from 0 to 366 days");
  refused({.run_at = absl::InfiniteFuture()}, "run_at must not be after the year 9999");
  refused({.retry = RetryPolicy{.factor = 0.5}}, "factor must be from 1 to 1000");
  refused({.tags = {"two words"}}, "tag must have");
  refused({.traceparent = "00-zz"}, "traceparent must be");
  refused({.backlog_max = -1}, "backlog_max must not be negative");
  CHECK(absl::IsInvalidArgument(world.client.Enqueue(Mail{1, "\xff"}).status()));
  CHECK(absl::IsInvalidArgument(
      world.client.EnqueueRaw("big", std::string(limits::kPayloadBytesMax + 1, 'x')).status()));
  CHECK(absl::IsInvalidArgument(world.client.EnqueueRaw("no kind", "{}").status()));
  CHECK(world.client.List()->empty());
  CHECK(world.client.EnqueueRaw("big", std::string(limits::kPayloadBytesMax, 'x')).ok());
}

TEST_CASE("the same key gives the same job, and other arguments are refused") {
  VirtualWorld world;
  const EnqueueOptions options = {.idempotency_key = "invoice-42"};
  const auto first = world.client.Enqueue(Mail{42, "a"}, options);
  const auto again = world.client.Enqueue(Mail{42, "a"}, options);
  REQUIRE(first.ok());
  REQUIRE(again.ok());
  CHECK(again->id == first->id);
  CHECK(again->duplicate);
  CHECK(absl::IsAlreadyExists(world.client.Enqueue(Mail{43, "a"}, options).status()));
  CHECK(world.client.Enqueue(Fax{42}, options)->id != first->id);
  CHECK(world.client.List()->size() == 2);
}

TEST_CASE("observers are told of new jobs, and not of what was refused or there already") {
  VirtualWorld world;
  CountingObserver observer;
  Client client(world.store, {.log = &world.log, .observer = &observer});
  const EnqueueOptions keyed = {.idempotency_key = "k"};
  for (int i = 0; i < 3; ++i) CHECK(client.Enqueue(Mail{1, "a"}, keyed).ok());
  CHECK(observer.enqueued == 1);
  CHECK_FALSE(client.Enqueue(Mail{2, "a"}, keyed).ok());
  CHECK_FALSE(client.Enqueue(Mail{2, "a"}, {.priority = 10}).ok());
  CHECK(observer.enqueued == 1);
  CHECK(client.EnqueueMany(std::vector<Mail>(5)).ok());
  CHECK_FALSE(client.EnqueueMany(std::vector<NewJob>(5)).ok());
  CHECK(observer.enqueued == 6);
}

TEST_CASE("EnqueueMany is all or nothing") {
  VirtualWorld world;
  const std::vector<Mail> mails = {{1, "a"}, {2, "b"}, {3, "c"}};
  const auto enqueued = world.client.EnqueueMany(absl::MakeConstSpan(mails));
  REQUIRE(enqueued.ok());
  CHECK(enqueued->size() == 3);
  CHECK(world.client.Get(enqueued->at(2).id)->args == R"({"number":3,"recipient":"c"})");

  std::vector<NewJob> jobs = {*world.client.Prepare(Mail{4, "d"}), *world.client.Prepare(Fax{5})};
  jobs[1].priority = 99;
  const auto refused = world.client.EnqueueMany(jobs);
  CHECK(absl::IsInvalidArgument(refused.status()));
  CHECK(refused.status().ToString().find("jobs[1]") != std::string::npos);
  CHECK(world.client.List()->size() == 3);

  CHECK(absl::IsInvalidArgument(world.client.EnqueueMany(std::vector<NewJob>{}).status()));
  CHECK(absl::IsInvalidArgument(
      world.client.EnqueueMany(std::vector<NewJob>(limits::kInsertJobCountMax + 1)).status()));
}

TEST_CASE("EnqueueMany names the element that cannot be enqueued, wherever that is found out") {
  VirtualWorld world;
  const std::vector<Mail> mails = {{1, "a"}, {2, "\xff"}, {3, "c"}};
  const absl::Status encoding = world.client.EnqueueMany(mails).status();
  CHECK(absl::IsInvalidArgument(encoding));
  CHECK(encoding.message() ==
        "jobs[1]: the arguments of \"mail.send\" cannot be encoded: recipient: must be UTF-8");
  const absl::Status options =
      world.client.EnqueueMany(std::vector<Mail>{{1, "a"}}, {.priority = 10}).status();
  CHECK(options.message() == "jobs[0]: job: priority must be from 0 to 9, and is 10");
  REQUIRE(world.client.Enqueue(Mail{7, "a"}, {.idempotency_key = "k"}).ok());
  std::vector<NewJob> jobs = {*world.client.Prepare(Mail{1, "a"}),
                              *world.client.Prepare(Mail{8, "a"}, {.idempotency_key = "k"})};
  const absl::Status store = world.client.EnqueueMany(jobs).status();
  CHECK(absl::IsAlreadyExists(store));
  CHECK(store.message().substr(0, 9) == "jobs[1]: ");
  const absl::Status count =
      world.client.EnqueueMany(std::vector<Mail>(limits::kInsertJobCountMax + 1)).status();
  CHECK(count.message() == "EnqueueMany takes 1 to 10000 jobs, and was given 10001");
  CHECK(world.client.List()->size() == 1);
}

TEST_CASE("a client that knows the workers refuses kinds that nobody runs") {
  VirtualWorld world;
  WorkerSet workers;
  workers.Add<Mail>([](JobContext&, const Mail&) { return Done(); });
  Client strict(world.store, {.workers = &workers});
  CHECK(strict.Enqueue(Mail{1, "a"}).ok());
  const absl::Status unknown = strict.Enqueue(Fax{1}).status();
  CHECK(absl::IsInvalidArgument(unknown));
  CHECK(unknown.message() == "job: no worker knows the kind \"fax.send\"");
  CHECK(absl::IsInvalidArgument(strict.EnqueueRaw("mail.sned", "{}").status()));
  FollowUp follow_up;
  follow_up.kind = "mail.told";
  CHECK(strict.Enqueue(Mail{2, "a"}, {.follow_ups = {follow_up}}).status().message() ==
        "job: no worker knows the kind \"mail.told\"");
  // Also where another client has prepared it.
  const std::vector<NewJob> jobs = {*strict.Prepare(Mail{3, "a"}), *world.client.Prepare(Fax{4})};
  CHECK(strict.EnqueueMany(jobs).status().message() ==
        "jobs[1]: job: no worker knows the kind \"fax.send\"");
  CHECK(world.client.List()->size() == 1);
}

TEST_CASE("a job of a kind that nobody here runs waits, and is run once somebody does") {
  VirtualWorld world;
  const JobId id = world.client.EnqueueRaw("fax.send", R"({"number":1})")->id;
  WorkerSet mails;
  mails.Add<Mail>([](JobContext&, const Mail&) { return Done(); });
  Runner first(world.client, mails);
  CHECK(*first.RunDue() == 0);
  CHECK(world.client.Get(id)->state == JobState::kPending);
  CHECK(world.client.Stats()->lanes.at(0).kind == "fax.send");  // Where an operator sees it wait.
  WorkerSet faxes;
  faxes.Add<Fax>([](JobContext&, const Fax&) { return Done(); });
  Runner second(world.client, faxes);
  CHECK(*second.RunDue() == 1);
}

TEST_CASE("a full backlog refuses") {
  VirtualWorld world;
  const EnqueueOptions options = {.backlog_max = 2};
  CHECK(world.client.Enqueue(Mail{1, "a"}, options).ok());
  CHECK(world.client.Enqueue(Mail{2, "b"}, options).ok());
  CHECK(absl::IsResourceExhausted(world.client.Enqueue(Mail{3, "c"}, options).status()));
}

TEST_CASE("a pending job is cancelled at once and can be sent back to work") {
  VirtualWorld world;
  const JobId id = world.client.Enqueue(Mail{1, "a"})->id;
  CHECK(*world.client.Cancel(id, "not wanted") == JobState::kCancelled);
  CHECK(*world.client.Cancel(id) == JobState::kCancelled);
  CHECK(world.client.Get(id)->state == JobState::kCancelled);
  CHECK(*world.client.Retry(id) == JobState::kPending);
  CHECK(world.client.Get(id)->generation == 1);
  CHECK(absl::IsFailedPrecondition(world.client.Retry(id).status()));
  CHECK(absl::IsNotFound(world.client.Cancel(999).status()));
}

TEST_CASE("WaitFor returns the job when it has ended, or when its time is over") {
  RealWorld world;
  const JobId id = world.client.Enqueue(Mail{1, "a"})->id;
  CHECK(absl::IsDeadlineExceeded(world.client.WaitFor(id, absl::InfinitePast()).status()));
  std::thread other([&] { CHECK(world.client.Cancel(id).ok()); });
  const auto job = world.client.WaitFor(id, world.Patience());
  other.join();
  REQUIRE(job.ok());
  CHECK(job->state == JobState::kCancelled);
  CHECK(absl::IsNotFound(world.client.WaitFor(999, world.Patience()).status()));
}

TEST_CASE("pages of a listing are bounded and go from the newest to the oldest") {
  VirtualWorld world;
  for (int i = 0; i < 5; ++i) REQUIRE(world.client.Enqueue(Mail{i, "a"}).ok());
  const auto first = world.client.List({}, {.row_count_max = 3});
  REQUIRE(first->size() == 3);
  const auto second = world.client.List({}, {.before = first->back().id, .row_count_max = 3});
  REQUIRE(second->size() == 2);
  CHECK(first->back().id > second->front().id);
  CHECK(absl::IsInvalidArgument(world.client.List({}, {.row_count_max = 0}).status()));
  CHECK(absl::IsInvalidArgument(world.client.List({}, {.row_count_max = 1'000'000}).status()));
  CHECK(absl::IsInvalidArgument(world.client.PauseQueue("no spaces")));
}

}  // namespace
}  // namespace outlive::tests
