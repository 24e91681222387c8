#include "outlive/notify/delivery.h"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <atomic>
#include <deque>
#include <string>
#include <vector>

#include "outlive/core/job_store.h"
#include "outlive/core/trace_context.h"
#include "outlive/store/memory_store.h"
#include "tests/notify/rig.h"

namespace {

using outlive::AddDeliveryWorker;
using outlive::ClaimedJob;
using outlive::JobState;
using outlive::Notification;
using outlive::NotifyOnEnd;
using outlive::NotifyTarget;
using outlive::Outcome;
using outlive::StopReason;
using outlive::Transition;
using outlive::testing::MessageOf;
using Kind = Outcome::Kind;

const std::string kTrace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

// Keeps what it was told, and answers as it was told to.
class FakeNotifier final : public outlive::Notifier {
 public:
  Outcome Notify(const Notification& notification, outlive::Progress&) override {
    seen.push_back(notification);
    if (answers.empty()) return outlive::Done();
    Outcome answer = answers.front();
    answers.pop_front();
    return answer;
  }

  std::vector<Notification> seen;
  std::deque<Outcome> answers;
};

// The context of an attempt that a test has claimed itself.
class ClaimedContext final : public outlive::JobContext {
 public:
  explicit ClaimedContext(const ClaimedJob& job) : job_(job) {}

  StopReason reason = StopReason::kNone;

  std::int64_t id() const override { return job_.lease.job; }
  std::string_view kind() const override { return outlive::kDeliveryKind; }
  std::string_view queue() const override { return "default"; }
  int attempt() const override { return job_.attempt; }
  int attempt_count_max() const override { return job_.attempt_count_max; }
  std::int64_t fence() const override { return job_.lease.fence; }
  std::string_view traceparent() const override { return job_.traceparent; }
  absl::Time deadline() const override { return absl::InfiniteFuture(); }
  std::stop_token stop_token() const override { return {}; }
  StopReason stop_reason() const override { return reason; }
  const std::string& checkpoint() const override { return job_.checkpoint; }
  absl::Status SaveCheckpoint(std::string_view) override { return absl::UnimplementedError(""); }
  absl::Status PublishArtifact(const outlive::Artifact&) override {
    return absl::UnimplementedError("");
  }
  absl::Status CompleteIn(outlive::HostTransaction, std::string_view) override {
    return absl::UnimplementedError("");
  }
  void ReportProgress(double, std::string_view) override {}
  bool cancelled() const override { return reason != StopReason::kNone; }

 private:
  const ClaimedJob job_;
};

// A store with a session, and the delivery worker over two notifiers.
struct Rig {
  Rig() {
    Write([&](outlive::StoreTransaction& transaction) {
      return transaction.OpenSession("session", absl::Hours(1));
    });
    REQUIRE(AddDeliveryWorker(workers, {{"mail", &mail}, {"hook", &hook}},
                              {.store_id = store.info().store_id})
                .ok());
  }

  template <class Work>
  void Write(Work work) {
    auto transaction = store.Begin();
    REQUIRE(transaction.ok());
    REQUIRE(work(**transaction).ok());
    REQUIRE((*transaction)->Commit().ok());
  }

  // A job of kind "report" that tells these targets of its end.
  outlive::JobId Enqueue(const std::vector<NotifyTarget>& targets) {
    outlive::NewJob job;
    job.kind = "report";
    job.args = "{}";
    job.traceparent = kTrace;
    for (const NotifyTarget& target : targets) {
      job.follow_ups.push_back(NotifyOnEnd(target).value());
    }
    outlive::JobId id = 0;
    Write([&](outlive::StoreTransaction& transaction) {
      const auto inserted = transaction.Insert(absl::MakeConstSpan(&job, 1));
      REQUIRE(inserted.ok());
      REQUIRE(inserted->at(0).ok());
      id = inserted->at(0)->id;
      return absl::OkStatus();
    });
    return id;
  }

  std::vector<ClaimedJob> Claim(std::string_view kind) {
    std::vector<ClaimedJob> jobs;
    Write([&](outlive::StoreTransaction& transaction) {
      outlive::ClaimRequest request;
      request.session = "session";
      request.queues = {{"default", 10}};
      request.kinds = {std::string(kind)};
      auto claimed = transaction.Claim(request);
      REQUIRE(claimed.ok());
      jobs = std::move(claimed->jobs);
      return absl::OkStatus();
    });
    return jobs;
  }

  void Finish(const ClaimedJob& job, Transition transition, const std::string& output = {}) {
    Write([&](outlive::StoreTransaction& transaction) {
      outlive::Finished finished;
      finished.lease = job.lease;
      finished.transition = transition;
      finished.output = output;
      if (transition == Transition::kDie || transition == Transition::kRetry) {
        finished.error = {{.code = absl::StatusCode::kInternal, .message = "the printer burns"}};
      }
      const auto ended = transaction.Finish(absl::MakeConstSpan(&finished, 1));
      REQUIRE(ended.ok());
      REQUIRE(ended->at(0).ok());
      return absl::OkStatus();
    });
  }

  Outcome Run(const ClaimedJob& job, StopReason reason = StopReason::kNone) {
    ClaimedContext context(job);
    context.reason = reason;
    return workers.entries().find(outlive::kDeliveryKind)->second.worker->Run(context, job.args);
  }

  outlive::testing::ManualClock clock;
  outlive::MemoryStore store{{.clock = &clock}};
  FakeNotifier mail, hook;
  outlive::WorkerSet workers;
};

}  // namespace

TEST_CASE("the end of a job is told by a job of its own, to each target once (N14)") {
  Rig rig;
  const outlive::JobId id =
      rig.Enqueue({{.notifier = "mail", .target = "ann@example.org", .data = R"({"link": "x"})"},
                   {.notifier = "hook", .target = "crm"}});
  CHECK(rig.Claim(outlive::kDeliveryKind).empty());
  const ClaimedJob job = rig.Claim("report").at(0);
  rig.Finish(job, Transition::kComplete, "the output");
  rig.Finish(job, Transition::kComplete, "the output");  // The race of two ends: a repeat.

  const std::vector<ClaimedJob> deliveries = rig.Claim(outlive::kDeliveryKind);
  REQUIRE(deliveries.size() == 2);
  for (const ClaimedJob& delivery : deliveries) {
    CHECK(rig.Run(delivery).kind() == Kind::kDone);
    rig.Finish(delivery, Transition::kComplete);
  }
  CHECK(rig.Claim(outlive::kDeliveryKind).empty());

  REQUIRE(rig.mail.seen.size() == 1);
  REQUIRE(rig.hook.seen.size() == 1);
  const Notification& seen = rig.mail.seen[0];
  CHECK(seen.type == "job.completed");
  CHECK(seen.target == "ann@example.org");
  CHECK(seen.data == R"({"link": "x"})");
  CHECK(seen.end.job_id == id);
  CHECK(seen.end.kind == "report");
  CHECK(seen.end.state == JobState::kCompleted);
  CHECK(seen.end.output == "the output");
  CHECK(seen.end.ended_at == rig.clock.Now());
  CHECK(rig.hook.seen[0].target == "crm");
  CHECK(rig.hook.seen[0].id != seen.id);
}

TEST_CASE("a notification's id is the same in every attempt, and another in every delivery") {
  Rig rig;
  rig.Enqueue({{.notifier = "mail", .target = "a"}});
  rig.Finish(rig.Claim("report").at(0), Transition::kComplete);
  ClaimedJob delivery = rig.Claim(outlive::kDeliveryKind).at(0);
  rig.mail.answers = {outlive::Retry(absl::UnavailableError("later"))};
  CHECK(rig.Run(delivery).kind() == Kind::kRetry);
  rig.Finish(delivery, Transition::kRetry);
  delivery = rig.Claim(outlive::kDeliveryKind).at(0);
  CHECK(delivery.attempt == 2);
  CHECK(rig.Run(delivery).kind() == Kind::kDone);
  REQUIRE(rig.mail.seen.size() == 2);
  CHECK(rig.mail.seen[0].id ==
        fmt::format("msg_{}_{}", rig.store.info().store_id, delivery.lease.job));
  CHECK(rig.mail.seen[1].id == rig.mail.seen[0].id);
  CHECK(rig.mail.seen[0].id.find('.') == std::string::npos);
}

TEST_CASE("a delivery goes on with the trace of the job it tells about") {
  Rig rig;
  rig.Enqueue({{.notifier = "mail", .target = "a"}});
  rig.Finish(rig.Claim("report").at(0), Transition::kComplete);
  CHECK(rig.Run(rig.Claim(outlive::kDeliveryKind).at(0)).kind() == Kind::kDone);
  const std::string& trace = rig.mail.seen.at(0).traceparent;
  CHECK(outlive::IsTraceparent(trace));
  CHECK(trace.substr(0, 35) == kTrace.substr(0, 35));
  CHECK(trace != kTrace);
}

TEST_CASE("only the ends that were asked for are told") {
  Rig rig;
  const NotifyTarget only_cancelled = {.notifier = "mail",
                                       .target = "a",
                                       .on_completed = false,
                                       .on_cancelled = true,
                                       .on_dead = false};
  const NotifyTarget by_default = {.notifier = "hook", .target = "a"};
  const std::pair<Transition, std::string> ends[] = {{Transition::kComplete, "job.completed"},
                                                     {Transition::kCancel, "job.cancelled"},
                                                     {Transition::kDie, "job.dead"}};
  for (const auto& [transition, type] : ends) {
    CAPTURE(type);
    rig.mail.seen.clear();
    rig.hook.seen.clear();
    rig.Enqueue({only_cancelled, by_default});
    rig.Finish(rig.Claim("report").at(0), transition);
    for (const ClaimedJob& delivery : rig.Claim(outlive::kDeliveryKind)) (void)rig.Run(delivery);
    const bool cancelled = transition == Transition::kCancel;
    REQUIRE(rig.mail.seen.size() == (cancelled ? 1 : 0));
    REQUIRE(rig.hook.seen.size() == (cancelled ? 0 : 1));
    CHECK((cancelled ? rig.mail : rig.hook).seen[0].type == type);
  }
  CHECK(rig.hook.seen[0].end.error == "the printer burns");
}

TEST_CASE("a delivery carries its own queue, attempts and retry policy") {
  const outlive::RetryPolicy policy = {.initial = absl::Seconds(7), .jitter = 0};
  const outlive::FollowUp follow_up = NotifyOnEnd({.notifier = "mail",
                                                   .target = "a",
                                                   .queue = "mails",
                                                   .priority = 2,
                                                   .attempt_count_max = 3,
                                                   .retry = policy})
                                          .value();
  CHECK(follow_up.kind == "outlive.deliver");
  CHECK(follow_up.queue == "mails");
  CHECK(follow_up.priority == 2);
  CHECK(follow_up.attempt_count_max == 3);
  CHECK(outlive::DecodeRetryPolicy(follow_up.retry_policy).value() == policy);
  CHECK(NotifyOnEnd({.notifier = "mail", .target = "a"})->retry_policy.empty());

  Rig rig;
  rig.Enqueue({{.notifier = "mail", .target = "a", .attempt_count_max = 3, .retry = policy}});
  rig.Finish(rig.Claim("report").at(0), Transition::kComplete);
  const ClaimedJob delivery = rig.Claim(outlive::kDeliveryKind).at(0);
  CHECK(delivery.attempt_count_max == 3);
  CHECK(outlive::DecodeRetryPolicy(delivery.retry_policy).value() == policy);
}

TEST_CASE("a delivery that fails leaves the job as it ended (N01)") {
  Rig rig;
  const outlive::JobId id = rig.Enqueue({{.notifier = "mail", .target = "a"}});
  rig.Finish(rig.Claim("report").at(0), Transition::kComplete, "out");
  const ClaimedJob delivery = rig.Claim(outlive::kDeliveryKind).at(0);
  rig.mail.answers = {outlive::Dead("refused")};
  CHECK(rig.Run(delivery).kind() == Kind::kDead);
  rig.Finish(delivery, Transition::kDie);
  CHECK(rig.store.Get(id)->state == JobState::kCompleted);
  CHECK(rig.store.Get(id)->output == "out");
  CHECK(rig.store.Get(delivery.lease.job)->state == JobState::kDead);
}

TEST_CASE("outcomes of notifiers are passed on, and a cancelled delivery is cancelled") {
  Rig rig;
  rig.Enqueue({{.notifier = "mail", .target = "a"}});
  rig.Finish(rig.Claim("report").at(0), Transition::kComplete);
  const ClaimedJob delivery = rig.Claim(outlive::kDeliveryKind).at(0);
  const Outcome retry = outlive::Retry(absl::UnavailableError("busy"), absl::Minutes(7));
  rig.mail.answers = {outlive::Snooze(absl::Seconds(9)), retry, retry, retry, outlive::Done("x")};
  CHECK(rig.Run(delivery).after() == absl::Seconds(9));
  const Outcome passed = rig.Run(delivery);
  CHECK(passed.kind() == Kind::kRetry);
  CHECK(passed.after() == absl::Minutes(7));
  CHECK(rig.Run(delivery, StopReason::kCancelled).kind() == Kind::kCancelled);
  CHECK(rig.Run(delivery, StopReason::kShutdown).kind() == Kind::kRetry);
  CHECK(rig.Run(delivery, StopReason::kCancelled).kind() == Kind::kDone);  // It was too late.
}

TEST_CASE("deliveries that nobody here can make are dead, and say why") {
  Rig rig;
  rig.Enqueue({{.notifier = "pigeon", .target = "a"}});
  rig.Finish(rig.Claim("report").at(0), Transition::kComplete);
  ClaimedJob delivery = rig.Claim(outlive::kDeliveryKind).at(0);
  const Outcome unknown = rig.Run(delivery);
  CHECK(unknown.kind() == Kind::kDead);
  CHECK(MessageOf(unknown) == "there is no notifier named \"pigeon\" here");
  for (const std::string args :
       {"", "x", "[]", R"({"data": 5})", R"({"data": "{"})", R"({"data": "{\"notifier\": 5}"})"}) {
    CAPTURE(args);
    delivery.args = args;
    const Outcome outcome = rig.Run(delivery);
    CHECK(outcome.kind() == Kind::kDead);
    CHECK(MessageOf(outcome).find("the arguments cannot be read") == 0);
  }
  CHECK(rig.mail.seen.empty());
}

TEST_CASE("all faults of a target and of the worker are told at once") {
  const absl::Status target = NotifyOnEnd({.notifier = "no such name",
                                           .target = "",
                                           .data = std::string(9'000, 'x'),
                                           .on_completed = false,
                                           .on_dead = false,
                                           .queue = "",
                                           .priority = 10,
                                           .attempt_count_max = 0,
                                           .retry = outlive::RetryPolicy{.factor = -1}})
                                  .status();
  CHECK(absl::IsInvalidArgument(target));
  for (const std::string fault : {"notifier", "queue", "target must", "data must",
                                  "at least one end", "priority", "attempt_count_max", "factor"}) {
    CAPTURE(fault);
    CHECK(target.message().find(fault) != absl::string_view::npos);
  }
  CHECK_FALSE(NotifyOnEnd({.notifier = "a", .target = "\xff"}).ok());
  CHECK_FALSE(NotifyOnEnd({.notifier = "a", .target = std::string(2'049, 'x')}).ok());
  CHECK_FALSE(NotifyOnEnd({.notifier = "a", .target = "b", .data = "\xff"}).ok());

  outlive::WorkerSet workers;
  const absl::Status worker = AddDeliveryWorker(workers, {{"a b", nullptr}}, {.store_id = "a.b"});
  CHECK(absl::IsInvalidArgument(worker));
  for (const std::string fault : {"store_id", "notifier \"a b\" is null"}) {
    CHECK(worker.message().find(fault) != absl::string_view::npos);
  }
  CHECK(workers.entries().empty());
  FakeNotifier notifier;
  REQUIRE(AddDeliveryWorker(workers, {{"a", &notifier}}, {.store_id = "s"}).ok());
  CHECK_FALSE(AddDeliveryWorker(workers, {{"a", &notifier}}, {.store_id = "s"}).ok());
}
